"""Methods, sizes and times as words, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping

from edgekit_export.baseline.algorithms import AlgorithmName
from edgekit_export.baseline.entrants import Entrant, Kind
from edgekit_export.baseline.features import FeatureName

FEATURE_NAMES: Mapping[FeatureName, str] = {
    "colour": "colours",
    "lbp": "fine texture",
    "glcm": "coarse texture",
    "hog": "outlines",
    "classic": "all classic",
    "cnn": "CNN features",
}
FEATURE_TITLES: Mapping[FeatureName, str] = {
    "colour": "Colours (histograms)",
    "lbp": "Fine texture (LBP)",
    "glcm": "Coarse texture (GLCM)",
    "hog": "Outlines (HOG)",
    "classic": "All classic features",
    "cnn": "Features of a ready-made CNN",
}
ALGORITHM_NAMES: Mapping[AlgorithmName, str] = {
    "svm": "SVM",
    "knn": "neighbours",
    "forest": "forest",
    "boosting": "boosting",
    "dbn": "belief network",
}
ALGORITHM_TITLES: Mapping[AlgorithmName, str] = {
    "svm": "SVM (support vector machine)",
    "knn": "Neighbours (k nearest)",
    "forest": "Forest (random forest)",
    "boosting": "Boosting (gradient boosting)",
    "dbn": "Belief network (deep belief network)",
}
KIND_NAMES: Mapping[Kind, str] = {
    "guess": "no method",
    "classic": "classic",
    "cnn features": "CNN features",
    "cnn": "CNN",
}
FEATURE_SENTENCES: Mapping[FeatureName, str] = {
    "colour": "how much of the photo has which colour, in all and in each quarter. It is blind to shapes.",
    "lbp": "local binary patterns, which of a pixel's neighbours, one and two pixels away, are brighter. It sees "
    "spots, edges and grain, not colour, and does not mind light or a quarter turn.",
    "glcm": "co-occurrence of gray levels, how alike pixels one to eight steps apart are. It sees whether a surface is "
    "smooth, rough or striped, not colour.",
    "hog": "histograms of oriented gradients, in which direction edges run in each part of the photo. It sees "
    "outlines, and minds how the object lies.",
    "classic": "the four above side by side.",
    "cnn": "the 1,280 numbers in which EfficientNet-Lite0 describes a photo. That network learned from everyday photos "
    "(ImageNet) and never saw these; only the algorithm behind it is trained here.",
}
ALGORITHM_SENTENCES: Mapping[AlgorithmName, str] = {
    "svm": "draws the border between two classes as far as possible from the photos of both.",
    "knn": "looks up the most similar training photos and takes their class. It keeps all of "
    "them, so it grows with every photo.",
    "forest": "200 decision trees, each grown on a random part of the photos and features; the majority decides.",
    "boosting": "many small decision trees one after another, each correcting the ones before.",
    "dbn": "layers that first learn without labels what the photos have in common (restricted Boltzmann machines), and "
    "then the classes; the neural network from before CNNs.",
}


def name_of(one: Entrant) -> str:
    """A method by its features and its algorithm; a CNN by its file."""
    if one.pairing is None:
        return one.name
    return f"{FEATURE_NAMES[one.pairing.features]} + {ALGORITHM_NAMES[one.pairing.algorithm]}"


def bytes_text(size: int | None) -> str:
    """A size; nothing where there is none."""
    if size is None:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3)):,} kB"


def ms_text(milliseconds: float | None) -> str:
    """A time for one photo; nothing where there is none."""
    if milliseconds is None:
        return ""
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"


def seconds_text(seconds: float | None) -> str:
    """A training time; nothing where there is none."""
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"
