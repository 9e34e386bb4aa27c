"""Stages made of stages, and torch modules as stages."""

from __future__ import annotations

import copy
from typing import Annotated, Any, Self

from torch import Tensor, nn

from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Kind, Padded
from lamina.settings import Bounds
from lamina.stage import Chain, Flow, Stage


class Repeat(Stage):
    """`times` copies of a stage one after another, each with its own parameters.

    Args:
        times: how many copies, at most 10,000.
        stage: what is repeated.
    """

    times: Annotated[int, Bounds(low=1, high=10_000)]
    stage: Stage

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # A template and no part: what parameters it has (a Module's) are copied, not trained.
        self.__dict__["stage"] = self._modules.pop("stage")

    def build(self, given: Kind) -> Kind:
        self.copies = Chain([self.stage.fresh() for _ in range(self.times)])
        return self.copies.build(given)

    def initialise(self, seed: int, following: Following) -> None:
        self.copies.initialise(seed, following)

    def following(self) -> Following | None:
        return self.stage.following()

    def forward(self, x: Flow) -> Flow:
        return self.copies.forward(x)

    def multiply_adds(self) -> int:
        return self.copies.multiply_adds()


class Residual(Stage):
    """y = x + f(x): the stage learns what to add to its input.

    Source: He et al. 2016, eq. 1, with the identity as shortcut.

    Args:
        stage: f; what it gives must be of the kind that it takes.
    """

    stage: Stage

    def build(self, given: Kind) -> Kind:
        gives = self.stage.build(given)
        if gives != given:
            raise KindError(
                f"{self} adds its stage's {gives} to the {given} that it was given: they must be the same;"
                f" end the inner chain with a stage that gives {given}",
                cured=None,
            )
        return gives

    def initialise(self, seed: int, following: Following) -> None:
        self.stage.initialise(seed, "linear")

    def forward(self, x: Flow) -> Flow:
        if isinstance(x, Padded):
            return x._replace(values=x.values + self.stage(x).values)
        added: Tensor = x + self.stage(x)
        return added

    def multiply_adds(self) -> int:
        return self.stage.multiply_adds()


class Module(Stage):
    """Any `torch.nn.Module` as a stage. Its weights start as they are and are trained and saved with the net's.

    A net that has one cannot be written as a sentence: loading it needs the code that made it.

    Args:
        module: takes a batch of what it is given, and returns a batch of `gives`.
        gives: the kind of what it returns.

    Example:
        >>> import lamina as la, torch
        >>> net = la.Module(torch.nn.Bilinear(3, 3, 5), gives=la.Vector(5))
    """

    module: nn.Module
    gives: Kind

    def build(self, given: Kind) -> Kind:
        return self.gives

    def forward(self, x: Any) -> Any:
        return self.module(x)

    def fresh(self) -> Self:
        return type(self)(copy.deepcopy(self.module), self.gives)

    def __str__(self) -> str:
        return f"Module({type(self.module).__name__}, gives={self.gives})"
