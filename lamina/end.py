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
from lamina.kinds import Kind, Label, Targets, Value, rows
from lamina.metrics import Tally, TogetherTally
from lamina.stage import Chain, Stage

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

    restores: ClassVar[bool] = False
    """True for an end whose target is the net's own input, as it came; what the data give as a target is let be."""

    fills: ClassVar[bool] = False
    """True for an end that predicts what a stage of the body hides, by the same draws; see `MaskTokens`."""

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

    def meet(self, body: Chain) -> None:
        """See the body that stands before it, before `build`, where an end shares weights with it or asks much of it.

        Raises:
            KindError: if the end cannot follow such a body.
        """

    def settle(self) -> None:
        """Bring first weights that it shares with the body to a scale that suits both, when all are drawn."""

    def aimed_at(self, sort: type[A]) -> A:
        """The target that `aim` was told, which `build` needs."""
        if not isinstance(self.target, sort):
            raise KindError(f"{self} has not been told what to predict; build the whole net with lamina.build")
        return self.target

    def score(self, h: Any, target: Any) -> Score:
        """-log p(target | h), summed over the units of the batch."""
        raise NotImplementedError(f"{self.name()} does not say its loss")

    def score_beside(self, h: Any, target: Any) -> Score:
        """The score beside other ends: it runs over examples, so that no end outweighs the others."""
        return self.score(h, target)

    def charged(self, h: Any, nats: Tensor | None, target: Any) -> Score:
        """The score with the nats that the body's stages add for each row of h."""
        score = self.score(h, target)
        return score if nats is None else Score(score.total + nats.sum(), score.count)

    def charged_tally(self, h: Any, nats: Tensor | None, target: Any) -> Tally:
        """The tally of an end that `restores`, where stages add to the loss."""
        return self.tally(h, target)

    def predict(self, h: Any) -> Any:
        """The answer for each example of the batch, as this end's own named tuple."""
        raise NotImplementedError(f"{self.name()} does not predict")

    def tally(self, h: Any, target: Any) -> Tally:
        """What this batch adds to the measures of a net with this end."""
        raise NotImplementedError(f"{self.name()} is not measured")

    def learn(self, stream: Iterable[Any]) -> None:
        """Take statistics of the training targets (not of h) from batches of them, before the first step."""

    def learn_anew(self, stream: Iterable[Any]) -> None:
        """Take what must be of the targets at hand in a run that starts with this end's weights and scales."""

    def calibrate(self, stream: Iterable[tuple[Any, Any]]) -> None:
        """Take how far answers are off from batches of h and target of the validation part, when training has ended."""

    def __add__(self, other: End) -> Sum:
        """`A() + B()`: both are predicted from the same h."""
        return Sum((self, other)) if isinstance(other, End) else NotImplemented


class Sum(End):
    """Several ends over one h: log p(y1, y2 | h) = log p(y1 | h) + log p(y2 | h), in nats an example.

    Targets are a tuple, or a tensor of labels and values side by side; see `lamina.kinds.Targets`.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Targets,)
    learns: ClassVar[bool] = True

    ends: tuple[End, ...]

    def __init__(self, ends: Iterable[End]) -> None:
        super().__init__(tuple(flat for end in ends for flat in (end.ends if isinstance(end, Sum) else (end,))))
        for number, end in enumerate(self.ends):
            self.add_module(str(number), end)
        self.__dict__["fills"] = any(end.fills for end in self.ends)

    def meet(self, body: Chain) -> None:
        for end in self.ends:
            end.meet(body)

    def settle(self) -> None:
        for end in self.ends:
            end.settle()

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

    def cut(self, target: Any) -> tuple[Any, ...]:
        """The target of each end."""
        if not isinstance(target, Tensor):
            return tuple(target)
        kinds = self.aimed_at(Targets).parts
        pieces = torch.split(target, [width(kind) for kind in kinds], 1)
        # The numbers of classes are whole, and float32 has them exactly up to 2^24.
        return tuple(
            piece[:, 0].long() if isinstance(kind, Label) else piece for kind, piece in zip(kinds, pieces, strict=True)
        )

    def score(self, h: Any, target: Any) -> Score:
        parts = self.cut(target)
        scores = [end.score_beside(h, part) for end, part in zip(self.ends, parts, strict=True)]
        return Score(torch.stack([score.total for score in scores]).sum(), rows(parts[0]))

    def tally(self, h: Any, target: Any) -> TogetherTally:
        parts, kind = self.cut(target), self.aimed_at(Targets)
        tallies = {
            kind.name_of(place): end.tally(h, part)
            for place, (end, part) in enumerate(zip(self.ends, parts, strict=True))
        }
        return TogetherTally(tallies, self.score(h, target).total.item(), rows(parts[0]))

    def learn(self, stream: Iterable[Any]) -> None:
        """Each end takes its own targets, in one pass after another over what is kept of the one here."""
        if not any(end.learns for end in self.ends):
            return
        kept = [self.cut(target) for target in stream]
        for place, end in enumerate(self.ends):
            end.learn(parts[place] for parts in kept)

    def learn_anew(self, stream: Iterable[Any]) -> None:
        kept = [self.cut(target) for target in stream]
        for place, end in enumerate(self.ends):
            end.learn_anew(parts[place] for parts in kept)

    def calibrate(self, stream: Iterable[tuple[Any, Any]]) -> None:
        kept = [(h, self.cut(target)) for h, target in stream]
        for place, end in enumerate(self.ends):
            end.calibrate((h, parts[place]) for h, parts in kept)

    def predict(self, h: Any) -> tuple[Any, ...]:
        return tuple(end.predict(h) for end in self.ends)

    def multiply_adds(self) -> int:
        return sum(end.multiply_adds() for end in self.ends)

    def __str__(self) -> str:
        return f"({' + '.join(map(str, self.ends))})"


def width(kind: Kind) -> int:
    """How many numbers a label or a value takes in a row."""
    if isinstance(kind, Label):
        return 1
    if isinstance(kind, Value):
        return kind.size
    raise KindError(f"{kind} cannot stand beside other targets in a tensor: give the targets as a tuple")
