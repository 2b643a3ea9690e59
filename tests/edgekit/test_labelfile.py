"""Labels files of every form: what is read from each, what is left alone, and what is refused with the place."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelFileError
from edgekit.labelfile import MAX_BYTES, parse_label_file, read_label_file
from edgekit.labels import format_labels, parse_labels

CAT_DOG = ("cat", "dog")
TENCH = ("tench, Tinca tinca", "goldfish")


def refusal(data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        parse_label_file(data, "my.labels")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\n", CAT_DOG),
        ("tench, Tinca tinca\ngoldfish\n", TENCH),  # commas alone make no CSV
        ("cat, 0\ndog, 1\n", ("cat, 0", "dog, 1")),
        ("0\n1\n2\n", ("0", "1", "2")),  # digits are classes, too
        ("10\n20\n", ("10", "20")),
        ("7 up\n50 cent\n", ("7 up", "50 cent")),
        ("0 cat\n1 dog\nbird\n", ("0 cat", "1 dog", "bird")),  # not all of them
        ("0 cat\n2 dog\n", ("0 cat", "2 dog")),
        ("2 cats\n3 dogs\n", ("2 cats", "3 dogs")),
        ("1 euro\n2 euro\n", ("1 euro", "2 euro")),  # the number is all that tells them apart
        ("0 dots\n1 dot\n2 dots\n", ("0 dots", "1 dot", "2 dots")),
        ("16:9\n4:3\n", ("16:9", "4:3")),
        ("0-9 years\n10-19 years\n", ("0-9 years", "10-19 years")),
        ("0th\n1st\n", ("0th", "1st")),
        ('"cat"\n"dog"\n', ('"cat"', '"dog"')),
        ("[background]\ncat\n", ("[background]", "cat")),
        ("{x}\ny\n", ("{x}", "y")),
        ("class\nlabel\n", ("class", "label")),  # a header needs two columns
        ("label, big\nlabel, small\n", ("label, big", "label, small")),
    ],
)
def test_plain_labels_stay_as_they_are(text: str, labels: tuple[str, ...]) -> None:
    assert parse_label_file(text.encode(), "x") == labels == parse_labels(text.encode(), "x")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("0 cat\n1 dog\n", CAT_DOG),  # Teachable Machine
        ("0  cat\r\n1  dog\r\n", CAT_DOG),  # Coral
        ("0: cat\n1: dog", CAT_DOG),
        ("0:cat\n1:dog", CAT_DOG),
        ("0,cat\n1,dog", CAT_DOG),
        ("0;cat\n1;dog", CAT_DOG),
        ("0\tcat\n1\tdog", CAT_DOG),
        ("1. cat\n2. dog", CAT_DOG),
        ("1) cat\n2) dog", CAT_DOG),
        ("00 cat\n01 dog", CAT_DOG),
        ("1 cat\n2 dog", CAT_DOG),
        ("1 dog\n0 cat", CAT_DOG),
        ("2: dog\n1: cat", CAT_DOG),
        ("\ufeff0 cat\n1 dog\n\n", CAT_DOG),
        ("0 tench, Tinca tinca\n1 goldfish", TENCH),
        ("0,tench, Tinca tinca\n1,goldfish", TENCH),
        ('0,"tench, Tinca tinca"\n1,"goldfish"', TENCH),
        ('0, "Danger" sign\n1, dog', ('"Danger" sign', "dog")),
        ("0 0\n1 1\n2 2", ("0", "1", "2")),
        ("0: same\n1: same", ("same", "same")),
        ("0 7 up\n1 50 cent", ("7 up", "50 cent")),
        ("\n".join(f"{i} class {i}" for i in reversed(range(12))), tuple(f"class {i}" for i in range(12))),
    ],
)
def test_numbered_lines_give_their_names_in_order_of_the_numbers(text: str, labels: tuple[str, ...]) -> None:
    assert parse_label_file(text.encode(), "x") == labels


@pytest.mark.parametrize(
    "text",
    [
        '["cat", "dog"]',
        ' [\n\n"cat",\n" dog "]\n',
        '{"0": "cat", "1": "dog"}',
        '{"1": "dog", "0": "cat"}',
        '{"1": "cat", "2": "dog"}',
        '{"dog": 1, "cat": 0}',
        '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"]}',
        '[["n02123045", "cat"], "dog"]',
        '{"tfjsVersion": "1.3.1", "userMetadata": {}, "labels": ["cat", "dog"], "imageSize": 224}',
        '{"classes": ["cat", "dog"]}',
        '{"classes": 2, "class_names": ["cat", "dog"]}',
        '{"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0, "dog": 1}}',
        '{"labels": {"cat": 0, "dog": 1}, "classes": ["cat", "dog"]}',
        '\ufeff{"0": "cat", "1": "dog"}',
        "['cat', 'dog']",
        "{0: 'cat',\n 1: 'dog'}\n",
        "{0: \"cat\", 1: u'dog',}",
        "{'cat': 0, 'dog': 1}",
        "{'0': ('n02123045', 'cat'), '1': ('n02084071', 'dog')}",
    ],
)
def test_json_and_python_literals_of_every_shape_give_the_labels(text: str) -> None:
    assert parse_label_file(text.encode(), "x") == CAT_DOG


def test_names_in_literals_keep_quotes_backslashes_and_digits() -> None:
    assert parse_label_file(b"""{0: "potter's wheel", 1: 'a "b"', 2: 'c\\'d', 3: 'e\\d'}""", "x") == (
        "potter's wheel", 'a "b"', "c'd", "e\\d",
    )  # fmt: skip
    assert parse_label_file(b'{"0": 1, "1": 0}', "x") == ("1", "0")  # Keras' class_indices of folders 0 and 1
    assert parse_label_file(b'{"labels": 1, "classes": 0}', "x") == ("classes", "labels")  # classes of these names
    assert parse_label_file('["gr\\u00fcn", "猫"]'.encode(), "x") == ("grün", "猫")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("id,name\n0,cat\n1,dog\n", CAT_DOG),
        ("Class ID,Label\r\n1,dog\r\n0,cat\r\n", CAT_DOG),
        ("ClassId,Name\n0,cat\n1,dog\n", CAT_DOG),
        ("class_id,class_name\n1,cat\n2,dog\n", CAT_DOG),
        (",label\n0,cat\n1,dog\n", CAT_DOG),  # pandas
        ("index;name\n0;cat\n1;dog\n", CAT_DOG),
        ("index\tname\n0\tcat\n1\tdog\n", CAT_DOG),
        ("class,label\n0,cat\n1,dog\n", CAT_DOG),
        ("label,class\n0,cat\n1,dog\n", CAT_DOG),
        ("label,class\ncat,0\ndog,1\n", CAT_DOG),
        ("name,color,id\ndog,red,1\ncat,blue,0\n", CAT_DOG),
        ("index,mid,display_name\n0,/m/01,cat\n1,/m/02,dog\n", CAT_DOG),
        ('id, name\n0, "tench, Tinca tinca"\n1, goldfish\n', TENCH),
        ('"id","name"\n"0","say ""hi"""\n', ('say "hi"',)),
    ],
)
def test_csv_with_a_header_gives_the_column_of_labels_by_id(text: str, labels: tuple[str, ...]) -> None:
    assert parse_label_file(text.encode(), "x") == labels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "my.labels: found no label, expected one a line."),
        ("cat\n\ndog\n", "my.labels line 2: empty label"),
        ("0: cat\n1: dog\n3: bird", "no label for id 2. Name every class"),
        ("0,cat\n1,dog\n9,bird", "no label for id 2, 3, 4, .... Name every class"),
        ("0: cat\n1: dog\n1: bird", "id 1 stands twice, for 'dog' and 'bird'. Every class needs one of its own."),
        ("5: cat\n6: dog", "the ids begin with 5, expected 0 or 1"),
        ("0,cat\n1,", "class 1, '': a label is empty"),
        ("0,cat\n1,\n2,\n3,", "class 1, '': a label is empty"),
        ("[]", "found no label"),
        ("{}", "found no label"),
        ('{"labels": []}', "my.labels: labels: found no label"),
        ('["cat", 1]', "item 1: found 1, expected a label in quotes"),
        ('["cat", null]', "item 1: found None, expected a label"),
        ('["cat", []]', "item 1: found [], expected a label"),
        ('["cat", ["n01", 1]]', "item 1: found ['n01', 1], expected a label"),
        ('["cat", " "]', "class 1, '': a label is empty"),
        ('["cat", "a\\nb"]', "class 1, 'a\\nb': a label is empty, has a line break"),
        ('["\\ud800"]', "class 0, '\\ud800': 'utf-8' codec can't encode"),
        ('{"0": "cat", "2": "dog"}', "no label for id 1"),
        ('{"0": "cat", "0": "dog"}', "key '0' stands twice"),
        ('{"0": "cat", " 0": "dog"}', "id 0 stands twice, for 'cat' and 'dog'"),
        ("{0: 'cat', 0: 'dog'}", "key 0 stands twice"),
        ('{"cat": 0, "dog": 0}', "id 0 stands twice, for 'cat' and 'dog'"),
        ('{"cat": 0, "dog": 2}', "no label for id 1"),
        ('{"cat": -1}', "the ids begin with -1, expected 0 or 1"),
        (f'{{"cat": 0, "dog": {10**30}}}', "no label for id 1, 2, 3, ..."),
        ('{"cat": true}', "key 'cat' is no class id, expected a number from 0"),
        ('{"cat": 0.5}', "key 'cat' is no class id"),
        ('{"0": {"name": "cat"}}', "'0': found {'name': 'cat'}, expected a label"),
        ("{0: 1}", "found 0, expected a label in quotes"),
        ("{'cat', 'dog'}", "expected a list of labels"),
        ('{"labels": ["cat"], "classes": ["dog"]}', "labels and classes hold different labels"),
        ('{"labels": {"labels": ["cat"]}}', "my.labels: labels: key 'labels' is no class id"),
        ('{"0": "cat", "1": ', "neither JSON (Expecting value: line 1 column 18 (char 17)) nor a Python dict"),
        ("{0: 'cat', 1: name}", "neither JSON"),
        ("{0: 'cat'} + {1: 'dog'}", "neither JSON"),
        ("id,name\nx,cat\n", "my.labels line 2: id 'x' is no class id"),
        ("id,name\n0,tench, Tinca tinca\n", "my.labels line 2: 3 fields, the header has 2. Quote names with commas."),
        ("id,name\n0,cat\n2,dog\n", "no label for id 1"),
        ("id,name\n0,cat\n0,dog\n", "id 0 stands twice"),
        ("id,name\n0,cat\n1,\n", "class 1, '': a label is empty"),
        ("id,name\n", "found no label"),
        ('id,name\n0,"cat\n', "damaged CSV (unexpected end of data)"),
        ('id,name\n0,"cat\ndog"\n1,x\n', "a name in quotes goes over several lines"),
        ("id,name\n²,cat\n", "id '²' is no class id"),
    ],
)
def test_files_that_contradict_themselves_are_refused_with_the_place(text: str, words: str) -> None:
    assert refusal(text.encode()).startswith("my.labels")
    assert words in refusal(text.encode())


@pytest.mark.parametrize("data", [b"caf\xe9", b'["caf\xe9"]', '["cat"]'.encode("utf-16")])
def test_other_encodings_are_refused(data: bytes) -> None:
    assert "is not UTF-8 text" in refusal(data)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{0:" * 100_000,
        '{"a":' * 100_000,
        '["a"' + "," + "-" * 100_000 + "1]",
        '["a",' + "1+" * 100_000 + "1]",
        "['" + "a" * 2**21 + "']",
        '{"a": ' + "9" * 100_000 + "}",
    ],
    ids=["lists", "dicts", "objects", "signs", "sums", "long", "number"],
)
def test_what_would_exhaust_a_parser_is_one_short_error(text: str) -> None:
    assert len(refusal(text.encode())) < 500


@pytest.mark.parametrize(
    "text",
    [
        "['a', 1" + "+1" * 1000 + "]",
        "['a', " + "-" * 1000 + "1]",
        "['a', 1" + "()" * 1000 + "]",
        "['a', 1" + " [0]" * 1000 + "]",
        "['a']" + "\n[0]" * 1000,
        "['a'" + "[0]" * 1000 + "]",
        "['a', 1" + ".x" * 1000 + "]",
        "['a', f'" + "{1}" * 1000 + "']",
        "['''\"'\"''', f'" + "{1}" * 1000 + "', \"]",  # hidden behind quotes that only Python pairs in this way
        "['\\\n', f'" + "{1}" * 1000 + "']",
        "['a'] # '\n+ f'" + "{1}" * 1000 + "'",
        "[" * 5 + "'a'" + "]" * 5,
        "['a', b'c']",
    ],
)
def test_pythons_parser_sees_plain_literals_only(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def refuse(source: str, **_: str) -> None:
        seen.append(source)
        raise SyntaxError

    with monkeypatch.context() as patch:  # pytest itself parses, to show where a test fails
        patch.setattr("ast.parse", refuse)
        message = refusal(text.encode())
    assert seen == []
    assert "neither JSON" in message


def test_a_long_row_of_open_quotes_is_refused_at_once() -> None:
    assert "neither JSON" in refusal(("['a', '" + "\\'" * 500_000).encode())


def test_a_file_is_read_to_a_limit_only(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelFileError, match=r"large\.txt: more than 16777216 bytes"):
        read_label_file(path)


def test_errors_of_a_file_name_it_and_missing_files_stay_missing(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text('{"dog": 1, "cat": 0}')
    assert read_label_file(path) == read_label_file(str(path)) == CAT_DOG
    path.write_text("{}")
    with pytest.raises(ModelFileError) as caught:
        read_label_file(path)
    assert str(caught.value).startswith(f"{path}: found no label")
    with pytest.raises(FileNotFoundError):
        read_label_file(tmp_path / "none.txt")


LABEL = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(LABEL, min_size=1, max_size=6))
@example(["tench, Tinca tinca", "goldfish"])
@example(["0", "1"])
@example(["id", "name"])
def test_plain_labels_that_do_not_look_numbered_come_back(labels: list[str]) -> None:
    try:
        data = format_labels(labels)
    except ValueError:
        return
    looks_otherwise = all(label[0] in "0123456789" and len(label) > 1 for label in labels) or labels[0][0] in "[{"
    if not looks_otherwise:
        assert parse_label_file(data, "x") == tuple(labels)


NAMES = st.lists(
    st.text("abc ,;:'\"\\0123äß猫{}[]", min_size=1, max_size=8).map(str.strip).filter(bool), min_size=1, max_size=6
)


@given(NAMES, st.randoms(use_true_random=False), st.sampled_from([0, 1]))
def test_ids_decide_whatever_the_form_and_the_order(names: list[str], chance: random.Random, first: int) -> None:
    pairs = [(i, f"n{name}") for i, name in enumerate(names, start=first)]
    expected = tuple(name for _, name in pairs)
    chance.shuffle(pairs)
    ids_as_text = {str(i): name for i, name in pairs}
    forms = [json.dumps(ids_as_text), repr(dict(pairs)), json.dumps({"labels": ids_as_text})]
    forms += ["\n".join(f"{i}: {name}" for i, name in pairs)]
    rows = io.StringIO()
    csv.writer(rows).writerows([("class_id", "label"), *pairs])
    forms.append(rows.getvalue())
    if len(set(expected)) == len(expected):
        forms += [json.dumps({name: i for i, name in pairs}), "\n".join(f"{i} {name}" for i, name in pairs)]
    for form in forms:
        assert parse_label_file(form.encode(), "x") == expected, form


@given(
    st.one_of(
        st.binary(max_size=60),
        st.text("[]{}(),:;'\"\\ \n\t0123abu-+.#", max_size=40).map(str.encode),
        st.text("[]{}(),:;'\"\\ \n\t0123abu", max_size=30).map(lambda text: f"id,name\n{text}".encode()),
    )
)
def test_random_bytes_are_labels_or_a_model_file_error_in_one_line(data: bytes) -> None:
    labels: tuple[str, ...] = ("none",)
    error = ""
    try:
        labels = parse_label_file(data, "x")
    except ModelFileError as refused:
        error = str(refused)
    assert len(error.splitlines()) <= 1
    assert labels
    assert all(label and label == label.strip() and len(label.splitlines()) == 1 for label in labels)


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("tflite/labels/coral_imagenet_labels.txt", 1001, {0: "background", 1: "tench, Tinca tinca"}),
        ("tflite/labels/coral_inat_bird_labels.txt", 965, {0: "Haemorhous cassinii (Cassin's Finch)"}),
        ("tflite/labels/tflitesupport_labels.txt", 1001, {1: "tench"}),
        ("keras/imagenet1000_labels.txt", 1000, {0: "tench, Tinca tinca", 999: "toilet tissue, toilet paper"}),
        ("keras/teachable-machine-waste/labels.txt", 4, {0: "cardboard", 3: "metal"}),
        ("keras/resnet8-cifar10/labels.txt", 10, {9: "truck"}),
        ("keras/vww96/labels.txt", 2, {1: "person"}),
    ],
)
def test_other_peoples_label_files_are_read(name: str, count: int, some: dict[int, str], shared_data: Path) -> None:
    path = shared_data / "models" / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    labels = read_label_file(path)
    assert len(labels) == count
    for class_id, label in some.items():
        assert labels[class_id].startswith(label)
