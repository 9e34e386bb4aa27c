"""Numbers of a table, piecewise linear between quantiles of the training data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.initialise import Following
from lamina.kinds import Kind, Table
from lamina.layers.numbers import Encoder, observed
from lamina.layers.weights import new_rows, new_weight
from lamina.settings import Count, Natural
from lamina.stage import expect

MOST_ROWS = 200_000
"""Examples that quantiles are taken from, evenly spread over the training part."""


class Piecewise(Encoder):
    """e_t(x) = clamp((x - b_t) / (b_t+1 - b_t), 0, 1) for the bins t of a number, cut at quantiles b of training.

    A curve of a number becomes a line in its code, so that a net bends wherever the data do. What lies beyond the
    outermost edges counts as these, where the source goes on as a line: an outlier then leads nowhere strange. With a
    width, each code goes through a linear map of its own and ReLU. Source: Gorishniy et al. 2022, "On embeddings for
    numerical features", section 3.2 and eq. 1 (Q-LR).

    Args:
        bins: how many, at most; columns with few values have fewer.
        width: the numbers that each code is mapped to; 0 hands the code itself on.
    """

    learns: ClassVar[bool] = True
    bins: Count = 32
    width: Natural = 0

    def build(self, given: Kind) -> Kind:
        table = self.remember(expect(self, given, Table))
        self.low = nn.Buffer(torch.zeros(table.numbers, self.bins))
        self.slope = nn.Buffer(torch.zeros(table.numbers, self.bins))
        self.median = nn.Buffer(torch.zeros(table.numbers))
        if self.width:
            self.weight = new_rows(self, given, table.numbers, self.bins, self.width)
            self.offset = new_weight(self, given, table.numbers, self.width)
        return self.widened(self.width or self.bins)

    def initialise(self, seed: int, following: Following) -> None:
        if self.width:
            nn.init.normal_(self.weight, 0, (2 / self.bins) ** 0.5, generator=generator(seed, self.place))

    def learn(self, stream: Iterable[Tensor]) -> None:
        numbers = spread_out(observed(stream, self.count))
        low, slope = torch.zeros_like(self.low, device="cpu"), torch.zeros_like(self.slope, device="cpu")
        for column in range(self.count):
            values = numbers[:, column]
            edges = cut(values[~values.isnan()], self.bins)
            low[column, : len(edges) - 1] = edges[:-1]
            slope[column, : len(edges) - 1] = 1 / edges.diff().clamp(min=torch.finfo(torch.float32).tiny)
        self.low.copy_(low)
        self.slope.copy_(slope)
        self.median.copy_(numbers.nanmedian(0).values.nan_to_num(0.0))

    def encoded(self, numbers: Float[Tensor, "B N"]) -> Float[Tensor, "B M"]:
        code = ((numbers[:, :, None] - self.low) * self.slope).clamp_(0, 1)  # (B, N, bins)
        if not self.width:
            return code.flatten(1)
        return F.relu(torch.einsum("bnt,ntw->bnw", code, self.weight) + self.offset).flatten(1)

    def usual(self) -> Float[Tensor, " N"]:
        return self.median

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B G"]:
        return self.beside_codes(x)

    def multiply_adds(self) -> int:
        return self.weight.numel() if self.width else self.count * self.bins


def spread_out(stream: Iterable[Tensor]) -> Tensor:
    """Rows evenly spread over a stream, at most twice `MOST_ROWS`: every first, second, fourth, ... of them."""
    every, seen, kept = 1, 0, list[Tensor]()
    for x in stream:
        kept.append(x[-seen % every :: every].cpu())
        seen += len(x)
        if sum(map(len, kept)) > 2 * MOST_ROWS:
            # The rows kept so far are numbers 0, every, 2 every, ... of the stream.
            kept, every = [torch.cat(kept)[::2]], 2 * every
    return torch.cat(kept)


def cut(values: Float[Tensor, " N"], bins: int) -> Float[Tensor, " E"]:
    """At most `bins` + 1 ascending edges: the quantiles of the values, or all values where there are no more."""
    distinct = np.unique(values.numpy())
    if len(distinct) > bins + 1:
        ranks = np.linspace(0, len(values) - 1, bins + 1).round().astype(np.int64)
        distinct = np.unique(np.sort(values.numpy())[ranks])
    return torch.from_numpy(distinct) if len(distinct) else torch.zeros(1)
