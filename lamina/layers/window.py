"""Windows that slide over a picture: what convolutions and pools share."""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

from lamina.errors import KindError
from lamina.kinds import Image
from lamina.settings import Count, Natural
from lamina.stage import Stage

Extent: TypeAlias = Count | tuple[Count, Count]
"""A size in places: one number for both axes, or (rows, columns)."""

Margin: TypeAlias = Natural | tuple[Natural, Natural]
"""Places added on each side: one number for both axes, or (rows, columns)."""


def both(extent: int | tuple[int, int]) -> tuple[int, int]:
    """An extent for rows and columns."""
    return extent if isinstance(extent, tuple) else (extent, extent)


def positions(length: int, size: int, stride: int, padding: int, dilation: int = 1) -> int:
    """How many places a window has along an axis: floor((L + 2p - d(k - 1) - 1) / s) + 1; below 1 it has none."""
    return (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1


def slid(
    stage: Stage,
    given: Image,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """The height and width that a sliding window gives.

    Raises:
        KindError: if the picture, padding included, is smaller than the window.
    """
    axes = zip((given.height, given.width), size, stride, padding, dilation, strict=True)
    height, width = (positions(*axis) for axis in axes)
    if height < 1 or width < 1:
        window = " x ".join(str(reach * (places - 1) + 1) for places, reach in zip(size, dilation, strict=True))
        raise KindError(
            f"{stage} cannot follow {given}: its window of {window} is larger than that, padding included;"
            " give larger pictures, take a smaller window, or pool less before it"
        )
    return height, width


def beside(x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
    """A picture of one channel as one whose channels lie next to one another, which costs nothing.

    Torch takes the order of what comes out of a convolution from the strides of what goes in; with the channels apart,
    pools take ten times as long.
    """
    # To torch such a picture has either order already: neither `contiguous` nor `to` would change its strides.
    return x[:, 0].unsqueeze(-1).permute(0, 3, 1, 2) if x.shape[1] == 1 else x
