"""The end that tells whether the second of two texts follows the first."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import generator
from lamina.end import End, Score
from lamina.ends.classify import Labelled
from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Label, Padded, Sequence, Vector
from lamina.layers.dense import Dense
from lamina.metrics import ClassTally
from lamina.nets.bert import SPREAD
from lamina.stage import expect


class NextSentence(End):
    """p(y | h) = softmax(W tanh(A h_1 + a) + b)_y, h_1 at the first position: 0 if a text follows the one before it.

    Source: Devlin et al. 2019, section 3.1 ("next sentence prediction") and their program, for the dense layer with
    tanh ("pooler"). Weights start normal with deviation 0.02.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Label,)

    def build(self, given: Kind) -> Kind:
        given, target = expect(self, given, Sequence), self.aimed_at(Label)
        if target.classes != 2:
            raise KindError(f"{self} tells whether a text follows, or not, but the target is {target}; use Classify()")
        self.pool, self.last = Dense(given.width), Dense(2)
        self.last.build(self.pool.build(Vector(given.width)))
        return Vector(2)

    @torch.no_grad()
    def initialise(self, seed: int, following: Following) -> None:
        for name, dense in (("pool", self.pool), ("last", self.last)):
            dense.weight.normal_(0, SPREAD, generator=generator(seed, self.place, name))

    def forward(self, h: Padded) -> Float[Tensor, "B 2"]:
        logits: Tensor = self.last(self.pool(h.values[:, 0]).tanh())
        return logits.to(self.last.weight.dtype)

    def score(self, h: Padded, target: Int64[Tensor, " B"]) -> Score:
        return Score(F.cross_entropy(self(h), target, reduction="sum"), len(target))

    def predict(self, h: Padded) -> Labelled:
        probabilities = F.softmax(self(h), -1)
        return Labelled(probabilities.argmax(-1), probabilities)

    def sample(self, h: Padded, random: torch.Generator) -> Int64[Tensor, " B"]:
        """0 or 1 for each example, drawn from p(y | h)."""
        return F.softmax(self(h), -1).multinomial(1, generator=random).squeeze(1)

    def tally(self, h: Padded, target: Int64[Tensor, " B"]) -> ClassTally:
        return ClassTally.of(F.log_softmax(self(h), -1), target)

    def multiply_adds(self) -> int:
        return self.pool.multiply_adds() + self.last.multiply_adds()
