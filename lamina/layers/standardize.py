"""Inputs brought to mean 0 and variance 1 by the training data's own statistics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from lamina.kinds import Image, Kind, Padded, Sequence, Vector
from lamina.layers.norm import features
from lamina.stage import Flow, Stage, expect, on_values


class Standardize(Stage):
    """y = (x - mean) / deviation, per feature (channel of an image), with the training part's mean and deviation.

    The statistics are taken once before the first step, in double precision, and are saved with the net. A feature that
    is constant in the training part is only shifted. Source: LeCun et al. 1998, "Efficient BackProp", section 4.3.
    """

    learns: ClassVar[bool] = True
    follows_through: ClassVar[bool] = True

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image, Sequence)
        self.mean = nn.Buffer(torch.zeros(features(given)))
        self.deviation = nn.Buffer(torch.ones(features(given)))
        self.places = (-1, 1, 1) if isinstance(given, Image) else (-1,)
        return given

    def learn(self, stream: Iterable[Flow]) -> None:
        mean, deviation = moments(stream)
        # A spread that is only rounding noise of the mean is none: dividing by it would blow the noise up.
        constant = deviation <= 1e-6 * mean.abs()
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.masked_fill(constant, 1.0))

    def forward(self, x: Flow) -> Flow:
        mean, deviation = self.mean.view(self.places), self.deviation.view(self.places)
        return on_values(lambda values: (values - mean) / deviation, x)


def moments(stream: Iterable[Flow]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature over a stream of batches, in one pass and double precision.

    Source: Chan, Golub and LeVeque 1979, eq. 2.1: sums of squares about the mean, joined pairwise, lose no digits.
    """
    count, mean, squares = 0, torch.zeros(()), torch.zeros(())
    for x in stream:
        rows = as_rows(x).double()
        if not len(rows):
            continue
        here = rows.mean(0)
        shift = here - mean
        share = len(rows) / (count + len(rows))
        squares = squares + (rows - here).square().sum(0) + shift.square() * count * share
        mean = mean + shift * share
        count += len(rows)
    return mean, (squares / max(count, 1)).sqrt()


def as_rows(x: Flow) -> Tensor:
    """All places of all examples as rows of features; padding is left out."""
    if isinstance(x, Padded):
        return x.values[x.visible]  # (N, D)
    return x.transpose(0, 1).flatten(1).T if x.dim() > 2 else x.reshape(len(x), -1)  # (N, C) or (B, D)
