"""What is measured of tags: how many are right, and how many of the spans that they mark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from lamina.metrics.measure import NORMAL_QUANTILE, Measure, Tally, wilson
from lamina.metrics.tokens import TokenTally

BEGIN, END, ALONE = 0, 2, 3
"""What a role says within its type of span, see `lamina.kinds.Tags`; 1 goes on."""


@dataclass(frozen=True, eq=False)
class TagTally(Tally):
    """Tags of words in rows.

    Attributes:
        tokens: the words.
        count: the rows.
    """

    tokens: TokenTally
    count: int
    headline: ClassVar[str] = "token_accuracy"
    chosen_by: ClassVar[str] = "token_loss"

    def __add__(self, other: Self) -> Self:
        return type(self)(self.tokens + other.tokens, self.count + other.count)

    def measures(self) -> dict[str, Measure]:
        known = self.tokens.measures()
        return {name: known[name] for name in ("token_accuracy", "token_loss")}


@dataclass(frozen=True, eq=False)
class SpanTally(TagTally):
    """The same of tags that mark spans, such as names: a span is found if its first word, its last and its type are.

    Source: Tjong Kim Sang and De Meulder 2003, section 2.3, whose program `conlleval` reads tags that contradict each
    other just so: a span also begins where one goes on that never began, or that began as another type.

    Attributes:
        sums: over rows, of the spans that are found, predicted and there; then of (a², a n, n²), a twice those found
            and n those predicted and those there.
    """

    sums: Float64[Tensor, " 6"]
    headline: ClassVar[str] = "span_f1"

    @classmethod
    def of(
        cls,
        tokens: TokenTally,
        label: Int64[Tensor, " N"],
        target: Int64[Tensor, " N"],
        scored: Bool[Tensor, "B T"],
        roles: Int64[Tensor, " C"],
    ) -> Self:
        """The tally of a batch, on any device.

        Args:
            tokens: what is known of single words.
            label: the predicted class of each word.
            target: the class of each.
            scored: where they stand.
            roles: of the classes.
        """
        row = scored.cpu().nonzero()[:, 0]
        predicted, there = (spans(roles[tags.cpu()], row) for tags in (label, target))
        found = predicted.key[torch.isin(predicted.key, there.key)]
        counts = torch.stack(
            [
                torch.bincount(row[begins], minlength=len(scored)).double()
                for begins in (begin_of(found, len(row)), predicted.begin, there.begin)
            ]
        )  # (3, B)
        a, n = 2 * counts[0], counts[1] + counts[2]
        sums = torch.cat((counts.sum(1), torch.stack((a @ a, a @ n, n @ n))))
        return cls(tokens, tokens.count, sums)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.tokens + other.tokens, self.count + other.count, self.sums + other.sums)

    def measures(self) -> dict[str, Measure]:
        found, predicted, there = self.sums[:3].tolist()
        shares = {"span_precision": wilson(found, predicted), "span_recall": wilson(found, there)}
        return {"span_f1": self.f1(), **shares, **super().measures()}

    def f1(self) -> Measure:
        """2 TP / (2 TP + FP + FN), with the interval of a ratio of sums over rows (Cochran 1977, equation 6.9)."""
        found, predicted, there, squares, products, sizes = self.sums.tolist()
        whole = predicted + there
        value = share(2 * found, whole)
        if self.count < 2 or not whole:
            return Measure(value, 0.0, 1.0)
        spread = max(0.0, squares - 2 * value * products + value * value * sizes)
        half = NORMAL_QUANTILE * math.sqrt(spread * self.count / (self.count - 1)) / whole
        return Measure(value, max(0.0, value - half), min(1.0, value + half))


def share(part: float, whole: float) -> float:
    """part / whole; nan of nothing."""
    return part / whole if whole else math.nan


class Spans(NamedTuple):
    """Spans of words.

    Attributes:
        begin: the place of the first word of each.
        key: a number for first word, last word and type.
    """

    begin: Int64[Tensor, " S"]
    key: Int64[Tensor, " S"]


def spans(role: Int64[Tensor, " N"], row: Int64[Tensor, " N"]) -> Spans:
    """The spans that roles mark.

    Args:
        role: of each word, see `lamina.kinds.Tags`.
        row: to which each word belongs.

    >>> spans(torch.tensor([1, 2, 0, 2, 5]), torch.tensor([0, 0, 0, 1, 1])).begin
    tensor([0, 3, 4])
    """
    inside, sort, place = role > 0, (role - 1) // 4, (role - 1) % 4
    first = torch.ones_like(inside)
    first[1:] = row[1:] != row[:-1]
    anew = first.clone()
    anew[1:] |= ~inside[:-1] | (sort[1:] != sort[:-1]) | (place[:-1] == END) | (place[:-1] == ALONE)
    anew |= (place == BEGIN) | (place == ALONE)
    begin = (inside & anew).nonzero().flatten()
    edges = torch.cat((((inside & anew) | ~inside | first).nonzero().flatten(), torch.tensor([len(role)])))
    end = edges[torch.searchsorted(edges, begin, right=True)]
    places = len(role) + 1
    return Spans(begin, (sort[begin] * places + begin) * places + end)


def begin_of(key: Int64[Tensor, " S"], words: int) -> Int64[Tensor, " S"]:
    """The place of the first word by the key of a span."""
    return key % (words + 1) ** 2 // (words + 1)
