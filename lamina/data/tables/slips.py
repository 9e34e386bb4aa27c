"""Cells that do not fit their column: words among numbers, or days that are not in the calendar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables import dates
from lamina.data.tables.gathered import Collected, Gathered, Odd
from lamina.data.tables.spelling import DRESS, UNDRESS, dressed
from lamina.data.tables.texts import MOSTLY
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


def message(collected: Collected, gathered: Gathered, odd: Odd, expected: str) -> str:
    """What is wrong with a column that holds odd words, and how to mend it.

    Args:
        collected: the table.
        gathered: the column.
        odd: its odd words.
        expected: what it should hold: "a number, as you said".
    """
    word, row = odd.first
    came = f"{collected.where(row)}: column {gathered.name!r}: expected {expected}, got {shown(word)}"
    category = f"--kind {shown(gathered.name + '=category')}"
    bare = [word for word in odd.words if not (expected.startswith("a number") and dressed(word))]
    if not bare:
        return f"{came} ({_others(odd)}); this looks like {DRESS}: {UNDRESS}, or say {category}"
    if odd.cells >= MOSTLY * gathered.cells:
        came += f" ({odd.cells:,} of {gathered.cells:,} cells do not fit)"
        written = _as_dates(gathered.name, odd) if expected.startswith("a date") else ""
        return f"{came}; {written or 'say '}{category}, or leave out what you said of it"
    flags = " ".join(f"--blank {shown(word)}" for word in bare[:3])
    if len(bare) < len(odd.words):
        looks = next(word for word in odd.words if word not in bare)
        came += f" ({_others(odd)}); {shown(looks)} looks like {DRESS}: {UNDRESS}"
        return f"{came}; mend the others, say `{flags}` to read them as blank, or {category}"
    return f"{came} ({_others(odd)}); mend it, say `{flags}` to read it as blank, or {category}"


def _others(odd: Odd) -> str:
    """How many cells hold the odd word that was shown, or another one."""
    if len(odd.words) > 1:
        most = "or one of more than" if not odd.few else "or one of"
        return f"{odd.cells:,} cells hold it {most} {len(odd.words) - 1} other such word{'s' * (len(odd.words) > 2)}"
    return f"{odd.cells:,} cell{'s' * (odd.cells > 1)} hold{'s' * (odd.cells == 1)} it"


def _as_dates(name: str, odd: Odd) -> str:
    """How the dates seem to be written that are not written as was said."""
    found = dates.guess(list(odd.words))
    if found is None:
        return f"say how they are written, as in --kind {shown(name + '=date:%d/%m/%Y')}, or "
    return f"say --kind {shown(name + '=date' + (found.written and ':' + found.written))}, or "
