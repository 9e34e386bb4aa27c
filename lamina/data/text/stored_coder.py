"""Vocabularies read from a file that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

from lamina.data.text.byte_pieces import BytePieces
from lamina.data.text.encoded import OWN, Coder, How
from lamina.data.text.pieces import Normal, Pieces
from lamina.data.text.plain_coders import Bytes, Characters
from lamina.data.text.subwords import RESERVED, Subwords, letters_of_bytes
from lamina.errors import DataError

LOWEST_SCORE = -1e6


def coder_in(how: How, written: dict[str, Any], where: str) -> Coder:
    """The vocabulary that a coder's `to_json` gave.

    All that the library is given has been checked: it ends the process where it meets what it did not expect.

    Raises:
        DataError: if it is damaged.
    """
    if how == "bytes":
        return Bytes()
    if how == "characters":
        alphabet = written.get("alphabet")
        if not isinstance(alphabet, str) or len(set(alphabet)) != len(alphabet) or not _writable(alphabet):
            _refuse(where, "alphabet", "distinct characters")
        return Characters(alphabet)
    parts = written.get("parts")
    if not (isinstance(parts, list) and all(isinstance(part, str) and part and _writable(part) for part in parts)):
        _refuse(where, "parts", "a list of texts")
    known = {*RESERVED, *parts}
    if len(known) != OWN + len(parts):
        _refuse(where, "parts", "distinct parts")
    if how == "bert":
        return _pieces(parts, written, where)
    if how == "roberta":
        merges = _merges(written.get("merges"), known, parts, where)
        return BytePieces(parts, *_names(parts, written, where), merges)
    whole = [*RESERVED, *parts]
    if how == "bpe":
        return Subwords(how, whole, merges=_merges(written.get("merges"), known, parts, where))
    if how == "unigram":
        return Subwords(how, whole, scores=[0.0] * OWN + _scores(written.get("scores"), len(parts), where))
    return Subwords(how, whole)


def _pieces(parts: Sequence[str], written: dict[str, Any], where: str) -> Pieces:
    names, places = _names(parts, written, where)
    normal, fields = written.get("normal"), Normal._fields
    if not (isinstance(normal, dict) and set(normal) == set(fields) and all(type(v) is bool for v in normal.values())):
        _refuse(where, "normal", f"True or False for each of {', '.join(fields)}")
    return Pieces(parts, names, places, Normal(**normal))


def _names(parts: Sequence[str], written: dict[str, Any], where: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What the first three tokens are called where they come from, and their numbers there."""
    names, places = written.get("names"), written.get("places")
    count = OWN + len(parts)
    if not (isinstance(names, list) and all(isinstance(name, str) and name and _writable(name) for name in names)):
        _refuse(where, "names", f"{OWN} texts that are no parts")
    if len(names) != OWN or len({*names, *parts}) != count:
        _refuse(where, "names", f"{OWN} texts that are no parts")
    if not (isinstance(places, list) and len(places) == OWN and all(type(place) is int for place in places)):
        _refuse(where, "places", f"{OWN} whole numbers")
    if len(set(places)) != OWN or not all(0 <= place < count for place in places):
        _refuse(where, "places", f"{OWN} different numbers of tokens")
    return tuple(names), tuple(places)


def _merges(merges: Any, known: set[str], parts: Sequence[str], where: str) -> list[tuple[str, str]]:
    letters = set(letters_of_bytes())
    if not (letters <= known and all(letters.issuperset(part) for part in parts)):
        _refuse(where, "parts", "every byte, and nothing but bytes")
    if not isinstance(merges, list):
        _refuse(where, "merges", "pairs of parts")
    for pair in merges:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            _refuse(where, "merges", "pairs of parts")
        if not {*pair, "".join(pair)} <= known:
            _refuse(where, "merges", "pairs whose parts, and what they make, are known")
    return [(one, other) for one, other in merges]


def _scores(scores: Any, count: int, where: str) -> list[float]:
    if not (isinstance(scores, list) and len(scores) == count and all(_is_score(score) for score in scores)):
        _refuse(where, "scores", "a logarithm for each part")
    return [float(score) for score in scores]


def _is_score(score: Any) -> bool:
    fine = isinstance(score, (int, float)) and not isinstance(score, bool)
    return fine and math.isfinite(score) and LOWEST_SCORE <= score <= 0


def _writable(text: str) -> bool:
    """Whether a text can be written in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(where: str, name: str, expected: str) -> NoReturn:
    raise DataError(
        f"{where}: a tokenizer is not as lamina writes it: {name} should hold {expected}; train the model anew"
    )
