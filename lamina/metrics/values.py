"""What is measured of predicted numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from lamina.errors import KindError
from lamina.metrics.measure import Measure, Tally, positive


@dataclass(frozen=True, eq=False)
class ValueTally(Tally):
    """Predictions of D numbers: the first two moments of u = (mean |e|, e², t, t²), e the error and t = y - centre.

    Measures are functions of the mean of u; the delta method takes their variance from the covariance of u. The centre
    moves to the common mean when tallies are added, so a target such as 1e6 + noise keeps all its digits.
    Source: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", equation 2.1 (in pairs).

    Attributes:
        centre: the mean of the targets.
        mean: the mean of u; its 1 + 3D entries stand in the order above.
        spread: Σ (u - mean)(u - mean)ᵀ over the examples. It takes 72 D² bytes: D in the hundreds is fine.
    """

    centre: Float64[Tensor, " D"]
    mean: Float64[Tensor, " U"]
    spread: Float64[Tensor, "U U"]
    count: int
    headline: ClassVar[str] = "root_mean_squared_error"
    chosen_by: ClassVar[str] = "squared_error"

    @classmethod
    def of(cls, predicted: Float[Tensor, ...], target: Float[Tensor, ...]) -> ValueTally:
        """The tally of a batch, both of it (B, D), on any device.

        Raises:
            KindError: if the shapes differ; torch would broadcast (B,) against (B, 1) to B² errors without a word.
        """
        if target.ndim != 2 or predicted.shape != target.shape:
            shapes = f"predicted {tuple(predicted.shape)} and target {tuple(target.shape)}"
            raise KindError(f"ValueTally: expected two tensors of one shape (B, D), got {shapes}; reshape them")
        predicted, target = predicted.detach().cpu().double(), target.detach().cpu().double()
        first = target[:1].sum(0)  # (D,); zero if there is no example
        centre = first + (target - first).mean(0)  # exact for a constant target, whose variance must come out as 0
        error, off = predicted - target, target - centre
        u = torch.cat((error.abs().mean(1, keepdim=True), error.square(), off, off.square()), dim=1)  # (B, U)
        mean = u.mean(0)
        rest = u - mean
        return cls(centre, mean, rest.T @ rest, len(target))

    def parts(self) -> tuple[slice, slice, slice]:
        """Where e², t and t² stand in u."""
        size = len(self.centre)
        return slice(1, 1 + size), slice(1 + size, 1 + 2 * size), slice(1 + 2 * size, None)

    def about(self, centre: Float64[Tensor, " D"]) -> Self:
        """The same tally about another centre: t grows by `shift`, and t² by 2 shift t + shift²."""
        shift = self.centre - centre
        _, off, square = self.parts()
        mean, spread = self.mean.clone(), self.spread.clone()
        mean[square] += 2 * shift * mean[off] + shift.square()
        mean[off] += shift
        spread[square] += 2 * shift[:, None] * spread[off]
        spread[:, square] += 2 * shift * spread[:, off]
        return type(self)(centre, mean, spread, self.count)

    def __add__(self, other: Self) -> Self:
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        share = other.count / count
        centre = self.centre + (other.centre - self.centre) * share
        left, right = self.about(centre), other.about(centre)
        gap = right.mean - left.mean
        # Not left.mean + gap * share: an infinite error on both sides must stay infinite.
        mean = left.mean * (1 - share) + right.mean * share
        spread = left.spread + right.spread + torch.outer(gap, gap) * (self.count * share)
        return type(self)(centre, mean, spread, count)

    def measures(self) -> dict[str, Measure]:
        absolute, square = torch.zeros(2, len(self.mean), dtype=torch.float64)
        errors, _, _ = self.parts()
        absolute[0], square[errors] = 1.0, 1 / len(self.centre)
        squared = self.delta(self.mean[errors].mean().item(), square)
        return {
            "root_mean_squared_error": Measure(*map(math.sqrt, squared)),
            "squared_error": squared,
            "absolute_error": self.delta(self.mean[0].item(), absolute),
            "r2": self.r2(),
        }

    def r2(self) -> Measure:
        """1 - E[e²] / Var[y], averaged over the outputs, against the mean of the examples measured.

        An output whose target is constant is left out, since nothing varies there; nan if that is all of them.
        (scikit-learn counts such an output as 1 if predicted exactly and as 0 otherwise.)
        """
        errors, _, square = self.parts()
        variance = self.mean[square]  # the mean of t itself is 0
        ratio, kept = self.mean[errors] / variance, variance != 0
        each = 1 / (variance * kept.sum())
        slope = torch.zeros_like(self.mean)
        slope[errors], slope[square] = each.where(kept, 0.0), (-ratio * each).where(kept, 0.0)
        unexplained = self.delta(ratio[kept].mean().item(), slope)
        return Measure(1 - unexplained.value, 1 - unexplained.high, 1 - unexplained.low)

    def delta(self, value: float, slope: Tensor) -> Measure:
        """A positive function of the mean of u whose derivative is `slope`: its variance is slopeᵀ Cov(u) slope / n."""
        pairs = self.count * (self.count - 1)  # none for a single example: its spread is unknown
        variance = (slope @ self.spread @ slope).item() / pairs if pairs else math.nan
        return positive(value, variance)
