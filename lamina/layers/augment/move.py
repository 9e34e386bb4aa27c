"""Pictures mirrored, shifted, or seen through a window: their numbers stay, their places change."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.chance import epoch, uniforms
from lamina.errors import KindError
from lamina.kinds import Image, Kind
from lamina.layers.augment.corruption import Corruption, Fill, mirrored, taken
from lamina.settings import Count
from lamina.stage import expect


class Flip(Corruption):
    """In training a picture is mirrored with probability 1/2; in evaluation it stays.

    Source: Krizhevsky et al. 2012, section 4.1. "alternate" (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single
    GPU", section 3.6) draws in the first epoch only and then mirrors what the epoch before did not, so that two epochs
    in a row show both sides of every picture.

    Args:
        how: "random" for a new draw at each step, "alternate" for the other side in each epoch.
        axis: "x" exchanges left and right, "y" top and bottom.
    """

    how: Literal["random", "alternate"] = "random"
    axis: Literal["x", "y"] = "x"

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        each: Literal["step", "run"] = "step" if self.how == "random" else "run"
        turned = uniforms(len(x), 1, self.place, x.device, each) < 0.5  # (B, 1)
        if self.how == "alternate" and epoch() % 2:
            turned = ~turned
        rows, columns = (torch.arange(size, device=x.device) for size in x.shape[2:])
        if self.axis == "x":
            return taken(x, rows.expand(len(x), -1), torch.where(turned, columns.flip(0), columns))
        return taken(x, torch.where(turned, rows.flip(0), rows), columns.expand(len(x), -1))


class Shift(Corruption):
    """In training a picture is shifted by -most ... most places in y and in x, each as likely; in evaluation it stays.

    Source: the padded crops of Lee et al. 2015 and He et al. 2016, section 4.2.

    Args:
        most: the longest shift, in places; below the picture's height and width.
        fill: what comes in from outside: "reflect" for the picture mirrored at its edge, or "zero", which is the mean
            where it stands after Standardize and black before it.
    """

    most: Count
    fill: Fill = "reflect"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        if self.most >= min(given.height, given.width):
            raise KindError(f"{self} shifts {given} out of sight: most must be below its height and width", cured=given)
        return given

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        first = (self.drawn(x, 2) * (2 * self.most + 1)).long()  # 0 ... 2 most
        rows, columns = (torch.arange(size, device=x.device) + first[:, place, None] for place, size in sides(x))
        if self.fill == "zero":
            return taken(F.pad(x, (self.most,) * 4), rows, columns)
        return taken(x, mirrored(rows - self.most, x.shape[2]), mirrored(columns - self.most, x.shape[3]))


def sides(x: Float[Tensor, "B C Y X"]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The place, 0 for y and 1 for x, and the size of both axes of pictures."""
    return (0, x.shape[2]), (1, x.shape[3])
