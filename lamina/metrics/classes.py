"""What is measured of predicted classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.metrics.measure import Measure, Tally, positive, wilson
from lamina.metrics.ranking import Margins, auc


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
        margins: of two classes, ln p(1) - ln p(0) of each example; None of any other number of them.
    """

    confusion: Int64[Tensor, "C C"]
    nats: float
    nats_squared: float
    count: int
    margins: Margins | None = None
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
        margins = Margins.of(log_probabilities, target) if classes == 2 else None
        return cls(confusion, nats.sum().item(), nats.dot(nats).item(), len(target), margins)

    def __add__(self, other: Self) -> Self:
        nats, squared = self.nats + other.nats, self.nats_squared + other.nats_squared
        margins = self.margins + other.margins if self.margins and other.margins else None
        return type(self)(self.confusion + other.confusion, nats, squared, self.count + other.count, margins)

    def measures(self) -> dict[str, Measure]:
        correct = int(self.confusion.diagonal().sum())
        ranked = {"auc": auc(*self.margins.by_class())} if self.margins else {}
        return {
            "accuracy": wilson(correct, self.count),
            "log_loss": self.log_loss(),
            **ranked,
            "macro_f1": self.macro_f1(),
        }

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
