"""Convolutions."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.errors import KindError
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Image, Kind
from lamina.layers.weights import new_weight
from lamina.layers.window import Extent, Margin, beside, both, slid
from lamina.settings import Count
from lamina.stage import Stage, expect


class Conv(Stage):
    """Convolution: y[w] = b[w] + sum_c x[c] * k[w, c], a window's weights shared by all places of the picture.

    As everywhere in deep learning the kernel is not mirrored (it is a cross-correlation).
    Source: LeCun et al. 1989; groups as in Krizhevsky et al. 2012, section 3.5; dilation as in Yu and Koltun 2016.

    Args:
        width: the number of output channels.
        size: of the window.
        stride: places between one window and the next.
        padding: zeros around the picture; None keeps its size at stride 1 (d (size - 1) / 2, so size must be odd).
        groups: into how many the channels are divided; an output sees its own group alone.
        dilation: places between the window's own cells.
        bias: whether b is there.
        init: how k is drawn; see `lamina.initialise`. "dirac" starts as the identity on as many channels as there are.

    Example:
        >>> import lamina as la
        >>> net = la.build("Conv(6, 5) >> ReLU() >> Flatten() >> Classify()", la.Image(1, 28, 28), la.Label(10))
        >>> net.body.kinds[1]
        Image(6, 28, 28)
    """

    gives_new: ClassVar[bool] = True

    width: Count
    size: Extent = 3
    stride: Extent = 1
    padding: Margin | None = None
    groups: Count = 1
    dilation: Extent = 1
    bias: bool = True
    init: Rule = "auto"

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        mistakes = []
        if values["padding"] is None and any(size % 2 == 0 for size in both(values["size"])):
            mistakes.append(f"Conv: an even size={values['size']} has no middle; say padding=0, or another number")
        if values["width"] % values["groups"]:
            mistakes.append(f"Conv: width={values['width']} is not divided by groups={values['groups']}")
        return mistakes

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        if given.channels % self.groups:
            raise KindError(f"{self} cannot follow {given}: its channels are not divided by groups={self.groups}")
        size, dilation = both(self.size), both(self.dilation)
        same = (dilation[0] * (size[0] - 1) // 2, dilation[1] * (size[1] - 1) // 2)
        self.margin = same if self.padding is None else both(self.padding)
        self.places = slid(self, given, size, both(self.stride), self.margin, dilation)
        self.weight = channels_last(new_weight(self, given, self.width, given.channels // self.groups, *size))
        self.offset = new_weight(self, given, self.width) if self.bias else None
        return Image(self.width, *self.places)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B W V U"]:
        stride, dilation = both(self.stride), both(self.dilation)
        return F.conv2d(beside(x), self.weight, self.offset, stride, self.margin, dilation, self.groups)

    def multiply_adds(self) -> int:
        return self.weight.numel() * self.places[0] * self.places[1]


class UpConv(Stage):
    """Transposed convolution: each place of the input adds its window, times its value, to the larger output.

    The gradient of `Conv` with the same settings, taken as a map of its own; length (L - 1) s + k - 2 p.
    Source: Zeiler et al. 2010, section 2 ("deconvolution"); Dumoulin and Visin 2016, chapter 4.

    Args:
        width: the number of output channels.
        size: of the window.
        stride: places of the output between one window and the next; by it the picture grows.
        padding: places cut off on each side of the output.
        bias: whether an offset is added.
        init: how the weights are drawn; see `lamina.initialise`.
    """

    gives_new: ClassVar[bool] = True

    width: Count
    size: Extent = 2
    stride: Extent = 2
    padding: Margin = 0
    bias: bool = True
    init: Rule = "auto"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        self.seen = (given.height, given.width)
        axes = zip(self.seen, both(self.size), both(self.stride), both(self.padding), strict=True)
        height, width = ((length - 1) * stride + size - 2 * cut for length, size, stride, cut in axes)
        if height < 1 or width < 1:
            raise KindError(f"{self} cannot follow {given}: its padding cuts everything off; take less")
        # Torch has the input's channels first here.
        self.weight = channels_last(new_weight(self, given, given.channels, self.width, *both(self.size)))
        self.offset = new_weight(self, given, self.width) if self.bias else None
        return Image(self.width, height, width)

    def initialise(self, seed: int, following: Following) -> None:
        # Where windows do not overlap, an output has one of each channel's inputs: that is its fan.
        with torch.no_grad():
            drawn = torch.empty(self.width, self.weight.shape[0])
            places = self.weight[0, 0].numel() // (both(self.stride)[0] * both(self.stride)[1])
            random = generator(seed, self.place)
            for row in range(self.weight.shape[2]):
                for column in range(self.weight.shape[3]):
                    fill(drawn, self.init, following, random)
                    self.weight[:, :, row, column] = drawn.T / max(1, places) ** 0.5

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B W V U"]:
        return F.conv_transpose2d(x, self.weight, self.offset, both(self.stride), both(self.padding))

    def multiply_adds(self) -> int:
        return self.weight.numel() * self.seen[0] * self.seen[1]


def channels_last(weight: nn.Parameter) -> nn.Parameter:
    """The same weight with its channels next to one another in memory, as pictures have them too."""
    return nn.Parameter(weight.detach().contiguous(memory_format=torch.channels_last))
