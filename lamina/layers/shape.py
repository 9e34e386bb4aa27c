"""Changing the kind without changing the numbers."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.errors import KindError
from lamina.kinds import Image, Kind, Padded, Sequence, Vector
from lamina.settings import Count
from lamina.stage import Stage, expect


class Flatten(Stage):
    """An image as one vector, channel by channel, row by row. A vector stays as it is."""

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector, Image)
        return given if isinstance(given, Vector) else Vector(given.channels * given.height * given.width)

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return x.flatten(1)  # (B, D)


class Reshape(Stage):
    """A vector as a picture: its numbers go row by row into one channel after another. The inverse of `Flatten`.

    Args:
        channels, height, width: of the picture; their product is the vector's size.

    Example:
        >>> import lamina as la
        >>> stage = la.Dense(8 * 7 * 7) >> la.ReLU() >> la.Reshape(8, 7, 7) >> la.UpConv(5)
        >>> stage.build(la.Vector(20))
        Image(5, 14, 14)
    """

    channels: Count
    height: Count
    width: Count

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        gives = Image(self.channels, self.height, self.width)
        size = self.channels * self.height * self.width
        if size != given.size:
            raise KindError(
                f"{self} cannot follow {given}: it has room for {size:,} numbers; put Dense({size}) before it",
                cured=Vector(size),
            )
        return gives

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B C Y X"]:
        return x.view(len(x), self.channels, self.height, self.width)


class Grid(Stage):
    """The places of a picture as positions, row by row: each has its channels as numbers. None is hidden.

    Source: Xu et al. 2015, section 3.1.1, which lets attention look at such positions.
    """

    def build(self, given: Kind) -> Kind:
        return Sequence(expect(self, given, Image).channels)

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Padded:
        values = x.flatten(2).transpose(1, 2)  # (B, T, D)
        return Padded(values, torch.ones(values.shape[:2], dtype=torch.bool, device=x.device))
