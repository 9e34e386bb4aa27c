"""Sentences with a tag for each word: the files, the tokens, the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lamina.data.named import load
from lamina.data.text.load import Cut
from lamina.data.text.load_tagged import load_tagged
from lamina.data.text.pieces import Normal, Pieces
from lamina.data.text.reading import TextOrigin, TextReading
from lamina.data.text.tagged import classes_of, read_tagged, roles_of, sentences_in
from lamina.data.text.tokenizer import Tokenizer
from lamina.data.text.words import worded
from lamina.errors import DataError
from lamina.kinds import Tags

NAMES = ("[UNK]", "[CLS]", "[SEP]")
PIECES = Tokenizer("bert", Pieces.of([*NAMES, "ada", "love", "##lace", "saw", "."], NAMES, Normal()))


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    path = tmp_path / "ada.conll"
    path.write_text(
        "-DOCSTART- -X- O\n\nAda NNP B-PER\nLovelace NNP I-PER\nsaw VBD O\n\n\nParis\tin May\tB-LOC\n. . O\n"
    )
    return path


def test_the_first_column_is_the_word_and_the_last_its_tag(ada: Path) -> None:
    assert read_tagged(ada) == (
        [["Ada", "Lovelace", "saw"], ["Paris", "."]],
        [["B-PER", "I-PER", "O"], ["B-LOC", "O"]],
    )
    assert read_tagged(ada, tagged=False).words == [["Ada", "Lovelace", "saw"], ["Paris", "."]]


def test_lines_without_a_tag_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.conll"
    path.write_bytes(b"Ada O\nsaw\n\xff O\n")
    with pytest.raises(DataError) as error:
        read_tagged(path)
    assert str(error.value) == (
        f"{path}: not every line has a word and its tag:\n"
        f"  - {path}:2: expected '<word> <tag>' in UTF-8, got 'saw'\n"
        f"  - {path}:3: expected '<word> <tag>' in UTF-8, got '\ufffd O'"
    )
    path.write_text("\n\n")
    with pytest.raises(DataError) as error:
        read_tagged(path)
    assert str(error.value) == (
        f"{path}: expected sentences, a word and its tag in each line, got none; check the path"
    )


def test_the_outside_is_the_first_class_and_the_others_are_in_order() -> None:
    assert classes_of([["I-B", "B-A"], ["O", "B-A"]]) == ("O", "B-A", "I-B")


def test_tags_of_which_one_marks_no_span_mark_none() -> None:
    assert roles_of(("O", "B-A", "NN")) == roles_of(("O",)) == roles_of(("B-", "O")) == ()
    assert roles_of(("B-A", "I-A", "E-A", "S-B")) == (1, 2, 3, 8)


def test_the_first_part_of_a_word_carries_its_tag_and_a_word_of_no_part_is_unknown() -> None:
    rows = worded([["Ada", "Lovelace", "\u200b", "saw"], ["."]], PIECES, 99)
    assert [rows.tokens.values[a:b].tolist() for a, b in ((0, 7), (7, 10))] == [[1, 3, 4, 5, 0, 6, 2], [1, 7, 2]]
    assert rows.word.tolist() == [-1, 0, 1, -1, 2, 3, -1, -1, 4, -1]
    assert rows.sentence.tolist() == [0, 1]


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    rows = worded([["Ada", "Lovelace", "saw"], ["Lovelace"]], PIECES, 4)
    assert rows.tokens.lengths.tolist() == [3, 4, 3, 4]
    assert rows.tokens.values.tolist() == [1, 3, 2, 1, 4, 5, 2, 1, 6, 2, 1, 4, 5, 2]
    assert rows.word.tolist() == [-1, 0, -1, -1, 1, -1, -1, -1, 2, -1, -1, 3, -1, -1]
    assert rows.sentence.tolist() == [0, 0, 0, 1]


def test_a_word_that_is_longer_than_a_row_loses_its_end() -> None:
    rows = worded([["Lovelace", "saw"]], PIECES, 3)
    assert rows.tokens.values.tolist() == [1, 4, 2, 1, 6, 2]
    assert rows.word.tolist() == [-1, 0, -1, -1, 1, -1]


@pytest.mark.parametrize("how", ["bpe", "unigram"])
def test_within_a_text_a_word_begins_with_its_blank(how: str) -> None:
    tokenizer = Tokenizer.train(["ada saw ada saw"], how, 300 if how == "bpe" else 12)  # type: ignore[arg-type]
    rows = worded([["ada", "saw", "saw"]], tokenizer, 99)
    assert rows.tokens.values[:-1].tolist() == tokenizer.encode("ada saw saw")


def test_a_dataset_shows_tags_where_words_begin(ada: Path) -> None:
    dataset = load_tagged(ada, {}, Cut(0.0, 0.0), TextOrigin(TextReading(context=9), PIECES))
    assert dataset.classes == ("O", "B-LOC", "B-PER", "I-PER")
    assert dataset.target.kind == Tags(4, (0, 1, 5, 6))
    target = dataset.target.gather(torch.arange(2))
    assert target.values.tolist() == [[0, 2, 3, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    assert target.visible.long().tolist() == [[0, 1, 1, 0, 1, 0], [0, 1, 1, 0, 0, 0]]
    assert dataset.about == "2 sentences of 5 words, with 4 tags."
    assert dataset.text is not None
    assert dataset.text.notes == (
        "2 sentences of 5 words; tags: 'O, B-LOC, B-PER, I-PER'",
        "tokens are parts of words (wordpiece, as BERT has them): a vocabulary of 8, as the model has them; 10.00% of"
        " them are unknown",
    )


def test_a_tag_that_the_model_does_not_know_is_named(ada: Path) -> None:
    with pytest.raises(DataError) as error:
        load_tagged(ada, {}, Cut(0.0, 0.0), TextOrigin(TextReading(), PIECES), ("O", "B-PER", "I-PER"))
    assert str(error.value) == f"{ada}: the model knows the tags ('O', 'B-PER', 'I-PER'), got ('B-LOC',)"


def test_files_that_validate_and_test_stand_behind_what_trains(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.conll" for name in ("train", "valid", "test")]
    for path, words in zip(paths, ("abc", "de", "fa"), strict=True):
        path.write_text("".join(f"{word} O\n\n" for word in words))
    dataset = load(str(paths[0]), valid=str(paths[1]), test=str(paths[2]), least=1)
    assert dataset.time is not None
    assert dataset.time.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert dataset.text is not None
    assert dataset.text.notes[-1] == "1 sentences of the test file also train"
    # Only what trains has taught the tokens: d, e and f are unknown.
    assert dataset.text.input.tokens()[3:] == ["a", "b", "c"]


def test_equal_sentences_have_one_hash_and_parts_of_one_sentence_too(ada: Path) -> None:
    dataset = load_tagged(ada, {"context": 4}, Cut(0.0, 0.0), TextOrigin(TextReading(), PIECES))
    assert len(dataset.inputs.hashes.unique()) == 2
    assert len(dataset) == 4


def test_sentences_come_as_texts_or_as_words() -> None:
    assert list(sentences_in(["Ada  saw", ["New York", "."]])) == [["Ada", "saw"], ["New York", "."]]
    with pytest.raises(DataError) as error:
        list(sentences_in([["Ada", ""]]))
    assert str(error.value) == "expected sentences as texts or as lists of words, got ['Ada', '']"
