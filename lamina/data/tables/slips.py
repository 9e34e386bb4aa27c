"""Cells that do not fit their column: words among numbers, or days that are not in the calendar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables.gathered import Collected, Gathered, Odd
from lamina.errors import DataError, shown

ROWS_AT_ONCE = 2**16


def odd_ones(gathered: Gathered, strange: NDArray[np.bool_]) -> Odd:
    """The cells of a column of texts that hold one of the words marked as strange."""
    odd = Odd()
    counts = np.where(strange, gathered.counts, 0)
    codes = np.asarray(gathered.values)
    for first in range(0, len(codes), ROWS_AT_ONCE):
        part = codes[first : first + ROWS_AT_ONCE]
        if strange[part[part >= 0]].any():
            odd.add(gathered.words, counts, part, first)
            break
    return odd


def refuse_odd(collected: Collected, gathered: Gathered, why: str) -> None:
    """Refuse a column that was read as numbers, or as dates, though some of its words are none.

    Raises:
        DataError: if there are any.
    """
    if gathered.odd.cells:
        expected = f"a {'number' if gathered.held == 'numbers' else 'date'}, {why}"
        raise DataError(message(collected, gathered, gathered.odd, expected))


def message(collected: Collected, gathered: Gathered, odd: Odd, expected: str, instead: str = "category") -> str:
    """What is wrong with a column that holds odd words, and how to mend it.

    Args:
        collected: the table.
        gathered: the column.
        odd: its odd words.
        expected: what it should hold.
        instead: the kind that it may have as it is.
    """
    word, row = odd.first
    if len(odd.words) > 1:
        most = "or one of more than" if not odd.few else "or one of"
        others = f"{odd.cells:,} cells hold it {most} {len(odd.words) - 1} other such word{'s' * (len(odd.words) > 2)}"
    else:
        others = f"{odd.cells:,} cell{'s' * (odd.cells > 1)} hold{'s' * (odd.cells == 1)} it"
    flags = " ".join(f"--blank {shown(word)}" for word in list(odd.words)[:3])
    return (
        f"{collected.where(row)}: column {gathered.name!r}: expected {expected}, got {shown(word)} ({others}); mend "
        f"it, say `{flags}` to read it as blank, or --kind {shown(gathered.name + '=' + instead)}"
    )
