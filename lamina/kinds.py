"""Kinds: what flows between stages, sizes included, without the batch axis.

The letters of shapes, the same everywhere: B examples, S source and T target positions, D width, H heads,
K width per head, V vocabulary, C channels (or classes, in an end), Y rows, X columns, Z latent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxtyping import Bool, Shaped
from torch import Tensor

from lamina.settings import Count, Natural
from lamina.word import Saying

UNSEEN, BLANK, FIRST = 0, 1, 2
"""The codes of a table's categories: a value that was not there, a blank cell, the first value."""

UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN = 0, 1, 2
"""The first tokens of every vocabulary that is made here: what training never had, and the two ends of a text."""


class Padded(NamedTuple):
    """Rows of unequal length, padded to the longest; `visible` is True where a position may be looked at."""

    values: Shaped[Tensor, "B T ..."]
    visible: Bool[Tensor, "B T"]


def rows(x: Tensor | Padded) -> int:
    """The number of examples in a batch."""
    return len(x.values) if isinstance(x, Padded) else len(x)


class Kind(Saying):
    """What one example of a tensor is."""


class Vector(Kind):
    """`size` numbers: (B, D) float."""

    size: Count


class Image(Kind):
    """A picture or feature map: (B, C, Y, X) float."""

    channels: Count
    height: Count
    width: Count


class Sequence(Kind):
    """Positions of `width` numbers each: Padded((B, T, D) float, (B, T))."""

    width: Count


class Tokens(Kind):
    """Whole numbers below `vocabulary`: Padded((B, T) int64, (B, T)).

    Args:
        vocabulary: V.
        mask: the token that stands for a hidden one, where there is one; else 0.
        parts: the first of the tokens that go on with the word before them, if they are the last ones; else 0.
    """

    vocabulary: Count
    mask: Natural = 0
    parts: Natural = 0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        vocabulary = values["vocabulary"]
        beyond = [name for name in ("mask", "parts") if values[name] >= vocabulary]
        return [f"Tokens: {name} must be below vocabulary={vocabulary}, got {name}={values[name]}" for name in beyond]


class Sound(Kind):
    """A waveform at `rate` samples a second: Padded((B, T) float, (B, T))."""

    rate: Count


class Table(Kind):
    """A row of a table: (B, N + K) float, N numbers and then the codes of K categories.

    Args:
        numbers: N. A blank number is NaN.
        categories: how many codes each category has: 0 is a value never seen, 1 a blank, values begin at 2.
        blanks: the first so many of the numbers may be blank; others are only by surprise.
    """

    numbers: Natural
    categories: tuple[Count, ...] = ()
    blanks: Natural = 0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if not values["numbers"] and not values["categories"]:
            return ["Table has no columns: give it numbers or categories"]
        if any(codes < 2 for codes in values["categories"]):
            return ["Table: a category has at least 2 codes, one for the unseen and one for a blank"]
        return ["Table: more numbers may be blank than there are"] if values["blanks"] > values["numbers"] else []


class Label(Kind):
    """One of `classes` classes: (B,) int64. A target."""

    classes: Count


class Value(Kind):
    """`size` numbers to be predicted: (B, D) float. A target."""

    size: Count


class Tags(Kind):
    """One of `classes` classes for each word of a row: Padded((B, T) int64, (B, T)), visible where a word begins.

    Args:
        classes: how many.
        roles: () for classes that mark no spans. Else of each class: 0 outside; of the type of span number k (from 0)
            4 k + 1 where one begins, 4 k + 2 within, 4 k + 3 where it ends, 4 k + 4 for one of a single word.
    """

    classes: Count
    roles: tuple[Natural, ...] = ()

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        roles, classes = len(values["roles"]), values["classes"]
        return [f"Tags: {roles} roles for {classes} classes; give each class one"] if roles not in (0, classes) else []


class Span(Kind):
    """The positions of an answer in a row: (B, 4) int64. A target.

    The numbers are the first and the last position of the answer, and the first and the last of where it may stand. A
    row without an answer has 0 and 0 for the former: it points at the token that begins it.
    """


class Targets(Kind):
    """Several targets of one example, for ends that are added: a tuple of tensors.

    Labels and values may also come as one tensor (B, T) of floats, side by side; a label is the number of its class.

    Args:
        parts: the kind of each.
        names: what each is called in measures; empty for their numbers, from 1.
    """

    parts: tuple[Kind, ...]
    names: tuple[str, ...] = ()

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        names, parts = len(values["names"]), len(values["parts"])
        return [f"Targets: {names} names for {parts} parts"] if names not in (0, parts) else []

    def name_of(self, place: int) -> str:
        """What the part at this place is called."""
        return self.names[place] if self.names else str(place + 1)
