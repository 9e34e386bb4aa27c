"""The tokens of BERT's kin: cut as theirs are, numbered as lamina's are, and kept in a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamina.data.text.load import cut_short, ended
from lamina.data.text.pieces import USUAL, Normal, Pieces
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError, RunError
from lamina.imported.vocabulary import read_pieces

THERE = (
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "run", "##s", "##ning", "cafe", ".", "'", "東", "京",
    "[", "]", "sep", "Cafe", "Café", "привет",
)  # fmt: skip
NAMES = ("[UNK]", "[CLS]", "[SEP]")
UNKNOWN = "\ufffd"


def pieces(normal: Normal = USUAL) -> Pieces:
    return Pieces.of(THERE, NAMES, normal)


def named(found: Pieces, text: str) -> list[str]:
    every = (UNKNOWN, "[CLS]", "[SEP]", *found.parts)
    return [every[number] for number in found.encode_all([text]).flat]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A dog runs.", ["a", "dog", "run", "##s", "."]),
        ("running running's", ["run", "##ning", "run", "##ning", "'", UNKNOWN]),
        ("CAFÉ café cafe\u0301", ["cafe"] * 3),
        ("東京a", ["東", "京", "a"]),
        ("a\x00\u200bdog", [UNKNOWN]),
        ("a\tdog\r\nrun\u3000a", ["a", "dog", "run", "a"]),
        ("[SEP] [MASK]", ["[", "sep", "]", "[", UNKNOWN, "]"]),
        ("ПРИВЕТ 🙂", ["привет", UNKNOWN]),
        ("run" * 34, [UNKNOWN]),
        ("", []),
        (" \t ", []),
    ],
)
def test_a_text_is_cut_as_a_bert_cuts_it(text: str, parts: list[str]) -> None:
    assert named(pieces(), text) == parts


def test_each_thing_that_is_done_to_a_text_can_be_left_out() -> None:
    cased = pieces(Normal(accents=False, lower=False))
    assert named(cased, "Café Cafe DOG") == ["Café", "Cafe", UNKNOWN]
    assert named(pieces(Normal(accents=True, lower=False)), "Café") == ["Cafe"]
    assert named(pieces(Normal(chinese=False)), "東京") == [UNKNOWN]
    assert named(pieces(Normal(clean=False)), "a\x00 dog") == [UNKNOWN, "dog"]


def test_the_special_tokens_stand_first_and_the_others_keep_their_order() -> None:
    found = pieces()
    assert found.order().tolist() == [1, 2, 3, 0, *range(4, len(THERE))]
    assert found.vocabulary() == list(THERE)
    assert [found.number(name) for name in ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "a", "cat")] == [
        0, 1, 2, 3, 4, 5, None,
    ]  # fmt: skip
    assert len(found) == len(THERE)
    assert found.tokens()[:5] == ["<unknown>", "<begin>", "<end>", "[PAD]", "[MASK]"]


def test_each_token_comes_from_characters_of_the_text() -> None:
    text = "  Ａ dog, RUNNING! CAFE\u0301 東京"
    tokens, spans = pieces().spanned(text)
    assert tokens.tolist() == pieces().encode_all([text]).flat.tolist()
    assert [text[first:last] for first, last in spans.tolist()] == [
        "Ａ", "dog", ",", "RUN", "NING", "!", "CAFE", "東", "京",
    ]  # fmt: skip
    assert pieces().spanned("").spans.shape == (0, 2)


def test_a_text_that_is_read_begins_and_ends_and_is_cut_between() -> None:
    tokenizer = Tokenizer("bert", pieces())
    a, dog = tokenizer.encode("a dog")
    rows = ended(["a dog dog", "", "a dog"], tokenizer, longest=4)
    assert [row.tolist() for row in rows.values.split(rows.lengths.tolist())] == [
        [1, a, dog, 2],
        [1, 2],
        [1, a, dog, 2],
    ]
    assert cut_short(["a dog dog", "a dog"], tokenizer, 4) == 1
    assert ended(["a dog"], tokenizer, begins=False).values.tolist() == [a, dog, 2]


def test_what_is_decoded_is_spaced_as_people_would() -> None:
    tokenizer = Tokenizer("bert", pieces())
    assert tokenizer.decode([1, *tokenizer.encode("A dog runs. Zebra"), 2]) == "a dog runs. \ufffd"


def test_a_model_keeps_them() -> None:
    tokenizer = Tokenizer("bert", pieces(Normal(lower=False)))
    again = Tokenizer.from_json(tokenizer.to_json())
    assert again.digest == tokenizer.digest
    assert isinstance(again.coder, Pieces)
    assert (again.coder.places, again.coder.names, again.coder.normal) == ((1, 2, 3), NAMES, Normal(lower=False))
    assert again.encode("a Dog dog") == tokenizer.encode("a Dog dog")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("names", ["[UNK]", "[CLS]"], "3 texts that are no parts"),
        ("names", ["[UNK]", "[CLS]", "dog"], "3 texts that are no parts"),
        ("names", ["[UNK]", "[CLS]", ""], "3 texts that are no parts"),
        ("names", ["[UNK]", "[CLS]", 7], "3 texts that are no parts"),
        ("names", ["[UNK]", "[CLS]", ["a"]], "3 texts that are no parts"),
        ("places", [1, 2], "3 whole numbers"),
        ("places", [1, 2, True], "3 whole numbers"),
        ("places", [1, 2, 2], "3 different numbers of tokens"),
        ("places", [1, 2, len(THERE)], "3 different numbers of tokens"),
        ("normal", {"lower": True}, "True or False for each of clean, chinese, accents, lower"),
        ("normal", {**Normal()._asdict(), "lower": 1}, "True or False for each of clean, chinese, accents, lower"),
        ("parts", ["a", "a"], "distinct parts"),
    ],
)
def test_what_is_damaged_is_refused(name: str, value: Any, expected: str) -> None:
    written = {**Tokenizer("bert", pieces()).described(), name: value}
    with pytest.raises(DataError) as error:
        Tokenizer.of(written, "model.json")
    assert str(error.value) == (
        f"model.json: a tokenizer is not as lamina writes it: {name} should hold {expected}; train the model anew"
    )


def test_they_are_learned_with_the_special_tokens_of_bert_and_parts_last() -> None:
    tokenizer = Tokenizer.train(["unable, undone unable", "A café"], "bert", 40)
    tokens = tokenizer.tokens()
    assert tokens[:5] == ["<unknown>", "<begin>", "<end>", "[PAD]", "[MASK]"]
    goes_on = [token.startswith("##") for token in tokens]
    assert goes_on == sorted(goes_on)
    assert any(goes_on)
    assert tokenizer.begins
    assert tokenizer.decode(tokenizer.encode("undone café, A")) == "undone café, A"
    assert "[MASK]" not in [tokens[number] for number in tokenizer.encode("a [MASK]")]


def test_learned_in_lower_case_they_take_accents_off() -> None:
    tokenizer = Tokenizer.train(["Café CAFE"], "bert", 30, lower=True)
    assert tokenizer.encode("CAFÉ") == tokenizer.encode("cafe")
    assert 0 not in tokenizer.encode("CAFÉ")
    assert Tokenizer.from_json(tokenizer.to_json()).encode("CAFÉ") == tokenizer.encode("cafe")


def test_too_small_a_vocabulary_for_the_characters_is_refused() -> None:
    with pytest.raises(DataError) as error:
        Tokenizer.train(["abcde"], "bert", 7)
    assert str(error.value) == (
        "tokens='bert' cannot be learned: expected a vocabulary that holds every character, got vocabulary=7 (14 needed);"
        " ask for a larger one"
    )


def test_a_list_of_tokens_is_read_with_what_is_said_beside_it(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes("".join(f"{part}\r\n" for part in THERE).encode())
    assert read_pieces(tmp_path).normal == Normal()
    said = {
        "do_lower_case": False,
        "tokenize_chinese_chars": False,
        "cls_token": {"content": "a"},
        "strip_accents": True,
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    found = read_pieces(tmp_path)
    assert found.normal == Normal(chinese=False, lower=False)
    assert (found.names, found.vocabulary()) == (("[UNK]", "a", "[SEP]"), list(THERE))


def library_file(**changed: Any) -> dict[str, Any]:
    model = {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {part: place for place, part in enumerate(THERE)}}
    said: dict[str, Any] = {
        "added_tokens": [{"content": "[PAD]"}],
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
        "model": model,
    }
    return {**said, **changed}


def test_the_librarys_file_comes_before_the_list(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("nonsense")
    (tmp_path / "tokenizer.json").write_text(json.dumps(library_file()))
    assert (read_pieces(tmp_path).vocabulary(), read_pieces(tmp_path).normal) == (list(THERE), Normal())
    template = {"single": [{"SpecialToken": {"id": "a"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "dog"}}]}
    normal = {"type": "BertNormalizer", "lowercase": False, "strip_accents": None, "clean_text": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(library_file(post_processor=template, normalizer=normal)))
    found = read_pieces(tmp_path)
    assert (found.names, found.normal) == (("[UNK]", "a", "dog"), Normal(clean=False, accents=False, lower=False))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": {"type": "BPE"}}, "expected model='WordPiece', as BERT and its kin have it, got 'BPE'"),
        ({"normalizer": None}, "expected normalizer='BertNormalizer', as BERT and its kin have it, got None"),
        (
            {"pre_tokenizer": {"type": "Whitespace"}},
            "expected pre_tokenizer='BertPreTokenizer', as BERT and its kin have it, got 'Whitespace'",
        ),
        (
            {"added_tokens": [{"content": "<new>"}]},
            "expected added tokens that are in the vocabulary, got '<new>'",
        ),
        (
            {"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 2}}},
            "expected tokens with the numbers 0, 1, ..., each once",
        ),
        (
            {"model": {"type": "WordPiece", "vocab": {"a": 0}, "continuing_subword_prefix": "@@"}},
            "expected continuing_subword_prefix='##', as BERT and its kin have it, got '@@'",
        ),
        (
            {"model": {"type": "WordPiece", "vocab": {"a": 0}, "max_input_chars_per_word": 7}},
            "expected max_input_chars_per_word=100, as BERT and its kin have it, got 7",
        ),
        (
            {"added_tokens": None, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1}}},
            "expected [UNK], [CLS], [SEP] among its 2 tokens; [SEP] is not there",
        ),
        (
            {"post_processor": {"type": "BertProcessing", "cls": ["[SEP]", 3], "sep": ["[SEP]", 3]}},
            "expected three special tokens that differ, got '[UNK]', '[SEP]', '[SEP]'",
        ),
    ],
)
def test_tokens_that_are_cut_otherwise_are_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(library_file(**changed)))
    with pytest.raises(RunError) as error:
        read_pieces(tmp_path)
    assert str(error.value) == f"{path}: {message}"


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError) as neither:
        read_pieces(tmp_path)
    assert str(neither.value) == (
        f"{tmp_path}: expected tokenizer.json or vocab.txt with the tokens of the net, got neither"
    )
    path = tmp_path / "vocab.txt"
    for held, message in (
        (b"a\nb\na\n", "expected tokens that differ, and none that is empty, got 'a'"),
        (b"a\n\nb\n", "expected tokens that differ, and none that is empty, got ''"),
        (b"\xff\n", "expected tokens in UTF-8, one a line: invalid start byte"),
    ):
        path.write_bytes(held)
        with pytest.raises(RunError) as error:
            read_pieces(tmp_path)
        assert str(error.value) == f"{path}: {message}"
