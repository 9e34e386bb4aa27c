"""A column while it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lamina.data.tables.gathered import Gathered
from lamina.data.tables.stored import Growing


class Misread(Exception):
    """The dates of a column are written otherwise than they seemed to be: its values must be read again.

    Attributes:
        column: its name.
        written: how they are written.
    """

    def __init__(self, column: str, written: str) -> None:
        super().__init__(column)
        self.column = column
        self.written = written


class Growth(ABC):
    """A column that is being read."""

    def __init__(self, name: str, path: Path | None) -> None:
        self.name = name
        self.path = path
        self.rows = 0

    @abstractmethod
    def add(self, array: pa.Array) -> Growth:
        """Take the cells of the next rows.

        Returns:
            Itself, or what the column has turned out to be.

        Raises:
            Misread: if dates that were read month first turn out to have the day first.
        """

    @abstractmethod
    def gathered(self) -> Gathered:
        """What was gathered, but for the values."""

    def ended(self) -> Growth:
        """What the column is, now that all of it is known."""
        return self

    def growing(self) -> Growing | None:
        """Where the values are, if there are any."""
        return None

    def infinite(self) -> tuple[int, float] | None:
        """The row of the first number that float32 cannot hold, and that number."""
        return None


def coded(array: pa.Array) -> tuple[list[str], NDArray[Any], NDArray[np.int64]]:
    """Texts as a list of words, the place of each row's word in it (-1 for a blank), and how often each occurs."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    words = array.dictionary.to_pylist()
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    if None in words:
        blank = np.array([word is None for word in words] + [False])
        codes = np.where(blank[codes], -1, codes)
        words = [word or "" for word in words]
    return words, codes, np.bincount(codes + 1, minlength=len(words) + 1)[1:]
