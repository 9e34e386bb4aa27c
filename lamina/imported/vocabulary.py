"""The tokens of a BERT's folder, from tokenizer.json or vocab.txt."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from lamina.data.text.pieces import Normal, Pieces
from lamina.data.text.subwords import GOES_ON, LONGEST_WORD
from lamina.errors import RunError, shown
from lamina.training import files

LARGEST_BYTES = 2**26
TOKENIZER, VOCABULARY, SETTINGS = "tokenizer.json", "vocab.txt", "tokenizer_config.json"
NAMES = ("[UNK]", "[CLS]", "[SEP]")


def read_pieces(folder: Path) -> Pieces:
    """How a net's folder turns texts into tokens: as tokenizer.json says, else by vocab.txt and tokenizer_config.json.

    Raises:
        RunError: if neither is there; if it is damaged; if texts are cut otherwise than a BERT cuts them.
    """
    if (folder / TOKENIZER).is_file():
        return _of_tokenizer(files.read_json(folder / TOKENIZER, LARGEST_BYTES), folder / TOKENIZER)
    if (folder / VOCABULARY).is_file():
        said = files.read_json(folder / SETTINGS, LARGEST_BYTES) if (folder / SETTINGS).is_file() else {}
        return _of_list(folder / VOCABULARY, said)
    raise RunError(f"{folder}: expected {TOKENIZER} or {VOCABULARY} with the tokens of the net, got neither")


def _of_list(path: Path, said: dict[str, Any]) -> Pieces:
    try:
        text = files.read(path, LARGEST_BYTES).decode()
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: expected tokens in UTF-8, one a line: {error.reason}") from error
    vocabulary = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    roles = ("unk_token", "cls_token", "sep_token")
    names = tuple(_content(said.get(role, usual)) for role, usual in zip(roles, NAMES, strict=True))
    lower, chinese = said.get("do_lower_case", True) is True, said.get("tokenize_chinese_chars", True) is True
    accents = said.get("strip_accents")
    return _pieces(vocabulary, names, Normal(True, chinese, lower if accents is None else accents is True, lower), path)


def _of_tokenizer(said: dict[str, Any], path: Path) -> Pieces:
    model, normal, cutter = (_object(said.get(name)) for name in ("model", "normalizer", "pre_tokenizer"))
    _expect(path, "model", model.get("type"), "WordPiece")
    _expect(path, "normalizer", normal.get("type"), "BertNormalizer")
    _expect(path, "pre_tokenizer", cutter.get("type"), "BertPreTokenizer")
    _expect(path, "continuing_subword_prefix", model.get("continuing_subword_prefix", GOES_ON), GOES_ON)
    _expect(path, "max_input_chars_per_word", model.get("max_input_chars_per_word", LONGEST_WORD), LONGEST_WORD)
    numbers = _object(model.get("vocab"))
    places = {number: part for part, number in numbers.items() if type(number) is int}
    if len(places) != len(numbers) or set(places) != set(range(len(numbers))):
        raise RunError(f"{path}: expected tokens with the numbers 0, 1, ..., each once")
    added = said.get("added_tokens")
    beyond = [_object(token).get("content") for token in added] if isinstance(added, list) else []
    if strange := [token for token in beyond if token not in numbers]:
        raise RunError(f"{path}: expected added tokens that are in the vocabulary, got {shown(strange[0])}")
    lower, accents = normal.get("lowercase", True) is True, normal.get("strip_accents")
    how = Normal(
        normal.get("clean_text", True) is True,
        normal.get("handle_chinese_chars", True) is True,
        lower if accents is None else accents is True,
        lower,
    )
    first, last = _ends(_object(said.get("post_processor")))
    names = (str(model.get("unk_token", NAMES[0])), first, last)
    return _pieces([places[number] for number in range(len(places))], names, how, path)


def _ends(processor: dict[str, Any]) -> tuple[str, str]:
    """What stands before a text and behind it."""
    if processor.get("type") == "BertProcessing":
        pairs = [processor.get("cls"), processor.get("sep")]
        found = [pair[0] for pair in pairs if isinstance(pair, list) and pair and isinstance(pair[0], str)]
    else:
        single = processor.get("single")
        steps = [_object(_object(step).get("SpecialToken")) for step in single] if isinstance(single, list) else []
        found = [str(step["id"]) for step in steps if "id" in step]
    return (found[0], found[1]) if len(found) == 2 else (NAMES[1], NAMES[2])


def _pieces(vocabulary: list[str], names: tuple[str, ...], normal: Normal, path: Path) -> Pieces:
    counts = Counter(vocabulary)
    wrong = [part for part, count in counts.items() if count > 1 or not part]
    if wrong:
        raise RunError(f"{path}: expected tokens that differ, and none that is empty, got {shown(wrong[0])}")
    if len(set(names)) != len(names):
        raise RunError(f"{path}: expected three special tokens that differ, got {', '.join(map(repr, names))}")
    missing = [name for name in names if name not in counts]
    if missing:
        raise RunError(
            f"{path}: expected {', '.join(names)} among its {len(counts):,} tokens; {missing[0]} is not there"
        )
    return Pieces.of(vocabulary, names, normal)


def _content(said: Any) -> str:
    """A special token, which may be said with how it is looked for."""
    return str(_object(said).get("content", said) if isinstance(said, dict) else said)


def _object(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _expect(path: Path, name: str, came: Any, expected: Any) -> None:
    if came != expected:
        raise RunError(f"{path}: expected {name}={expected!r}, as BERT and its kin have it, got {shown(came)}")
