"""Numbers of a table as sines and cosines of learned frequencies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.initialise import Following
from lamina.kinds import Kind, Table
from lamina.layers.numbers import Encoder, observed
from lamina.layers.standardize import moments, spread
from lamina.layers.weights import new_rows, new_weight
from lamina.settings import Count, Positive
from lamina.stage import expect


class Periodic(Encoder):
    """ReLU(W_n [sin 2π c_n z; cos 2π c_n z] + b_n) for each number, z the number standardised by the training part.

    The frequencies c_n are learned, and start normal with deviation `sigma`. Source: Gorishniy et al. 2022, "On
    embeddings for numerical features", section 3.3 and eq. 2 (PLR).

    Args:
        width: the numbers that each number becomes.
        frequencies: how many c_n each number has.
        sigma: the larger, the faster the first curves wiggle.
    """

    learns: ClassVar[bool] = True
    width: Count = 16
    frequencies: Count = 32
    sigma: Positive = 0.1

    def build(self, given: Kind) -> Kind:
        table = self.remember(expect(self, given, Table))
        self.mean = nn.Buffer(torch.zeros(table.numbers))
        self.deviation = nn.Buffer(torch.ones(table.numbers))
        self.frequency = new_rows(self, given, table.numbers, self.frequencies)
        self.weight = new_rows(self, given, table.numbers, 2 * self.frequencies, self.width)
        self.offset = new_weight(self, given, table.numbers, self.width)
        return self.widened(self.width)

    def initialise(self, seed: int, following: Following) -> None:
        random = generator(seed, self.place)
        nn.init.normal_(self.frequency, 0, self.sigma, generator=random)
        # sin² + cos² = 1: the squares of the 2 F inputs add up to F.
        nn.init.normal_(self.weight, 0, (2 / self.frequencies) ** 0.5, generator=random)

    def learn(self, stream: Iterable[Tensor]) -> None:
        mean, deviation = moments(observed(stream, self.count))
        self.mean.copy_(mean)
        self.deviation.copy_(spread(mean, deviation))

    def encoded(self, numbers: Float[Tensor, "B N"]) -> Float[Tensor, "B M"]:
        angle = 2 * math.pi * ((numbers - self.mean) / self.deviation)[:, :, None] * self.frequency  # (B, N, F)
        waves = torch.cat((angle.sin(), angle.cos()), -1)  # (B, N, 2 F)
        return F.relu(torch.einsum("bnf,nfw->bnw", waves, self.weight) + self.offset).flatten(1)

    def usual(self) -> Float[Tensor, " N"]:
        return self.mean

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B G"]:
        return self.beside_codes(x)

    def multiply_adds(self) -> int:
        return self.weight.numel() + self.frequency.numel()
