"""What all stages of augmentation share: they act in training alone, on pictures, by draws of each example."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import uniforms
from lamina.kinds import Image, Kind
from lamina.stage import Stage, expect

Fill: TypeAlias = Literal["reflect", "zero"]
"""What stands outside a picture: the picture mirrored at its edge, or 0, which is the mean after Standardize."""


class Corruption(Stage):
    """A stage that changes pictures in training, and hands them on as they are in evaluation."""

    follows_through: ClassVar[bool] = True

    def build(self, given: Kind) -> Kind:
        return expect(self, given, Image)

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y2 X2"]:
        return self.corrupted(x) if self.training else x

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y2 X2"]:
        """The pictures as training sees them."""
        raise NotImplementedError(f"{self.name()} does not say what it does")

    def drawn(self, x: Float[Tensor, "B C Y X"], count: int) -> Float[Tensor, "B N"]:
        """Numbers at least 0 and below 1, `count` for each example."""
        return uniforms(len(x), count, self.place, x.device)


def taken(
    x: Float[Tensor, "B C Y X"], rows: Int64[Tensor, "B Y2"], columns: Int64[Tensor, "B X2"]
) -> Float[Tensor, "B C Y2 X2"]:
    """The pictures made of these rows and columns of each, in channels-last memory.

    One gather of whole pixels: several times faster than torch's indexing by three tensors, or a padded copy with a
    window for each example.
    """
    (examples, channels, height, width), device = x.shape, x.device
    start = torch.arange(0, examples * height, height, device=device)[:, None]
    pixels = ((start + rows) * width)[:, :, None] + columns[:, None, :]  # (B, Y2, X2)
    flat = x.permute(0, 2, 3, 1).reshape(-1, channels)
    return flat.index_select(0, pixels.view(-1)).view(*pixels.shape, channels).permute(0, 3, 1, 2)


def mirrored(places: Int64[Tensor, ...], size: int) -> Int64[Tensor, ...]:
    """Places outside 0 ... size - 1 as those inside that mirrors at the first and the last show, which stand once."""
    last = size - 1
    return last - (last - places.abs()).abs()
