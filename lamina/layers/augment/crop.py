"""A window of a picture, at a place, and perhaps of a size, of its own for each example."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.errors import KindError
from lamina.kinds import Image, Kind
from lamina.layers.augment.corruption import Corruption, taken
from lamina.settings import Bounds, Count, Natural, Positive
from lamina.stage import expect

ATTEMPTS = 10
"""Windows that are tried for each example, as torchvision does; where none fits, the middle is taken."""

Area = Annotated[float, Bounds(low=0, low_open=True, high=1)]


class Windows(NamedTuple):
    """Where each example's window begins and how large it is, in places."""

    top: Float[Tensor, " B"]
    left: Float[Tensor, " B"]
    height: Float[Tensor, " B"]
    width: Float[Tensor, " B"]


class Crop(Corruption):
    """In training a window of the picture at a random place; in evaluation the middle one.

    With `scale` the window is of a random size and shape too, and is brought to `size` by bilinear interpolation, whose
    triangle is as wide as a pixel of the coarser grid, so that shrinking does not alias (torchvision's `antialias`).

    Source: He et al. 2016, section 4.2 (padding and window); Szegedy et al. 2015, section 6 (scale and ratio), as
    torchvision has it: the first of ten draws that fits, else the largest middle window of an allowed ratio.

    Args:
        size: of what comes out: a whole number, or a pair (height, width).
        padding: zeros put around the picture first, which are the mean after Standardize and black before it.
        scale: the least and the greatest share of the picture's area, such as (0.08, 1.0).
        ratio: the least and the greatest width / height of the window, with `scale`; None for (3/4, 4/3).
    """

    size: Count | tuple[Count, Count]
    padding: Natural = 0
    scale: tuple[Area, Area] | None = None
    ratio: tuple[Positive, Positive] | None = None

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        scale, ratio, mistakes = values["scale"], values["ratio"], []
        if scale is None and ratio is not None:
            mistakes.append("Crop: ratio has no effect without scale; give scale=(0.08, 1.0) or leave it out")
        if scale is not None and values["padding"]:
            mistakes.append("Crop: padding has no effect with scale; leave one of them out")
        for name, pair in (("scale", scale), ("ratio", ratio)):
            if pair is not None and pair[0] > pair[1]:
                mistakes.append(f"Crop: {name} is the least and the greatest, got {name}={pair}")
        return mistakes

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        height, width = self.sizes()
        has = (given.height + 2 * self.padding, given.width + 2 * self.padding)
        gives = Image(given.channels, height, width)
        if height > has[0] or width > has[1]:
            padded = f" with padding={self.padding}" if self.padding else ""
            raise KindError(f"{self} is larger than {given}{padded}: make it at most {has[0]} x {has[1]}", cured=gives)
        return gives

    def sizes(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y2 X2"]:
        if self.training:
            return self.corrupted(x)
        return middle(F.pad(x, (self.padding,) * 4) if self.padding else x, *self.sizes())

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y2 X2"]:
        if self.scale is not None:
            return resampled(x, self.windows(x, self.scale), *self.sizes())
        x = F.pad(x, (self.padding,) * 4) if self.padding else x
        drawn, index = self.drawn(x, 2), []
        for place, (size, has) in enumerate(zip(self.sizes(), x.shape[2:], strict=True)):
            first = (drawn[:, place, None] * (has - size + 1)).long()
            index.append(first + torch.arange(size, device=x.device))
        return taken(x, *index)

    def windows(self, x: Float[Tensor, "B C Y X"], scale: tuple[float, float]) -> Windows:
        """A window for each example, of whole places."""
        height, width = x.shape[2:]
        drawn = self.drawn(x, 2 * ATTEMPTS + 2)
        areas, ratios = drawn[:, :ATTEMPTS], drawn[:, ATTEMPTS : 2 * ATTEMPTS]
        least, greatest = self.ratio or (3 / 4, 4 / 3)
        area = height * width * (scale[0] + (scale[1] - scale[0]) * areas)
        shape = least * (greatest / least) ** ratios  # uniform in its logarithm
        wide, high = (area * shape).sqrt().round(), (area / shape).sqrt().round()
        fits = (wide >= 1) & (wide <= width) & (high >= 1) & (high <= height)
        first = fits.byte().argmax(1, keepdim=True)
        wide, high, found = (each.gather(1, first)[:, 0] for each in (wide, high, fits))
        wide = wide.where(found, min(width, max(1, round(height * greatest))))
        high = high.where(found, min(height, max(1, round(width / least))))
        free = (height - high, width - wide)
        top, left = (
            torch.where(found, (drawn[:, place - 2] * (room + 1)).floor(), (room / 2).floor())
            for place, room in enumerate(free)
        )
        return Windows(top, left, high, wide)


def middle(x: Float[Tensor, "B C Y X"], height: int, width: int) -> Float[Tensor, "B C Y2 X2"]:
    """The window in the middle of each picture."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width].contiguous(memory_format=torch.channels_last)


def resampled(x: Float[Tensor, "B C Y X"], windows: Windows, height: int, width: int) -> Float[Tensor, "B C Y2 X2"]:
    """Each example's window as a picture of this size, in channels-last memory."""
    (examples, channels, _, across), pixels = x.shape, x.permute(0, 2, 3, 1)
    down = triangles(windows.top, windows.height, x.shape[2], height).to(x.dtype)
    aside = triangles(windows.left, windows.width, across, width).to(x.dtype)
    rows = (down @ pixels.flatten(2)).view(examples, height, across, channels)
    # One product of (X2, X) with (X, Y2 C) for each example keeps the matrices large.
    sidewise = aside @ rows.transpose(1, 2).flatten(2)  # (B, X2, Y2 C)
    return (
        sidewise.view(examples, width, height, channels)
        .permute(0, 3, 2, 1)
        .contiguous(memory_format=torch.channels_last)
    )


def triangles(start: Float[Tensor, " B"], length: Float[Tensor, " B"], has: int, gives: int) -> Float[Tensor, "B N M"]:
    """What each of `has` places weighs in each of `gives` new ones, that spread evenly over a window of an axis."""
    step = (length / gives)[:, None]
    centre = start[:, None] + (torch.arange(gives, device=start.device) + 0.5) * step - 0.5  # (B, N)
    places = torch.arange(has, device=start.device)
    inside = (places >= start[:, None]) & (places < (start + length)[:, None])  # (B, M)
    weight = 1 - (centre[:, :, None] - places).abs() / step.clamp(min=1)[:, :, None]  # (B, N, M)
    weight = weight.clamp(min=0) * inside[:, None, :]
    return weight / weight.sum(2, keepdim=True)
