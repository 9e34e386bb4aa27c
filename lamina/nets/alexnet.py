"""AlexNet, on one device and on two."""

from __future__ import annotations

from typing import Literal

from lamina.layers.activation import ReLU
from lamina.layers.conv import Conv
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.norm import LocalResponseNorm
from lamina.layers.pool import Pool
from lamina.layers.shape import Flatten
from lamina.layers.towers import Towers
from lamina.nets.composition import Composition
from lamina.stage import Stage


class AlexNet(Composition):
    """AlexNet: five convolutions with pools that overlap, and two dense layers of 4,096 with dropout.

    One tower is the net of Krizhevsky 2014 ("One weird trick", footnote 1) as torchvision builds it, for pictures of
    224x224: 61,100,840 parameters with a thousand classes. Two are that of Krizhevsky et al. 2012 (figure 2), for
    227x227: 60,965,224 parameters; half of the channels stand on each side, which are joined before the third
    convolution and before each dense layer, and local response norms run over one side's channels. `lamina.train` puts
    the sides on two GPUs where there are two. Pictures of other sizes leave other maps, and so another width of the
    first dense layer (torchvision would average them to 6x6). Where a pool follows a ReLU it stands before it here:
    both grow with their inputs, so that nothing changes but the work.

    Args:
        towers: 1 or 2.
    """

    towers: Literal[1, 2] = 1

    def expand(self) -> Stage:
        return one_tower() if self.towers == 1 else two_towers()


def one_tower() -> Stage:
    """All on one device."""
    maps = Conv(64, 11, stride=4, padding=2) >> Pool(3, stride=2) >> ReLU() >> Conv(192, 5) >> Pool(3, stride=2)
    maps = maps >> ReLU() >> Conv(384) >> ReLU() >> Conv(256) >> ReLU() >> Conv(256) >> Pool(3, stride=2) >> ReLU()
    dense = Dropout(0.5) >> Dense(4096) >> ReLU() >> Dropout(0.5) >> Dense(4096) >> ReLU()
    return maps >> Flatten() >> dense


def two_towers() -> Stage:
    """Half of the channels on each of two sides."""
    local = LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    first = Conv(48, 11, stride=4, padding=0) >> ReLU() >> local >> Pool(3, stride=2)
    first = first >> Conv(128, 5) >> ReLU() >> local.fresh() >> Pool(3, stride=2)
    second = Conv(192) >> ReLU() >> Conv(192) >> ReLU() >> Conv(128) >> Pool(3, stride=2) >> ReLU()
    maps = Towers(2, first, split=False) >> Towers(2, second, split=False) >> Flatten()
    dense = (Towers(2, Dense(2048) >> ReLU(), split=False) >> Dropout(0.5) for _ in range(2))
    return maps >> next(dense) >> next(dense)
