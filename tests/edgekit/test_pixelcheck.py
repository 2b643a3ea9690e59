"""Whether the Pillow that is installed resizes as it has to; every Pillow that the tests run with must."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit import pixelcheck
from edgekit.card import ResizeKernel
from edgekit.pixelcheck import resizes_as_verified
from edgekit.preprocess import fit_pixels
from edgekit.selftest import run_selftest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("kernel", get_args(ResizeKernel))
def test_this_pillow_resizes_as_all_have_to(kernel: ResizeKernel) -> None:
    assert resizes_as_verified(kernel)


@pytest.fixture
def another_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds one pixel otherwise."""

    def fit(image: Any, spec: Any) -> NDArray[np.uint8]:
        pixels = fit_pixels(image, spec).copy()
        pixels[3, 3, 1] ^= 1
        return pixels

    monkeypatch.setattr(pixelcheck, "fit_pixels", fit)


@pytest.mark.usefixtures("another_pillow")
@pytest.mark.parametrize("kernel", get_args(ResizeKernel))
def test_one_pixel_one_step_away_is_seen(kernel: ResizeKernel) -> None:
    assert not resizes_as_verified(kernel)


@pytest.mark.usefixtures("another_pillow")
def test_the_self_test_fails_with_such_a_pillow_and_says_what_to_do(tiny_path: Path, run_edgekit: RunCommand) -> None:
    found = run_selftest(tiny_path)
    assert (found.passed, found.pixels_exact) == (False, False)
    assert "resizes photos to other pixels than those that were verified" in found.message
    done = run_edgekit("selftest", tiny_path)
    assert done.returncode == 1
    assert "pip install --force-reinstall pillow" in done.stderr
