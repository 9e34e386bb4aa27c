"""Stages made of stages, and torch modules as stages."""

from __future__ import annotations

import copy
from typing import Annotated, Any, ClassVar, Literal, Self

from torch import Tensor, nn

from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Image, Kind, Padded
from lamina.layers.shortcut import projection, widened, widens
from lamina.settings import Bounds
from lamina.stage import Chain, Flow, Stage, State


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

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        return self.copies.depths()

    def multiply_adds(self) -> int:
        return self.copies.multiply_adds()

    def looks_back(self) -> bool:
        return self.stage.looks_back()

    def carry(self, x: Flow, state: State) -> tuple[Flow, State]:
        return self.copies.carry(x, state)


class Residual(Stage):
    """y = s(x) + f(x): the stage learns what to add to its input, or to a shortcut's view of it.

    Source: He et al. 2016, "Deep residual learning for image recognition", eqs. 1 and 2; the shortcuts, section 4.1.

    Args:
        stage: f; it must give what the shortcut gives.
        shortcut: s. "identity" hands x on. "project" is their option B, a 1x1 convolution with batch norm that brings x
            to the size of f's picture; "pad" their option A, which has no parameters: every stride-th place, and zeros
            for the channels that are new, half of them before and half behind. Or any stage.
    """

    gives_new: ClassVar[bool] = True

    stage: Stage
    shortcut: Literal["identity", "pad", "project"] | Stage = "identity"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # Torch files a stage away where the default, which the class has, would hide it.
        if "shortcut" in self._modules:
            self.__dict__["shortcut"] = self._modules.pop("shortcut")

    def build(self, given: Kind) -> Kind:
        gives = self.stage.build(given)
        self.pictures: tuple[Image, Image] | None = None
        self.way = self.shortcut if isinstance(self.shortcut, Stage) else None
        if self.shortcut == "project":
            self.way = projection(given, gives)
        brought = given
        if self.way is not None:
            brought = self.way.build(given)
        elif self.shortcut == "pad" and isinstance(given, Image) and isinstance(gives, Image) and widens(given, gives):
            self.pictures, brought = (given, gives), gives
        if gives != brought:
            what = f"the {given} that it was given" if brought == given else f"its shortcut's {brought}"
            raise KindError(
                f"{self} adds its stage's {gives} to {what}: they must be the same;"
                f" end the inner chain with a stage that gives {brought}, or set shortcut='project'",
                cured=None,
            )
        return gives

    def initialise(self, seed: int, following: Following) -> None:
        self.stage.initialise(seed, "linear")
        if self.way is not None:
            self.way.initialise(seed, "linear")

    def forward(self, x: Flow) -> Flow:
        added = self.stage(x)
        return self.sum(x if self.way is None else self.way(x), added)

    def sum(self, beside: Any, added: Any) -> Flow:
        """What the shortcut gives and what the stage adds to it."""
        if isinstance(added, Padded):
            return added._replace(values=beside.values + added.values)
        if self.pictures is not None:
            beside = widened(beside, *self.pictures)
        total: Tensor = beside + added
        return total

    def looks_back(self) -> bool:
        way = self.shortcut
        return self.stage.looks_back() and (not isinstance(way, Stage) or way.looks_back())

    def carry(self, x: Flow, state: State) -> tuple[Flow, State]:
        inner, outer = (None, None) if state is None else state
        added, inner = self.stage.carry(x, inner)
        beside, outer = (x, None) if self.way is None else self.way.carry(x, outer)
        return self.sum(beside, added), (inner, outer)

    def multiply_adds(self) -> int:
        return self.stage.multiply_adds() + (0 if self.way is None else self.way.multiply_adds())


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
