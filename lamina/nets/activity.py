"""How many numbers of a code that is drawn say anything of the input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch

from lamina.layers.gaussian import Gaussian
from lamina.layers.standardize import moments
from lamina.net import Net, through

ACTIVE = 0.01
"""The variance of a unit's mean over the data from which on it is active."""

FEW = 0.5
"""The share of active units below which the user is told what to do."""


class Activity(NamedTuple):
    """The active units of one code.

    Attributes:
        stage: its words.
        active: how many there are, A_u = Cov_x(E[u | x]) > 0.01.
        units: of how many.
    """

    stage: str
    active: int
    units: int

    def __str__(self) -> str:
        text = f"{self.stage}: {self.active} of {self.units} units are active"
        if self.active >= FEW * self.units:
            return text
        return (
            f"{text}; the means of the others hardly depend on the input (variance at most {ACTIVE}): the KL outweighs"
            " what they tell. Train longer, set warmup_steps or free, lower weight, or take fewer units"
        )


@torch.no_grad()
def activities(net: Net, batches: Callable[[], Iterable[Any]]) -> list[Activity]:
    """The active units of each `Gaussian` of a net in evaluation mode.

    Source: Burda, Grosse and Salakhutdinov 2016, section 5.2, and the threshold found there.

    Args:
        net: trained.
        batches: starts a pass over inputs.
    """
    found = []
    for place, stage in enumerate(net.body.stages):
        if isinstance(stage, Gaussian):
            means = (through(net.body.stages[: place + 1], inputs) for inputs in batches())
            deviation = moments(means)[1]
            found.append(Activity(str(stage), int((deviation.square() > ACTIVE).sum()), stage.latent))
    return found
