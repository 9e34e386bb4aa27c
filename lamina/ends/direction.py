"""The end of nets whose answer is where a vector points."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.end import End, Score
from lamina.errors import KindError
from lamina.kinds import Kind, Value, Vector
from lamina.metrics import Tally, ValueTally
from lamina.stage import expect


class Directed(NamedTuple):
    """A vector of length 1 for each example."""

    value: Float[Tensor, "B D"]


class Direction(End):
    """p(y | h) = Normal(h / |h|, 1) of y / |y|: its loss grows with 1 - cos(h, y), and the answer is h / |h|.

    So a net learns to place texts (or pictures) where another net has placed them: there are no weights, and the
    target is a vector of the same size. Source: Reimers and Gurevych 2020, "Making monolingual sentence embeddings
    multilingual", equation 1 (squared error to a teacher's vectors), for vectors of length 1. Measures are of y as it
    comes, which is meant to have length 1 as well.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Value,)

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        size = self.aimed_at(Value).size
        if given.size != size:
            raise KindError(
                f"{self} cannot follow {given}: its target is Value({size}); let Vector({size}) come before it, such as"
                f" Dense({size})"
            )
        return given

    def forward(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        return F.normalize(h)

    def score(self, h: Float[Tensor, "B D"], target: Float[Tensor, "B D"]) -> Score:
        away = self.forward(h) - F.normalize(target)
        return Score(0.5 * away.square().sum() + 0.5 * math.log(2 * math.pi) * target.numel(), target.numel())

    def predict(self, h: Float[Tensor, "B D"]) -> Directed:
        return Directed(self(h))

    def sample(self, h: Float[Tensor, "B D"], random: torch.Generator) -> Float[Tensor, "B D"]:
        """A target of each example, drawn from the distribution before it is brought to length 1."""
        u = self.forward(h)
        return u + torch.randn(u.shape, generator=random, device=random.device, dtype=u.dtype).to(u.device)

    def tally(self, h: Any, target: Float[Tensor, "B D"]) -> Tally:
        return ValueTally.of(self(h), target)
