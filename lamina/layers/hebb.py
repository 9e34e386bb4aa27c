"""Learning without back-propagation: what fires together wires together."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.chance import generator
from lamina.initialise import Following, fill
from lamina.kinds import Kind, Vector
from lamina.layers.weights import new_weight
from lamina.settings import Count
from lamina.stage import Stage, expect


class Hebb(Stage):
    """y = W x, and W learns by what comes in and goes out alone: no error reaches it.

    The change of an example is, times the rate of the run,
    - "hebb": y xᵀ, which grows without bound,
    - "oja": y xᵀ - y yᵀ W, whose rows come to span the principal components; of one row, to be the first,
    - "sanger": y xᵀ - lower(y yᵀ) W, whose rows come to be the principal components in turn.
    It enters as a cost whose value is 0 and whose gradient is the change with the other sign, so that any optimizer,
    as SGD(0.01), makes it, averaged over the batch. Inputs should have mean 0: put Standardize() before it.

    Source: Hebb 1949; Oja 1982, equation 3, and 1989 for several rows; Sanger 1989, equation 1.

    Args:
        width: the number of outputs.
        rule: "hebb", "oja" or "sanger".
    """

    charges: ClassVar[bool] = True
    learns_alone: ClassVar[bool] = True

    width: Count
    rule: Literal["hebb", "oja", "sanger"] = "oja"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        self.weight = new_weight(self, given, self.width, given.size)
        return Vector(self.width)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, "lecun", "linear", generator(seed, self.place))

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B W"]:
        return F.linear(x, self.weight)

    def charge(self, x: Float[Tensor, "B D"]) -> tuple[Tensor, Tensor | None]:
        if not self.training:
            return self(x), None
        y = F.linear(x, self.weight.detach())
        nothing = (self.change(x.detach(), y.detach()) * self.weight).sum()
        # The value goes, the gradient stays.
        return y, (nothing.detach() - nothing).expand(len(x)) / len(x)

    def change(self, x: Float[Tensor, "B D"], y: Float[Tensor, "B W"]) -> Float[Tensor, "W D"]:
        """What the rule adds to the weights, summed over the batch."""
        with torch.no_grad():
            together = y.T @ y
            if self.rule == "hebb":
                return y.T @ x
            return y.T @ x - (together.tril() if self.rule == "sanger" else together) @ self.weight

    def multiply_adds(self) -> int:
        return self.weight.numel()
