"""What is measured of predicted tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from lamina.metrics.measure import Measure, Tally, positive, wilson


@dataclass(frozen=True, eq=False)
class TokenTally(Tally):
    """Predictions of tokens in rows: sentences, or windows of a text.

    The tokens of a row depend on each other, so intervals take rows for the units: a measure is a ratio R = Σa / Σn of
    what a row sums to and its tokens, with the variance Σ(a - R n)² / (Σn)² (Cochran 1977, equation 6.9).

    Attributes:
        moments: the sums over rows of (a², a n, n²), first for a = -ln p and then for a = the tokens that are right.
        nats: the sum of -ln p.
        right: the tokens whose likeliest guess is right.
        tokens: how many there are.
        whole: the rows in which every token is right.
        count: the rows.
    """

    moments: Float64[Tensor, "2 3"]
    nats: float
    right: int
    tokens: int
    whole: int
    count: int
    headline: ClassVar[str] = "perplexity"
    chosen_by: ClassVar[str] = "token_loss"

    @classmethod
    def of(cls, nats: Float[Tensor, "B T"], right: Bool[Tensor, "B T"], scored: Bool[Tensor, "B T"]) -> Self:
        """The tally of a batch, on any device.

        Args:
            nats: -ln p of each token; what stands where nothing is scored does not matter.
            right: whether the likeliest token is the one.
            scored: what counts.
        """
        scored = scored.cpu()
        hits = right.cpu() & scored
        lengths = scored.sum(1).double()
        sums = nats.detach().cpu().double().masked_fill(~scored, 0.0).sum(1)  # (B,)
        each = torch.stack((sums, hits.sum(1).double()))  # (2, B)
        moments = torch.stack((each.square(), each * lengths, lengths.square().expand(2, -1)), -1).sum(1)
        whole = int((hits.sum(1) == scored.sum(1)).sum())
        return cls(moments, sums.sum().item(), int(hits.sum()), int(lengths.sum()), whole, len(scored))

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.moments + other.moments,
            self.nats + other.nats,
            self.right + other.right,
            self.tokens + other.tokens,
            self.whole + other.whole,
            self.count + other.count,
        )

    def measures(self) -> dict[str, Measure]:
        loss = positive(self.ratio(self.nats), self.variance(0, self.nats))
        return {
            "perplexity": Measure(*map(_exp, loss)),
            "token_loss": loss,
            "bits_per_token": Measure(*(nats / math.log(2) for nats in loss)),
            "token_accuracy": self.accuracy(),
        }

    def ratio(self, total: float) -> float:
        """What a token has of a total."""
        return total / self.tokens if self.tokens else math.nan

    def variance(self, place: int, total: float) -> float:
        """The variance of a ratio; nan for a single row, whose spread is unknown."""
        if self.count < 2 or not self.tokens:
            return math.nan
        ratio = self.ratio(total)
        squares, products, lengths = map(float, self.moments[place])
        spread = max(0.0, squares - 2 * ratio * products + ratio * ratio * lengths)
        return spread / self.tokens**2 * self.count / (self.count - 1)

    def accuracy(self) -> Measure:
        """The share of tokens that are right, with Wilson's interval for as many draws as its variance is worth."""
        share, variance = self.ratio(self.right), self.variance(1, self.right)
        draws = share * (1 - share) / variance if variance > 0 else self.count
        return wilson(share * draws, draws)._replace(value=share) if self.tokens else Measure(math.nan, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class SentenceTally(TokenTally):
    """The same of sentences, of which it also counts for how many every token is right, given those before it."""

    def measures(self) -> dict[str, Measure]:
        return super().measures() | {"sentence_accuracy": wilson(self.whole, self.count)}


def _exp(nats: float) -> float:
    return math.exp(nats) if not nats >= 700 else math.inf
