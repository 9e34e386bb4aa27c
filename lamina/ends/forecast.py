"""The end of a net that forecasts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.ends.regress import Regress, positive
from lamina.errors import KindError
from lamina.kinds import Kind, Sequence, Value, Vector
from lamina.layers.from_last import FromLast
from lamina.layers.standardize import moments, spread
from lamina.layers.weights import new_weight
from lamina.metrics import ForecastTally, LossTally, Tally
from lamina.stage import Chain, expect


class Forecast(Regress):
    """p(y | h) = Normal(l + r (W f + b), s²) for the H steps of D columns that follow a series, step by step.

    Behind `FromLast`, which gives f, the last values l and their typical distance r, it forecasts the change from the
    last value; where that gives f for each column apart, W (H, F) is the same for all of them. Behind other stages it
    is as `Regress`: l = m and r = s, the mean and deviation of the training targets. The loss is in units of s anyway.

    What it measures is the error in the unit of the data, and in deviations of the training part; see `ForecastTally`.
    Each number has an interval of its own, as wide as 90 % of its errors on the validation part were. Errors of windows
    that overlap are alike, so it holds less surely than for examples that stand alone.

    Args:
        scale: "linear" or "log", as that of `FromLast`.
        init: how W is drawn; see `lamina.initialise`.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.width, self.seen_from_last, self.apart = 1, False, False

    def meet(self, body: Chain) -> None:
        """See how many columns there are, and whether they are seen from their last value.

        Raises:
            KindError: if `FromLast` is not the whole body, or on another scale.
        """
        before = [stage for stage in body.stages if isinstance(stage, FromLast)]
        if before and len(body) > 1:
            raise KindError(f"{before[0]} must be all that stands before {self}: put the other stages into it")
        if before and before[0].scale != self.scale:
            raise KindError(
                f"{self} and {before[0].name()} must have one scale, got {before[0].scale!r} for the latter"
            )
        given = body.kinds[0] if body.kinds else None
        self.width = given.width if isinstance(given, Sequence) else 1
        self.seen_from_last = bool(before)
        self.apart = bool(before) and before[0].columns == "apart"

    def build(self, given: Kind) -> Kind:
        gives = super().build(given)
        size = self.aimed_at(Value).size
        self.unit = nn.Buffer(torch.ones(size))
        if not self.seen_from_last:
            return gives
        if size % self.width:
            raise KindError(
                f"{self} behind FromLast forecasts each of its {self.width} columns, but not {size} numbers"
            )
        inputs = expect(self, given, Vector).size - 2 * self.width
        outputs = size
        if self.apart:
            inputs, outputs = inputs // self.width, size // self.width
        self.weight = new_weight(self, given, outputs, inputs)
        self.offset = new_weight(self, given, outputs)
        return gives

    def learn(self, stream: Iterable[Tensor]) -> None:
        both = (torch.cat((self.scaled(positive(self, target)), target), 1) for target in stream)
        (mean, _), (deviation, unit) = (part.chunk(2) for part in moments(both))
        self.mean.copy_(mean)
        self.deviation.copy_(spread(mean, deviation))
        self.unit.copy_(unit.masked_fill(unit == 0, 1.0))

    @property
    def steps(self) -> int:
        """H; all numbers where they are no multiple of the columns."""
        size = self.aimed_at(Value).size
        return size if size % self.width else size // self.width

    def standard(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B V"]:
        if not self.seen_from_last:
            return super().standard(h)
        features, last, reach = h.tensor_split((-2 * self.width, -self.width), 1)
        if self.apart:
            features = features.reshape(len(h), self.width, -1)  # (B, D, F)
        change = F.linear(features, self.weight, self.offset)
        change = change.transpose(1, 2) if self.apart else change.view(len(h), -1, self.width)  # (B, H, D)
        mean, deviation = (x.view(-1, self.width) for x in (self.mean, self.deviation))  # (H, D)
        found = (last[:, None] - mean) / deviation + change * (reach[:, None] / deviation)
        return found.flatten(1)

    def tally(self, h: Float[Tensor, "B D"], target: Float[Tensor, "B V"]) -> Tally:
        tally = ForecastTally.of(self(h), target, self.unit, self.steps)
        return LossTally(tally, self.score(h, target).total.item(), len(target)) if self.scale == "log" else tally

    def multiply_adds(self) -> int:
        return self.weight.numel() * (self.width if self.apart else 1)
