"""Pictures turned, scaled and sheared."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.errors import KindError
from lamina.kinds import Image, Kind
from lamina.layers.augment.corruption import Corruption, Fill
from lamina.settings import Bounds, Positive
from lamina.stage import expect

Degrees = Annotated[float, Bounds(low=0, high=180)]
Slant = Annotated[float, Bounds(low=0, high=90, high_open=True)]


class Rotate(Corruption):
    """In training a picture is turned about its middle, scaled and sheared, each by a draw of its own, all as likely.

    What comes out at an offset p from the middle is what stood at R(a) K(b) p / s, by bilinear interpolation: R turns
    by the angle a, K moves rows sidewise by tan(b) times their height, s is the scale. In evaluation a picture stays.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section III.D (planar affine
    transformations of digits); Simard, Steinkraus and Platt 2003, section 2.

    Args:
        degrees: the greatest angle, to either side.
        scale: the least and the greatest size of what is seen, as a share of its own, such as (0.9, 1.1); None for 1.
        shear: the greatest angle of the columns to the upright, to either side, in degrees.
        fill: what comes in from outside: "reflect" for the picture mirrored at its edge, or "zero", which is the mean
            where it stands after Standardize and black before it.
    """

    degrees: Degrees = 15.0
    scale: tuple[Positive, Positive] | None = None
    shear: Slant = 0.0
    fill: Fill = "reflect"

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        scale = values["scale"]
        if scale is not None and scale[0] > scale[1]:
            return [f"Rotate: scale is the least and the greatest, got scale={scale}"]
        if not values["degrees"] and not values["shear"] and scale in (None, (1.0, 1.0)):
            return ["Rotate changes nothing: give it degrees, a scale or a shear, or leave it out"]
        return []

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        if min(given.height, given.width) < 2:
            raise KindError(f"{self} cannot turn {given}: it needs 2 rows and 2 columns at least", cured=given)
        return given

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        grid = F.affine_grid(self.maps(x), list(x.shape), align_corners=True)
        padding = "reflection" if self.fill == "reflect" else "zeros"
        moved = F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=True)
        return moved.contiguous(memory_format=torch.channels_last)

    def maps(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B 2 3"]:
        """Where each example's places are looked up, in units of half a picture from its middle."""
        drawn = (2 * self.drawn(x, 3) - 1).to(x.dtype)
        angle = drawn[:, 0] * math.radians(self.degrees)
        slant = (drawn[:, 1] * math.radians(self.shear)).tan()
        least, greatest = self.scale or (1.0, 1.0)
        scale = (least + greatest) / 2 + drawn[:, 2] * (greatest - least) / 2
        cosine, sine = angle.cos() / scale, angle.sin() / scale
        high, wide = (size - 1 for size in x.shape[2:])
        along = torch.stack((cosine, (cosine * slant - sine) * high / wide), 1)
        down = torch.stack((sine * wide / high, sine * slant + cosine), 1)
        return F.pad(torch.stack((along, down), 1), (0, 1))  # (B, 2, 3): the middle stays
