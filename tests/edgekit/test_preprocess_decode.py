"""JPEGs decoded at a part of their size: never smaller than a model needs, upright, and nearly the same pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import edgekit.preprocess
from edgekit import Classifier
from edgekit.card import Fit, InputSpec, ModelCard, ResizeKernel
from edgekit.modelfile import pack_model_file
from edgekit.photo import AtLeast, load_photo
from edgekit.preprocess import centre_box, enough_for, fit_pixels, letterbox, photo_pixels

SPEC = InputSpec(48, 64, 3, (0.0,), (1.0,), decode="fast")
SIDES = st.integers(1, 6000)


def scene(width: int, height: int) -> Image.Image:
    """Soft shapes with some noise, as a camera gives; no turn or flip of it looks like another."""
    rng = np.random.default_rng(width)
    small = Image.fromarray(rng.integers(0, 256, (7, 5, 3), np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    noisy = np.asarray(small).astype(int) + rng.integers(-20, 21, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image, orientation: int = 1, name: str = "JPEG", **options: Any) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, name, quality=95, exif=tags, **options)
    return file.getvalue()


def sizes_decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes, width and height, in which photos come from now on."""
    found = []

    def noted(photo: Any, *, at_least: AtLeast | None = None) -> Image.Image:
        image = load_photo(photo, at_least=at_least)
        found.append(image.size)
        return image

    monkeypatch.setattr(edgekit.preprocess, "load_photo", noted)
    return found


def exactly(spec: InputSpec) -> InputSpec:
    return replace(spec, decode="exact")


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@given(
    width=SIDES,
    height=SIDES,
    model=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    fit=st.sampled_from(get_args(Fit)),
)
def test_what_the_fit_takes_stays_a_sixteenth_larger_than_the_input(
    width: int, height: int, model: tuple[int, int], fit: Fit
) -> None:
    spec = InputSpec(*model, 3, (0.0,), (1.0,), fit=fit, decode="fast")
    enough = enough_for(spec)
    assert enough is not None
    times = enough.reduction(width, height)
    assert times in (1, 2, 4, 8)
    if times > 1:
        assert fits((round_half_up(width, times), round_half_up(height, times)), spec)
    if 2 * times <= min(8, width, height):  # and no smaller part of it would do
        assert not fits((width // (2 * times), height // (2 * times)), spec)


def round_half_up(side: int, times: int) -> int:
    return int(Fraction(side, times) + Fraction(1, 2))


def fits(photo: tuple[int, int], spec: InputSpec) -> bool:
    """Whether the part of a photo that the fit takes is a sixteenth larger than what it becomes."""
    if 0 in photo:
        return False
    if spec.fit == "pad":
        return Fraction(max(Fraction(photo[0], spec.width), Fraction(photo[1], spec.height))) >= Fraction(17, 16)
    left, top, right, bottom = centre_box(*photo, spec) if spec.fit == "crop" else (0, 0, *photo)
    # A box is rounded to whole pixels; along the side that limits it, it is the photo.
    return (
        min(photo[0], right - left + 1) * 16 >= 17 * spec.width
        and min(photo[1], bottom - top + 1) * 16 >= 17 * spec.height
    )


@pytest.mark.parametrize(("fit", "decoded"), [("stretch", (512, 256)), ("crop", (512, 256)), ("pad", (128, 64))])
def test_each_fit_takes_as_much_as_it_needs(
    monkeypatch: pytest.MonkeyPatch, fit: Fit, decoded: tuple[int, int]
) -> None:
    found = sizes_decoded(monkeypatch)
    (pixels,) = photo_pixels(jpeg(scene(1024, 512)), [replace(SPEC, height=192, width=96, fit=fit)])
    assert pixels.shape == (192, 96, 3)
    assert found == [decoded]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_small_photo_is_turned_as_the_large_one(monkeypatch: pytest.MonkeyPatch, orientation: int) -> None:
    data = jpeg(scene(800, 480), orientation)
    found = sizes_decoded(monkeypatch)
    spec = replace(SPEC, height=116, width=48)
    fast, exact = photo_pixels(data, [spec, exactly(spec)])
    # 51 x 124 are wanted: a quarter of 480 x 800 holds them, one of 800 x 480 does not.
    assert found == ([(120, 200), (480, 800)] if orientation > 4 else [(400, 240), (800, 480)])
    assert apart(fast, exact) < 1
    assert all(apart(fast, turned) > 5 for turned in (fast[::-1], fast[:, ::-1], fast[::-1, ::-1]))


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_fast_and_exact_pixels_are_nearly_the_same(options: dict[str, Any], fit: Fit, kernel: ResizeKernel) -> None:
    spec = replace(SPEC, fit=fit, resize_kernel=kernel)
    fast, exact = photo_pixels(jpeg(scene(801, 603), **options), [spec, exactly(spec)])
    assert 0 < apart(fast, exact) < 1.5


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_cmyk_photos_come_smaller_too(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    data = jpeg(scene(800, 600).convert(mode))
    found = sizes_decoded(monkeypatch)
    fast, exact = photo_pixels(data, [SPEC, exactly(SPEC)])
    assert found == [(100, 75), (800, 600)]
    assert apart(fast, exact) < 1.5


def test_a_photo_with_a_second_picture_comes_smaller_too(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg(scene(800, 600), 6, "MPO", save_all=True, append_images=[scene(80, 60)])
    found = sizes_decoded(monkeypatch)
    photo_pixels(data, [SPEC])
    assert found == [(75, 100)]


@pytest.mark.parametrize("kernel", ["nearest", "tf-bilinear"])
def test_kernels_that_look_at_few_pixels_get_all_of_them(kernel: ResizeKernel) -> None:
    spec = replace(SPEC, resize_kernel=kernel)
    assert enough_for(spec) is None
    data = jpeg(scene(800, 600))
    np.testing.assert_array_equal(photo_pixels(data, [spec])[0], fit_pixels(load_photo(data), spec))


def test_exact_decode_takes_every_photo_as_it_is() -> None:
    assert enough_for(exactly(SPEC)) is None


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "BMP"])
def test_other_formats_have_no_fast_way(name: str) -> None:
    file = io.BytesIO()
    scene(800, 600).save(file, name)
    fast, exact = photo_pixels(file.getvalue(), [SPEC, exactly(SPEC)])
    np.testing.assert_array_equal(fast, exact)


def test_small_photos_and_pixels_are_taken_as_they_are() -> None:
    small = jpeg(scene(130, 110))  # below twice 68 x 51
    for photo in (small, np.asarray(scene(800, 600)), scene(800, 600)):
        fast, exact = photo_pixels(photo, [SPEC, exactly(SPEC)])
        np.testing.assert_array_equal(fast, exact)


def test_models_that_need_the_same_share_one_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg(scene(1600, 1200))
    found = sizes_decoded(monkeypatch)
    specs = [
        SPEC,
        replace(SPEC, fit="crop"),
        replace(SPEC, resize_kernel="bicubic"),
        replace(SPEC, height=480, width=640),
    ]
    many = photo_pixels(data, specs)
    assert found == [(200, 150), (800, 600)]
    for spec, pixels in zip(specs, many, strict=True):
        np.testing.assert_array_equal(pixels, photo_pixels(data, [spec])[0])


@pytest.mark.parametrize("as_path", [False, True])
@pytest.mark.parametrize("decode", ["fast", "exact"])
def test_a_classifier_decodes_as_its_card_says(
    tiny_graph: bytes, tiny_card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decode: Any, as_path: bool
) -> None:
    card = replace(tiny_card, input=replace(tiny_card.input, decode=decode))
    classifier = Classifier(pack_model_file(tiny_graph, card))
    given: list[NDArray[Any]] = []
    run = classifier.engine.run

    def noted(tensor: NDArray[Any]) -> NDArray[Any]:
        given.append(tensor.copy())
        return run(tensor)

    monkeypatch.setattr(classifier.engine, "run", noted)
    data = jpeg(scene(801, 603), 6)
    (tmp_path / "photo.jpg").write_bytes(data)
    classifier.predict(tmp_path / "photo.jpg" if as_path else data)
    (wanted,) = photo_pixels(data, [card.input])
    (other,) = photo_pixels(data, [replace(card.input, decode="exact" if decode == "fast" else "fast")])
    np.testing.assert_array_equal(given[0][0], wanted)
    assert not np.array_equal(wanted, other)


def test_boxes_of_the_small_photo_are_those_of_the_large_one() -> None:
    for fit_box in (centre_box, letterbox):
        large, small = fit_box(4000, 3000, SPEC), fit_box(500, 375, SPEC)
        factor = 8 if fit_box is centre_box else 1
        assert np.abs(np.array(large) - factor * np.array(small)).max() <= factor
