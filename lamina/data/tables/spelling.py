"""How numbers are spelled in a table, and how blank cells are."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)", re.IGNORECASE)
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
"""What begins like this is a name rather than a number, such as a postcode: 007 is not 7."""

EXACT = 2.0**53
"""Whole numbers beyond this are not all held by a float64; they are spelled with an exponent."""


def numbers_of(words: Iterable[str]) -> NDArray[np.float64]:
    """The number that each word spells; NaN where it spells none.

    >>> numbers_of(["7", "-1.5e3", "007", "seven", "1_000"]).tolist()
    [7.0, -1500.0, 7.0, nan, nan]
    """
    return np.array([float(word) if NUMBER.fullmatch(word) else math.nan for word in words], np.float64)


def spelled(number: float) -> str:
    """The shortest text of a number, without a fraction if it is whole.

    >>> spelled(2134.0), spelled(0.5), spelled(-0.0)
    ('2134', '0.5', '0')
    """
    return str(int(number)) if abs(number) < EXACT and number == int(number) else repr(float(number))


def without_blanks(words: Iterable[str | None], blanks: Collection[str]) -> list[str | None]:
    """The words without the spaces around them; None for those that stand for a blank cell."""
    trimmed = (None if word is None else word.strip() for word in words)
    return [None if word is None or word.lower() in blanks else word for word in trimmed]
