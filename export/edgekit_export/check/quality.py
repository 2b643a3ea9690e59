"""Photos in which little can be seen, or that are unlike all others in size or shape.

Field photos are dark, bright and blurred now and then, and a model for the field should know such photos. So only those
are told that are bad both by themselves and beside the others: against a white sheet of paper, white is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edgekit_export.assess.wording import count, percent
from edgekit_export.check.finding import Finding, Kind, Severity, Suspect, alone, suspect
from edgekit_export.check.survey import Survey

# Measured on 1,295 field and 3,496 lab photos of leaves: none is so dark or so bright, 18 are so blurred.
_DARK_MEAN, _DARK_LIGHT = 40.0, 100.0  # gray levels
_BLACK = 0.6  # share of black pixels
_WHITE = 0.25  # share of white pixels
_BRIGHT_MEAN = 225.0
_BLURRED = 0.52
_FAR = 3.0  # quartile distances beyond the quartile, from which a photo is unlike the others
_MANY = 0.05  # of the photos, from which it is worth a warning

_SMALL = 96  # pixels of the shorter side
_SMALLER = 4  # times smaller than usual
_LONG = 2.2  # times as long as wide

_Values = NDArray[np.float64]


def quality_findings(survey: Survey) -> Iterator[Finding]:
    """What is wrong with what the photos show."""
    if survey.looks:
        yield from _cut_off(survey)
        yield from _light(survey)
        yield from _blur(survey)
        yield from _sizes(survey)


def _values(survey: Survey, name: str) -> _Values:
    return np.array([getattr(look, name) for look in survey.looks], np.float64)


def _high(values: _Values) -> NDArray[np.bool_]:
    """Which are far above what is usual here."""
    low, high = np.percentile(values, [25, 75])
    return np.asarray(values > high + _FAR * (high - low))


def _low(values: _Values) -> NDArray[np.bool_]:
    return _high(-values)


def _cut_off(survey: Survey) -> Iterator[Finding]:
    values = _values(survey, "cut_off")
    found = _suspects(survey, values > 0, -values, lambda i: f"{percent(values[i])} of its height")
    if found:
        yield Finding(
            "cut_off",
            "warn",
            f"{count(len(found), 'photo')} {'ends' if len(found) == 1 else 'end'} in a plain area",
            "A file that was cut off and saved again looks so: it can be read, but a part of the photo is gone.",
            "Look at them: a plain table or a border looks the same.",
            "Take them again from the source, or remove them.",
            alone(found),
        )


def _light(survey: Survey) -> Iterator[Finding]:
    brightness, light, white, black = (_values(survey, name) for name in ("brightness", "light", "white", "black"))
    dark = ((brightness < _DARK_MEAN) & (light < _DARK_LIGHT)) | (black > _BLACK)
    dark &= _low(brightness) | _low(light) | _high(black)
    found = _suspects(survey, dark, brightness, lambda i: f"mean brightness {brightness[i]:.0f} of 255")
    if found:
        yield _about_photos(
            survey, "dark", found, "so dark that little can be seen",
            "Take photos in daylight or with a flash, if the model is not meant for the dark.",
        )  # fmt: skip
    bright = ((white > _WHITE) | (brightness > _BRIGHT_MEAN)) & (_high(white) | _high(brightness))
    found = _suspects(survey, bright, -white, lambda i: f"{percent(white[i])} of it is white")
    if found:
        yield _about_photos(
            survey, "overexposed", found, "over-exposed: what is white has lost its colour and texture",
            "Take photos in the shade or with less exposure.",
        )  # fmt: skip


def _blur(survey: Survey) -> Iterator[Finding]:
    blur = _values(survey, "blur")
    found = _suspects(survey, (blur > _BLURRED) & _high(blur), -blur, lambda i: f"blur {blur[i]:.2f} of 1")
    if found:
        yield _about_photos(
            survey, "blurred", found, "blurred",
            "Touch the leaf on the screen to focus, hold still, and come no closer than the lens can.",
        )  # fmt: skip


def _sizes(survey: Survey) -> Iterator[Finding]:
    sizes = np.array([(look.header.width, look.header.height) for look in survey.looks], np.float64)
    shorter, longer = sizes.min(axis=1), sizes.max(axis=1)
    usual, shape = float(np.median(shorter)), longer / shorter
    odd = (shape > _LONG) & (shape > 1.5 * np.median(shape))
    small = ((shorter < min(_SMALL, 0.75 * usual)) | (shorter < usual / _SMALLER)) & ~odd
    found = _suspects(survey, small, shorter, lambda i: f"{sizes[i, 0]:.0f}x{sizes[i, 1]:.0f} pixels")
    if found:
        yield Finding(
            "low_resolution",
            _severity(survey, len(found)),
            f"{count(len(found), 'photo')} far smaller than the others (usually {usual:.0f} pixels, the shorter side)",
            "They are enlarged for the model and look soft; thumbnails and downloads often are of this kind.",
            "Certain.",
            "Find the originals, or remove them.",
            alone(found),
        )
    found = _suspects(survey, odd, -shape, lambda i: f"{sizes[i, 0]:.0f}x{sizes[i, 1]:.0f} pixels")
    if found:
        yield Finding(
            "odd_shape",
            _severity(survey, len(found)),
            f"{count(len(found), 'photo')} much longer than wide: panoramas, strips or screenshots",
            "Made square for the model, what they show is squeezed or cut.",
            "Certain.",
            "Cut what they are meant to show out of them, or remove them.",
            alone(found),
        )


def _about_photos(survey: Survey, kind: Kind, found: list[Suspect], what: str, advice: str) -> Finding:
    number = len(found)
    return Finding(
        kind,
        _severity(survey, number),
        f"{count(number, 'photo')} {'is' if number == 1 else 'are'} {what}",
        "What cannot be seen cannot be learned. A few are no harm: there will be such photos in the field too.",
        "By measure, and unlike the other photos here. Look at them.",
        f"{advice} Remove those in which a person sees nothing.",
        alone(found),
    )


def _severity(survey: Survey, number: int) -> Severity:
    return "warn" if number > _MANY * len(survey.photos) else "note"


def _suspects(survey: Survey, which: NDArray[np.bool_], order: _Values, detail: Callable[[int], str]) -> list[Suspect]:
    """The photos that `which` marks, the lowest in `order` first."""
    places = sorted(np.flatnonzero(which).tolist(), key=lambda i: order[i])
    return [suspect(survey.photos[i], detail(i)) for i in places]
