"""Where rows of delimited text begin and end, quotes respected, without taking the cells apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables.text_file import CHUNK_BYTES, TextFile
from lamina.errors import DataError

LONGEST_ROW = 2**24
QUOTE, NEWLINE, RETURN, SPACE = b'"\n\r '

Places = NDArray[np.int64]


class Marks(NamedTuple):
    """How cells are set apart.

    Attributes:
        delimiter: the byte between cells; None where quotes mean nothing and every line is a row.
        spaced: whether a quote may follow spaces after a delimiter.
    """

    delimiter: int | None
    spaced: bool = False


class Quotes(NamedTuple):
    """Where quoted cells open, and where they close; the last may not."""

    opening: Places
    closing: Places

    def open_at(self, place: int) -> int | None:
        """Where the quoted cell opens in which this place stands, or None."""
        before = int(np.searchsorted(self.opening, place))
        return int(self.opening[before - 1]) if before > int(np.searchsorted(self.closing, place)) else None


class Block(NamedTuple):
    """Whole rows of a file: their bytes, and the line where they begin."""

    text: bytes
    line: int

    def line_of(self, place: int) -> int:
        """The line in which a byte of the block stands."""
        return self.line + self.text.count(b"\n", 0, place)


def quotes(text: bytes, marks: Marks) -> Quotes:
    """The quotes that open and close cells; a text begins where a row does.

    A quote opens a cell only where the cell begins; within an open cell a doubled quote is a letter.
    """
    if marks.delimiter is None or QUOTE not in text:
        return Quotes(np.empty(0, np.int64), np.empty(0, np.int64))
    found = np.flatnonzero(np.frombuffer(text, np.uint8) == QUOTE)
    # Where quotes only ever stand as they should, they open and close in turn: half of a doubled one closes the cell,
    # the other opens it again. That is checked for all at once, and only a text with stray quotes is walked through.
    opening, closing = found[0::2], found[1::2]
    begins = _begins_cell(text, opening, marks)
    begins[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    return Quotes(opening, closing) if begins.all() else _walked(found, _begins_cell(text, found, marks))


def row_starts(text: bytes, marks: Marks) -> Places:
    """Where each row begins; empty lines are none."""
    letters: NDArray[np.uint8] = np.frombuffer(text, np.uint8)
    ends = letters == NEWLINE
    if RETURN in text:
        ends |= letters == RETURN
    starts = np.flatnonzero(ends) + 1
    starts = np.concatenate(([0], starts[starts < len(text)]))
    starts = starts[~ends[starts]] if len(text) else starts[:0]
    opening, closing = quotes(text, marks)
    outside: NDArray[np.bool_] = np.searchsorted(opening, starts) == np.searchsorted(closing, starts)
    return starts[outside]


def closed_up(text: bytes, marks: Marks) -> bytes:
    """The text without the spaces that stand between a delimiter and a quote, which arrow would take for the cell."""
    if not marks.spaced:
        return text
    letters = np.frombuffer(text, np.uint8)
    kept = np.ones(len(letters), bool)
    spaces = quotes(text, marks).opening - 1
    while len(spaces := spaces[spaces >= 0]) and len(spaces := spaces[letters[spaces] == SPACE]):
        kept[spaces] = False
        spaces = spaces - 1
    return letters[kept].tobytes()


def blocks(file: TextFile, marks: Marks, skip: int = 0, size: int = CHUNK_BYTES) -> Iterator[Block]:
    """The file from byte `skip` on, cut where rows end, about `size` bytes a piece.

    Raises:
        DataError: if a row is too long, or a quote is never closed.
    """
    rest, line = b"", 1
    for chunk in file.chunks(size):
        text = rest + chunk
        if skip:
            line += text.count(b"\n", 0, skip)
            text, skip = text[skip:], max(0, skip - len(text))
        found = quotes(text, marks)
        end = _last_end(text, found)
        if not end and len(text) > LONGEST_ROW:
            raise DataError(_endless(file.name, text, line, marks))
        swallowed = _swallowed(text, found, marks)
        if swallowed is not None:
            raise DataError(_unclosed(file.name, text, line, swallowed))
        if end:
            whole = text[:end]
            yield Block(whole, line)
            line += int(np.count_nonzero(np.frombuffer(whole, np.uint8) == NEWLINE))
        rest = text[end:]
    if rest:
        if quotes(rest, marks).open_at(len(rest)) is not None:  # only the end of the file shows it
            raise DataError(_endless(file.name, rest, line, marks))
        yield Block(rest, line)


def last_end(text: bytes, marks: Marks) -> int:
    """Behind the last line that ends a row; 0 if there is none."""
    return _last_end(text, quotes(text, marks))


def _last_end(text: bytes, found: Quotes) -> int:
    end = text.rfind(b"\n") + 1
    while end and (open_at := found.open_at(end - 1)) is not None:
        end = text.rfind(b"\n", 0, open_at) + 1
    return end


def _endless(name: str, text: bytes, line: int, marks: Marks) -> str:
    """What to say of a row that does not end."""
    open_at = quotes(text, marks).open_at(len(text))
    if open_at is not None:
        return _unclosed(name, text, line, open_at)
    return (
        f"{name}:{line}: expected rows of at most {LONGEST_ROW // 2**20} MB, got a longer one; "
        "is this a table, with lines that end?"
    )


def _unclosed(name: str, text: bytes, line: int, place: int) -> str:
    line += text.count(b"\n", 0, place)
    return f"{name}:{line}: a quote opens here and is never closed; close it, or double it if it is a letter"


def _swallowed(text: bytes, found: Quotes, marks: Marks) -> int | None:
    """Where a quoted cell opens that takes in lines and ends where no cell does: it was never meant to close there."""
    closing = found.closing[found.closing < len(text) - 1]
    after = np.frombuffer(text, np.uint8)[closing + 1]
    fine = np.isin(after, (marks.delimiter or 0, NEWLINE, RETURN, QUOTE, SPACE))
    for number in np.flatnonzero(~fine).tolist():
        opening = int(found.opening[number])
        if text.find(b"\n", opening, int(closing[number])) >= 0:
            return opening
    return None


def _begins_cell(text: bytes, places: Places, marks: Marks) -> NDArray[np.bool_]:
    """Whether cells begin at these places."""
    letters: NDArray[np.uint8] = np.frombuffer(text, np.uint8)
    before = places - 1
    if marks.spaced:
        while len(at_space := np.flatnonzero((before >= 0) & (letters[before] == SPACE))):
            before[at_space] -= 1
    left = letters[before]
    return np.asarray((before < 0) | (left == marks.delimiter) | (left == NEWLINE) | (left == RETURN))


def _walked(found: Places, begins: NDArray[np.bool_]) -> Quotes:
    """Which quotes open and close, one after the other."""
    opening, closing = [], []
    is_open, doubled = False, -1
    places = found.tolist()
    for number, (place, may_open) in enumerate(zip(places, begins.tolist(), strict=True)):
        if not is_open:
            if may_open:
                opening.append(place)
                is_open = True
        elif place == doubled:
            doubled = -1
        elif number + 1 < len(places) and places[number + 1] == place + 1:
            doubled = place + 1
        else:
            closing.append(place)
            is_open = False
    return Quotes(np.array(opening, np.int64), np.array(closing, np.int64))
