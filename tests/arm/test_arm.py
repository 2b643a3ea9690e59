"""What `make arm` decides by itself; the emulated system is not made here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgekit.photo import load_photo
from tests.arm import root, run
from tests.arm.photos import make_photos
from tests.arm.root import ArmError, ArmSystem
from tests.arm.run import Machine, differences, has_uint8_weights, steps_apart
from tests.conftest import EditGraph

SCRIPT = Path(__file__).with_name("run.py")
SAME: dict[str, Any] = {"pixels": {"a.jpg": "f00d"}, "scores": {"litert": {"a.jpg": [[1, 0.75], [0, 0.25]]}}}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="makes POSIX scripts")


def test_the_same_answers_have_no_differences() -> None:
    assert differences(SAME, {"scores": SAME["scores"], "pixels": SAME["pixels"]}) == []


@pytest.mark.parametrize(
    ("other", "phrase"),
    [
        ({**SAME, "pixels": {"a.jpg": "beef"}}, "pixels a.jpg differs"),
        ({**SAME, "scores": {"litert": {"a.jpg": [[1, 0.7500001], [0, 0.25]]}}}, "scores litert a.jpg differs"),
        ({**SAME, "scores": {"litert": {"a.jpg": [[0, 0.25], [1, 0.75]]}}}, "scores litert a.jpg differs"),
        ({**SAME, "scores": {**SAME["scores"], "tflite": {}}}, "scores tflite differs"),
        ({"pixels": SAME["pixels"]}, "scores differs"),
        ({**SAME, "scores": {"litert": {}}}, "scores litert a.jpg differs"),
    ],
)
def test_the_least_difference_is_told_with_its_place(other: dict[str, Any], phrase: str) -> None:
    assert differences(SAME, other) == [phrase]
    assert differences(other, SAME) == [phrase]


def test_scores_of_uint8_weights_may_be_some_steps_apart() -> None:
    there = {"litert": {"a": [(0, 0.75), (1, 0.25)], "b": [(0, 1.0), (1, 0.0)]}}
    here = {"litert": {"a": [(1, 0.25), (0, 0.75)], "b": [(0, 253 / 256), (1, 1 / 256)]}}
    assert steps_apart(there, there) == 0
    assert steps_apart(there, here) == 3
    assert steps_apart(here, there) == 3


@pytest.mark.parametrize("other", [{}, {"litert": {}}, {"litert": {"a": [(0, 0.75)]}}])
def test_scores_that_are_missing_are_as_far_apart_as_can_be(other: dict[str, Any]) -> None:
    whole = {"litert": {"a": [(0, 0.75), (1, 0.25)]}}
    assert steps_apart(whole, other) == steps_apart(other, whole) == float("inf")


def test_only_graphs_with_uint8_weights_may_differ(tiny_graph: bytes, edit_graph: EditGraph, tmp_path: Path) -> None:
    def old(model: Any) -> None:
        tensors = model.subgraphs[0].tensors
        weights = next(t for t in tensors if model.buffers[t.buffer].data is not None and t.type == 9)
        weights.type = 3  # of the schema's TensorType: 9 is int8, 3 is uint8

    (tmp_path / "new.tflite").write_bytes(tiny_graph)
    (tmp_path / "old.tflite").write_bytes(edit_graph(tiny_graph, old))
    assert not has_uint8_weights(tmp_path / "new.tflite")
    assert has_uint8_weights(tmp_path / "old.tflite")


def test_python_takes_the_launcher_for_itself_and_hands_all_words_on(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    emulator, launcher = folder / "qemu", folder / "python"
    emulator.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    launcher.write_text(root.launcher_text(emulator, folder / "arm64"))
    for script in (emulator, launcher):
        script.chmod(0o755)
    done = subprocess.run([launcher, "-c", "print('$HOME *')", "two words"], capture_output=True, text=True)
    python = folder / "arm64" / "usr" / "bin" / "python3.11"
    assert done.stdout == f"-L|{folder / 'arm64'}|-0|{launcher}|{python}|-c|print('$HOME *')|two words|"


def test_what_is_there_whole_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def unpack(_packages: object, place: Path, *_members: str) -> None:
        made.append(place.name)
        (place / "usr" / "bin").mkdir(parents=True)

    def install(folder: Path) -> None:
        for packages in ("apt", "wheels"):
            (folder / packages).mkdir()

    monkeypatch.setattr(root, "check_tools", lambda: None)
    monkeypatch.setattr(root, "_versions", lambda: {"numpy": "1.26.4"})
    monkeypatch.setattr(root, "_fetch", lambda *_words, **_options: [])
    monkeypatch.setattr(root, "_unpack", unpack)
    monkeypatch.setattr(root, "_install_wheels", lambda _requirements, folder, _target: install(folder))
    monkeypatch.setattr(root, "_counting", lambda _folder: ())
    system = root.build(tmp_path / "arm")
    assert made == ["arm64", "qemu-10", "qemu-7"]
    assert system == ArmSystem(tmp_path / "arm/arm64/usr/bin/python", tmp_path / "arm/tflite-runtime", ())
    assert not (tmp_path / "arm" / "wheels").exists()
    assert root.build(tmp_path / "arm") == system
    assert len(made) == 3
    monkeypatch.setattr(root, "_versions", lambda: {"numpy": "1.26.5"})
    root.build(tmp_path / "arm")
    assert len(made) == 6, "other versions are another system"


def test_tflite_runtime_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[str], folder: Path) -> None:
        wheels = Path(command[command.index("--dest") + 1])
        wheels.mkdir()
        for name in ("tflite_runtime", "numpy"):
            with zipfile.ZipFile(wheels / f"{name}-1-cp311-cp311-manylinux_2_34_aarch64.whl", "w") as archive:
                archive.writestr(f"{name}/__init__.py", "")

    monkeypatch.setattr(root, "_run", download)
    root._install_wheels(["numpy==1"], tmp_path, tmp_path / "packages")
    assert (tmp_path / "packages" / "numpy" / "__init__.py").exists()
    assert not (tmp_path / "packages" / "tflite_runtime").exists()
    assert (tmp_path / "tflite-runtime" / "tflite_runtime" / "__init__.py").exists()


def test_a_machine_without_the_tools_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ArmError, match=r"^apt-get, dpkg-deb, tar not found: the system is made of Debian packages\.$"):
        root.check_tools()
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    with pytest.raises(ArmError, match=r"^Arm is emulated on x86-64 Linux, this is "):
        root.check_tools()


def test_a_command_that_fails_tells_its_last_line() -> None:
    machine = Machine((sys.executable,), ())
    assert machine.run("-c", "print('leaf')") == "leaf\n"
    with pytest.raises(ArmError, match=r"ended with 1: ValueError: too large$"):
        machine.run("-c", "raise ValueError('too large')")


def test_what_differs_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    faults = [f"leaf.tflite: scores litert {n}.jpg differs" for n in range(7)]
    monkeypatch.setattr(run, "build", lambda _folder: ArmSystem(tmp_path, tmp_path, ()))
    monkeypatch.setattr(run, "_run_all", lambda *_words: faults)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--folder", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        run.main()
    assert left.value.code == f"Error: {'; '.join(faults[:5])}; and 2 more"


def test_instructions_are_counted_of_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Machine((), (Path("a"), Path("b"))).environment
    assert (environment["PYTHONHASHSEED"], environment["OPENBLAS_NUM_THREADS"]) == ("0", "1")
    assert environment["PYTHONPATH"] == "a:b"


def test_a_system_that_is_no_arm_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [{"machine": "x86_64", "pixels": {}, "scores": {}}, {"machine": "x86_64", "pixels": {}, "scores": {}}]
    monkeypatch.setattr(run, "_answers", lambda *_words: answers.pop())
    machine = Machine((), ())
    with pytest.raises(ArmError, match=r"not an Arm and an x86 one"):
        run._compared(machine, machine, tmp_path / "leaf.tflite", [])


def test_generated_photos_are_the_same_each_time_and_can_be_read(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    first, second = map(make_photos, folders)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].name == "plain.jpg"
    turned = load_photo(next(path for path in first if path.name == "turned.jpg"))
    assert turned.size == (1200, 1600)
    with Image.open(first[0]) as image:
        assert np.asarray(image).std() > 30, "a flat photo would prove nothing"
    for path in first:
        load_photo(path)


def test_a_system_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_path: Path
) -> None:
    def no_system(folder: Path) -> ArmSystem:
        raise ArmError("apt-get failed:\nno network")

    monkeypatch.setattr(run, "build", no_system)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tiny_path), "--folder", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        run.main()
    assert left.value.code == "Error: apt-get failed: no network"
