"""Nets that shrink pictures until a convolution's window is larger than what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

from lamina.errors import LaminaError
from lamina.kinds import Image, Kind
from lamina.layers.compose import Repeat, Residual
from lamina.layers.conv import Conv
from lamina.layers.towers import Towers
from lamina.layers.window import both, positions
from lamina.net import Net
from lamina.nets.composition import Composition
from lamina.nets.resnet import ResNet
from lamina.stage import Chain, Stage

MOST_SHARE = 0.5
"""Of a window's weights that never meet the picture; beyond it, the user is told."""

LARGEST_FACTOR = 16


class Convolved(NamedTuple):
    """A convolution of a built net and what it is given."""

    stage: Conv
    given: Image


def shrunk(net: Net) -> list[str]:
    """A sentence about the convolutions whose windows see mostly padding, because the picture is too small by then.

    Each costs its full work and has weights that nothing ever reaches. A single tower, or copy, speaks for all.
    """
    found = list(convolutions(net.body, net.given))
    idle = [number for number, conv in enumerate(found) if share_idle(conv) > MOST_SHARE]
    if not idle or not isinstance(net.given, Image):
        return []
    first, given = found[idle[0]], net.given
    size = f"{first.given.height}x{first.given.width}"
    others = f", and {len(idle) - 1} more are like it" if len(idle) > 2 else ", and one more is like it"
    others = others if len(idle) > 1 else ""
    cures = [
        f"larger pictures than {given.height}x{given.width}{large_enough(net.body, given)}",
        "fewer strides or pools",
    ]
    cures += [f"ResNet({stage.depth}, stem='small')" for stage in net.body.stages if begins_large(stage)]
    return [
        f"{first.stage}, convolution {idle[0] + 1} of {len(found)}, works on a map of {size}:"
        f" {share_idle(first):.0%} of its window only ever sees padding{others};"
        f" take {', or '.join(cures)}"
    ]


def begins_large(stage: Stage) -> bool:
    """Whether this is a residual net that begins with strides which it need not have."""
    return isinstance(stage, ResNet) and (stage.stem or ("small" if stage.small else "large")) == "large"


def convolutions(stage: Stage, given: Kind) -> Iterator[Convolved]:
    """All convolutions of a built stage, in order."""
    if isinstance(stage, Conv) and isinstance(given, Image):
        yield Convolved(stage, given)
    elif isinstance(stage, Chain):
        for link, kind in zip(stage.stages, stage.kinds, strict=False):
            yield from convolutions(link, kind)
    elif isinstance(stage, Composition):
        yield from convolutions(stage.inner, given)
    elif isinstance(stage, Repeat):
        yield from convolutions(stage.copies, given)
    elif isinstance(stage, Residual):
        yield from convolutions(stage.stage, given)
        if stage.way is not None:
            yield from convolutions(stage.way, given)
    elif isinstance(stage, Towers) and isinstance(given, Image):
        yield from convolutions(next(iter(stage.copies)), stage.share(given))  # type: ignore[arg-type]


def share_idle(conv: Convolved) -> float:
    """The share of a window's cells that no place of the window brings over the picture."""
    stage, given = conv
    axes = zip(
        (given.height, given.width), *map(both, (stage.size, stage.stride, stage.margin, stage.dilation)), strict=True
    )
    seeing = 1.0
    for length, size, stride, padding, dilation in axes:
        starts = range(-padding, -padding + stride * positions(length, size, stride, padding, dilation), stride)
        cells = sum(any(0 <= start + cell * dilation < length for start in starts) for cell in range(size))
        seeing *= cells / size
    return 1 - seeing


def large_enough(body: Chain, given: Image) -> str:
    """A size at which every window sees enough, as the command takes it; empty if there is none within reason."""
    factor = 2
    while factor <= LARGEST_FACTOR:
        larger = Image(given.channels, factor * given.height, factor * given.width)
        sketch = body.fresh()
        try:
            with torch.device("meta"):
                sketch.build(larger)
        except LaminaError:
            return ""
        if all(share_idle(conv) <= MOST_SHARE for conv in convolutions(sketch, larger)):
            size = f"{larger.height}" if larger.height == larger.width else f"{larger.height}x{larger.width}"
            return f" (--size {size})"
        factor *= 2
    return ""
