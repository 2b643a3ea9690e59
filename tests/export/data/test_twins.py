"""Twins: every way to copy a photo is found, and no two different photos are called one."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from edgekit.photo import load_photo
from edgekit_export.data import twins
from edgekit_export.data.pixels import Unreadable
from edgekit_export.data.twins import Fingerprint, exact_groups, fingerprint, near_pairs, read_fingerprints

if TYPE_CHECKING:
    from tests.export.conftest import FieldPhoto

Edit = Callable[[Image.Image], Image.Image]


def saved(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return load_photo(file.getvalue())


def scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)


def cut(left: float, top: float, right: float, bottom: float) -> Edit:
    def edit(image: Image.Image) -> Image.Image:
        width, height = image.size
        return image.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))

    return edit


def brighter(factor: float) -> Edit:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


EDITS: dict[str, Edit] = {
    "saved as JPEG 30": lambda image: saved(image, 30),
    "saved as JPEG 95": lambda image: saved(image, 95),
    "half as large": lambda image: scaled(image, 0.5),
    "twice as large": lambda image: scaled(image, 2),
    "squeezed": lambda image: image.resize((100, 100)),
    "2 % cut off": cut(0.01, 0.01, 0.99, 0.99),
    "4 % cut off all around": cut(0.04, 0.04, 0.96, 0.96),
    "4 % cut off at the bottom": cut(0, 0, 1, 0.96),
    "4 % cut off at two sides": cut(0.04, 0.04, 1, 1),
    "brighter": brighter(1.4),
    "darker": brighter(0.4),
    "gray": lambda image: image.convert("L").convert("RGB"),
    "turned by one degree": lambda image: cut(0.02, 0.02, 0.98, 0.98)(image.rotate(1, Image.Resampling.BICUBIC)),
    "several at once": lambda image: saved(brighter(1.2)(scaled(cut(0.03, 0, 1, 0.98)(image), 0.6)), 50),
}
TURNS: dict[str, Edit] = {
    turn.name.lower(): functools.partial(Image.Image.transpose, method=turn) for turn in Image.Transpose
}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of(image: Image.Image, name: str = "") -> Fingerprint:
    return fingerprint(image, name or sha(image.tobytes()))


@pytest.mark.parametrize("edit", EDITS)
def test_a_changed_copy_is_found(field_photo: FieldPhoto, edit: str) -> None:
    photos = [field_photo(seed) for seed in range(10)]
    prints = [of(photo) for photo in photos] + [of(EDITS[edit](photo)) for photo in photos]
    assert [(i, j) for i, j, _ in near_pairs(prints)] == [(i, i + 10) for i in range(10)]


@pytest.mark.parametrize("turn", TURNS)
def test_a_mirrored_or_turned_copy_is_found(field_photo: FieldPhoto, turn: str) -> None:
    photos = [field_photo(seed) for seed in range(6)]
    prints = [of(photo) for photo in photos] + [of(TURNS[turn](EDITS["several at once"](photo))) for photo in photos]
    assert [(i, j) for i, j, _ in near_pairs(prints)] == [(i, i + 6) for i in range(6)]
    turned = [of(photos[0]), of(TURNS[turn](photos[0]))]
    assert near_pairs(turned)[0][2] <= 1


def test_different_photos_are_no_twins(field_photo: FieldPhoto) -> None:
    assert near_pairs([of(field_photo(seed, 60, 80)) for seed in range(300)]) == []


def test_pairs_are_sorted_and_far_ones_can_be_asked_for(field_photo: FieldPhoto) -> None:
    photos = [field_photo(seed) for seed in (1, 2)]
    prints = [of(brighter(1.4)(photos[1])), of(photos[0]), of(photos[1]), of(cut(0.02, 0, 1, 1)(photos[0]))]
    pairs = near_pairs(prints)
    assert [pair[:2] for pair in pairs] == [(0, 2), (1, 3)]
    assert near_pairs(prints, most=-1) == []
    assert len(near_pairs([of(field_photo(seed)) for seed in range(8)], most=128)) > 0


@pytest.mark.parametrize("level", [0, 90, 255])
def test_plain_photos_are_not_twins_of_each_other(level: int) -> None:
    plain = Image.new("RGB", (64, 48), (level, level, level))
    slope = Image.fromarray(np.linspace(level * 0.8, level * 0.8 + 40, 64 * 48).reshape(48, 64).astype(np.uint8))
    prints = [of(image, str(i)) for i, image in enumerate((plain, plain.resize((30, 30)), slope, slope, plain))]
    assert near_pairs(prints) == []
    assert all(found.picture == b"" for found in prints)
    prints = [of(plain, "same"), of(plain, "same")]
    assert exact_groups(prints) == [(0, 1)]


def test_noise_is_no_twin_of_other_noise() -> None:
    rng = np.random.default_rng(0)
    noisy = [Image.fromarray((120 + rng.normal(0, spread, (90, 120, 3))).clip(0, 255).astype(np.uint8))
             for spread in (3, 10, 40) for _ in range(30)]  # fmt: skip
    assert near_pairs([of(image) for image in noisy]) == []


def test_equal_files_are_groups_and_only_the_first_has_near_twins(field_photo: FieldPhoto) -> None:
    photo, other = field_photo(1), field_photo(2)
    one, two = of(photo, "a"), of(other, "b")
    prints = [None, two, one, None, one, two, one, of(EDITS["brighter"](photo), "c")]
    assert exact_groups(prints) == [(1, 5), (2, 4, 6)]
    assert [pair[:2] for pair in near_pairs(prints)] == [(2, 7)]


@pytest.mark.parametrize("prints", [[], [None], [None, None], [Fingerprint("a", b"")]])
def test_few_photos_have_no_twins(prints: list[Fingerprint | None]) -> None:
    assert near_pairs(prints) == []
    assert exact_groups(prints) == []


def test_many_twins_are_not_all_listed_but_hang_together(field_photo: FieldPhoto) -> None:
    rng = np.random.default_rng(0)
    pixels = np.asarray(field_photo(1, 60, 80)).astype(float)
    frames = [
        Image.fromarray((pixels + rng.normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)) for _ in range(120)
    ]
    pairs = near_pairs([of(frame) for frame in frames])
    assert len(pairs) < 120 * 20
    from edgekit_export.data.clusters import clusters_of

    assert clusters_of(120, [pair[:2] for pair in pairs]).groups() == [tuple(range(120))]


def test_a_cut_copy_is_found_among_photos_of_one_camera(field_photo: FieldPhoto) -> None:
    """All are somewhat alike, many more so than the copy is before it is laid over its original."""
    scene = np.asarray(field_photo(0)).astype(float)
    shots = [
        Image.fromarray((0.6 * scene + 0.4 * np.asarray(field_photo(seed)).astype(float)).astype(np.uint8))
        for seed in range(1, 30)
    ]
    prints = [of(shot) for shot in shots] + [of(EDITS["4 % cut off at two sides"](shots[3]))]
    assert [pair[:2] for pair in near_pairs(prints)] == [(3, 29)]


def test_photos_are_read_in_order_once_and_bad_ones_told(
    tmp_path: Path, field_photo: FieldPhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        field_photo(seed).save(tmp_path / f"{seed}.jpg", quality=92)
    (tmp_path / "bad.jpg").write_bytes((tmp_path / "0.jpg").read_bytes()[:600])
    paths = [*(tmp_path / f"{seed}.jpg" for seed in range(5)), tmp_path / "bad.jpg", tmp_path / "gone.jpg"]
    opened: list[Path] = []
    read = Path.read_bytes

    def counted(path: Path) -> bytes:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    found = list(read_fingerprints(paths, workers=2))
    assert sorted(opened) == sorted(paths)
    for seed, one in enumerate(found[:5]):
        assert isinstance(one, Fingerprint)
        assert one == of(load_photo(paths[seed]), sha(read(paths[seed])))
    assert [type(one) for one in found[5:]] == [Unreadable, Unreadable]
    bad, gone = found[5:]
    assert isinstance(bad, Unreadable)
    assert isinstance(gone, Unreadable)
    assert bad.path == paths[5]
    assert bad.reason.startswith("damaged JPEG image")
    assert "No such file" in gone.reason


def test_a_large_photo_read_small_is_the_same_photo(tmp_path: Path, field_photo: FieldPhoto) -> None:
    field_photo(1, 600, 800).save(tmp_path / "large.jpg")
    (small,) = read_fingerprints([tmp_path / "large.jpg"])
    assert isinstance(small, Fingerprint)
    whole = of(load_photo(tmp_path / "large.jpg"))
    assert small.picture != whole.picture
    assert near_pairs([small, whole]) == [(0, 1, 0)]


def test_exif_turned_copies_are_twins(tmp_path: Path, field_photo: FieldPhoto) -> None:
    photo, exif = field_photo(1), Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "a.jpg")
    photo.save(tmp_path / "b.jpg", exif=exif)
    found = [one for one in read_fingerprints([tmp_path / "a.jpg", tmp_path / "b.jpg"]) if isinstance(one, Fingerprint)]
    assert near_pairs(found) == [(0, 1, 0)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ibean", "plantvillage"])
def test_no_two_photos_of_the_public_splits_are_twins_across_them(shared_data: Path, name: str) -> None:
    paths = sorted((shared_data / "data" / name).rglob("*.jpg"))
    prints = [one for one in read_fingerprints(paths) if isinstance(one, Fingerprint)]
    assert len(prints) == len(paths) > 1000
    part = [path.parts[-3] for path in paths]
    pairs = near_pairs(prints)
    assert [pair for pair in pairs if part[pair[0]] != part[pair[1]]] == []
    assert len(pairs) <= 12
    assert {paths[i].parent for i, _, _ in pairs} == {paths[j].parent for _, j, _ in pairs}
    assert twins.NEAR == 24
