"""Columns of arrow as a source gives them: texts tidied, numbers told from texts, types brought to a few."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lamina.data.tables.reading import BLANKS

NUMBER = pa.float64()
TEXT = pa.dictionary(pa.int32(), pa.string())
MOMENT = pa.timestamp("us")
COMMONEST = ("NA", "NaN", "nan", "null", "?")

NUMBERS = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)", re.IGNORECASE)
"""A number, as arrow reads it."""
NUMBERS_WITH_COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)(e[+-]?\d+)?", re.IGNORECASE)

SPELLED_WITH_COMMA = r"^[+-]?([0-9]+,?[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?$"
POINTED = r"^[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
THOUSANDS = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"


class Blanks:
    """The texts that stand for a blank cell.

    Attributes:
        lower: them in lower case.
        spellings: them in the ways they may well be written, for arrow, which compares letter by letter.
        commonest: the few of these that are seen most.
    """

    def __init__(self, further: Collection[str] = ()) -> None:
        self.lower = BLANKS | {text.strip().lower() for text in further}
        nans = {"".join(letters) for letters in itertools.product("nN", "aA", "nN")}
        cased = {case(text) for text in self.lower for case in (str.lower, str.upper, str.capitalize)} | set(further)
        cased |= nans | {sign + nan for sign in "+-" for nan in nans}
        self.spellings = sorted({f"{left}{text}{right}" for text in cased for left in ("", " ") for right in ("", " ")})
        self.commonest = ["", *COMMONEST, *further]
        self._values = pa.array(sorted(self.lower), pa.string())

    def __contains__(self, text: str) -> bool:
        return text.strip().lower() in self.lower

    def among(self, texts: pa.Array) -> pa.Array:
        """Where a trimmed text stands for a blank."""
        return pc.is_in(pc.utf8_lower(texts), self._values)


def tidied(column: pa.Array, blanks: Blanks) -> pa.DictionaryArray:
    """A column of texts without spaces around them, blanks as null, in a dictionary whose values are used once."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    values = column.dictionary
    if values.type != pa.string():
        values = pc.cast(values, pa.string())
    trimmed = pc.utf8_trim_whitespace(values)
    blank = blanks.among(trimmed)
    indices = column.indices
    if indices.type != pa.int32():
        indices = pc.cast(indices, pa.int32())
    if values.null_count or pc.any(blank).as_py() or not trimmed.equals(values):
        kept = pc.dictionary_encode(pc.if_else(blank, pa.scalar(None, pa.string()), trimmed))
        indices, values = pc.take(kept.indices, indices), kept.dictionary
    return pa.DictionaryArray.from_arrays(indices, values)


def numbers(column: pa.DictionaryArray, decimal: str = ".") -> pa.Array | None:
    """A tidied column as numbers; None if one of its texts is none."""
    values = column.dictionary
    if decimal != ".":
        if pc.any(pc.match_substring(values, ".")).as_py():
            return None
        values = pc.replace_substring(values, decimal, ".")
    try:
        return pc.take(pc.cast(values, NUMBER), column.indices)
    except pa.ArrowInvalid:
        return None


def share_with_comma(column: pa.DictionaryArray) -> tuple[float, int, str | None]:
    """How far a tidied column of texts is of numbers with a decimal comma.

    Returns:
        The share of cells that are numbers, with a comma or whole; how many distinct words are none; and the first
        number with a comma, None if there is none or if there is one with a point.
    """
    values = column.dictionary
    fit = pc.match_substring_regex(values, SPELLED_WITH_COMMA)
    with_comma = values.filter(pc.and_(fit, pc.match_substring(values, ",")))
    if not len(with_comma) or _has_points(values):
        return 0.0, len(values), None
    share = pc.mean(pc.take(fit, column.indices)).as_py()
    return share or 0.0, len(values) - pc.sum(fit).as_py(), with_comma[0].as_py()


def with_points(column: pa.DictionaryArray) -> pa.DictionaryArray | None:
    """A tidied column of texts whose numbers have a point for their decimal comma; None if some have one already."""
    values = column.dictionary
    if _has_points(values):
        return None
    fit = pc.match_substring_regex(values, SPELLED_WITH_COMMA)
    values = pc.if_else(fit, pc.replace_substring(values, ",", "."), values)
    return pa.DictionaryArray.from_arrays(column.indices, values)


def _has_points(values: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, POINTED)).as_py())


def like_thousands(column: pa.DictionaryArray) -> bool:
    """Whether every number of a tidied column may be thousands: three digits after its only point, no 0 in front."""
    values = column.dictionary
    return len(values) > 0 and bool(pc.all(pc.match_substring_regex(values, THOUSANDS)).as_py())


def code_with_zeros(column: pa.DictionaryArray) -> str | None:
    """The first text such as 02134 in a tidied column of whole numbers: they are names made of digits."""
    values = column.dictionary
    led = pc.match_substring_regex(values, "^[+-]?0[0-9]")
    if not pc.any(led).as_py() or not pc.all(pc.match_substring_regex(values, "^[+-]?[0-9]+$")).as_py():
        return None
    return str(values.filter(led)[0].as_py())


def as_texts(column: pa.Array, blanks: Blanks) -> pa.DictionaryArray:
    """A column of any plain type as tidied texts: whole numbers without a point, moments as ISO 8601."""
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, MOMENT, safe=False)
    return tidied(column if _is_text(column.type) else pc.cast(column, pa.string()), blanks)


def typed(column: pa.Array, blanks: Blanks) -> pa.Array:
    """A column that has a type of its own as one of the types a source may give; others are left as they are."""
    if _is_text(column.type):
        return tidied(column, blanks)
    goal = given(column.type)
    if column.type != goal:
        column = pc.cast(column, goal, safe=False)
    # NaN is how many libraries write a blank.
    return pc.if_else(pc.is_nan(column), pa.scalar(None, NUMBER), column) if goal == NUMBER else column


def given(kind: pa.DataType) -> pa.DataType:
    """The type that `typed` makes of a type."""
    types: Any = pa.types
    if _is_text(kind):
        return TEXT
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return NUMBER
    return MOMENT if types.is_timestamp(kind) or types.is_date(kind) else kind


def is_plain(kind: pa.DataType) -> bool:
    """Whether a type is one of those that a table has a place for."""
    return kind in (NUMBER, TEXT, MOMENT, pa.bool_(), pa.null())


def _is_text(kind: pa.DataType) -> bool:
    types: Any = pa.types
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
