"""Measures of how well a net predicts, as sums and counts, each with the interval that the data leave it.

A tally is made of a batch and added over batches and processes; only at the end is anything divided. However the
examples are cut into batches, the measures come out the same, up to the rounding of float64.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from lamina.errors import KindError

NORMAL_QUANTILE = 1.959963984540054  # 95 % of a standard normal lie between it and its negative


class Definition(NamedTuple):
    """What a measure says, in which unit, and which way is better."""

    better: Literal["higher", "lower"]
    unit: str
    meaning: str
    source: str


# y is what was to be predicted, f the prediction; D numbers of one example are averaged before the examples are.
MEASURES: dict[str, Definition] = {
    "accuracy": Definition("higher", "share", "examples whose likeliest class is right", "Wilson 1927 (interval)"),
    "log_loss": Definition("lower", "nats per example", "mean of -ln p(y)", "Good 1952, section 4"),
    "macro_f1": Definition("higher", "share", "mean over classes of 2 TP / (2 TP + FP + FN)", "Opitz and Burst 2019"),
    "root_mean_squared_error": Definition("lower", "the target's unit", "√ mean of (y - f)²", "Gauss 1809"),
    "squared_error": Definition("lower", "the target's unit, squared", "mean of (y - f)²", "Legendre 1805"),
    "absolute_error": Definition("lower", "the target's unit", "mean of |y - f|", "Willmott and Matsuura 2005"),
    "r2": Definition("higher", "share", "mean over outputs of 1 - Σ(y - f)² / Σ(y - mean y)²", "Wright 1921"),
}


def improves(name: str, new: float, old: float) -> bool:
    """Whether `new` is a better value of this measure than `old`. Any number is better than nan, nan than nothing."""
    sign = 1 if MEASURES[name].better == "higher" else -1
    return sign * new > sign * old or (math.isnan(old) and not math.isnan(new))


class Measure(NamedTuple):
    """A value with its 95 % interval; where the data say nothing about the spread, the interval is the whole range.

    >>> print(Measure(0.98611, 0.97321, 0.99409))
    0.986 [0.973, 0.994]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Two digits of the interval's half width, for all three numbers alike."""
        largest = max((abs(number) for number in self if math.isfinite(number)), default=0.0)
        half = (self.high - self.low) / 2
        if not (math.isfinite(half) and half > 0):
            half = abs(self.value) / 10 if math.isfinite(self.value) and self.value else 0.01
        decimals, style = 1 - math.floor(math.log10(half)), "f"
        if largest and not 1e-3 <= largest < 1e7:
            decimals, style = decimals + math.floor(math.log10(largest)), "e"
        value, low, high = (f"{number:z.{min(max(decimals, 0), 6)}{style}}" for number in self)
        return f"{value} [{low}, {high}]"


def positive(value: float, variance: float) -> Measure:
    """The interval of a mean of positive terms, normal in its logarithm: value · exp(± 1.96 √variance / value).

    Where a few large terms make the mean it covers the truth more often than value ± 1.96 √variance does (squares of
    Laplace errors, n = 53: 0.90 against 0.87), and never reaches below 0. If an argument is not finite it is [0, inf).
    """
    if not (math.isfinite(value) and math.isfinite(variance)):
        return Measure(value, 0.0, math.inf)
    factor = math.exp(min(NORMAL_QUANTILE * math.sqrt(max(variance, 0.0)) / value, 700.0)) if value > 0 else 1.0
    return Measure(value, value / factor, value * factor)


def wilson(hits: float, count: float) -> Measure:
    """A share of `count` draws: every p that a score test at 5 % would not reject. Source: Wilson 1927."""
    if count <= 0:
        return Measure(math.nan, 0.0, 1.0)
    share, prior = hits / count, NORMAL_QUANTILE**2 / count
    middle = (share + prior / 2) / (1 + prior)
    half = math.sqrt(prior * (share * (1 - share) + prior / 4)) / (1 + prior)
    return Measure(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


class Tally(ABC):
    """What a batch adds to the measures. Tallies of parts add up to the tally of the whole: `a + b`."""

    headline: ClassVar[str]  # the measure that people look at first
    chosen_by: ClassVar[str]  # decides which checkpoint is best and when to stop: the loss, which moves when others tie
    count: int  # the examples tallied

    @abstractmethod
    def __add__(self, other: Self) -> Self: ...

    @abstractmethod
    def measures(self) -> dict[str, Measure]:
        """Every measure by its name, the headline first; nan where there is nothing to measure."""


class ClassMeasures(NamedTuple):
    """How one class fares. Precision of a class never predicted, and recall of one that never occurs, are nan."""

    precision: Measure
    recall: Measure
    actual: int
    predicted: int


@dataclass(frozen=True, eq=False)
class ClassTally(Tally):
    """Predictions of a class: the confusion counts and the sums of -ln p(y) and of its square.

    Attributes:
        confusion: the examples by actual class (row) and predicted class (column).
        nats: the sum of -ln p(y).
        nats_squared: the sum of (ln p(y))².
    """

    confusion: Int64[Tensor, "C C"]
    nats: float
    nats_squared: float
    count: int
    headline: ClassVar[str] = "accuracy"
    chosen_by: ClassVar[str] = "log_loss"

    @classmethod
    def of(cls, log_probabilities: Float[Tensor, "B C"], target: Int64[Tensor, " B"]) -> ClassTally:
        """The tally of a batch.

        Args:
            log_probabilities: ln p of each class, on any device; the largest is the prediction.
            target: the right classes, from 0 to C - 1.
        """
        classes = log_probabilities.shape[1]
        cells = target * classes + log_probabilities.argmax(1)
        # Only (B,) goes to the CPU, and float64 is made there: some devices have none.
        nats = -log_probabilities.detach().gather(1, target[:, None]).squeeze(1).cpu().double()
        confusion = cells.cpu().bincount(minlength=classes * classes).view(classes, classes)
        return cls(confusion, nats.sum().item(), nats.dot(nats).item(), len(target))

    def __add__(self, other: Self) -> Self:
        nats, squared = self.nats + other.nats, self.nats_squared + other.nats_squared
        return type(self)(self.confusion + other.confusion, nats, squared, self.count + other.count)

    def measures(self) -> dict[str, Measure]:
        correct = int(self.confusion.diagonal().sum())
        return {"accuracy": wilson(correct, self.count), "log_loss": self.log_loss(), "macro_f1": self.macro_f1()}

    def log_loss(self) -> Measure:
        """The mean of -ln p(y) in nats; the interval is `positive`, with the variance of the sample."""
        if self.count < 2:
            return Measure(self.nats / self.count if self.count else math.nan, 0.0, math.inf)
        mean = self.nats / self.count
        variance = (self.nats_squared / self.count - mean * mean) / (self.count - 1)
        return positive(mean, variance)

    def macro_f1(self) -> Measure:
        """The mean of F1 over the classes that occur or are predicted.

        The confusion counts n_ij are multinomial and F1 of class k is 2 n_kk / (row sum + column sum), so the delta
        method gives the variance Σ n_ij g_ij², g the derivative of the mean by n_ij (Takahashi et al. 2022). It is read
        as that of a share of so many draws, with Wilson's interval for it (after Korn and Graubard 1998): Takahashi's
        normal interval leaves [0, 1] and collapses to a point when all is right.
        """
        counts = self.confusion.double()
        both = counts.sum(0) + counts.sum(1)
        classes = int((both > 0).sum())
        if not classes:
            return Measure(math.nan, 0.0, 1.0)
        both = both.masked_fill(both == 0, math.inf)
        f1 = 2 * counts.diagonal() / both
        slope = -((f1 / both)[:, None] + f1 / both)  # (C, C)
        slope.diagonal().add_(2 / both)
        value = min(1.0, f1.sum().item() / classes)
        variance = (counts * slope.square()).sum().item() / classes**2
        single = value * (1 - value)  # the variance of a share of one draw
        draws = single / variance if single > 0 and variance > 0 else self.count
        return wilson(value * draws, draws)._replace(value=value)

    def by_class(self) -> list[ClassMeasures]:
        """Precision and recall of each class in turn, with Wilson's interval."""
        counts = self.confusion
        table = torch.stack((counts.diagonal(), counts.sum(1), counts.sum(0)), dim=1).tolist()  # (C, 3)
        return [ClassMeasures(wilson(hits, p), wilson(hits, a), a, p) for hits, a, p in table]


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
