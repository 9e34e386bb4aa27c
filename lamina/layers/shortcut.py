"""Ways around a residual block: what its input becomes before the block's own output is added."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lamina.kinds import Image, Kind, Sequence, Vector
from lamina.layers.conv import Conv
from lamina.layers.dense import Dense
from lamina.layers.norm import BatchNorm
from lamina.stage import Chain, Stage


def projection(given: Kind, gives: Kind) -> Chain | None:
    """A linear map with batch norm from one kind to another; None where none is known.

    For pictures a 1x1 convolution. Source: He et al. 2016, section 4.1, option B.
    """
    map_between: Stage | None = None
    if isinstance(given, Image) and isinstance(gives, Image):
        stride = strides(given, gives)
        map_between = Conv(gives.channels, 1, stride if stride[0] != stride[1] else stride[0], bias=False)
    elif isinstance(given, Vector) and isinstance(gives, Vector):
        map_between = Dense(gives.size, bias=False)
    elif isinstance(given, Sequence) and isinstance(gives, Sequence):
        map_between = Dense(gives.width, bias=False)
    return None if map_between is None else Chain((map_between, BatchNorm()))


def strides(given: Image, gives: Image) -> tuple[int, int]:
    """The strides that thin a picture out to the size of another: ceil(L / s) places remain of L."""
    return -(-given.height // gives.height), -(-given.width // gives.width)


def widens(given: Image, gives: Image) -> bool:
    """Whether a picture becomes another by leaving places out and adding channels of zeros."""
    left = (-(-length // by) for length, by in zip((given.height, given.width), strides(given, gives), strict=True))
    return gives.channels >= given.channels and tuple(left) == (gives.height, gives.width)


def widened(x: Tensor, given: Image, gives: Image) -> Tensor:
    """Every stride-th place, between channels of zeros: half of the new ones before and half behind.

    Source: He et al. 2016, section 4.1, option A, which does not say where the zeros stand.
    """
    if given == gives:
        return x
    # A pool of one place, not a slice: the gradient of a slice has its channels apart, and slows all layers before it.
    thinned = F.avg_pool2d(x, 1, strides(given, gives))
    new = gives.channels - given.channels
    return F.pad(thinned, (0, 0, 0, 0, new // 2, new - new // 2))
