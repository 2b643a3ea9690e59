"""From a loaded model and photos to what its training did: the stage between loading and quantizing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgekit.card import Decode, Evidence, Fit, InputSpec, ResizeKernel
from edgekit.errors import EdgekitError
from edgekit.inputrange import parse_input_range
from edgekit_export.classes import LabelOrder
from edgekit_export.errors import ExportError, InputRangeError, ModelLoadError, PhotosError
from edgekit_export.frontend import Activation, ImageNetwork, see_network
from edgekit_export.images import Sample
from edgekit_export.load import Habit, LoadedModel
from edgekit_export.mapping import CHANNEL_ORDERS, ChannelOrder, Mapping, given_range, plausible_mappings
from edgekit_export.own_range import own_input_range
from edgekit_export.progress import Progress
from edgekit_export.sources.network import Port, Size
from edgekit_export.training import FITS, KERNELS, LabeledPixels, Reading, View, find_reading, find_view

DEFAULT_DECODE: Decode = "fast"

_MOST_BYTES = 256 * 2**20  # of decoded photos in memory at once


@dataclass(frozen=True)
class Source:
    """A loaded model, one of its outputs, and the float network that gives it."""

    loaded: LoadedModel
    output: int
    size: Size | None
    network: ImageNetwork

    def answers(self, mapping: Mapping) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        """The original model, in the framework it was made for: from uint8 pixels to probabilities (classes,)."""
        run, image, head = self.loaded.network.answer(self.output, self.size), self.network.image, self.network.head
        return lambda pixels: head.scores(run(image.as_original(mapping.tensor(pixels))))


@contextlib.contextmanager
def naming(model: str | os.PathLike[str]) -> Iterator[None]:
    """Put the model's name in front of errors that do not say which file they are about."""
    try:
        yield
    except InputRangeError as error:
        raise InputRangeError(f"{os.fspath(model)}: {error}", error.evidence) from error
    except EdgekitError as error:
        kind = type(error) if isinstance(error, ExportError) else ModelLoadError
        text = str(error).removeprefix(f"{os.fspath(model)}: ")
        raise kind(f"{os.fspath(model)}: {text}") from error


def see_source(loaded: LoadedModel, output: str | None, size: Size | None, activation: Activation | None) -> Source:
    """The float network of the wanted output.

    Raises:
        ModelLoadError: several outputs and none is named, or no image classifier.
        ConversionError: it has operators that TFLite has not.
    """
    index = _wanted(loaded.network.outputs, output)
    return Source(loaded, index, size, see_network(loaded.network.to_tflite(index, size), activation))


def _wanted(outputs: Sequence[Port], name: str | None) -> int:
    names = [port.name for port in outputs]
    shown = ", ".join(str(port) for port in outputs)
    if name is None:
        if len(outputs) == 1:
            return 0
        msg = f"it has {len(outputs)} outputs. Choose the one that classifies with --output-name NAME: {shown}."
        raise ModelLoadError(msg)
    if name not in names:
        msg = f"--output-name: it has no output {name!r}. Its outputs: {shown}."
        raise ModelLoadError(msg)
    return names.index(name)


def known_mappings(
    source: Source, given: str | None, order: ChannelOrder | None
) -> tuple[tuple[Mapping, ...], str | None]:
    """The mappings of pixels that the model may have been trained with, and how the range is known.

    Returns:
        The mappings, the most usual first; and what tells the range, None where nothing does.

    Raises:
        InputRangeError: `given` is not a range.
    """
    channels, loaded = source.network.image.channels, source.loaded
    order = order or loaded.channel_order
    known, how = None, None
    if given is not None:
        known, how = given_range(given, channels), "given"
    elif loaded.input_range is not None:
        known, how = loaded.input_range, "the file's metadata"
    elif source.network.takes_bytes:
        known, how = parse_input_range("0..255"), "the model takes bytes"
    elif (own := own_input_range(loaded.network.entry(source.output, source.size), source.network.image)) is not None:
        known, how = parse_input_range(own), "the model's own preprocessing"
    if known is None:
        return plausible_mappings(channels, order), None
    orders = ("RGB",) if channels == 1 else (order,) if order else CHANNEL_ORDERS
    return tuple(Mapping(known, one) for one in orders), how


def possible_views(fit: Fit | None, kernel: ResizeKernel | None, habit: Habit | None) -> tuple[View, ...]:
    """The ways in which training may have brought photos to the model's size, the default first."""
    usual = habit.fit if habit else FITS[0]
    fits = (fit,) if fit else tuple(sorted(FITS, key=lambda one: one != usual))
    kernels = (kernel,) if kernel else KERNELS
    return tuple(View(one, other) for one in fits for other in kernels)


@dataclass(frozen=True)
class Training:
    """What is known of a model's training: the reading, how photos become its pixels, and what photos told.

    `pixels` are all photos of the sample as `spec` says, where they were read on the way; else empty.
    """

    reading: Reading
    how: str
    spec: InputSpec
    evidence: tuple[Evidence, ...]
    pixels: tuple[NDArray[np.uint8], ...] = ()


def find_training(  # noqa: PLR0913, PLR0917 - what is asked of what
    source: Source,
    sample: Sample,
    mappings: Sequence[Mapping],
    orders: Sequence[LabelOrder],
    views: Sequence[View],
    progress: Progress,
    *,
    decode: Decode,
) -> Training:
    """What neither the file nor the user tells, found on the photos for calibration, decoded as they will be.

    Raises:
        InputRangeError: no range is clearly best.
        PhotosError: no photo could be read.
    """
    specs = [_spec(source, view, decode) for view in views]
    if len(mappings) * len(orders) * len(views) == 1:
        return Training(Reading(mappings[0], orders[0]), "", specs[0], ())
    network, habit = source.network, source.loaded.habit
    photos = _photos(sample, specs, progress)
    with progress.stage("seeing how it was trained", len(photos)) as step:
        found = find_reading(
            network,
            photos,
            mappings,
            orders,
            divergence=source.loaded.network.divergence,
            habit=habit.input_range if habit else None,
            step=step,
        )
    with progress.stage("seeing how it resized", len(photos)) as step:
        view, about_view = find_view(network, found.reading, photos, views, step)
    evidence = tuple(one for one in (found.evidence, about_view) if one is not None)
    all_read = len(photos) == sum(sample.counts.values())  # one more is read to see that there are more
    pixels = tuple(photo.views[views.index(view)] for photo in photos) if all_read else ()
    return Training(found.reading, found.how, _spec(source, view, decode), evidence, pixels)


def _spec(source: Source, view: View, decode: Decode) -> InputSpec:
    """How photos become the model's pixels; the mapping of the file's input is not known yet."""
    image = source.network.image
    spec = InputSpec(image.height, image.width, image.channels, (0.0,), (1.0,), image.color_order)
    return replace(spec, fit=view.fit, resize_kernel=view.resize_kernel, decode=decode)


def _photos(sample: Sample, specs: Sequence[InputSpec], progress: Progress) -> list[LabeledPixels]:
    photo_bytes = len(specs) * specs[0].height * specs[0].width * specs[0].channels
    most = max(24, _MOST_BYTES // photo_bytes)
    found: list[LabeledPixels] = []
    with progress.stage("reading photos", min(most, sample.length)) as step:
        for photo in sample.read(*specs):
            if len(found) == most:
                break
            found.append(LabeledPixels(photo.views, photo.labels))
            step()
    if not found:
        msg = f"{sample.root}: none of the photos for calibration could be read, the first: {sample.skipped[0]}"
        raise PhotosError(msg)
    return found
