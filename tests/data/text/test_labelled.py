"""Texts of a table with what is to be predicted of them."""

from __future__ import annotations

import random

import pytest
import torch

from lamina.data.named import load
from lamina.data.split import fingerprint, split
from lamina.data.tables.fields import Text
from lamina.data.tables.reading import as_reading
from lamina.data.text.labelled import (
    Taught,
    as_labelled_reading,
    load_labelled,
    table_or_texts,
)
from lamina.data.text.load import Cut
from lamina.data.text.reading import TextReading
from lamina.errors import DataError
from lamina.kinds import END_TOKEN, Label, Targets, Tokens, Value
from lamina.training.data import load_data
from lamina.training.kept_reading import reading_note

GOOD, BAD = ("fine", "lovely", "bright"), ("dull", "sour", "grim")
PLAIN = ("it", "is", "a", "play", "of", "some", "length", "and", "so", "on")


def reviews(count: int = 120, seed: int = 0) -> list[tuple[str, str]]:
    """Texts with one word that tells whether they are good or bad."""
    draw = random.Random(seed)
    told = []
    for _ in range(count):
        mood = draw.choice(("good", "bad"))
        words = draw.choices(PLAIN, k=draw.randint(4, 17))
        words.insert(draw.randrange(len(words)), draw.choice(GOOD if mood == "good" else BAD))
        told.append((" ".join(words), mood))
    return told


def csv_of(rows: list[tuple[str, ...]], head: str = "review,mood") -> str:
    return "\n".join([head, *(",".join(row) for row in rows)]) + "\n"


def test_a_table_of_nothing_but_texts_is_read_as_such(write):
    rows = reviews()
    dataset = load(write(csv_of(rows)), target="mood")
    assert (dataset.inputs.kind, dataset.target.kind) == (Tokens(len(dataset.text.input)), Label(2))
    assert dataset.classes == ("bad", "good")
    assert dataset.origin.fields == (Text("review"),)
    values, visible = dataset.inputs.gather(torch.arange(3))
    decode = dataset.text.input.decode
    assert [decode(row[seen].tolist()) for row, seen in zip(values, visible, strict=True)] == [t for t, _ in rows[:3]]
    ends = dataset.inputs.offsets[1:] - 1
    assert (dataset.inputs.values[ends] == END_TOKEN).all()
    assert [dataset.classes[number] for number in dataset.target.values.tolist()] == [mood for _, mood in rows]


def test_what_is_said_of_texts_is_in_the_notes(write):
    rows = [("a b", "x"), ("a c", "x"), ("d a", "x"), ("", "y"), ("c d e f g", "y"), ("e f g h i", "y")] * 4
    asked = {"target": "mood", "kinds": {"review": "text"}, "least": 1, "context": 4, "cut": (0.0, 0.0, 0)}
    dataset = load(write(csv_of([(*row, "7") for row in rows], "review,mood,price")), **asked)
    assert dataset.origin.notes == (
        "target mood: 2 classes, since it holds texts",
        "classes: x 50.0%, y 50.0%",
        "price: left out, since review is read as text, and it alone",
        "24 texts of 3.0 tokens on average, the end counted",
        "4 of the texts are empty",
        "8 of the texts are longer than 4 tokens and cut there; --context N to read more of them",
        "tokens are words and marks: a vocabulary of 12, learned from the part that trains",
        "18 of 24 rows repeat the inputs of an earlier one; a split keeps them on one side",
    )
    assert dataset.inputs.lengths[:4].tolist() == [3, 3, 3, 1]
    assert dataset.about == "24 texts."


def test_the_tokenizer_learns_from_what_trains_alone(write):
    rows = [(f"same words here w{place}", "xy"[place % 2]) for place in range(60)]
    name = write(csv_of(rows))
    dataset = load(name, target="mood", least=1, cut=(0.2, 0.3, 5))
    train = split(dataset, 0.2, 0.3, 5).train.tolist()
    assert set(dataset.text.input.tokens()[3:]) == {"same", "words", "here", *(f"w{row}" for row in train)}
    assert dataset.text.cut == (0.2, 0.3, 5)
    assert reading_note(dataset) == {
        "table": {"target": ["mood"], "kinds": ["review=text"]},
        "text": {
            "tokens": "words",
            "vocabulary": 20000,
            "least": 1,
            "lower": False,
            "context": 1024,
            "cut": [0.2, 0.3, 5],
        },
    }


def test_equal_texts_fall_on_one_side_though_their_tokens_are_unknown(write):
    rows = reviews()
    dataset = load(write(csv_of([*rows, *rows[:50]])), target="mood")
    sides = torch.zeros(len(dataset))
    for number, part in enumerate(split(dataset)):
        sides[part] = number
    assert torch.equal(sides[:50], sides[120:])


def test_a_model_s_tokens_and_classes_are_taken_for_other_texts(write):
    first = load(write(csv_of(reviews())), target="mood")
    known = Taught(first.text, first.classes)
    reading = as_reading({"target": "mood", "kinds": {"review": "text"}})
    write(csv_of([("it is zebra", "good")]), "b.csv")
    other = load_labelled("b.csv", reading, first.text.reading, known=known)
    assert other.inputs.kind == first.inputs.kind
    assert other.target.values.tolist() == [1]
    assert first.text.input.decode(other.inputs.values.tolist()) == "it is \N{REPLACEMENT CHARACTER}"
    assert other.text.cut is None
    again = load_labelled("a.csv", reading, first.text.reading, known=known)
    assert fingerprint(again) == fingerprint(first)


def test_values_several_targets_groups_times_and_a_test_file(write):
    draw = random.Random(1)
    rows = [
        (text, mood, f"{draw.random():.3f}", f"p{place % 9}", str(place))
        for place, (text, mood) in enumerate(reviews())
    ]
    head, kinds = "review,mood,price,person,day", {"review": "text"}
    name = write(csv_of(rows, head))
    write(csv_of(rows[:7], head), "late.csv")
    assert load(name, target="price", kinds=kinds).target.kind == Value(1)
    both = load(name, target=("mood", "price"), kinds=kinds)
    assert both.target.kind == Targets((Label(2), Value(1)), ("mood", "price"))
    assert [part.name for part in both.parts] == ["mood", "price"]
    assert len(load(name, target="mood", kinds=kinds, group="person").group.unique()) == 9
    assert load(name, target="mood", kinds=kinds, time="day").time.tolist() == list(range(120))
    tested = load(name, target="mood", kinds=kinds, test="late.csv")
    assert tested.test.tolist() == list(range(120, 127))
    assert torch.equal(tested.inputs.hashes[120:], tested.inputs.hashes[:7])
    assert torch.equal(tested.target.values[120:], tested.target.values[:7])


def test_rows_without_a_target_are_left_out_with_their_texts(write):
    rows = [*reviews(30), ("never read at all", ""), ("it is the last", "good")]
    dataset = load(write(csv_of(rows)), target="mood")
    assert len(dataset) == 31
    assert int(dataset.inputs.lengths[30]) == 5


def test_other_columns_go_before_texts_which_are_said_to_be_there(write):
    rows = [(text, mood, str(len(text))) for text, mood in reviews()]
    dataset = load(write(csv_of(rows, "review,mood,length")), target="mood")
    assert dataset.text is None
    assert any(
        note.endswith("distinct texts: left out; --kind 'review=text' reads it, and it alone")
        for note in dataset.origin.notes
    )


def test_frames_and_lines_of_json_are_read_alike(write):
    rows = reviews(40)
    frame = {"review": [text for text, _ in rows], "mood": [mood for _, mood in rows]}
    lines = "".join(f'{{"review": "{text}", "mood": "{mood}"}}\n' for text, mood in rows)
    of_frame = load_data(frame, target="mood")
    of_lines = load(write(lines, "a.jsonl"), target="mood")
    assert fingerprint(of_frame) == fingerprint(of_lines) == fingerprint(load(write(csv_of(rows)), target="mood"))


def test_texts_that_are_no_words_are_read_by_the_character():
    assert as_labelled_reading({"tokens": "bytes"}) == TextReading("bytes", context=1024)
    assert as_labelled_reading({"least": 3}) == TextReading("words", 20_000, 3, context=1024)
    assert Cut() == (0.1, 0.2, 0)


THREE = [
    (f"{text} {place}", f"or {text} {place}", f"also {text} {place}", mood)
    for place, (text, mood) in enumerate(reviews(40))
]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"target": "mood"},
            "a.csv: no column is left to predict mood from but the texts title, short, review; name the one to read, as"
            " with --kind 'review=text', or two that are pairs",
        ),
        (
            {"target": "mood", "kinds": {"title": "text", "short": "text", "review": "text"}},
            "a.csv: expected a column of texts, or two for pairs, got title, short, review; say --kind COLUMN=text once"
            " or twice",
        ),
        (
            {"target": "mood", "kinds": {"revue": "text"}},
            "a.csv: --kind 'revue=text': there is no column 'revue'; did you mean 'review'?",
        ),
        ({"target": "mod", "kinds": {"review": "text"}}, "a.csv: there is no column 'mod'; did you mean 'mood'?"),
        (
            {"kinds": {"review": "text"}},
            "a.csv: expected the name of the column to predict; say --target COLUMN, one of: title, short, review, mood;"
            " --target mood if that is it",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(write, asked, message):
    name = write(csv_of(THREE, "title,short,review,mood"))
    with pytest.raises(DataError) as caught:
        load(name, **asked)
    assert str(caught.value) == message


def test_what_says_how_texts_are_read_is_refused_where_none_are(write):
    rows = [(str(place), "xy"[place % 2]) for place in range(0, 90, 3)]
    name = write(csv_of(rows, "size,mood"))
    with pytest.raises(DataError) as caught:
        load(name, target="mood", tokens="words")
    assert str(caught.value) == (
        "tokens would say how texts are read, but a.csv is read by its other columns; leave it out, or name the column"
        " of texts with --kind COLUMN=text"
    )


def test_a_column_of_lists_is_no_text():
    frame = {"review": [["a", "b"]] * 30, "mood": ["x", "y"] * 15}
    with pytest.raises(DataError) as caught:
        table_or_texts(frame, {"target": "mood", "kinds": {"review": "text"}})
    assert str(caught.value) == "frame: column 'review': expected texts, got list<item: string>; name another column"
