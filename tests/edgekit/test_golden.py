import hashlib

import numpy as np
import pytest

from edgekit.golden import SEEDS, golden_input

# SHA-256 over all seeds: the same on every machine and with every numpy, or no card's proof could be repeated.
FINGERPRINTS = {
    (16, 12, 3): "d29ae167aea4b8f1d73275cbce9621e0a293f158f420781b7703b56de16037d7",
    (224, 224, 3): "9fbbe383a39132bb0aae21d49c882006aed6d48a8bd43201b4ecb119ac9850fc",
    (7, 300, 1): "562299bd3032c84eb707ce87149444ed2bb6181c5b27b8cc3408dfb9a7943dad",
}


@pytest.mark.parametrize("size", FINGERPRINTS, ids=str)
def test_golden_inputs_never_change(size: tuple[int, int, int]) -> None:
    images = b"".join(golden_input(seed, *size).tobytes() for seed in SEEDS)
    assert hashlib.sha256(images).hexdigest() == FINGERPRINTS[size]


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 500, 3), (96, 96, 1)], ids=str)
def test_golden_inputs_have_the_size_asked_for(size: tuple[int, int, int]) -> None:
    image = golden_input(0, *size)
    assert (image.shape, image.dtype.name) == ((1, *size), "uint8")


def test_golden_inputs_differ_and_use_the_range() -> None:
    images = [golden_input(seed, 64, 64, 3) for seed in SEEDS]
    assert len({image.tobytes() for image in images}) == len(SEEDS)
    assert min(image.min() for image in images) < 10
    assert max(image.max() for image in images) > 245


def test_golden_inputs_are_smooth() -> None:
    image = golden_input(0, 224, 224, 3)[0].astype(int)
    assert np.abs(np.diff(image, axis=0)).max() <= 4
    assert np.abs(np.diff(image, axis=1)).max() <= 4
