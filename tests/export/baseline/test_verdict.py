"""What is said about a CNN, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scipy.stats import binomtest

from edgekit_export.baseline.shortlist import Pairing
from edgekit_export.baseline.verdict import Verdict, duel_of, verdict_of

if TYPE_CHECKING:
    from tests.export.baseline.conftest import MakeContest, MakeEntrant

BEST, COLOURS, READY = Pairing("classic", "svm"), Pairing("colour", "svm"), Pairing("cnn", "svm")


def right(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Two methods that are right on so many photos together and alone, good and bad leaves alternating."""
    kinds = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second + [(False, False)] * neither
    return [one for one, _ in kinds], [other for _, other in kinds]


@pytest.fixture
def judged(make_contest: MakeContest, make_entrant: MakeEntrant) -> object:
    """`judged(both, only_cnn, only_classic, neither)`: the verdict on a CNN and the best classic method."""

    def judge(*counts: int, kind: str = "cnn", train: int = 40) -> Verdict:
        network, classic = right(*counts)
        cnn = make_entrant(kind, network, name="leaf.tflite", pairing=None if kind == "cnn" else READY, val=45)
        return verdict_of(make_contest(cnn, make_entrant("classic", classic, pairing=BEST, val=40), train=train))

    return judge


def test_a_clear_lead_is_called_worth_it(judged: object) -> None:
    verdict = judged(80, 17, 3, 0)  # type: ignore[operator]
    assert verdict.mood == "good"
    assert verdict.headline == "A CNN is worth it here: 97.0 % right, against 83.0 % without one"
    assert verdict.explanation == (
        "The CNN (leaf.tflite) gets 97.0 % of 100 test photos right, "
        "the best classic method (all classic + SVM) 83.0 %. "
        "The CNN's lead of 14.0 points is more than chance (p = 0.003); "
        "for all photos like these it lies between +5.5 and +22.9 points."
    )
    assert verdict.advice[0].startswith("all classic + SVM needs 12 ms for a photo here and 2.5 MB, the CNN 12 ms")


def test_a_clear_deficit_points_at_the_cnn(judged: object) -> None:
    verdict = judged(60, 2, 20, 18)  # type: ignore[operator]
    assert verdict.mood == "bad"
    assert verdict.headline == "A classic method beats this CNN: 80.0 % right, against 62.0 %"
    assert "The CNN's deficit of 18.0 points is more than chance" in verdict.explanation
    assert "edgekit-export evaluate" in verdict.advice[0]


def test_few_photos_cannot_tell_however_large_the_lead(judged: object) -> None:
    verdict = judged(10, 5, 0, 1)  # type: ignore[operator]
    assert verdict.mood == "plain"
    assert verdict.headline == "These 16 test photos cannot tell whether a CNN is better"
    assert "lead of 31.2 points may be chance (p = 0.062)" in verdict.explanation
    assert any(line.startswith("There are only 16 test photos: one of them is 6.2 points") for line in verdict.advice)
    assert any("four times as many" in line for line in verdict.advice)


def test_many_photos_without_a_lead_say_that_a_classic_method_does_as_well(judged: object) -> None:
    verdict = judged(900, 10, 12, 78)  # type: ignore[operator]
    assert verdict.mood == "warn"
    assert verdict.headline == "A classic method does as well here: 91.2 % right, the CNN 91.0 %"
    assert verdict.advice[0].startswith("Think before you train or deploy a CNN")
    assert not any("test photos" in line for line in verdict.advice)


def test_without_a_cnn_a_ready_made_one_stands_for_it(judged: object) -> None:
    better = judged(80, 17, 3, 0, kind="cnn features")  # type: ignore[operator]
    assert better.headline == "A CNN is likely worth it here: 97.0 % right, against 83.0 % without one"
    assert better.explanation.startswith("A ready-made CNN that was not trained on these photos, with SVM, gets 97.0 %")
    assert "edgekit-export train" in better.advice[0]
    worse = judged(60, 2, 20, 18, kind="cnn features")  # type: ignore[operator]
    assert "pass it with --model" in worse.advice[0]


@pytest.mark.parametrize(("first", "second"), [(17, 3), (5, 0), (6, 0), (10, 12), (0, 0), (3, 17)])
def test_the_p_value_is_that_of_the_exact_test_on_photos_that_only_one_got_right(
    first: int, second: int, make_entrant: MakeEntrant
) -> None:
    one, other = right(40, first, second, 5)
    duel = duel_of(make_entrant("cnn", one), make_entrant("classic", other, pairing=BEST))
    wanted = binomtest(first, first + second).pvalue if first + second else 1
    assert duel.p == pytest.approx(wanted)
    assert duel.pairs == (40, first, second, 5)
    assert duel.is_sure == (wanted < 0.05)
    assert duel.low <= duel.pairs.difference <= duel.high


def test_the_verdict_is_about_the_cnn_that_was_named_first(
    make_contest: MakeContest, make_entrant: MakeEntrant
) -> None:
    classic = make_entrant("classic", [True] * 60 + [False] * 40, pairing=BEST, val=9)
    weak = make_entrant("cnn", [True] * 10 + [False] * 90, name="first.tflite")
    strong = make_entrant("cnn", [True] * 99 + [False], name="second.tflite")
    verdict = verdict_of(make_contest(weak, strong, classic))
    assert verdict.duel is not None
    assert verdict.duel.network is weak


def test_ready_made_features_are_held_against_the_cnn(make_contest: MakeContest, make_entrant: MakeEntrant) -> None:
    classic = make_entrant("classic", [True] * 60 + [False] * 40, pairing=BEST, val=30)

    def said(cnn_right: int, ready_right: int) -> str:
        cnn = make_entrant("cnn", [True] * cnn_right + [False] * (100 - cnn_right), name="leaf.tflite")
        ready = make_entrant(
            "cnn features", [True] * ready_right + [False] * (100 - ready_right), pairing=READY, val=40
        )
        (line,) = [
            one for one in verdict_of(make_contest(cnn, ready, classic)).advice if one.startswith("A ready-made")
        ]
        return line

    assert said(70, 90).endswith("more than leaf.tflite: training that CNN on your photos can be improved.")
    assert said(95, 80).endswith("less than leaf.tflite: training the network itself on your photos pays.")
    assert "cannot tell that from leaf.tflite" in said(90, 91)


def test_colours_that_tell_too_much_are_a_warning(make_contest: MakeContest, make_entrant: MakeEntrant) -> None:
    cnn = make_entrant("cnn", [True] * 97 + [False] * 3, name="leaf.tflite")

    def warned(colours: int) -> bool:
        entrant = make_entrant("classic", [True] * colours + [False] * (100 - colours), pairing=COLOURS, val=30)
        advice = verdict_of(make_contest(cnn, entrant, root=Path("my leaves"))).advice
        return any("Colours alone" in line and "edgekit-export check my leaves" in line for line in advice)

    assert warned(80)
    assert not warned(79)


def test_methods_that_only_guess_are_called_so(judged: object) -> None:
    """Half of the photos are good leaves, and the guess is that all are."""
    assert any("Nothing here is clearly better than" in line for line in judged(50, 4, 2, 44).advice)  # type: ignore[operator]
    assert not any("Nothing here" in line for line in judged(70, 4, 2, 24).advice)  # type: ignore[operator]


def test_classes_with_few_photos_to_learn_from_are_told(judged: object) -> None:
    assert any("2 classes have fewer than 10 photos" in line for line in judged(90, 4, 2, 4, train=18).advice)  # type: ignore[operator]
    assert not any("fewer than 10" in line for line in judged(90, 4, 2, 4, train=20).advice)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("kind", "pairing", "hint"),
    [
        ("classic", BEST, "pass a CNN with --model"),
        ("cnn features", READY, "name a classic one"),
        ("cnn", None, "name a"),
    ],
)
def test_with_nothing_to_hold_it_against_there_is_no_verdict_but_a_figure(
    make_contest: MakeContest, make_entrant: MakeEntrant, kind: str, pairing: Pairing | None, hint: str
) -> None:
    only = make_entrant(kind, [True] * 9 + [False], name="leaf.tflite", pairing=pairing, val=9)
    verdict = verdict_of(make_contest(only))
    assert verdict.headline.endswith("right on 90.0 % of 10 test photos")
    assert hint in verdict.explanation
    assert (verdict.mood, verdict.duel) == ("plain", None)
