"""A running average of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lamina.net import Net


class Average:
    """a <- d a + (1 - d) w after step t, with d = min(decay, (1 + t) / (10 + t)), so that the start is forgotten.

    Source: Polyak and Juditsky 1992 (averaging); the exponential form with warm-up as in Tarvainen and Valpola 2017.

    Args:
        net: whose parameters are averaged, and the running statistics of norms with them: those of the net as it is
            are of weights that jump about the average, and do not suit it.
        decay: d, below 1: about the last 1 / (1 - d) steps count.
    """

    def __init__(self, net: Net, decay: float) -> None:
        self.decay = decay
        moving = moving_tensors(net)
        self.names, self.parameters = list(moving), list(moving.values())
        self.weights = [parameter.detach().clone() for parameter in self.parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after update number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.weights, list(self.parameters), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this block the net has the average as its weights."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for place, parameter in enumerate(self.parameters):
            self.weights[place], parameter.data = parameter.data, self.weights[place]

    def tensors(self) -> dict[str, Tensor]:
        """The averaged weights by the parameters' names."""
        return dict(zip(self.names, self.weights, strict=True))


def moving_tensors(net: Net) -> dict[str, Tensor]:
    """What training moves: parameters, and statistics that are no counts."""
    statistics = {name: buffer for name, buffer in net.named_buffers() if buffer.is_floating_point()}
    return {**dict(net.named_parameters()), **statistics}
