"""Columns of texts while they are read, some of which turn out to be numbers or dates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lamina.data.tables import dates
from lamina.data.tables.columns import Numbers
from lamina.data.tables.gathered import MOST_ODD, Gathered, Odd
from lamina.data.tables.growth import Growth, Misread, coded
from lamina.data.tables.spelling import LEADING_ZERO, first_dressed, numbers_of
from lamina.data.tables.stored import Growing

MOST_WORDS = 100_000
"""A column of more distinct texts than this is no category: its texts are not kept."""

MOSTLY = 0.9
"""A column is of numbers if so many of its cells are, and the others hold few distinct words."""

SAMPLE = 1_000
"""So many of the texts that are not kept tell whether they are numbers with separators or units."""

ROWS_AT_ONCE = 2**18


class Words(Growth):
    """Texts, as places in a list of those that are distinct.

    Args:
        name: of the column.
        path: the file for its values; None for memory.
        said: what the user says that it is, and for a date how it is written: "date:%d/%m/%Y".
    """

    def __init__(self, name: str, path: Path | None, said: str = "") -> None:
        super().__init__(name, path)
        self.said, _, self.written = said.partition(":")
        self.values = Growing(np.int32, path)
        self.places: dict[str, int] = {}
        self.counts = np.zeros(0, np.int64)
        self.blanks = 0
        self.characters = 0

    def add(self, array: pa.Array) -> Growth:
        words, codes, counts = coded(array)
        places = np.full(len(words) + 1, -1, np.int32)  # the last is where code -1 looks
        for code in np.flatnonzero(counts).tolist():
            places[code] = self.places.setdefault(words[code], len(self.places))
            self.characters += len(words[code]) * int(counts[code])
        if len(self.places) > len(self.counts):
            self.counts = np.concatenate([self.counts, np.zeros(len(self.places), np.int64)])
        np.add.at(self.counts, places[:-1][counts > 0], counts[counts > 0])
        self.values.add(places[codes])
        self.rows += len(codes)
        self.blanks += len(codes) - int(counts.sum())
        return self if len(self.places) <= MOST_WORDS else self._too_many()

    def growing(self) -> Growing | None:
        return self.values

    def gathered(self) -> Gathered:
        cells = self.rows - self.blanks
        return Gathered(
            self.name,
            None,
            words=list(self.places),
            counts=self.counts[: len(self.places)],
            held="words",
            rows=self.rows,
            blanks=self.blanks,
            distinct=len(self.places),
            repeats=len(self.places) < cells,
            length=self.characters / max(1, cells),
        )

    def ended(self) -> Growth:
        return self._as_dates() or self

    def _too_many(self) -> Growth:
        """What a column of very many words is: numbers or dates, which need no words, or texts that are given up."""
        if not self.said:
            words = list(self.places)
            numbers = numbers_of(words)
            if mostly_numbers(words, self.counts[: len(words)], numbers):
                return Parsed(self.name, self.path, None).after(self, numbers)
        return self._as_dates() or GivenUp(self)

    def _as_dates(self) -> Growth | None:
        """The column as moments, if it holds dates."""
        words = list(self.places)
        if self.said == "date" and self.written:
            moments = dates.moments(words, self.written)
            return Parsed(self.name, self.path, self.written, said=True).after(self, moments)
        found = dates.guess(words) if self.said in ("", "date") else None
        return found and Parsed(self.name, self.path, found.written, found.otherwise).after(self, found.moments)


class GivenUp(Growth):
    """Texts too many to be kept: only counted, but for a few where they are numbers with separators or units."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.name, words.path)
        self.rows, self.blanks, self.characters = words.rows, words.blanks, words.characters
        self.repeats = len(words.places) < words.rows - words.blanks
        self.spaced = any(" " in word for word in words.places)
        sample = list(words.places)[:SAMPLE]
        self.sample = sample if first_dressed(sample) is not None else []
        words.values.clear()

    def add(self, array: pa.Array) -> Growth:
        words, codes, counts = coded(array)
        self.rows += len(codes)
        self.blanks += len(codes) - int(counts.sum())
        self.characters += int(np.array([len(word) for word in words], np.int64) @ counts)
        return self

    def gathered(self) -> Gathered:
        return Gathered(
            self.name,
            None,
            words=self.sample,
            held="words",
            rows=self.rows,
            blanks=self.blanks,
            repeats=self.repeats,
            spaced=self.spaced,
            length=self.characters / max(1, self.rows - self.blanks),
        )


class Parsed(Growth):
    """Texts that are read as numbers, or as dates; those that are neither are kept in mind.

    Args:
        name: of the column.
        path: the file for its values; None for memory.
        written: how the dates are written; None for numbers.
        otherwise: how they might be written as well.
        said: whether the user says what they are, so that this is not given up.
    """

    def __init__(
        self, name: str, path: Path | None, written: str | None, otherwise: str | None = None, said: bool = False
    ) -> None:
        super().__init__(name, path)
        self.written = written
        self.otherwise = otherwise
        self.said = said
        self.odd = Odd()
        self.numbers = Numbers(name, path and path.with_suffix(".parsed"), moments=written is not None)

    def after(self, words: Words, numbers: NDArray[np.float64]) -> Growth:
        """Begin with what was held as words, each of which stands for one of these numbers."""
        held, table = list(words.places), np.append(numbers, math.nan)
        values = words.values.array()
        for start in range(0, len(values), ROWS_AT_ONCE):
            codes = np.asarray(values[start : start + ROWS_AT_ONCE])
            counts = np.bincount(codes + 1, minlength=len(held) + 1)[1:]
            self._take(held, codes, counts, table)
        words.values.clear()
        return self._unless_odd()

    def add(self, array: pa.Array) -> Growth:
        words, codes, counts = coded(array)
        numbers = numbers_of(words) if self.written is None else dates.moments(words, self.written)
        odd = [words[code] for code in np.flatnonzero(np.isnan(numbers) & (counts > 0)).tolist()]
        if odd and self.otherwise is not None and not np.isnan(dates.moments(odd, self.otherwise)).any():
            raise Misread(self.name, self.otherwise)
        self._take(words, codes, counts, np.append(numbers, math.nan))
        return self._unless_odd()

    def growing(self) -> Growing | None:
        return self.numbers.growing()

    def infinite(self) -> tuple[int, float] | None:
        return self.numbers.infinite()

    def gathered(self) -> Gathered:
        gathered = self.numbers.gathered()
        gathered.odd, gathered.written, gathered.otherwise = self.odd, self.written or "", self.otherwise
        gathered.blanks -= self.odd.cells
        return gathered

    def _take(
        self, words: Sequence[str], codes: NDArray[Any], counts: NDArray[np.int64], table: NDArray[np.float64]
    ) -> None:
        self.odd.add(words, np.where(np.isnan(table[:-1]), counts, 0), codes, self.numbers.rows)
        self.numbers.take(table[codes])

    def _unless_odd(self) -> Growth:
        """Itself, unless so many words are odd that these are texts after all."""
        if self.said or self.odd.few:
            return self
        given_up = Words(self.name, self.path)
        given_up.rows, given_up.blanks = self.numbers.rows, self.numbers.gathered().blanks - self.odd.cells
        self.numbers.values.clear()
        return GivenUp(given_up)


def mostly_numbers(words: Sequence[str], counts: NDArray[np.int64], numbers: NDArray[np.float64]) -> bool:
    """Whether nearly all cells hold numbers, and the others no more words than slips would.

    Args:
        words: the distinct texts.
        counts: how many cells hold each.
        numbers: what each spells; NaN where it is no number.
    """
    odd = np.isnan(numbers)
    few = odd.sum() <= MOST_ODD and counts[~odd].sum() >= MOSTLY * counts.sum() > 0
    return bool(few) and not any(map(LEADING_ZERO.match, words))
