import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit import walk
from edgekit.walk import find_photos


def test_folders_are_searched_in_order_below_and_without_hidden_files(tmp_path: Path) -> None:
    wanted = ["B.PNG", "a/2.jpeg", "a/b/1.JPG", "a.tif", "c.webp", "dir.jpg/x.bmp", "z.heic"]
    for name in [*wanted, ".hidden.jpg", ".git/x.png", "a/.thumbs/x.png", "notes.txt", "jpg", "a/x.jpg.part"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = list(find_photos(tmp_path))
    assert [path.relative_to(tmp_path).as_posix() for path in found] == wanted
    assert found == sorted(found) == list(find_photos(str(tmp_path)))
    with pytest.raises(FileNotFoundError):
        list(find_photos(tmp_path / "missing"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_no_photo_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "camera.jpg")
    assert list(find_photos(tmp_path)) == []


@pytest.mark.parametrize("circle", ["photos/itself", "album/back"])
def test_links_are_followed_but_never_in_a_circle(tmp_path: Path, circle: str) -> None:
    photos, album = tmp_path / "photos", tmp_path / "album"
    for folder in (photos, album):
        folder.mkdir()
    (album / "1.jpg").touch()
    try:
        (photos / "album").symlink_to(album, target_is_directory=True)
        (tmp_path / circle).symlink_to(photos, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert list(find_photos(photos)) == [photos / "album" / "1.jpg"]


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 6, 7, 100])
def test_a_folder_with_more_names_than_memory_shall_hold_is_walked_in_the_same_order(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["B.PNG", "a/2.jpeg", "a/b/1.JPG", "a.tif", "c.webp", "z.heic"]
    for name in [*wanted, "notes.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(walk, "_NAMES_AT_ONCE", at_once)
    assert [path.relative_to(tmp_path).as_posix() for path in find_photos(tmp_path)] == wanted


def test_folders_are_listed_when_their_turn_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    scandir = os.scandir

    def listing(folder: Path) -> Iterator[os.DirEntry[str]]:
        listed.append(Path(folder).name)
        return scandir(folder)

    for name in ("a/1.jpg", "b/2.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    monkeypatch.setattr(os, "scandir", listing)
    photos = find_photos(tmp_path)
    assert listed == []
    assert next(photos) == tmp_path / "a" / "1.jpg"
    assert set(listed) == {tmp_path.name, "a"}
    assert next(photos) == tmp_path / "b" / "2.jpg"


def test_a_folder_below_that_cannot_be_listed_comes_as_a_photo_and_the_rest_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def listing(folder: Path) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    for name in ("a.jpg", "locked/1.jpg", "z.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(os, "scandir", listing)
    assert [path.name for path in find_photos(tmp_path)] == ["a.jpg", "locked", "z.jpg"]
    with pytest.raises(PermissionError):
        list(find_photos(tmp_path / "locked"))
