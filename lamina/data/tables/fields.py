"""Fields: how a column of a table becomes numbers. A model keeps them, so that it takes raw rows.

A row becomes one vector of float32: first the numbers, NaN where a cell was blank, then the codes of categories. Codes
0 and 1 are kept for a value that was never seen and for a blank cell.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from lamina.errors import DataError, SentenceError, did_you_mean, shown
from lamina.word import Saying

KINDS: dict[str, str] = {
    "number": "a quantity",
    "category": "one of several values",
    "boolean": "true or false",
    "date": "a day, or a moment",
    "text": "words: it alone is read, by a model of texts",
    "leave": "left out",
}
"""What a column may be, for the user."""

TRUE = frozenset(("true", "t", "yes", "y", "1", "on"))
FALSE = frozenset(("false", "f", "no", "n", "0", "off"))

PARTS: dict[str, tuple[str, ...]] = {
    "days": ("days",),
    "year": ("year.sine", "year.cosine"),
    "day": ("day.sine", "day.cosine"),
    "weekday": (),
}
"""What a date may be taken apart into, and the numbers of each; the weekday is a category."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def unwritable(written: str) -> str | None:
    """Why dates cannot be written like this, as in `strptime`; None if they can."""
    if written == "":
        return None
    if "%" not in written:
        return "it has no directive such as %d"
    try:
        datetime.strptime("", written)
    except (ValueError, re.error) as error:
        return None if "does not match" in str(error) else str(error)
    return None


class Field(Saying):
    """A column of a table and how it becomes numbers.

    Args:
        column: its name.
    """

    column: str

    def numbers(self) -> tuple[str, ...]:
        """The names of the numbers that it gives."""
        return ()

    def categories(self) -> dict[str, tuple[str, ...]]:
        """The values of each category that it gives, by name; the first of them has the code `FIRST`."""
        return {}

    def may_be_blank(self) -> bool:
        """Whether its numbers were blank in some row of training."""
        return False


class Number(Field):
    """A quantity: one number, NaN where the cell is blank.

    Args:
        blanks: whether a cell was blank in training.
    """

    blanks: bool = False

    def numbers(self) -> tuple[str, ...]:
        return (self.column,)

    def may_be_blank(self) -> bool:
        return self.blanks


class Category(Field):
    """One of several values: its code, which is 2 for the first of those known.

    Args:
        known: the values, sorted as texts.
    """

    known: tuple[str, ...]

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        known = values["known"]
        return [] if list(known) == sorted(set(known)) else ["Category: the known values must differ and be sorted"]

    def categories(self) -> dict[str, tuple[str, ...]]:
        return {self.column: self.known}


class Boolean(Field):
    """True or false, however it is spelled: code 2 is false, 3 is true."""

    def categories(self) -> dict[str, tuple[str, ...]]:
        return {self.column: ("false", "true")}


class Date(Field):
    """A day or a moment, taken apart.

    Args:
        parts: what of it is used, of "days" (since 1970, a number), "year" (the place in the year as a sine and a
            cosine), "weekday" (a category, Monday first), "day" (the time of day as a sine and a cosine).
        written: how it is spelled, as in `strptime`; "" for ISO 8601.
        blanks: whether a cell was blank in training.
    """

    parts: tuple[str, ...]
    written: str = ""
    blanks: bool = False

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        parts = values["parts"]
        mistakes = [f"Date has no part {part!r}{did_you_mean(part, PARTS)}" for part in parts if part not in PARTS]
        if len(set(parts)) < max(1, len(parts)):
            mistakes.append(f"Date needs parts, each once, got parts={shown(parts)}")
        if unwritable(values["written"]) is not None:
            got = f"got written={shown(values['written'])}"
            mistakes.append(f"Date: written must be a way that dates are written, such as '%d/%m/%Y', {got}")
        return mistakes

    def numbers(self) -> tuple[str, ...]:
        return tuple(f"{self.column}.{name}" for part in self.parts for name in PARTS[part])

    def categories(self) -> dict[str, tuple[str, ...]]:
        return {f"{self.column}.weekday": WEEKDAYS} if "weekday" in self.parts else {}

    def may_be_blank(self) -> bool:
        return self.blanks


class Text(Field):
    """A text. It gives no numbers: the tokenizer of a model makes tokens of it, and it is the only field then."""


FIELDS: tuple[type[Field], ...] = (Number, Category, Boolean, Date, Text)


def to_json(field: Field) -> dict[str, Any]:
    """A field as JSON keeps it.

    >>> to_json(Number("age"))
    {'field': 'Number', 'column': 'age', 'blanks': False}
    """
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in field.values().items()}
    return {"field": field.name(), **plain}


def from_json(written: Any, where: str = "model.json") -> Field:
    """The field that was written by `to_json`.

    Args:
        written: what JSON gave.
        where: leads the messages.

    Raises:
        DataError: if it is none: damaged, or of another version.
    """
    if not isinstance(written, dict):
        raise DataError(f"{where}: expected a field, such as {to_json(Number('age'))}, got {shown(written)}")
    words = {word.name(): word for word in FIELDS}
    settings = {str(name): value for name, value in written.items()}
    called = settings.pop("field", None)
    if not isinstance(called, str) or called not in words:
        hint = did_you_mean(str(called), words)
        raise DataError(f"{where}: expected the name of a field, got field={shown(called)}{hint}")
    try:
        return words[called](**settings)
    except SentenceError as error:
        raise DataError(f"{where}: {error}") from None
