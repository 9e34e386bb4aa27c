"""How well one number of each example tells two classes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from lamina.metrics.measure import NORMAL_QUANTILE, Measure, wilson


@dataclass(frozen=True, eq=False)
class Margins:
    """ln p(1) - ln p(0) of each example, as a tree of sums: adding joins two trees, and copies nothing.

    Attributes:
        margin: of the examples of a batch; of none in a sum.
        second: which of them are of class 1.
        halves: the two that were added; none in a batch.
    """

    margin: Float64[Tensor, " B"]
    second: Bool[Tensor, " B"]
    halves: tuple[Margins, ...] = ()

    @classmethod
    def of(cls, log_probabilities: Float[Tensor, "B 2"], target: Int64[Tensor, " B"]) -> Margins:
        """Those of a batch, on any device."""
        # Subtracted in float64: in the net's own precision, unlike examples might come out as equals.
        first, second = log_probabilities.detach().cpu().double().unbind(1)
        return cls(second - first, target.cpu() == 1)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.margin[:0], self.second[:0], (self, other))

    def by_class(self) -> tuple[Float64[Tensor, " N"], Float64[Tensor, " P"]]:
        """The margins of the examples of class 0, and of those of class 1."""
        left, batches = [self], []
        while left:  # no recursion: the sum of ten thousand batches is ten thousand deep
            tree = left.pop()
            left.extend(tree.halves)
            batches.append(tree)
        margin, second = torch.cat([tree.margin for tree in batches]), torch.cat([tree.second for tree in batches])
        return margin[~second], margin[second]


def auc(low: Float64[Tensor, " N"], high: Float64[Tensor, " P"]) -> Measure:
    """The area under the ROC curve: the share of pairs (x of low, y of high) with x < y, where x = y counts half.

    With p_y the share of `low` below y, and q_x that of `high` above x, the area is the mean of either, and its
    variance Var(p) / P + Var(q) / N. The interval is normal in the logarithm of the odds of the area, so it stays in
    [0, 1]. Where all pairs are in order, or none, or all tied, that variance is 0; then the interval is Wilson's for
    as many draws as the rarer class has examples, as if each of them lay above all others or below all.

    Source: DeLong et al. 1988; by sorting rather than by pairs, Sun and Xu 2014; in the odds, Pepe 2003.
    Departs from Sun and Xu in counting by binary search, which gives whole numbers, in place of midranks.

    Returns:
        nan where a class is absent or a number is none.
    """
    few = min(len(low), len(high))
    if not few or low.isnan().any() or high.isnan().any():
        return Measure(math.nan, 0.0, 1.0)
    low, high = low.sort().values, high.sort().values
    below, above = _twice_below(low, high), 2 * len(high) - _twice_below(high, low)
    pairs = 2 * len(low) * len(high)
    area = int(below.sum()) / pairs
    if few == 1:
        return Measure(area, 0.0, 1.0)
    p, q = below.double() / (2 * len(low)), above.double() / (2 * len(high))
    variance = (p.var() / len(high) + q.var() / len(low)).item()
    if variance <= 0:
        return wilson(area * few, few)
    factor = math.exp(min(NORMAL_QUANTILE * math.sqrt(variance) / (area * (1 - area)), 700.0))
    return Measure(area, area / (area + (1 - area) * factor), area / (area + (1 - area) / factor))


def _twice_below(values: Tensor, of: Tensor) -> Tensor:
    """Twice how many of the sorted values lie below each number, ties counted half."""
    return torch.searchsorted(values, of) + torch.searchsorted(values, of, right=True)
