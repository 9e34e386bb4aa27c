"""The tokens of a RoBERTa's folder, from tokenizer.json, or vocab.json and merges.txt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.data.text.byte_pieces import BytePieces
from lamina.data.text.subwords import letters_of_bytes
from lamina.errors import RunError, shown
from lamina.imported.vocabulary import LARGEST_BYTES, TOKENIZER
from lamina.training import files

VOCABULARY, MERGES = "vocab.json", "merges.txt"
NAMES = ("<unk>", "<s>", "</s>")

FIXED: dict[str, dict[str, Any]] = {
    "model": {
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "ignore_merges": False,
        "byte_fallback": False,
    },
    "pre_tokenizer": {"add_prefix_space": False, "use_regex": True},
}
"""What cuts texts as RoBERTa does: keys of tokenizer.json with the value that they must have, or be left out."""


def read_byte_pieces(folder: Path) -> BytePieces:
    """How a net's folder turns texts into tokens: as tokenizer.json says, else by vocab.json and merges.txt.

    Raises:
        RunError: if neither is there; if it is damaged; if texts are cut otherwise than a RoBERTa cuts them.
    """
    path = folder / TOKENIZER
    if path.is_file():
        said = files.read_json(path, LARGEST_BYTES)
        model = checked(said, path)
        return pieces_of(model.get("vocab"), model.get("merges"), path)
    path = folder / VOCABULARY
    if path.is_file() and (folder / MERGES).is_file():
        try:
            lines = files.read(folder / MERGES, LARGEST_BYTES).decode().splitlines()
        except UnicodeDecodeError as error:
            raise RunError(f"{folder / MERGES}: expected pairs in UTF-8, one a line: {error.reason}") from error
        return pieces_of(
            files.read_json(path, LARGEST_BYTES),
            [line for line in lines if line and not line.startswith("#version")],
            path,
        )
    raise RunError(
        f"{folder}: expected {TOKENIZER}, or {VOCABULARY} and {MERGES}, with the tokens of the net, got none"
    )


def checked(said: dict[str, Any], path: Path) -> dict[str, Any]:
    """The model of a tokenizer that cuts texts as RoBERTa's does."""
    sorts = {"model": "BPE", "pre_tokenizer": "ByteLevel"}
    if said.get("normalizer") is not None:
        raise RunError(f"{path}: expected no normalizer, as RoBERTa has none, got {shown(said['normalizer'])}")
    for name, sort in sorts.items():
        part = said.get(name)
        part = part if isinstance(part, dict) else {}
        for key, value in {"type": sort, **FIXED[name]}.items():
            came = part.get(key)
            if came != value and (came is not None or key == "type"):
                raise RunError(f"{path}: expected {name} with {key}={value!r}, as RoBERTa has it, got {shown(came)}")
    model: dict[str, Any] = said["model"]
    return model


def pieces_of(numbers: Any, merges: Any, path: Path) -> BytePieces:
    """Tokens by their numbers, and the pairs that are joined; all is checked, for the library ends the process else."""
    numbers = numbers if isinstance(numbers, dict) else {}
    places = {number: part for part, number in numbers.items() if type(number) is int}
    if not numbers or len(places) != len(numbers) or set(places) != set(range(len(numbers))):
        raise RunError(f"{path}: expected tokens with the numbers 0, 1, ..., each once")
    missing = [name for name in (*NAMES, *letters_of_bytes()) if name not in numbers]
    if missing:
        raise RunError(
            f"{path}: expected {', '.join(NAMES)} and every byte among its tokens; {missing[0]} is not there"
        )
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in merges] if isinstance(merges, list) else []
    wrong = [pair for pair in pairs if not is_merge(pair, numbers)]
    if wrong or not isinstance(merges, list):
        raise RunError(f"{path}: expected merges of two tokens that make a third, got {shown((wrong or [merges])[0])}")
    letters = set(letters_of_bytes())
    if strange := [part for part in numbers if not part or not letters.issuperset(part)]:
        raise RunError(f"{path}: expected tokens of bytes, got {shown(strange[0])}")
    vocabulary = [places[number] for number in range(len(places))]
    return BytePieces.joined_by(vocabulary, NAMES, [(one, other) for one, other in pairs])


def is_merge(pair: Any, known: dict[str, int]) -> bool:
    """Whether these are two tokens that make a third."""
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
        return False
    return {*pair, "".join(pair)} <= known.keys() and not {*pair, "".join(pair)} & {*NAMES}
