"""Lines of JSON taken apart one by one: slower than arrow does it, but with a word on everything that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from lamina.data.tables.arrow_cells import NUMBER
from lamina.data.tables.rows import Block
from lamina.data.tables.spelling import spelled
from lamina.errors import shown

Kind = Literal["number", "bool", "text", "mixed", "nested"]
"""What a key holds; "mixed" are unlike plain values, which are read as texts."""
NESTED = pa.list_(pa.null())
DEEPEST = 200
"""Lists and objects within one another; a row of a table has none, and what it has is left out."""

WITHIN_QUOTES = re.compile(rb'"(?:[^"\\]|\\.)*"')
TYPES: dict[Kind | None, pa.DataType] = {
    **{"number": NUMBER, "bool": pa.bool_(), "text": pa.string(), "mixed": pa.string(), "nested": NESTED},
    None: pa.null(),
}


class Fault(NamedTuple):
    """A line that cannot be read: its place among the rows of its block, its number, and what is wrong."""

    row: int
    line: int
    message: str


class _Wrong(Exception):
    """What is wrong with a line."""


def objects(block: Block, faults: list[Fault]) -> list[dict[str, Any]]:
    """The objects of a block, one a line; lines that cannot be read go to `faults`."""
    found = []
    for row, (line, text) in enumerate(lines(block)):
        try:
            found.append(_object(text))
        except _Wrong as wrong:
            faults.append(Fault(row, line, str(wrong)))
    return found


def lines(block: Block) -> Iterator[tuple[int, bytes]]:
    """The lines of a block that are not empty, with their numbers."""
    for number, text in enumerate(block.text.split(b"\n"), start=block.line):
        if text.strip():
            yield number, text


def learned(kinds: dict[str, Kind | None], rows: Iterable[dict[str, Any]]) -> bool:
    """Whether rows hold more than `kinds` says, which it does afterwards."""
    changed = False
    for row in rows:
        for name, value in row.items():
            old = kinds.get(name)
            new = _joint(old, _kind(value))
            if new != old or name not in kinds:
                kinds[name] = new
                changed = True
    return changed


def column(rows: list[dict[str, Any]], name: str, kind: Kind | None) -> pa.Array:
    """What the rows hold under a key."""
    if kind is None or kind == "nested":
        return pa.nulls(len(rows), TYPES[kind])
    values = [row.get(name) for row in rows]
    if kind == "mixed":
        values = [_as_text(value) for value in values]
    return pa.array(values, TYPES[kind])


def _too_deep(text: bytes) -> bool:
    """Whether brackets stand within one another further than a parser should follow, which recurses at each.

    >>> _too_deep(b'{"a": ' * 300 + b"1" + b"}" * 300), _too_deep(b'{"a": "' + b"[" * 300 + b'"}')
    (True, False)
    """
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    letters = np.frombuffer(WITHIN_QUOTES.sub(b"", text), np.uint8)
    opened = np.isin(letters, [*b"[{"]).astype(np.int64) - np.isin(letters, [*b"]}"])
    return int(opened.cumsum().max(initial=0)) > DEEPEST


def _object(text: bytes) -> dict[str, Any]:
    if _too_deep(text):
        raise _Wrong("expected plain values, got lists or objects nested too deeply")
    try:
        found = _DECODER.decode(text.decode())
        if b"\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        wrong = f"{error.msg} at character {error.pos + 1}"
        raise _Wrong(f"expected one JSON object a line, got {shown(text.decode())} ({wrong})") from None
    except UnicodeEncodeError:
        raise _Wrong(f"expected text, got half of a surrogate pair in {shown(text.decode())}") from None
    if not isinstance(found, dict):
        raise _Wrong(f"expected one JSON object a line, got {shown(text.decode())}")
    return found


def _no_constant(name: str) -> float:
    raise _Wrong(f"expected a number or null, got {name}, which is no JSON; write null for a blank")


def _unlike(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Wrong(f"expected every key once, got {shown(twice)} several times")
    return found


# Every number is read as a float: what is too large for it becomes inf, which is refused later with its row.
_DECODER = json.JSONDecoder(parse_int=float, parse_constant=_no_constant, object_pairs_hook=_unlike)


def _kind(value: Any) -> Kind | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return "number"
    return "text" if isinstance(value, str) else "nested"


def _joint(one: Kind | None, other: Kind | None) -> Kind | None:
    if one is None or other is None or one == other:
        return one or other
    return "nested" if "nested" in (one, other) else "mixed"


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return spelled(value) if isinstance(value, float) else value
