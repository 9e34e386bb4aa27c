"""The end of a net: a conditional distribution p(y | h) over what is to be predicted.

An end gives the loss (the negative log-likelihood), the prediction, and the tally that measures are made of. The loss
lives nowhere else: squared loss is a Gaussian, cross-entropy a categorical distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.errors import KindError
from lamina.kinds import Kind, Targets, rows
from lamina.metrics import Tally
from lamina.stage import Stage

A = TypeVar("A", bound=Kind)


@dataclass(frozen=True, slots=True)
class Score:
    """A negative log-likelihood in nats, as a sum, and the number of units that it runs over.

    Sums and counts add, so that parts of a batch, micro-batches and processes together give exactly the whole.
    """

    total: Float[Tensor, ""]
    count: int

    def mean(self) -> Tensor:
        return self.total / self.count


class End(Stage):
    """The last stage. `aim` tells it the kind of target; then `build` makes it; then `score`, `predict`, `sample`."""

    takes_target: ClassVar[tuple[type[Kind], ...]]
    """The kinds of target that this distribution is over."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.target: Kind | None = None

    def aim(self, target: Kind) -> None:
        """Say what is to be predicted, before `build`.

        Raises:
            KindError: if this end cannot predict such a target.
        """
        if not isinstance(target, self.takes_target):
            wanted = " or ".join(kind.__name__ for kind in self.takes_target)
            raise KindError(f"{self} cannot predict {target}: it predicts a {wanted}")
        self.target = target

    def aimed_at(self, sort: type[A]) -> A:
        """The target that `aim` was told, which `build` needs."""
        if not isinstance(self.target, sort):
            raise KindError(f"{self} has not been told what to predict; build the whole net with lamina.build")
        return self.target

    def score(self, h: Any, target: Any) -> Score:
        """-log p(target | h), summed over the units of the batch."""
        raise NotImplementedError(f"{self.name()} does not say its loss")

    def predict(self, h: Any) -> Any:
        """The answer for each example of the batch, as this end's own named tuple."""
        raise NotImplementedError(f"{self.name()} does not predict")

    def tally(self, h: Any, target: Any) -> Tally:
        """What this batch adds to the measures of a net with this end."""
        raise NotImplementedError(f"{self.name()} is not measured")

    def learn(self, stream: Iterable[Any]) -> None:
        """Take statistics of the training targets (not of h) from batches of them, before the first step."""

    def calibrate(self, stream: Iterable[tuple[Any, Any]]) -> None:
        """Take how far answers are off from batches of h and target of the validation part, when training has ended."""

    def __add__(self, other: End) -> Sum:
        """`A() + B()`: both are predicted from the same h."""
        return Sum((self, other)) if isinstance(other, End) else NotImplemented


class Sum(End):
    """Several ends over one h: log p(y1, y2 | h) = log p(y1 | h) + log p(y2 | h), in nats an example."""

    ends: tuple[End, ...]
    takes_target = (Targets,)

    def __init__(self, ends: Iterable[End]) -> None:
        super().__init__(tuple(flat for end in ends for flat in (end.ends if isinstance(end, Sum) else (end,))))
        for number, end in enumerate(self.ends):
            self.add_module(str(number), end)

    def aim(self, target: Kind) -> None:
        super().aim(target)
        parts = target.parts if isinstance(target, Targets) else ()
        if len(parts) != len(self.ends):
            raise KindError(f"{self} has {len(self.ends)} ends for {len(parts)} targets: give each target one end")
        for end, part in zip(self.ends, parts, strict=True):
            end.aim(part)

    def build(self, given: Kind) -> Kind:
        for end in self.ends:
            end.build(given)
        return given

    def initialise(self, seed: int, following: Any) -> None:
        for end in self.ends:
            end.initialise(seed, following)

    def forward(self, h: Any) -> tuple[Any, ...]:
        return tuple(end(h) for end in self.ends)

    def score(self, h: Any, target: Any) -> Score:
        scores = [end.score(h, part) for end, part in zip(self.ends, target, strict=True)]
        return Score(torch.stack([score.total for score in scores]).sum(), rows(target[0]))

    def predict(self, h: Any) -> tuple[Any, ...]:
        return tuple(end.predict(h) for end in self.ends)

    def multiply_adds(self) -> int:
        return sum(end.multiply_adds() for end in self.ends)

    def __str__(self) -> str:
        return f"({' + '.join(map(str, self.ends))})"
