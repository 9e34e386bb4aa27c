"""Residual nets."""

from __future__ import annotations

from typing import Any, Literal

from lamina.layers.activation import ReLU
from lamina.layers.compose import Repeat, Residual
from lamina.layers.conv import Conv
from lamina.layers.norm import BatchNorm
from lamina.layers.pool import GlobalPool, Pool
from lamina.nets.composition import Composition
from lamina.settings import Count
from lamina.stage import Chain, Stage

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks in each group, by depth."""

BOTTLENECKS = 50
"""From this depth on blocks have three convolutions."""


class ResNet(Composition):
    """A residual net: blocks of convolutions, each of which learns what to add to its input.

    As torchvision builds it: a bottleneck has its stride in the 3x3 convolution, and convolutions have no bias.
    (The first pool stands before the ReLU here; both grow with their inputs, so that nothing changes but the work.)
    With a thousand classes ResNet(18), 34, 50, 101 and 152 have 11.7, 21.8, 25.6, 44.5 and 60.2 million parameters;
    small ResNet(20) has 0.27 million with ten. Source: He et al. 2016, table 1; small ones, section 4.2.

    Args:
        depth: 18, 34, 50, 101 or 152; with `small` 6 n + 2, as 20, 32, 44, 56 or 110.
        small: three groups of 16, 32 and 64 channels for pictures such as CIFAR's, instead of four from 64 on.
        shortcut: past blocks that change the picture's size: "pad" (their option A), "project" (B); "project-all" is a
            projection past every block (C), and "none" the plain net without any. None for "pad" where `small`, else
            "project".
        stem: how it begins: "large" with a 7x7 convolution of stride 2 and a pool of stride 2, "small" with a 3x3
            convolution. None for "small" where `small`, else "large". ResNet(18, stem="small") suits pictures of 32x32.
        pool: whether a mean over all places makes the maps a vector at the end.

    Example:
        >>> import lamina as la
        >>> la.build("ResNet(20, small=True) >> Classify()", la.Image(3, 32, 32), la.Label(10)).parameter_count()
        269722
    """

    depth: Count
    small: bool = False
    shortcut: Literal["pad", "project", "project-all", "none"] | None = None
    stem: Literal["large", "small"] | None = None
    pool: bool = True

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        depth = values["depth"]
        fits_small = depth >= 8 and depth % 6 == 2
        if values["small"]:
            text = f"ResNet: with small=True depth must be 6 n + 2, such as 20, 32, 44, 56 or 110, got depth={depth}"
            return [] if fits_small else [text]
        if depth in BLOCKS:
            return []
        advice = "; with small=True it may" if fits_small else ""
        return [f"ResNet: depth must be one of {', '.join(map(str, BLOCKS))}, got depth={depth}{advice}"]

    def expand(self) -> Stage:
        blocks = ((self.depth - 2) // 6,) * 3 if self.small else BLOCKS[self.depth]
        width = 16 if self.small else 64
        wider = 4 if self.depth >= BOTTLENECKS and not self.small else 1
        stages, before = [self.beginning(width)], width
        for group, count in enumerate(blocks):
            inner, gives = width * 2**group, width * 2**group * wider
            stride = 1 if group == 0 else 2
            changes = stride > 1 or before != gives
            if changes:
                stages.append(self.block(inner, stride, True))
            alike = count - changes
            if alike:
                block = self.block(inner, 1, False)
                stages.append(block if alike == 1 else Repeat(alike, block))
            before = gives
        return Chain([*stages, GlobalPool()] if self.pool else stages)

    def beginning(self, width: int) -> Stage:
        """What comes before the blocks."""
        stem = self.stem or ("small" if self.small else "large")
        if stem == "small":
            return normed(width) >> ReLU()
        return normed(width, 7, 2) >> Pool(3, stride=2, padding=1) >> ReLU()

    def block(self, width: int, stride: int, changes: bool) -> Stage:
        """Convolutions of `width` channels with what goes past them."""
        if self.depth >= BOTTLENECKS and not self.small:
            learns = normed(width, 1) >> ReLU() >> normed(width, 3, stride) >> ReLU() >> normed(4 * width, 1)
        else:
            learns = normed(width, 3, stride) >> ReLU() >> normed(width)
        shortcut = self.shortcut or ("pad" if self.small else "project")
        if shortcut == "none":
            return learns >> ReLU()
        way = {"pad": "pad" if changes else "identity", "project": "project" if changes else "identity"}
        return Residual(learns, way.get(shortcut, "project")) >> ReLU()


def normed(width: int, size: int = 3, stride: int = 1) -> Chain:
    """A convolution with batch norm, which has its own shift in place of a bias."""
    return Conv(width, size, stride, bias=False) >> BatchNorm()
