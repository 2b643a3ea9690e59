"""How a network was trained, found on photos: networks that are right in one way of training only, and others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgekit.card import InputSpec
from edgekit.inputrange import parse_input_range
from edgekit.preprocess import fit_pixels
from edgekit_export import training
from edgekit_export.classes import LabelOrder
from edgekit_export.errors import InputRangeError
from edgekit_export.mapping import ChannelOrder, Mapping, plausible_mappings
from edgekit_export.sources.batchnorm import divergence_of
from edgekit_export.training import (
    FoundReading,
    LabeledPixels,
    Reading,
    View,
    find_reading,
    find_view,
)

if TYPE_CHECKING:
    from edgekit_export.frontend import ImageNetwork
    from tests.export.conftest import Nets, See

pytestmark = pytest.mark.host

HEIGHT, WIDTH = 16, 12
# Four grays, so that pixels on another scale or around another middle are mistaken; two colours that BGR swaps.
LABELS = ("ash", "chalk", "coal", "rust", "sky", "slate")
COLOURS = ((160, 160, 160), (230, 230, 230), (20, 20, 20), (220, 120, 30), (30, 120, 220), (90, 90, 90))
GRAYS = tuple((level,) for level, *_ in COLOURS[:3])
FOLDERS = LabelOrder("as the sorted folders", LABELS)
SHUFFLED = LabelOrder("as in --labels", LABELS[2:] + LABELS[:2])
FOUR = LabelOrder("as the sorted folders", LABELS[:4])
SCALED = Mapping(parse_input_range("0..1"))
SIGNED = Mapping(parse_input_range("-1..1"))
BYTES = Mapping(parse_input_range("0..255"))
VIEWS = tuple(View(fit, kernel) for fit in ("stretch", "crop") for kernel in ("bilinear", "tf-bilinear", "nearest"))
UNDECIDED = "nothing is clearly best"


def nearest_colour(keras: Any, mapping: Mapping, colours: Sequence[Sequence[int]] = COLOURS, unit: float = 10) -> Any:
    """A network that says which colour the mean of the photo is the closest to, for photos mapped in one way.

    Its logits are the distances, summed over the channels, in steps of `unit`. Where pixels are mapped in another way
    it is far from all colours, and always gives the same answer or a wrong one.
    """
    channels = len(colours[0])
    places = np.array([mapping.tensor(np.array([[c]], np.uint8)).reshape(-1) for c in colours])
    std = np.broadcast_to(np.array(mapping.range.std), channels)
    away = np.tile(np.concatenate([np.eye(channels), -np.eye(channels)], axis=1), len(colours))
    starts = np.concatenate([np.concatenate([-place, place]) for place in places])
    sums = np.kron(np.eye(len(colours)), np.tile(-std / unit, 2)[:, None])
    model = keras.Sequential(
        [
            keras.Input((HEIGHT, WIDTH, channels)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(away.shape[1], activation="relu"),
            keras.layers.Dense(len(colours), activation="softmax"),
        ]
    )
    model.layers[1].set_weights([away, starts])
    model.layers[2].set_weights([sums, np.zeros(len(colours))])
    return model


def pixels(colour: Sequence[int], seed: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    values = np.array(colour) + rng.normal(0, 4, len(colour)) + rng.normal(0, 9, (height, width, len(colour)))
    return np.asarray(np.clip(values, 0, 255).astype(np.uint8))


def photos(count: int, colours: Sequence[Sequence[int]] = COLOURS) -> list[LabeledPixels]:
    """Photos at the size of the network, the classes in turn."""
    turns = [i % len(colours) for i in range(count)]
    return [LabeledPixels((pixels(colours[turn], i),), frozenset({LABELS[turn]})) for i, turn in enumerate(turns)]


def find(
    network: ImageNetwork,
    given: Sequence[LabeledPixels],
    mappings: Sequence[Mapping] | None = None,
    orders: Sequence[LabelOrder] = (FOLDERS,),
    divergence: Any = None,
    habit: str | None = None,
    steps: list[int] | None = None,
) -> FoundReading:
    seen: list[int] = [] if steps is None else steps
    return find_reading(
        network,
        given,
        plausible_mappings(network.image.channels, None) if mappings is None else mappings,
        orders,
        divergence=divergence,
        habit=parse_input_range(habit) if habit else None,
        step=lambda: seen.append(1),
    )


@pytest.fixture(scope="module")
def scaled(nets: Nets, see: See) -> ImageNetwork:
    """Trained on 0..1."""
    return see(nearest_colour(nets.keras, SCALED))


@pytest.fixture(scope="module")
def blind(nets: Nets, see: See) -> ImageNetwork:
    """Its answer depends on nothing."""
    model = nearest_colour(nets.keras, SCALED)
    model.layers[2].set_weights([np.zeros((36, 6)), np.arange(6)])
    return see(model)


@pytest.mark.parametrize("mapping", plausible_mappings(3, None), ids=lambda mapping: mapping.text)
def test_each_way_to_train_is_found(nets: Nets, see: See, mapping: Mapping) -> None:
    found = find(see(nearest_colour(nets.keras, mapping)), photos(90))
    assert found.reading == Reading(mapping, FOLDERS)
    assert found.how == "clearly best on labelled photos"
    assert found.evidence is not None
    assert (found.evidence.question, found.evidence.how) == ("what the model was trained on", found.how)
    assert found.evidence.chosen == mapping.text
    rows = {row.hypothesis: row for row in found.evidence.rows}
    assert list(rows) == [other.text for other in plausible_mappings(3, None)]
    assert rows[mapping.text].correct == rows[mapping.text].images
    assert all(row.correct < row.images for name, row in rows.items() if name != mapping.text)
    assert {row.divergence for row in rows.values()} == {None}


@pytest.mark.parametrize("mapping", plausible_mappings(1, None), ids=lambda mapping: mapping.text)
def test_each_way_to_train_on_gray_photos_is_found(nets: Nets, see: See, mapping: Mapping) -> None:
    found = find(see(nearest_colour(nets.keras, mapping, GRAYS)), photos(90, GRAYS))
    assert found.reading.mapping == mapping
    assert found.evidence is not None
    assert len(found.evidence.rows) == 5


def test_one_possibility_needs_no_photo(scaled: ImageNetwork) -> None:
    steps: list[int] = []
    assert find(scaled, photos(24), [BYTES], steps=steps) == FoundReading(Reading(BYTES, FOLDERS), "", None)
    assert steps == []


def test_too_few_photos_stop_with_the_table(scaled: ImageNetwork) -> None:
    with pytest.raises(InputRangeError, match=r"no range is clearly best on 9 photos for calibration.*Give more"):
        find(scaled, photos(9))
    with pytest.raises(InputRangeError) as caught:
        find(scaled, photos(9))
    evidence = caught.value.evidence
    assert evidence is not None
    assert (evidence.question, evidence.chosen, evidence.how) == ("what the model was trained on", None, UNDECIDED)
    counts = {row.hypothesis: (row.images, row.correct) for row in evidence.rows}
    assert len(counts) == 10
    assert counts["0..1"] == (9, 9)
    assert counts["0..255"] == (9, 2)
    assert find(scaled, photos(36)).reading.mapping == SCALED


def test_a_network_that_is_never_better_than_chance_stops(blind: ImageNetwork) -> None:
    """Also where one of the ways is left alone: to be less wrong than others is not to be right."""
    with pytest.raises(InputRangeError) as caught:
        find(blind, photos(60))
    assert caught.value.evidence is not None
    assert {row.images for row in caught.value.evidence.rows} == {60}


def test_the_best_of_wrong_ones_is_not_taken(nets: Nets, see: See) -> None:
    """The true range is none of those that are tried; the first of the others is clearly the best, and wrong."""
    k = nets.keras
    model = k.Sequential([k.Input((HEIGHT, WIDTH, 3)), k.layers.GlobalAveragePooling2D(), k.layers.Dense(6, "softmax")])
    ash_unless_large = np.zeros((3, 6)), np.array([10.0, 0, 0, 0, 0, 0])
    ash_unless_large[0][:, 5] = 1
    model.layers[1].set_weights(ash_unless_large)
    given = [*photos(12), *(LabeledPixels((pixels(COLOURS[0], i),), frozenset({"ash"})) for i in range(12))]
    with pytest.raises(InputRangeError) as caught:
        find(see(model), [one for one in given if "slate" not in one.labels], [SCALED, BYTES])
    assert caught.value.evidence is not None
    assert [(row.images, row.correct) for row in caught.value.evidence.rows] == [(22, 14), (22, 0)]


def test_a_known_range_never_stops(scaled: ImageNetwork, blind: ImageNetwork) -> None:
    orders = [SCALED, Mapping(SCALED.range, "BGR")]
    for network, count in ((blind, 60), (scaled, 3)):
        found = find(network, photos(count), orders)
        assert found.reading.mapping.order == "RGB"
        assert found.how == "the usual one: nothing is clearly better"
        assert found.evidence is not None
        assert (found.evidence.question, found.evidence.chosen) == ("the order of the colour channels", "0..1")


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_the_channel_order_is_found_where_the_range_is_known(nets: Nets, see: See, order: ChannelOrder) -> None:
    wanted = Mapping(SIGNED.range, order)
    found = find(see(nearest_colour(nets.keras, wanted)), photos(36), [SIGNED, Mapping(SIGNED.range, "BGR")])
    assert (found.reading.mapping, found.how) == (wanted, "clearly best on labelled photos")


def test_colours_that_are_alike_in_both_orders_do_not_stop(nets: Nets, see: See) -> None:
    symmetric = [colour for colour in COLOURS if colour == colour[::-1]]
    assert len(symmetric) == 4
    found = find(see(nearest_colour(nets.keras, SCALED, symmetric)), photos(36, symmetric), orders=(FOUR,))
    assert found.reading.mapping == SCALED
    assert found.how == "clearly best on labelled photos, which do not tell RGB from BGR"
    assert found.evidence is not None
    assert [row.images for row in found.evidence.rows if row.hypothesis in ("0..1", "0..1 BGR")] == [36, 36]


@pytest.mark.parametrize("order", [FOLDERS, SHUFFLED])
def test_the_order_of_labels_is_found(nets: Nets, see: See, order: LabelOrder) -> None:
    model = nearest_colour(nets.keras, SCALED, [COLOURS[LABELS.index(label)] for label in order.labels])
    found = find(see(model), photos(24), [SCALED], (FOLDERS, SHUFFLED))
    assert (found.reading.order, found.how) == (order, "clearly best on labelled photos")
    assert found.evidence is not None
    assert (found.evidence.question, found.evidence.chosen) == ("the order of the labels", f"labels {order.text}")
    counts = {row.hypothesis: row.correct for row in found.evidence.rows}
    assert sorted(counts.values()) == [0, 24]


def test_range_and_labels_are_found_together(nets: Nets, see: See) -> None:
    wanted = Mapping(parse_input_range("mean=103.939,116.779,123.68/std=1"), "BGR")
    model = nearest_colour(nets.keras, wanted, [COLOURS[LABELS.index(label)] for label in SHUFFLED.labels])
    found = find(see(model), photos(30), orders=(FOLDERS, SHUFFLED))
    assert found.reading == Reading(wanted, SHUFFLED)
    assert found.evidence is not None
    assert found.evidence.chosen == "mean=103.939,116.779,123.68/std=1 BGR, labels as in --labels"
    assert len(found.evidence.rows) == 20


def test_each_photo_is_asked_once_for_all_orders_of_labels(scaled: ImageNetwork, monkeypatch: Any) -> None:
    from edgekit_export.device import DeviceRuntime

    asked: list[str] = []
    run = DeviceRuntime.run

    def counted(self: DeviceRuntime, tensor: NDArray[Any], about: str) -> NDArray[Any]:
        asked.append(about)
        return run(self, tensor, about)

    monkeypatch.setattr(DeviceRuntime, "run", counted)
    find(scaled, photos(24), [SCALED, SIGNED], (FOLDERS, SHUFFLED))
    assert len(asked) == 48


def test_labels_that_few_photos_do_not_tell_are_the_first(scaled: ImageNetwork) -> None:
    found = find(scaled, photos(3), [SCALED], (SHUFFLED, FOLDERS))
    assert (found.reading.order, found.how) == (SHUFFLED, "the usual one: nothing is clearly better")


def remembering(nets: Nets, mapping: Mapping, normalizations: int = 2) -> Any:
    """A network that always answers the same, whose batch normalizations have seen photos mapped in one way."""
    k = nets.keras
    k.utils.set_random_seed(1)
    model = k.Sequential([k.Input((HEIGHT, WIDTH, 3))])
    values = np.concatenate([mapping.tensor(photo.views[0]) for photo in photos(60)])
    for _ in range(normalizations):
        convolution, normalization = k.layers.Conv2D(6, 3), k.layers.BatchNormalization()
        for layer in (convolution, normalization, k.layers.ReLU()):
            model.add(layer)
        values = np.asarray(convolution(values))
        gamma, beta, _, _ = normalization.get_weights()
        normalization.set_weights([gamma, beta, values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))])
        values = np.maximum(np.asarray(normalization(values, training=False)), 0)
    last = k.layers.Dense(6, activation="softmax")
    model.add(k.layers.GlobalAveragePooling2D())
    model.add(last)
    last.set_weights([np.zeros((6, 6)), np.arange(6)])
    return model


def test_one_batch_normalization_alone_tells_nothing(nets: Nets, see: See) -> None:
    model = remembering(nets, SCALED, normalizations=1)
    with pytest.raises(InputRangeError) as caught:
        find(see(model), photos(6), divergence=divergence_of(model, nets.keras))
    assert caught.value.evidence is not None
    assert {row.divergence for row in caught.value.evidence.rows} == {None}


@pytest.mark.parametrize(
    "text", ["0..255", "0..1", "-1..1", "mean=127.5/std=255", "mean=123.675,116.28,103.53/std=58.395,57.12,57.375"]
)
def test_batch_normalization_tells_the_range_where_photos_do_not(nets: Nets, see: See, text: str) -> None:
    """With too few photos, and with many of unknown things."""
    wanted = Mapping(parse_input_range(text))
    model = remembering(nets, wanted)
    for count in (6, 40):
        found = find(see(model), photos(count), divergence=divergence_of(model, nets.keras))
        assert found.reading.mapping == wanted
        assert found.how == "closest to the statistics that its batch normalizations keep of its training"
        assert found.evidence is not None
        distances = {row.hypothesis: row.divergence for row in found.evidence.rows}
        assert found.evidence.chosen == wanted.text
        known = [distance for distance in distances.values() if distance is not None]
        assert len(known) == len(distances) == 10
        assert (distances[wanted.text] or 0) < 0.2
        assert all(
            distance > 1.5 * (distances[wanted.text] or 0)
            for name, distance in distances.items()
            if distance is not None and not name.startswith(wanted.text)
        )


def by_text(distances: dict[str, float], mappings: Sequence[Mapping], sample: LabeledPixels) -> Any:
    """A divergence that is scripted for each mapping; it knows them by what they make of a photo."""
    known = {mapping.tensor(sample.views[0]).tobytes(): distances.get(mapping.text) for mapping in mappings}
    return lambda batch: known[batch[:1].tobytes()]


@pytest.mark.parametrize(
    ("distances", "chosen"),
    [
        ({"0..255": 9.0, "0..1": 0.1, "-1..1": 0.16}, "0..1"),
        ({"0..255": 9.0, "0..1": 0.21, "-1..1": 8.0}, None),  # too far from anything that it was trained on
        ({"0..255": 9.0, "0..1": 0.1, "-1..1": 0.14}, None),  # not 1.5 times closer
        ({"0..255": 9.0, "0..1": 0.1, "-1..1": 0.16, "-1..1 BGR": 0.11}, None),
        ({"0..255": 9.0, "0..1": 0.1, "0..1 BGR": 0.09, "-1..1": 0.16}, "0..1"),  # the order is not told apart so
        ({"0..1": 0.1}, "0..1"),
        ({"0..1": float("inf")}, None),
        ({}, None),
    ],
)
def test_the_closest_range_has_to_be_clearly_the_closest(
    blind: ImageNetwork, distances: dict[str, float], chosen: str | None
) -> None:
    mappings = [m for m in plausible_mappings(3, None) if m.range.text in ("0..255", "0..1", "-1..1")]
    given = photos(20)
    if chosen is None:
        with pytest.raises(InputRangeError):
            find(blind, given, mappings, divergence=by_text(distances, mappings, given[0]))
        return
    found = find(blind, given, mappings, divergence=by_text(distances, mappings, given[0]))
    assert found.reading.mapping.text == chosen


def test_statistics_do_not_speak_against_the_photos(scaled: ImageNetwork, blind: ImageNetwork) -> None:
    mappings = [SCALED, SIGNED, BYTES]
    given = photos(36)
    wrong = by_text({"0..1": 5.0, "-1..1": 3.0, "0..255": 0.1}, mappings, given[0])
    assert find(scaled, given, mappings, divergence=wrong).reading.mapping == SCALED
    assert find(blind, given, mappings, divergence=wrong).reading.mapping == BYTES


def test_statistics_decide_among_those_that_photos_leave(nets: Nets, see: See) -> None:
    """A network that is as right in two ranges: the third, which photos exclude, is the closest."""
    clones = Mapping(parse_input_range("mean=0/std=250"))
    network = see(nearest_colour(nets.keras, SCALED))
    given = photos(36)
    mappings = [SCALED, clones, BYTES]
    with pytest.raises(InputRangeError):
        find(network, given, mappings, divergence=lambda _: None)
    script = by_text({SCALED.text: 0.4, clones.text: 0.1, BYTES.text: 0.01}, mappings, given[0])
    found = find(network, given, mappings, divergence=script)
    assert found.reading.mapping == clones
    assert found.how.startswith("closest to the statistics")


def test_statistics_need_channels_that_stand_last(blind: ImageNetwork) -> None:
    from dataclasses import replace

    first = replace(blind, image=replace(blind.image, layout="channels first"))
    given = photos(20)
    script = by_text({"0..1": 0.1, "-1..1": 3.0}, [SCALED, SIGNED], given[0])
    assert find(blind, given, [SCALED, SIGNED], divergence=script).reading.mapping == SCALED
    with pytest.raises(InputRangeError):
        find(first, given, [SCALED, SIGNED], divergence=script)


def test_the_habit_of_the_tool_decides_last(scaled: ImageNetwork, blind: ImageNetwork) -> None:
    given = photos(36)
    for network, few in ((scaled, given[:9]), (blind, given)):
        found = find(network, few, habit="-1..1")
        assert (found.reading.mapping, found.how) == (
            SIGNED,
            "the habit of the tool that made it; the photos do not contradict",
        )
        assert found.evidence is not None
        assert found.evidence.chosen == "-1..1"
    assert find(scaled, given, habit="-1..1").reading.mapping == SCALED  # the photos contradict
    script = by_text({"0..1": 0.1, "-1..1": 3.0}, [SCALED, SIGNED], given[0])
    assert find(blind, given, [SCALED, SIGNED], divergence=script, habit="-1..1").reading.mapping == SCALED


def test_a_habit_that_photos_exclude_does_not_decide(nets: Nets, see: See) -> None:
    clones = Mapping(parse_input_range("mean=0/std=250"))
    with pytest.raises(InputRangeError):
        find(see(nearest_colour(nets.keras, SCALED)), photos(36), [SCALED, clones, SIGNED], habit="-1..1")


def seen(photo: NDArray[np.uint8], label: str, views: Sequence[View] = VIEWS) -> LabeledPixels:
    """A photo of any size, as each view shows it."""
    image = Image.fromarray(photo)
    specs = [
        InputSpec(HEIGHT, WIDTH, 3, (0.0,), (1.0,), fit=view.fit, resize_kernel=view.resize_kernel) for view in views
    ]
    return LabeledPixels(tuple(fit_pixels(image, spec) for spec in specs), frozenset({label}))


def striped(colour: Sequence[int], seed: int) -> NDArray[np.uint8]:
    """Twice the size; the colour in every other column, its complement between: any mean of both is gray."""
    photo = pixels(colour, seed, 2 * HEIGHT, 2 * WIDTH)
    photo[:, 0::2] = 255 - photo[:, 1::2]  # of two columns, nearest takes the second
    return photo


def framed(colour: Sequence[int], seed: int) -> NDArray[np.uint8]:
    """Four times as wide as the network's aspect, the outer parts in the complement of the colour."""
    photo = np.tile(255 - pixels(colour, seed), (1, 4, 1))
    photo[:, 3 * WIDTH // 2 : 5 * WIDTH // 2] = pixels(colour, seed)
    return photo


def plain(colour: Sequence[int], seed: int) -> NDArray[np.uint8]:
    return pixels(colour, seed, 21, 33)


@pytest.mark.parametrize("make", [striped, framed, plain])
@pytest.mark.parametrize("views", [VIEWS, VIEWS[::-1]])
def test_the_view_that_is_right_is_found(scaled: ImageNetwork, make: Any, views: Sequence[View]) -> None:
    """Stripes are gone in any mean; a frame is cut away by crop only; of plain photos, every view is as good."""
    given = [seen(make(COLOURS[i % 6], i), LABELS[i % 6], views) for i in range(36)]
    steps: list[int] = []
    view, evidence = find_view(scaled, Reading(SCALED, FOLDERS), given, views, lambda: steps.append(1))
    assert evidence is not None
    right = {row.hypothesis for row in evidence.rows if row.correct == row.images}
    tried = {row.hypothesis for row in evidence.rows}
    wanted = {striped: "nearest", framed: "crop", plain: ""}[make]
    assert right == {name for name in tried if wanted in name}
    assert view.text == next(one.text for one in views if one.text in right)
    default_stays = views[0].text in right
    assert evidence.how == (
        "the default: nothing is clearly better" if default_stays else "clearly better on labelled photos"
    )
    assert (evidence.question, evidence.chosen) == ("how training resized photos", view.text)
    assert len(steps) == max(row.images for row in evidence.rows)


def test_few_photos_leave_the_default(scaled: ImageNetwork) -> None:
    given = [seen(striped(COLOURS[i % 6], i), LABELS[i % 6]) for i in range(9)]
    view, evidence = find_view(scaled, Reading(SCALED, FOLDERS), given, VIEWS, lambda: None)
    assert view == VIEWS[0]
    assert evidence is not None
    assert evidence.how == "the default: nothing is clearly better"
    assert {row.hypothesis: row.correct for row in evidence.rows}["stretch, nearest"] == 9


def test_views_that_are_alike_are_tried_once(scaled: ImageNetwork) -> None:
    same_aspect = [seen(striped(COLOURS[i % 6], i), LABELS[i % 6]) for i in range(12)]
    _, evidence = find_view(scaled, Reading(SCALED, FOLDERS), same_aspect, VIEWS, lambda: None)
    assert evidence is not None
    names = [row.hypothesis for row in evidence.rows]
    assert set(names) <= {"stretch, bilinear", "stretch, tf-bilinear", "stretch, nearest"}
    assert "stretch, nearest" in names
    mixed = [*same_aspect, seen(framed(COLOURS[0], 1), LABELS[0])]
    _, evidence = find_view(scaled, Reading(SCALED, FOLDERS), mixed, VIEWS, lambda: None)
    assert evidence is not None
    assert len(evidence.rows) == 6


def test_photos_of_the_size_of_the_network_need_no_view(scaled: ImageNetwork) -> None:
    given = [seen(pixels(COLOURS[i % 6], i), LABELS[i % 6]) for i in range(24)]
    steps: list[int] = []
    found = find_view(scaled, Reading(SCALED, FOLDERS), given, VIEWS, lambda: steps.append(1))
    assert found == (VIEWS[0], None)
    assert steps == []


def test_views_are_tried_in_the_range_and_with_the_labels_that_were_found(nets: Nets, see: See) -> None:
    mapping = Mapping(SIGNED.range, "BGR")
    model = nearest_colour(nets.keras, mapping, [COLOURS[LABELS.index(label)] for label in SHUFFLED.labels])
    given = [seen(striped(COLOURS[i % 6], i), LABELS[i % 6]) for i in range(24)]
    view, evidence = find_view(see(model), Reading(mapping, SHUFFLED), given, VIEWS, lambda: None)
    assert view == View("stretch", "nearest")
    assert evidence is not None
    assert max(row.correct for row in evidence.rows) == 24


STRETCH, CROP = View("stretch", "bilinear"), View("crop", "bilinear")
NEAREST, CROP_NEAREST = View("stretch", "nearest"), View("crop", "nearest")
TF, CROP_TF = View("stretch", "tf-bilinear"), View("crop", "tf-bilinear")


@pytest.mark.parametrize(
    ("best", "chosen"),
    [
        ([STRETCH, CROP, NEAREST], STRETCH),
        ([NEAREST], NEAREST),
        ([NEAREST, CROP_NEAREST], NEAREST),
        ([CROP_NEAREST, CROP], CROP),
        ([CROP_NEAREST, CROP_TF], CROP_NEAREST),
        ([CROP, NEAREST, TF, CROP_TF], STRETCH),  # all but the default, which lost by chance
    ],
)
def test_a_view_is_taken_only_where_the_best_agree(best: Sequence[View], chosen: View) -> None:
    assert training._common_view(STRETCH, best) == chosen
