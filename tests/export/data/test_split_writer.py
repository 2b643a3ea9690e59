"""Where a split is written to: asked before the long work, and all of it written at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit_export.data.dataset import DataPhoto, DataSet
from edgekit_export.data.dealing import Divided
from edgekit_export.data.leaks import Twins
from edgekit_export.data.split_writer import SplitWriter
from edgekit_export.errors import PhotosError
from edgekit_export.progress import Silent


@pytest.fixture
def divided(tmp_path: Path) -> Divided:
    root = tmp_path / "photos"
    (root / "a").mkdir(parents=True)
    (root / "a" / "1.jpg").write_bytes(b"1")
    dataset = DataSet(root, (DataPhoto(root / "a" / "1.jpg", "a", "val"),), ("a",))
    return Divided(dataset, ("g",), Twins(dataset), (), ())


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("output", "folders", "expected"),
    [
        (None, None, {"manifest": "photos/manifest.csv"}),
        ("m.csv", None, {"manifest": "m.csv"}),
        (None, "out", {"folders": "out"}),
        ("m.csv", "out", {"folders": "out", "manifest": "m.csv"}),
    ],
)
def test_a_manifest_folders_or_both(
    tmp_path: Path, divided: Divided, output: str | None, folders: str | None, expected: dict[str, str]
) -> None:
    places = {name: str(tmp_path / place) if place else None for name, place in (("o", output), ("f", folders))}
    writer = SplitWriter(divided.dataset, output=places["o"], folders=places["f"], overwrite=False)
    assert names(tmp_path) == ["photos/a/1.jpg"]
    writer.write(divided, Silent())
    assert writer.written == {what: str(tmp_path / place) for what, place in expected.items()}
    written = {"out/val/a/1.jpg", "out/manifest.csv"} if folders else set()
    written |= {expected["manifest"]} if "manifest" in expected else set()
    assert names(tmp_path) == sorted({"photos/a/1.jpg", *written})


def test_what_cannot_be_written_is_found_out_first(tmp_path: Path, divided: Divided) -> None:
    def refused(**options: str | None) -> str:
        with pytest.raises((OSError, PhotosError)) as caught:
            SplitWriter(divided.dataset, **{"output": None, "folders": None, "overwrite": False, **options})  # type: ignore[arg-type]
        return str(caught.value)

    (tmp_path / "m.csv").touch()
    assert "Pass --force to replace it" in refused(output=str(tmp_path / "m.csv"))
    assert "cannot be written" in refused(output=str(tmp_path / "no" / "m.csv"))
    assert "is inside" in refused(folders=str(tmp_path / "photos" / "out"))
    (tmp_path / "photos" / "manifest.csv").touch()
    assert "manifest.csv exists" in refused()
    assert SplitWriter(divided.dataset, output=None, folders=None, overwrite=True).written == {}


def test_a_manifest_that_cannot_name_a_photo_leaves_no_folders(tmp_path: Path, divided: Divided) -> None:
    dataset = DataSet(tmp_path / "other", divided.dataset.photos, ("a",))
    writer = SplitWriter(dataset, output=str(tmp_path / "m.csv"), folders=str(tmp_path / "out"), overwrite=False)
    with pytest.raises(PhotosError, match="is not below"):
        writer.write(Divided(dataset, ("g",), Twins(dataset), (), ()), Silent())
    assert names(tmp_path) == ["photos/a/1.jpg"]
