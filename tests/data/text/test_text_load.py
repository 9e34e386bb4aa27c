import json

import pytest
import torch

from lamina.data.split import fingerprint, split
from lamina.data.text.load import Cut, load_pairs, load_text
from lamina.data.text.ragged import Ragged, Windows
from lamina.data.text.reading import TextReading, as_text_reading, text_origin_in
from lamina.errors import DataError, SentenceError
from lamina.kinds import END_TOKEN, Tokens

VERSES = "".join(f"owl {number} went to sea in a boat of {number % 7} colours\n" for number in range(200))


@pytest.fixture
def verses(write):
    return write(VERSES, "a.txt")


@pytest.mark.parametrize("tokens", ["characters", "words", "bpe"])
@pytest.mark.parametrize("shares", [(0.1, 0.2), (0.0, 0.3), (0.25, 0.0), (0.0, 0.0)])
def test_the_split_is_where_the_tokenizer_s_part_ends(verses, tokens, shares):
    dataset = load_text(verses, TextReading(tokens, vocabulary=290, context=13), Cut(*shares))
    assert isinstance(dataset.inputs, Windows)
    parts = split(dataset, *shares)
    assert torch.cat([parts.train, parts.valid, parts.test]).tolist() == list(range(len(dataset)))
    encode = dataset.text.input.encode
    edges = [round(len(VERSES) * (1 - sum(shares))), round(len(VERSES) * (1 - shares[1]))]
    learned = encode(VERSES[: edges[0]])
    values, visible = dataset.inputs.gather(parts.train)
    assert values[visible].tolist() == learned[:-1]
    values, visible = dataset.target.gather(parts.train)
    assert values[visible].tolist() == learned[1:]
    assert bool(len(parts.valid)) == bool(shares[0])
    assert bool(len(parts.test)) == bool(shares[1])


def test_what_only_the_end_shows_teaches_no_tokenizer(write):
    dataset = load_text(write("ab" * 500 + "c" * 500, "a.txt"), TextReading(context=10))
    assert dataset.text.input.tokens()[3:] == ["a", "b", "c"]
    dataset = load_text(write("ab" * 500 + "c" * 100, "a.txt"), TextReading(context=10))
    assert dataset.text.input.tokens()[3:] == ["a", "b"]
    assert dataset.text.notes == (
        "tokens are characters: a vocabulary of 5, learned from the part that trains",
        "1,100 characters are 1,100 tokens; in validation 0.00% of them are unknown",
    )


def test_a_text_is_its_tokens_and_those_behind_them(verses):
    dataset = load_text(verses, cut=Cut(0.0, 0.0))
    values, visible = dataset.inputs.gather(torch.arange(len(dataset)))
    assert dataset.text.input.decode(values[visible].tolist()) == VERSES[:-1]
    values, visible = dataset.target.gather(torch.arange(len(dataset)))
    assert dataset.text.input.decode(values[visible].tolist()) == VERSES[1:]
    assert dataset.inputs.kind == dataset.target.kind == Tokens(len(dataset.text.input))
    assert dataset.about == f"A text of {len(VERSES):,} characters, which are {len(VERSES):,} tokens."
    assert (dataset.text.reading, dataset.text.context) == (TextReading("characters"), 128)


def test_a_long_text_is_read_by_parts_of_words(verses, monkeypatch):
    monkeypatch.setattr("lamina.data.text.load.SHORT_TEXT", len(VERSES))
    assert load_text(verses, TextReading(vocabulary=300)).text.reading == TextReading("bpe", vocabulary=300)


def test_a_text_too_short_for_its_parts_is_refused(write):
    with pytest.raises(DataError) as raised:
        load_text(write("owl" * 3, "a.txt"))
    assert str(raised.value) == (
        "a.txt: expected at least two tokens in each of train, valid, test, got fewer in valid of 9 in all; "
        "bring a longer text, or ask for other shares"
    )
    with pytest.raises(DataError, match=r"in each of train, got fewer in train of 1 in all"):
        load_text(write("o", "a.txt"), cut=Cut(0.0, 0.0))


def test_a_part_may_be_shorter_than_a_window(write):
    dataset = load_text(write("owl" * 100, "a.txt"))
    assert [len(part) for part in split(dataset)] == [2, 1, 1]


def test_settings_without_effect_are_refused(verses):
    with pytest.raises(DataError) as raised:
        load_text(verses, TextReading(joint=True, skip_bad=3))
    expected = "joint, skip_bad would say how pairs of texts are read, but a.txt is one text; leave it out"
    assert str(raised.value) == expected
    with pytest.raises(DataError) as raised:
        load_pairs("a.tsv", None, TextReading(context=3))
    assert str(raised.value) == "context would say how one long text is read, but a.tsv is pairs of texts; leave it out"


@pytest.fixture
def pairs(write):
    return write("".join(f"{number % 50} Eulen .\t{number % 50} owls fly .\n" for number in range(100)), "a.tsv")


def test_pairs_are_tokens_with_an_end(pairs):
    dataset = load_pairs(pairs, None, TextReading("words"))
    assert isinstance(dataset.inputs, Ragged)
    assert isinstance(dataset.target, Ragged)
    inputs, target = dataset.inputs.gather(torch.tensor([3])), dataset.target.gather(torch.tensor([3]))
    assert inputs.values[0, -1] == target.values[0, -1] == END_TOKEN
    assert inputs.values.shape[1], target.values.shape[1] == (4, 5)
    assert dataset.text.input.decode(inputs.values[0, 1:].tolist()) == "Eulen."
    assert dataset.text.output.decode(target.values[0, 1:].tolist()) == "owls fly."
    assert (dataset.inputs.kind, dataset.target.kind) == (
        Tokens(len(dataset.text.input)),
        Tokens(len(dataset.text.target)),
    )
    assert dataset.about == "100 pairs of texts."


def test_pairs_of_equal_sources_are_on_one_side_and_only_those_that_train_teach(pairs):
    dataset = load_pairs(pairs, None, TextReading("words"), Cut(0.1, 0.2, 7))
    parts = split(dataset, 0.1, 0.2, 7)
    sides = [{int(row) % 50 for row in part} for part in parts]
    assert [len(side) for side in sides] == [35, 5, 10]
    assert {token for token in dataset.text.input.tokens() if token.isdecimal()} == {str(number) for number in sides[0]}
    assert dataset.text.notes == (
        "tokens are words and marks: a vocabulary of 40 and 41, learned from the part that trains",
        "longest: 4 and 5 tokens, the end counted",
        "unknown in validation: 25.00% and 20.00% of the tokens",
    )


def test_both_sides_may_share_a_vocabulary(pairs):
    dataset = load_pairs(pairs, None, TextReading("words", joint=True))
    assert dataset.text.target is None
    assert dataset.text.output is dataset.text.input
    assert {"Eulen", "owls"} <= set(dataset.text.input.tokens())
    assert dataset.inputs.kind == dataset.target.kind


def test_pairs_are_read_by_parts_of_words_where_nothing_is_said(pairs):
    assert load_pairs(pairs, None, TextReading(vocabulary=280)).text.reading == TextReading("bpe", vocabulary=280)


def test_another_text_is_read_as_a_model_reads(verses, pairs, write):
    known = load_text(verses, TextReading("words", context=13)).text
    other = load_text(write("sea owl and boat " * 20, "b.txt"), cut=Cut(0.0, 0.0), known=known)
    assert other.inputs.tokens[:4].tolist() == [*known.input.encode("sea owl"), 0, *known.input.encode("boat")]
    assert other.inputs.length == 13
    known = load_pairs(pairs, None, TextReading("words")).text
    other = load_pairs(write("Eulen .\tfly owls\n", "b.tsv"), known=known)
    assert other.target.values.tolist() == [*known.output.encode("fly owls"), END_TOKEN]
    assert other.text.notes == (
        f"tokens are words and marks: a vocabulary of {len(known.input)} and {len(known.output)}, as the model has them",
        "longest: 3 and 3 tokens, the end counted",
    )


def test_the_fingerprint_follows_from_what_is_read(verses, pairs):
    assert fingerprint(load_text(verses)) == fingerprint(load_text(verses))
    assert fingerprint(load_text(verses)) != fingerprint(load_text(verses, TextReading(context=13)))
    assert fingerprint(load_pairs(pairs)) != fingerprint(load_pairs(pairs, None, TextReading("words")))


@pytest.mark.parametrize("joint", [True, False])
def test_what_a_model_keeps_comes_back_from_json(pairs, joint):
    origin = load_pairs(pairs, None, TextReading("bpe", vocabulary=270, joint=joint)).text
    again = text_origin_in(json.loads(json.dumps(origin.to_json())), "model.json")
    assert again.to_json() == origin.to_json() == text_origin_in(origin.to_json(), "model.json").to_json()
    assert (again.reading, again.notes, again.target is None) == (origin.reading, origin.notes, joint)


def test_a_damaged_origin_is_refused(verses):
    fine = load_text(verses).text.to_json()
    start = "model.json: text is not as lamina writes it: "
    for written, message in (
        (3, start + "expected an object, got 3"),
        ({**fine, "notes": [3]}, start + "reading={'tokens': 'characters'}, notes=[3]; train the model anew"),
        (
            {**fine, "reading": {"context": 0}},
            "model.json: TextReading: context must be a whole number at least 1 and at most 2,147,483,647, got context=0",
        ),
        (
            {**fine, "input": None},
            "model.json: input: a tokenizer is not as lamina writes it: expected an object, got None",
        ),
        (
            {**fine, "target": 3},
            "model.json: target: a tokenizer is not as lamina writes it: expected an object, got 3",
        ),
    ):
        with pytest.raises(DataError) as raised:
            text_origin_in(written, "model.json")
        assert str(raised.value) == message


def test_settings_that_change_nothing_are_mistakes():
    assert as_text_reading({"tokens": "bpe", "lower": True}).to_json() == {"tokens": "bpe", "lower": True}
    for said, name in (
        ({"tokens": "bytes", "vocabulary": 300}, "vocabulary"),
        ({"tokens": "unigram", "least": 2}, "least"),
    ):
        with pytest.raises(SentenceError) as raised:
            as_text_reading(said)
        assert str(raised.value) == f"TextReading: {name} has no effect with tokens={said['tokens']!r}; leave it out"


@pytest.mark.data
def test_shakespeare(data_folder):
    dataset = load_text(data_folder / "text" / "tinyshakespeare.txt", TextReading(context=256), Cut(0.1, 0.0))
    assert len(dataset.text.input) == 68
    assert len(dataset.inputs.tokens) == 1_115_394
    assert [len(part) for part in split(dataset, 0.1, 0.0)] == [3922, 436, 0]
