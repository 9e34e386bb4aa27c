"""Pooling: many places of a picture become one."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.initialise import Following
from lamina.kinds import Image, Kind, Vector
from lamina.layers.window import Extent, Margin, both, slid
from lamina.stage import Stage, expect


class Window(Stage):
    """A pool over a window that slides; what is left over at the lower and right edge falls away.

    Args:
        size: of the window.
        stride: places between one window and the next; None for as many as the window has.
        padding: places added on each side, at most half the window.
    """

    gives_new: ClassVar[bool] = True

    size: Extent = 2
    stride: Extent | None = None
    padding: Margin = 0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        wide = any(2 * side > size for side, size in zip(both(values["padding"]), both(values["size"]), strict=True))
        name, size, padding = cls.name(), values["size"], values["padding"]
        return [f"{name}: padding must be at most half of size={size}, got padding={padding}"] if wide else []

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        return Image(given.channels, *slid(self, given, both(self.size), self.step(), both(self.padding)))

    def step(self) -> tuple[int, int]:
        """The stride on both axes."""
        return both(self.size if self.stride is None else self.stride)


class Pool(Window):
    """Max pooling: y = the greatest number in each window.

    Source: Riesenhuber and Poggio 1999; with windows that overlap, Krizhevsky et al. 2012, section 3.4.

    Args:
        size: of the window.
        stride: places between one window and the next; None for as many as the window has.
        padding: places added on each side, at most half the window; they never are the greatest.
    """

    def following(self) -> Following | None:
        return None

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C V U"]:
        return F.max_pool2d(x, both(self.size), self.step(), both(self.padding))


class MeanPool(Window):
    """Mean pooling: y = the mean of each window.

    Source: LeCun et al. 1989 ("subsampling", there with a trained scale).

    Args:
        size: of the window.
        stride: places between one window and the next; None for as many as the window has.
        padding: zeros added on each side, at most half the window; they count in the mean.
    """

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C V U"]:
        return F.avg_pool2d(x, both(self.size), self.step(), both(self.padding))


class GlobalPool(Stage):
    """One number for each channel: the mean over all places, or the greatest.

    Source: Lin, Chen and Yan 2014, section 3.2 (mean).

    Args:
        how: "mean" or "max".
    """

    how: Literal["mean", "max"] = "mean"

    def build(self, given: Kind) -> Kind:
        return Vector(expect(self, given, Image).channels)

    def following(self) -> Following | None:
        return None if self.how == "max" else "linear"

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C"]:
        return x.mean((2, 3)) if self.how == "mean" else x.amax((2, 3))  # (B, C)
