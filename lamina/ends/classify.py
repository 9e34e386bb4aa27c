"""The categorical end."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from lamina.chance import generator
from lamina.end import End, Score
from lamina.errors import KindError
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind, Label, Vector
from lamina.layers.weights import new_weight
from lamina.metrics import ClassTally
from lamina.settings import Fraction, Positive
from lamina.stage import expect


class Labelled(NamedTuple):
    """The most probable class of each example, and the probability of every class."""

    label: Int64[Tensor, " B"]
    probabilities: Float[Tensor, "B C"]


class Classify(End):
    """p(y | h) = softmax(h W^T + b)_y: a categorical distribution over classes. Its loss is the cross-entropy.

    Source: Cox 1966 (multinomial logistic regression); as a net's end, Bridle 1990. With smoothing s, training matches
    (1 - s) on the label plus s spread evenly over all C classes (Szegedy et al. 2016, section 7); evaluation does not.

    With weights an example counts in training as much as its class says: rare classes are then found more often, at the
    price of probabilities that are those of another mixture of classes. Evaluation weighs nothing.

    Args:
        smoothing: s, at least 0 and below 1.
        init: how W is drawn; see `lamina.initialise`.
        weights: one for each class, in the order of the classes; "balanced" for N / (C N_c), with the counts of the
            training part (King and Zeng 2001, section 4).
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Label,)
    learns: ClassVar[bool] = True

    smoothing: Fraction = 0.0
    init: Rule = "auto"
    weights: Literal["balanced"] | tuple[Positive, ...] | None = None

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        target = self.aimed_at(Label)
        self.weight = new_weight(self, given, target.classes, given.size)
        self.offset = new_weight(self, given, target.classes)
        if isinstance(self.weights, tuple) and len(self.weights) != target.classes:
            raise KindError(f"{self} has {len(self.weights)} weights for {target.classes} classes: give each class one")
        if self.weights is not None:
            fixed = self.weights if isinstance(self.weights, tuple) else (1.0,) * target.classes
            self.class_weight = nn.Buffer(torch.tensor(fixed))
        return Vector(target.classes)

    def learn(self, stream: Iterable[Tensor]) -> None:
        if self.weights != "balanced":
            return
        classes = len(self.offset)
        counts = reduce(add, (target.bincount(minlength=classes) for target in stream))
        # A class that does not occur has no say, whatever its weight.
        self.class_weight.copy_(counts.sum() / (classes * counts.clamp(min=1)))

    def learn_anew(self, stream: Iterable[Tensor]) -> None:
        self.learn(stream)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def forward(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        return F.linear(h, self.weight, self.offset)

    def score(self, h: Float[Tensor, "B D"], target: Int64[Tensor, " B"]) -> Score:
        smoothing = self.smoothing if self.training else 0.0
        if not self.training or self.weights is None:
            return Score(F.cross_entropy(self(h), target, reduction="sum", label_smoothing=smoothing), len(target))
        nats = F.cross_entropy(self(h), target, reduction="none", label_smoothing=smoothing)
        return Score(nats @ self.class_weight[target], len(target))

    def predict(self, h: Float[Tensor, "B D"]) -> Labelled:
        probabilities = F.softmax(self(h), -1)
        return Labelled(probabilities.argmax(-1), probabilities)

    def sample(self, h: Float[Tensor, "B D"], random: torch.Generator) -> Int64[Tensor, " B"]:
        """A class of each example, drawn from p(y | h)."""
        return F.softmax(self(h), -1).multinomial(1, generator=random).squeeze(1)

    def tally(self, h: Float[Tensor, "B D"], target: Int64[Tensor, " B"]) -> ClassTally:
        return ClassTally.of(F.log_softmax(self(h), -1), target)

    def multiply_adds(self) -> int:
        return self.weight.numel()
