"""Copies of a stage side by side, which may stand on several devices."""

from __future__ import annotations

from collections.abc import Sequence as Listed
from typing import Annotated, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamina.errors import KindError, RunError
from lamina.initialise import Following
from lamina.kinds import Image, Kind, Vector
from lamina.settings import Bounds
from lamina.stage import Stage, expect


class Towers(Stage):
    """y = (f_1(x_1), ..., f_n(x_n)): copies of a stage side by side, each on its share of the channels or on all.

    Two towers of convolutions are a grouped convolution; `spread` puts each on a device of its own.
    Source: Krizhevsky et al. 2012, section 3.5 and figure 2.

    Args:
        count: how many copies, each with its own parameters.
        stage: what is copied.
        split: True to divide the channels (a vector's numbers) among the copies, False to give each all of them.
    """

    count: Annotated[int, Bounds(low=2, high=1024)]
    stage: Stage
    split: bool = True

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # A template and no part, as in Repeat.
        self.__dict__["stage"] = self._modules.pop("stage")

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image, Vector)
        self.copies = nn.ModuleList(self.stage.fresh() for _ in range(self.count))
        share = self.share(given)
        gives = {copy.build(share) for copy in self.copies}.pop()  # type: ignore[operator]
        if not isinstance(gives, Image | Vector):
            raise KindError(f"{self} joins pictures or vectors, not {gives}: put {self.stage} behind it")
        return parted(gives, self.count)

    def share(self, given: Image | Vector) -> Kind:
        """What each copy is given.

        Raises:
            KindError: if the channels cannot be divided.
        """
        if not self.split:
            return given
        size = given.channels if isinstance(given, Image) else given.size
        if size % self.count:
            raise KindError(
                f"{self} cannot follow {given}: {size} is not divided by count={self.count};"
                " let another width come before it, or give all to each, with split=False"
            )
        size //= self.count
        return Image(size, given.height, given.width) if isinstance(given, Image) else Vector(size)

    def initialise(self, seed: int, following: Following) -> None:
        for copy in self.copies:
            copy.initialise(seed, following)  # type: ignore[operator]

    def following(self) -> Following | None:
        return self.stage.following()

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        shares = x.chunk(self.count, 1) if self.split else (x,) * self.count
        # Every copy's work is begun before the first is waited for: devices of their own work at the same time.
        given = [share.to(home) for share, home in zip(shares, self.homes(x.device), strict=True)]
        outputs = [copy(share) for copy, share in zip(self.copies, given, strict=True)]
        return torch.cat([output.to(x.device) for output in outputs], 1)

    def homes(self, elsewhere: torch.device) -> list[torch.device]:
        """The device of each copy; `elsewhere` for one that has no tensors."""
        tensors = (next(iter((*copy.parameters(), *copy.buffers())), None) for copy in self.copies)
        return [elsewhere if tensor is None else tensor.device for tensor in tensors]

    def spread(self, devices: Listed[torch.device | str]) -> None:
        """Put copy i on the i-th device; inputs and results are carried. `to` brings all of them to one again.

        Raises:
            RunError: if there are not as many devices as copies.
        """
        if len(devices) != self.count:
            raise RunError(f"{self} has {self.count} copies, got {len(devices)} devices; name one for each")
        for copy, device in zip(self.copies, devices, strict=True):
            copy.to(device)

    def multiply_adds(self) -> int:
        return sum(copy.multiply_adds() for copy in self.copies)  # type: ignore[operator]


def parted(gives: Image | Vector, count: int) -> Kind:
    """What so many of a kind are together."""
    if isinstance(gives, Image):
        return Image(count * gives.channels, gives.height, gives.width)
    return Vector(count * gives.size)


def spread(net: nn.Module, devices: Listed[str]) -> bool:
    """Put each tower on a device of its own, where there are as many devices as towers.

    Returns:
        Whether anything was spread.
    """
    towers = [part for part in net.modules() if isinstance(part, Towers) and part.count <= len(devices)]
    for part in towers:
        part.spread(devices[: part.count])
    return bool(towers)


def gpus() -> list[str]:
    """The GPUs of this machine."""
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
