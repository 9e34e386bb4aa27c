"""The Gaussian end."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.end import End, Score
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind, Value, Vector
from lamina.layers.standardize import moments
from lamina.layers.weights import new_weight
from lamina.metrics import ValueTally
from lamina.stage import expect


class Estimated(NamedTuple):
    """The expected value of each example's target."""

    value: Float[Tensor, "B V"]


class Regress(End):
    """p(y | h) = Normal(m + s (h W^T + b), s^2) per number: its loss is half the squared error, in units of s^2.

    m and s are the mean and standard deviation of the training targets, taken once before the first step, so a target
    in dollars trains as well as one in millions of them. Source: Gauss 1809; Bishop 2006, eq. 3.10.

    Args:
        init: how W is drawn; see `lamina.initialise`.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Value,)
    learns: ClassVar[bool] = True

    init: Rule = "auto"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        size = self.aimed_at(Value).size
        self.weight = new_weight(self, given, size, given.size)
        self.offset = new_weight(self, given, size)
        self.mean = nn.Buffer(torch.zeros(size))
        self.deviation = nn.Buffer(torch.ones(size))
        return Vector(size)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def learn(self, stream: Iterable[Tensor]) -> None:
        mean, deviation = moments(stream)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.masked_fill(deviation <= 1e-6 * mean.abs(), 1.0))

    def forward(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B V"]:
        return torch.addcmul(self.mean, self.deviation, F.linear(h, self.weight, self.offset))

    def score(self, h: Float[Tensor, "B D"], target: Float[Tensor, "B V"]) -> Score:
        away = F.linear(h, self.weight, self.offset) - (target - self.mean) / self.deviation  # (B, V)
        normaliser = (self.deviation.log() + 0.5 * math.log(2 * math.pi)).sum() * len(target)
        return Score(0.5 * away.square().sum() + normaliser, target.numel())

    def predict(self, h: Float[Tensor, "B D"]) -> Estimated:
        return Estimated(self(h))

    def sample(self, h: Float[Tensor, "B D"], random: torch.Generator) -> Float[Tensor, "B V"]:
        """A target of each example, drawn from p(y | h)."""
        expected = self.forward(h)
        noise = torch.randn(expected.shape, generator=random, device=random.device, dtype=expected.dtype)
        return expected + self.deviation * noise.to(expected.device)

    def tally(self, h: Float[Tensor, "B D"], target: Float[Tensor, "B V"]) -> ValueTally:
        return ValueTally.of(self(h), target)

    def multiply_adds(self) -> int:
        return self.weight.numel()
