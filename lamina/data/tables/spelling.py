"""How numbers are spelled in a table, and how blank cells are."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)", re.IGNORECASE)
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
"""What begins like this is a name rather than a number, such as a postcode: 007 is not 7."""

# Numbers that are not read as such, but pointed out: with a decimal comma, with thousands apart, with a unit.
WITH_COMMA = re.compile(r"[+-]?(?:[0-9]+,[0-9]+|,[0-9]+)")
GROUPED = re.compile(r"[+-]?[0-9]{1,3}([,.'’ \u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]+)?")
UNIT = "[$€£¥₹]|EUR|USD|GBP|CHF"
UNITS = re.compile(rf"^(?:{UNIT})\s?|(?<=[+-])(?:{UNIT})\s?|\s?(?:[%‰]|{UNIT})$", re.IGNORECASE)
MOSTLY_DRESSED = 0.9
MOST_JUDGED = 1_000
"""So many words, from all of the column, tell what nearly all of them are."""

DRESS = "numbers with thousands separators, a decimal comma or a unit"
UNDRESS = "take these out first, and write fractions with a point"

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


def dressed(word: str) -> bool:
    """Whether a word is a number but for thousands separators, a decimal comma, or a currency or percent sign.

    >>> [dressed(word) for word in ("1,818,268", "€ 2.103,50", "12 %", "62,29", "12", "12 Elm Street")]
    [True, True, True, True, False, False]
    """
    if NUMBER.fullmatch(word):
        return False
    bare = UNITS.sub("", word)
    return any(pattern.fullmatch(bare) for pattern in (NUMBER, WITH_COMMA, GROUPED))


def first_dressed(words: Sequence[str]) -> int | None:
    """The place of the first dressed number, if nearly all of these words are numbers, dressed or plain; else None."""
    some = words[:: -(-len(words) // MOST_JUDGED) or 1]
    count = sum(map(dressed, some))
    plain = sum(1 for word in some if NUMBER.fullmatch(word))
    if not count or count + plain < MOSTLY_DRESSED * len(some):
        return None
    return next(place for place, word in enumerate(words) if dressed(word))


def without_blanks(words: Iterable[str | None], blanks: Collection[str]) -> list[str | None]:
    """The words without the spaces around them; None for those that stand for a blank cell."""
    trimmed = (None if word is None else word.strip() for word in words)
    return [None if word is None or word.lower() in blanks else word for word in trimmed]
