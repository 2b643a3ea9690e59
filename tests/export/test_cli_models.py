"""The command `edgekit-export convert` on models of other kinds: several labels, one unit, a free size, two outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.export.conftest import error

if TYPE_CHECKING:
    from tests.conftest import RunCommand
    from tests.export.conftest import Nets, RunExport

KNOWN = ("--input-range", "0..1", "--channel-order", "rgb", "--fit", "stretch", "--resize-kernel", "bilinear")


def dense(nets: Nets, weights: Any, bias: Any, shape: tuple[int | None, ...] = (16, 12, 3), **options: Any) -> Any:
    """A network of one layer on the mean colour, pixels 0..1."""
    k = nets.keras
    layer = k.layers.Dense(len(bias), **options)
    model = k.Sequential([k.Input(shape), k.layers.GlobalAveragePooling2D(), layer])
    layer.set_weights([np.array(weights, np.float32), np.array(bias, np.float32)])
    return model


def paint(folder: Path, colours: Sequence[tuple[int, int, int]]) -> None:
    """A photo for each colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, colour in enumerate(colours):
        noise = np.random.default_rng([i, *colour]).normal(0, 9, (21, 17, 3))
        Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(folder / f"{i:02}.png")


@pytest.mark.host
@pytest.mark.parametrize("logits", [False, True])
def test_a_model_of_several_labels_names_all_that_are_present(
    nets: Nets, run_export: RunExport, run_edgekit: RunCommand, tmp_path: Path, out: Path, logits: bool
) -> None:
    """Yellow stands under red and under green: a photo with two labels."""
    options: dict[str, Any] = {} if logits else {"activation": "sigmoid"}
    dense(nets, 30 * np.eye(3)[:, ::-1], [-15] * 3, **options).save(tmp_path / "m.keras")
    photos = tmp_path / "photos"
    for name, colour in (("blue", (20, 30, 220)), ("green", (30, 220, 20)), ("red", (220, 20, 30))):
        paint(photos / name, [colour] * 6)
    paint(photos / "red-too", [(220, 210, 30)] * 6)
    for path in sorted((photos / "red-too").iterdir()):
        for name in ("red", "green"):
            (photos / name / f"yellow{path.name}").write_bytes(path.read_bytes())
        path.unlink()
    (photos / "red-too").rmdir()
    words = ["convert", tmp_path / "m.keras", "--images", photos, "-o", out / "m.tflite", *KNOWN]
    done = run_export(*words, *(["--activation", "sigmoid"] if logits else []))
    assert done.returncode == 0, done.stderr
    assert "all labels right" in done.stdout
    assert "more than one class" not in done.stderr
    card = json.loads(run_edgekit("info", out / "m.tflite", "--json").stdout)["card"]
    assert (card["output"]["activation"], card["output"]["kind"]) == ("sigmoid", "probabilities")
    used = card["verification"]["photos"]["images"]
    assert card["calibration"]["images"] + used == 16  # the choice has the other 8
    assert [family["correct"] for family in card["verification"]["families"]] == [used] * 2
    assert card["verification"]["float_correct"] == used
    done = run_edgekit("classify", out / "m.tflite", photos, "--json")
    found = {tuple(Path(r["file"]).parts[-2:]): r["present"] for r in map(json.loads, done.stdout.splitlines())}
    assert len(found) == 30
    for (name, file), present in found.items():
        assert sorted(present) == (["green", "red"] if "yellow" in file else [name])


@pytest.mark.host
def test_one_unit_is_two_classes_in_the_order_that_is_right(
    nets: Nets, run_export: RunExport, run_edgekit: RunCommand, tmp_path: Path, out: Path
) -> None:
    """The unit says light: as it is the second folder, or, where the network was trained so, the first."""
    for name, sign in (("light", 1), ("dark", -1)):
        dense(nets, [[sign * 12]] * 3, [-sign * 18], activation="sigmoid").save(tmp_path / f"{name}.keras")
    for i, name in enumerate(("dark", "light")):
        paint(tmp_path / "photos" / name, [(30 + 180 * i + j % 3, 40 + 180 * i, 35 + 180 * i) for j in range(24)])
    for name, labels in (("light", ["dark", "light"]), ("dark", ["light", "dark"])):
        words = ["convert", tmp_path / f"{name}.keras", "--images", tmp_path / "photos", *KNOWN, "--json"]
        done = run_export(*words, "-o", out / f"{name}.tflite")
        assert done.returncode == 0, done.stderr
        card = json.loads(done.stdout)["card"]
        assert (card["output"]["labels"], card["output"]["activation"]) == (labels, "softmax")
        (evidence,) = card["provenance"]["evidence"]
        chosen = "labels as the sorted folders" if name == "light" else "labels reversed"
        assert (evidence["question"], evidence["chosen"]) == ("the order of the labels", chosen)
        answers = run_edgekit("classify", out / f"{name}.tflite", tmp_path / "photos", "--json", "--top-k", "1").stdout
        for record in map(json.loads, answers.splitlines()):
            assert record["predictions"][0]["label"] == Path(record["file"]).parent.name
            assert "present" not in record


@pytest.mark.host
def test_a_free_size_has_to_be_given(
    nets: Nets, run_export: RunExport, photos: Path, tmp_path: Path, out: Path
) -> None:
    dense(nets, 30 * np.eye(3)[:, ::-1], [0] * 3, (None, None, 3)).save(tmp_path / "free.keras")
    words = ["convert", tmp_path / "free.keras", "--images", photos, "-o", out / "m.tflite", *KNOWN, "--json"]
    reason = error(run_export(*words))
    assert "free.keras: its input " in reason
    assert "has no fixed size. Pass the size it was trained on: --input-size HEIGHTxWIDTH." in reason
    assert list(out.iterdir()) == []
    for text, size in (("18X9", (18, 9)), ("14", (14, 14))):
        done = run_export(*words, "--input-size", text, "--force")
        assert done.returncode == 0, done.stderr
        card = json.loads(done.stdout)["card"]
        assert (card["input"]["height"], card["input"]["width"]) == size
        assert card["verification"]["float_correct"] == 12


@pytest.mark.host
def test_one_of_several_outputs_is_exported(
    nets: Nets, run_export: RunExport, photos: Path, tmp_path: Path, out: Path
) -> None:
    k = nets.keras
    model = dense(nets, 30 * np.eye(3)[:, ::-1], [0] * 3, name="colour")
    two = k.Model(model.inputs, [k.layers.Dense(5, name="other")(model.layers[0].output), model.outputs[0]])
    two.save(tmp_path / "two.keras")
    words = ["convert", tmp_path / "two.keras", "--images", photos, "-o", out / "m.tflite", *KNOWN]
    reason = error(run_export(*words))
    assert "two.keras: it has 2 outputs. Choose the one that classifies with --output-name NAME: " in reason
    assert "it has no output 'colours'" in error(run_export(*words, "--output-name", "colours"))
    wanted = next(name for name in reason.replace(",", " ").split() if name.startswith("colour"))
    other = next(name for name in reason.replace(",", " ").split() if name.startswith("other"))
    assert "the model has 5 outputs, " in error(run_export(*words, "--output-name", other))
    assert list(out.iterdir()) == []
    done = run_export(*words, "--output-name", wanted, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["card"]["verification"]["float_correct"] == 12
