"""What a column may be found to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lamina.data.tables import dates
from lamina.data.tables.fields import Boolean, Category, Date, Field, Number
from lamina.data.tables.gathered import Gathered
from lamina.data.tables.spelling import spelled

MOST_SPREAD = 1e6
"""A float32 has some seven digits: of numbers that differ less than this from their mean, too few are left."""


@dataclass(frozen=True)
class Verdict:
    """What a column is.

    Attributes:
        kind: one of `fields.KINDS`.
        reason: why.
        field: how it becomes numbers; None if it is left out.
        warnings: what the user should look at.
    """

    kind: str
    reason: str
    field: Field | None = None
    warnings: tuple[str, ...] = ()


def number(gathered: Gathered, reason: str = "") -> Verdict:
    """A quantity."""
    if not reason:
        reason = "whole numbers" if gathered.whole else "numbers"
    warnings: tuple[str, ...] = ()
    if gathered.deviation > 0 and abs(gathered.mean) > MOST_SPREAD * gathered.deviation:
        warnings = (
            f"its numbers differ by some {gathered.deviation:.2g} around {_short(gathered.mean)}, and of so little "
            "only a part is left in 32 bits; take away what they have in common",
        )
    return Verdict("number", reason, Number(gathered.name, blanks=gathered.blanks > 0), warnings)


def category(gathered: Gathered, known: tuple[str, ...], reason: str = "", warnings: tuple[str, ...] = ()) -> Verdict:
    """One of several values."""
    return Verdict("category", reason or distinct_in_rows(gathered), Category(gathered.name, known), warnings)


def boolean(gathered: Gathered, reason: str = "") -> Verdict:
    """True or false."""
    return Verdict(
        "boolean", reason or f"reads as true and false: {' and '.join(sorted(gathered.words))}", Boolean(gathered.name)
    )


def date(gathered: Gathered, reason: str = "") -> Verdict:
    """Moments, of which what varies is used."""
    parts = dates.parts_that_vary(np.asarray(gathered.values))
    written, otherwise = gathered.written, gathered.otherwise
    warnings: tuple[str, ...] = ()
    if otherwise is not None:
        warnings = (
            f"its dates read as {written} and as {otherwise} alike, and {written} is assumed; if that is wrong, say "
            f"--kind '{gathered.name}=date:{otherwise}'",
        )
    reason = reason or f"reads as dates like {dates.text(gathered.low, written)}"
    return Verdict("date", reason, Date(gathered.name, parts, written, gathered.blanks > 0), warnings)


def left_out(reason: str, warnings: tuple[str, ...] = ()) -> Verdict:
    """Nothing to learn from."""
    return Verdict("leave", f"{reason}: left out", warnings=warnings)


def distinct_in_rows(gathered: Gathered) -> str:
    """How many values there are in how many rows."""
    distinct = gathered.distinct or 0
    return f"{distinct:,} distinct value{'s' * (distinct != 1)} in {gathered.rows:,} rows"


def _short(value: float) -> str:
    return spelled(value) if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"
