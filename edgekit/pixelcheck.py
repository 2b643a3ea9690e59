"""Does a photo come to the verified pixels with the Pillow that is installed here?

A pass of Pillow's resize is the same in versions 9.4 to 13. Faster builds that take its place, as Pillow-SIMD, round
otherwise: many pixels come out one step away, and the model sees what nobody has verified.
"""

from __future__ import annotations

import hashlib

from edgekit.card import InputSpec, ResizeKernel
from edgekit.golden import golden_input
from edgekit.preprocess import fit_pixels

_PICTURE = (6, 83, 61, 3)  # seed, height, width, channels
_SIZES = ((24, 32), (40, 20), (96, 100))  # height, width: smaller and larger than the picture, which is upright
# SHA-256 over the pixels of all sizes, as Pillow 9.4.0, 12.1.0 and 13.0.0 give them.
_EXPECTED: dict[ResizeKernel, str] = {
    "nearest": "a15d00d455700568bb5bd613e952dfb4ff3232b02211cefbb6ab851bd15f8f7b",
    "bilinear": "e4f433755b04b5b2b33bb3d5089e7751c166c76db8d8847230c6cf5d75f5c94f",
    "bicubic": "8def640b001b349a485ba05c48c9ebb2e9782b6cf66bcf2b7f44833f9a00ce72",
    "tf-bilinear": "ba67a6e135c6bc5508d132fe1952c1e80c37b46ba3bb30afe3c43716b036f811",
}


def resizes_as_verified(kernel: ResizeKernel) -> bool:
    """Whether a generated picture is resized to exactly the pixels that it has to come to."""
    return _checksum(kernel) == _EXPECTED[kernel]


def _checksum(kernel: ResizeKernel) -> str:
    picture = golden_input(*_PICTURE)[0]
    found = hashlib.sha256()
    for height, width in _SIZES:
        spec = InputSpec(height, width, 3, mean=(0.0,), std=(1.0,), resize_kernel=kernel)
        found.update(fit_pixels(picture, spec).tobytes())
    return found.hexdigest()
