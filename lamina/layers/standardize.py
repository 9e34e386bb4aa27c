"""Inputs brought to mean 0 and variance 1 by the training data's own statistics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamina.kinds import Image, Kind, Padded, Sequence, Table, Vector
from lamina.layers.norm import features
from lamina.layers.numbers import Encoder, observed
from lamina.stage import Flow, expect, on_values


class Standardize(Encoder):
    """y = (x - mean) / deviation, per feature (channel of an image), with the training part's mean and deviation.

    The statistics are taken once before the first step, in double precision, and are saved with the net. A feature that
    is constant in the training part is only shifted. Of a table the numbers are standardised: a blank becomes 0, the
    mean, with a flag beside it. Source: LeCun et al. 1998, "Efficient BackProp", section 4.3.
    """

    learns: ClassVar[bool] = True
    follows_through: ClassVar[bool] = True

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image, Sequence, Table)
        self.table = isinstance(given, Table)
        if isinstance(given, Table):
            self.remember(given)
            self.mean = nn.Buffer(torch.zeros(given.numbers))
            self.deviation = nn.Buffer(torch.ones(given.numbers))
            return self.widened(1)
        self.mean = nn.Buffer(torch.zeros(features(given)))
        self.deviation = nn.Buffer(torch.ones(features(given)))
        self.places = (-1, 1, 1) if isinstance(given, Image) else (-1,)
        return given

    def learn(self, stream: Iterable[Flow]) -> None:
        mean, deviation = moments(observed(stream, self.count) if self.table else stream)
        self.mean.copy_(mean)
        self.deviation.copy_(spread(mean, deviation))

    def encoded(self, numbers: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
        return (numbers - self.mean) / self.deviation

    def usual(self) -> Float[Tensor, " N"]:
        return self.mean

    def forward(self, x: Flow) -> Flow:
        if self.table and isinstance(x, Tensor):
            return self.beside_codes(x)
        mean, deviation = self.mean.view(self.places), self.deviation.view(self.places)
        return on_values(lambda values: (values - mean) / deviation, x)


def spread(mean: Tensor, deviation: Tensor) -> Tensor:
    """What to divide by: the deviation, and 1 where it is only rounding noise of the mean, which would be blown up."""
    return deviation.masked_fill(deviation <= 1e-6 * mean.abs(), 1.0)


def moments(stream: Iterable[Flow]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature over a stream of batches, in one pass and double precision.

    What is NaN, as a blank in a table, is left out; a feature of nothing else has mean 0 and deviation 0.
    Source: Chan, Golub and LeVeque 1979, eq. 2.1: sums of squares about the mean, joined pairwise, lose no digits.
    """
    count, mean, squares = torch.zeros(3, dtype=torch.float64).unbind()
    for x in stream:
        rows = as_rows(x).cpu().double()  # some devices have no float64
        there = (~rows.isnan()).sum(0)
        here = rows.nanmean(0).nan_to_num(0.0) if len(rows) else mean
        shift = here - mean
        share = there / (count + there).clamp(min=1)
        squares = squares + (rows - here).square().nansum(0) + shift.square() * count * share
        mean = mean + shift * share
        count = count + there
    return mean, (squares / count.clamp(min=1)).sqrt()


def as_rows(x: Flow) -> Tensor:
    """All places of all examples as rows of features; padding is left out."""
    if isinstance(x, Padded):
        return x.values[x.visible]  # (N, D)
    return x.transpose(0, 1).flatten(1).T if x.dim() > 2 else x.reshape(len(x), -1)  # (N, C) or (B, D)
