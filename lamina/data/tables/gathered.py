"""What was gathered from a table: its columns as arrays, with what their profile needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Held = Literal["numbers", "words", "booleans", "moments", "hashes", "nothing", "nested"]


MOST_ODD = 20
"""More distinct words than that among numbers are no slips: the column is of texts."""


@dataclass
class Odd:
    """Words among numbers, or among dates, that are none.

    Attributes:
        words: how many cells hold each; of no more words than it takes to see that they are many.
        cells: how many cells hold such a word.
        first: the word that comes first, and its row.
    """

    words: dict[str, int] = field(default_factory=dict)
    cells: int = 0
    first: tuple[str, int] = ("", -1)

    def add(self, words: Sequence[str], counts: NDArray[np.int64], codes: NDArray[Any], row: int) -> None:
        """Add the odd ones of a part of the table.

        Args:
            words: of the part, each by its code.
            counts: how many cells hold each; 0 for those that are not odd.
            codes: of the part's rows; -1 is blank.
            row: that of the first of them.
        """
        strange = np.flatnonzero(counts)
        if not len(strange):
            return
        self.cells += int(counts.sum())
        if self.first[1] < 0:
            place = int(np.isin(codes, strange).argmax())
            self.first = (words[codes[place]], row + place)
        for code in strange.tolist():
            if len(self.words) > MOST_ODD:
                break
            self.words[words[code]] = self.words.get(words[code], 0) + int(counts[code])

    @property
    def few(self) -> bool:
        return len(self.words) <= MOST_ODD


@dataclass
class Gathered:
    """A column of a table.

    Attributes:
        name: of the column.
        values: numbers as float32, as float64 where all digits count, NaN for a blank; hashes as int64; the places of
            texts in `words` as int32, -1 for a blank; or moments as float64 seconds since 1970, NaN for a blank; None
            if the column was given up.
        words: the distinct texts, in order of appearance; false and true for booleans.
        counts: how many cells hold each of the words.
        held: what came.
        type: what came, as arrow calls it.
        rows: how many there are.
        blanks: how many of them are blank.
        distinct: how many values there are; None if too many to count.
        repeats: whether a value was met twice, as far as was looked.
        low: the least number or moment; NaN where there is none. So are `high`, `mean` and `deviation`.
        commonest: the commonest numbers with their counts, where there are few enough to count.
        whole: whether all numbers are whole.
        steps: whether each number is the one before it plus one.
        length: how long a text is on average, in characters.
        spaced: whether texts that were given up have spaces in them.
        written: how dates are written that came as texts, where `values` are moments.
        otherwise: how they might be written as well.
        odd: words that are no numbers or dates in a column that was read as such.
    """

    name: str
    values: NDArray[Any] | None
    words: list[str] = field(default_factory=list)
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    held: Held = "nothing"
    type: str = ""
    rows: int = 0
    blanks: int = 0
    distinct: int | None = None
    repeats: bool = True
    low: float = math.nan
    high: float = math.nan
    mean: float = math.nan
    deviation: float = math.nan
    commonest: tuple[tuple[float, int], ...] = ()
    whole: bool = False
    steps: bool = False
    length: float = 0.0
    spaced: bool = True
    written: str = ""
    otherwise: str | None = None
    odd: Odd = field(default_factory=Odd)

    @property
    def cells(self) -> int:
        """How many cells are not blank."""
        return self.rows - self.blanks


@dataclass
class Collected:
    """The columns of a table, read from beginning to end.

    Attributes:
        name: what the user called the table.
        rows: how many there are.
        columns: as they stand in the table.
        notes: what was assumed while reading, a sentence each.
        skipped: the rows that were left out, a message each.
        where: where a row stands, counted from 0: "houses.csv:17".
    """

    name: str
    rows: int
    columns: dict[str, Gathered]
    notes: list[str]
    skipped: list[str]
    where: Callable[[int], str]
