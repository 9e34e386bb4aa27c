"""What is measured of forecasts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from lamina.metrics.measure import Measure, Tally, positive


@dataclass(frozen=True, eq=False)
class ForecastTally(Tally):
    """Forecasts of D numbers: mean and spread of u = (e² / s², |e| / s, e², |e|), e the error, each a mean over the D.

    s is the deviation of each number in training, so that columns of unlike units count alike; this is the error on
    standardised data that the literature reports. Windows that begin one step apart share all but one of the steps that
    they forecast, and err alike: the intervals count every `steps`-th of them only. Source: Zeng et al. 2023, section
    5.1 (the errors); Hansen and Hodrick 1980 (forecasts of H steps err dependently over H - 1).

    Attributes:
        mean: of u.
        spread: Σ (u - mean)² over the examples.
        count: the examples.
        steps: H, the steps of a forecast.
    """

    mean: Float64[Tensor, " U"]
    spread: Float64[Tensor, " U"]
    count: int
    steps: int
    headline: ClassVar[str] = "scaled_squared_error"
    chosen_by: ClassVar[str] = "scaled_squared_error"

    @classmethod
    def of(
        cls, predicted: Float[Tensor, "B V"], target: Float[Tensor, "B V"], deviation: Float[Tensor, " V"], steps: int
    ) -> ForecastTally:
        """The tally of a batch, on any device."""
        predicted, target, deviation = (x.detach().cpu().double() for x in (predicted, target, deviation))
        error = predicted - target
        scaled = error / deviation
        u = torch.stack([part.mean(1) for part in (scaled.square(), scaled.abs(), error.square(), error.abs())], 1)
        mean = u.mean(0)
        return cls(mean, (u - mean).square().sum(0), len(target), steps)

    def __add__(self, other: Self) -> Self:
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        share, gap = other.count / count, other.mean - self.mean
        mean = self.mean * (1 - share) + other.mean * share
        spread = self.spread + other.spread + gap.square() * (self.count * share)
        return type(self)(mean, spread, count, self.steps)

    def measures(self) -> dict[str, Measure]:
        free = self.count / self.steps  # windows that have no step in common
        pairs = free * (self.count - 1)
        variance = (self.spread / pairs).tolist() if pairs > 0 else [math.nan] * 4
        parts = [positive(value, spread) for value, spread in zip(self.mean.tolist(), variance, strict=True)]
        return {
            "scaled_squared_error": parts[0],
            "scaled_absolute_error": parts[1],
            "root_mean_squared_error": Measure(*map(math.sqrt, parts[2])),
            "squared_error": parts[2],
            "absolute_error": parts[3],
        }
