"""The affine layer."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.chance import generator
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.layers.weights import new_weight
from lamina.settings import Count
from lamina.stage import Stage, expect


class Dense(Stage):
    """Affine map y = x W^T + b: every output sees every input. At each position alone where positions flow.

    Source: Rosenblatt 1958; as a layer, Rumelhart, Hinton and Williams 1986.

    Args:
        width: the number of outputs.
        bias: whether b is there.
        init: how W is drawn; "auto" suits it to the activation that follows (see `lamina.initialise`). b starts at 0.

    Example:
        >>> import lamina as la
        >>> la.build(la.Dense(128) >> la.ReLU() >> la.Classify(), la.Vector(30), la.Label(2)).parameter_count()
        4226
    """

    gives_new: ClassVar[bool] = True

    width: Count
    bias: bool = True
    init: Rule = "auto"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Sequence)
        inputs = given.size if isinstance(given, Vector) else given.width
        self.weight = new_weight(self, given, self.width, inputs)
        self.offset = new_weight(self, given, self.width) if self.bias else None
        return Vector(self.width) if isinstance(given, Vector) else Sequence(self.width)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def forward(self, x: Float[Tensor, "B D"] | Padded) -> Float[Tensor, "B W"] | Padded:
        if isinstance(x, Padded):
            return x._replace(values=F.linear(x.values, self.weight, self.offset))
        return F.linear(x, self.weight, self.offset)

    def multiply_adds(self) -> int:
        return self.weight.numel()
