"""Columns of numbers, moments and truths while they are read."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lamina.chance import key
from lamina.data.tables import dates
from lamina.data.tables.gathered import Gathered, Held
from lamina.data.tables.growth import Growth, coded
from lamina.data.tables.stored import Growing
from lamina.data.tables.tally import Tally


class Nothing(Growth):
    """A column whose cells are not kept."""

    def __init__(self, name: str, path: Path | None, type_: str, held: Held) -> None:
        super().__init__(name, path)
        self.type = type_
        self.held = held
        self.blanks = 0

    def add(self, array: pa.Array) -> Growth:
        self.rows += len(array)
        self.blanks += array.null_count
        return self

    def gathered(self) -> Gathered:
        return Gathered(self.name, None, held=self.held, type=self.type, rows=self.rows, blanks=self.blanks)


class Numbers(Growth):
    """Numbers, or moments in seconds since 1970.

    Args:
        name: of the column.
        path: the file for its values; None for memory.
        moments: whether these are moments.
        exact: whether all digits are kept: for what is no input, such as a class or a time.
    """

    def __init__(self, name: str, path: Path | None, moments: bool = False, exact: bool = False) -> None:
        super().__init__(name, path)
        self.moments = moments
        self.values = Growing(np.float64 if moments or exact else np.float32, path)
        self.tally = Tally()

    def add(self, array: pa.Array) -> Growth:
        if self.moments:
            self.take(dates.seconds_of(array))
        else:
            self.take(array.to_numpy(zero_copy_only=False))
        return self

    def take(self, numbers: NDArray[np.float64]) -> None:
        """The same with numbers that are an array already, NaN for a blank."""
        self.tally.add(numbers, self.rows)
        with np.errstate(over="ignore"):
            self.values.add(numbers)
        self.rows += len(numbers)

    def growing(self) -> Growing | None:
        return self.values

    def infinite(self) -> tuple[int, float] | None:
        return self.tally.infinite

    def gathered(self) -> Gathered:
        tally, nothing = self.tally, not self.tally.cells
        counted = tally.distinct.counted()
        commonest: tuple[tuple[float, int], ...] = ()
        if counted is not None:
            numbers, counts = counted
            order = np.lexsort((numbers, -counts))[:10]
            commonest = tuple(zip(numbers[order].tolist(), counts[order].tolist(), strict=True))
        return Gathered(
            self.name,
            None,
            held="moments" if self.moments else "numbers",
            rows=self.rows,
            blanks=self.rows - tally.cells,
            distinct=None if counted is None else len(counted[0]),
            repeats=tally.distinct.repeats,
            low=math.nan if nothing else tally.low,
            high=math.nan if nothing else tally.high,
            mean=math.nan if nothing else tally.mean,
            deviation=tally.deviation,
            commonest=commonest,
            whole=tally.whole and not nothing,
            steps=tally.steps and not nothing,
        )


WHOLE = re.compile(r"([+-]?[0-9]+)\.0*\Z")


class Hashes(Growth):
    """What rows belong to, as a hash of each cell: there may be more than could be held as words."""

    def __init__(self, name: str, path: Path | None, type_: str) -> None:
        super().__init__(name, path)
        self.type = type_
        self.values = Growing(np.int64, path)
        self.blanks = 0

    def add(self, array: pa.Array) -> Growth:
        words, codes, _ = coded(array if pa.types.is_dictionary(array.type) else array.cast(pa.string()))
        # 5.0 is 5; but 05 is another name than 5.
        named = [WHOLE.sub(r"\1", word) for word in words]
        hashes = np.array([key("group", name) for name in named] + [0], np.int64)  # the last is where code -1 looks
        self.values.add(hashes[codes])
        self.rows += len(codes)
        self.blanks += int((codes < 0).sum())
        return self

    def growing(self) -> Growing | None:
        return self.values

    def gathered(self) -> Gathered:
        return Gathered(self.name, None, held="hashes", type=self.type, rows=self.rows, blanks=self.blanks)


class Booleans(Growth):
    """True and false."""

    def __init__(self, name: str, path: Path | None) -> None:
        super().__init__(name, path)
        self.values = Growing(np.int32, path)
        self.counts = np.zeros(3, np.int64)

    def add(self, array: pa.Array) -> Growth:
        codes = array.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
        self.rows += len(codes)
        self.counts += np.bincount(codes + 1, minlength=3)
        self.values.add(codes)
        return self

    def growing(self) -> Growing | None:
        return self.values

    def gathered(self) -> Gathered:
        blanks, counts = int(self.counts[0]), self.counts[1:]
        distinct = int((counts > 0).sum())
        return Gathered(
            self.name,
            None,
            words=["false", "true"],
            counts=counts,
            held="booleans",
            rows=self.rows,
            blanks=blanks,
            distinct=distinct,
            repeats=distinct < self.rows - blanks,
        )
