"""Kinds: what flows between stages, sizes included, without the batch axis.

The letters of shapes, the same everywhere: B examples, S source and T target positions, D width, H heads,
K width per head, V vocabulary, C channels (or classes, in an end), Y rows, X columns, Z latent.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Shaped
from torch import Tensor

from lamina.settings import Count
from lamina.word import Word, same


class Padded(NamedTuple):
    """Rows of unequal length, padded to the longest; `visible` is True where a position may be looked at."""

    values: Shaped[Tensor, "B T ..."]
    visible: Bool[Tensor, "B T"]


def rows(x: Tensor | Padded) -> int:
    """The number of examples in a batch."""
    return len(x.values) if isinstance(x, Padded) else len(x)


class Kind(Word):
    """What one example of a tensor is. Two kinds are equal when they say the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and same(self, other)

    def __hash__(self) -> int:
        return hash(str(self))


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
    """Whole numbers below `vocabulary`: Padded((B, T) int64, (B, T))."""

    vocabulary: Count


class Sound(Kind):
    """A waveform at `rate` samples a second: Padded((B, T) float, (B, T))."""

    rate: Count


class Label(Kind):
    """One of `classes` classes: (B,) int64. A target."""

    classes: Count


class Value(Kind):
    """`size` numbers to be predicted: (B, D) float. A target."""

    size: Count


class Targets(Kind):
    """Several targets of one example, for ends that are added: a tuple of tensors."""

    parts: tuple[Kind, ...]
