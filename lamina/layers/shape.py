"""Changing the kind without changing the numbers."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from lamina.kinds import Image, Kind, Vector
from lamina.stage import Stage, expect


class Flatten(Stage):
    """An image as one vector, channel by channel, row by row. A vector stays as it is."""

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image)
        return given if isinstance(given, Vector) else Vector(given.channels * given.height * given.width)

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return x.flatten(1)  # (B, D)
