"""The stage: a torch module with typed settings, `build(kind) -> kind`, and `forward`. Chains of stages are nets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias, TypeVar, overload

from torch import Tensor, nn

from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Image, Kind, Padded, Sequence, Table, Tokens, Vector, rows
from lamina.word import Word, written

Flow: TypeAlias = Tensor | Padded
"""What runs between stages: a tensor, or a padded one with its visible positions."""

State: TypeAlias = Any
"""What a stage carries from position to position: a tensor with examples first, a number, a tuple of such, or None."""

A = TypeVar("A", bound=Kind)
B = TypeVar("B", bound=Kind)
C = TypeVar("C", bound=Kind)
D = TypeVar("D", bound=Kind)


class Stage(Word, nn.Module):
    """One step of a net.

    A subclass writes its settings as annotated fields, makes its parameters in `build`, and uses them in `forward`.
    """

    follows_through: ClassVar[bool] = False
    """True for a stage that hands its input's sign and rough scale on (dropout, norms): initialising looks past it."""

    gives_new: ClassVar[bool] = False
    """True for a stage that gives new memory which its own gradient does not need: what follows may write over it."""

    overwrites: ClassVar[bool] = False
    """True for a stage that writes over what comes in where that is nobody else's, as `given_new` says."""

    learns: ClassVar[bool] = False
    """True for a stage that takes statistics of the training data, by `learn`, before the first step."""

    charges: ClassVar[bool] = False
    """True for a stage that adds to the loss: what comes out of it then comes with nats, by `charge`."""

    learns_alone: ClassVar[bool] = False
    """True for a stage whose weights learn by a rule of their own: no error of what follows reaches them."""

    recurrent: ClassVar[bool] = False
    """True for a stage whose state has one size, however much came before: it may go on from batch to batch."""

    grows: ClassVar[bool] = False
    """True for a stage whose state grows with what came before, or that has learned no more than so many positions."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # Where a built stage stands in its net, as one number; first weights and noise are drawn by it.
        self.place = 0
        # What stands before a stage that overwrites; said by the chain that it is built in. No part of it.
        self.__dict__["before"] = None

    def build(self, given: Kind) -> Kind:
        """Make the parameters for inputs of kind `given`, on torch's default device, and say what comes out.

        Raises:
            KindError: if the stage cannot take such inputs.
        """
        raise NotImplementedError(f"{self.name()} does not say what it builds")

    def initialise(self, seed: int, following: Following) -> None:
        """Draw the first values of the stage's parameters from (seed, place), to suit what follows."""

    def following(self) -> Following | None:
        """What this stage is to the one before it, for that one's initialisation; None if it is looked past."""
        return None if self.follows_through else "linear"

    def learn(self, stream: Iterable[Any]) -> None:
        """Take statistics of the training data from batches of this stage's inputs, in one pass."""

    def multiply_adds(self) -> int:
        """Multiplications (each with its addition) for one example; for one position where positions flow."""
        return 0

    def looks_back(self) -> bool:
        """Whether no position that comes out depends on a later one, so that `carry` can go on."""
        return True

    def carry(self, x: Flow, state: State) -> tuple[Flow, State]:
        """Go on behind the positions that `state` stands for: what comes out for further ones, and their state.

        Parts given one after another come to what the whole comes to at once. A stage that looks at each position alone
        has no state.

        Args:
            x: further positions, none of them hidden.
            state: what the call before gave; None at the beginning.
        """
        return self(x), None

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        """The parts of this stage that hold its weights, layer by layer from its input on; one if it has no layers."""
        return [[self]]

    def charge(self, x: Any) -> tuple[Any, Tensor | None]:
        """What comes out, and what that adds to the loss of each row in nats, (B,); None where that is nothing.

        In training what comes out is what `forward` gives. In evaluation what adds to the loss by definition, and not
        to make a net learn better, still does.
        """
        return self(x), None

    @property
    def given_new(self) -> bool:
        """Whether what comes in is nobody else's: it is new, and no hook of torch's looks at it."""
        before: Stage | None = self.__dict__["before"]
        return before is not None and before.gives_new and not (hooked(before) or hooked(self))

    def __rshift__(self, other: Stage) -> Chain:
        """`a >> b`: b works on what a gives."""
        return Chain((self, other)) if isinstance(other, Stage) else NotImplemented


class Chain(Stage):
    """Stages one after another: `a >> b >> c`. Flat: a chain of chains is one chain."""

    stages: tuple[Stage, ...]

    def __init__(self, stages: Iterable[Stage]) -> None:
        super().__init__(tuple(flat for stage in stages for flat in links(stage)))
        self.kinds: tuple[Kind, ...] = ()
        for number, stage in enumerate(self.stages):
            self.add_module(str(number), stage)

    def build(self, given: Kind) -> Kind:
        gives, mistakes = self.fit(given)
        if gives is None or mistakes:
            raise KindError(*mistakes)
        return gives

    def fit(self, given: Kind) -> tuple[Kind | None, list[str]]:
        """Build the stages in turn; after a misfit that has a cure, go on as if it were cured, to find the others.

        Returns:
            What comes out (None where a misfit has no cure), and the misfits.
        """
        kinds, mistakes = [given], list[str]()
        for stage in self.stages:
            try:
                kinds.append(stage.build(kinds[-1]))
            except KindError as error:
                mistakes.extend(error.mistakes)
                if error.cured is None:
                    return None, mistakes
                kinds.append(stage.build(error.cured))
        for before, stage in pairwise(self.stages):
            if stage.overwrites:
                stage.__dict__["before"] = before
        self.kinds = tuple(kinds)
        return kinds[-1], mistakes

    def initialise(self, seed: int, following: Following) -> None:
        for stage in reversed(self.stages):
            stage.initialise(seed, following)
            following = stage.following() or following

    def following(self) -> Following | None:
        return next((seen for stage in self.stages if (seen := stage.following())), None)

    def forward(self, x: Flow) -> Flow:
        for stage in self.stages:
            x = stage(x)
        return x

    def charge(self, x: Any) -> tuple[Any, Tensor | None]:
        total: Tensor | None = None
        for stage in self.stages:
            if not stage.charges:
                x = stage(x)
                continue
            before = rows(x)
            x, nats = stage.charge(x)
            if total is not None and rows(x) != before:
                total = total.repeat_interleave(rows(x) // before)
            if nats is not None:
                total = nats if total is None else total + nats
        return x, total

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        return [layer for stage in self.stages for layer in stage.depths()]

    def multiply_adds(self) -> int:
        return sum(stage.multiply_adds() for stage in self.stages)

    def looks_back(self) -> bool:
        return all(stage.looks_back() for stage in self.stages)

    def carry(self, x: Flow, state: State) -> tuple[Flow, State]:
        after = list[State]()
        for place, stage in enumerate(self.stages):
            x, behind = stage.carry(x, None if state is None else state[place])
            after.append(behind)
        return x, tuple(after)

    def __str__(self) -> str:
        return " >> ".join(map(written, self.stages))

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, number: int) -> Stage:
        return self.stages[number]


def hooked(module: nn.Module) -> bool:
    """Whether anyone looks at what comes in or out of a module, or at its gradients, by a hook of torch's."""
    hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
    return any(map(bool, hooks))


def links(stage: Stage) -> tuple[Stage, ...]:
    """The stages of a chain; any other stage is a chain of one."""
    return stage.stages if isinstance(stage, Chain) else (stage,)


def parts(stage: Stage) -> list[Stage]:
    """A stage and all that its settings hold, whatever is built of them."""
    held = [value if isinstance(value, tuple) else (value,) for value in stage.values().values()]
    return [stage, *(part for values in held for value in values if isinstance(value, Stage) for part in parts(value))]


class Elementwise(Stage):
    """A stage that works on each number alone, whatever the kind."""

    def build(self, given: Kind) -> Kind:
        self.__dict__["before"] = None  # built anew it may stand first, behind nothing
        return expect(self, given, Vector, Image, Sequence)

    def forward(self, x: Flow) -> Flow:
        return on_values(self.curve, x)

    def curve(self, x: Tensor) -> Tensor:
        """The function of one number, over a tensor."""
        raise NotImplementedError(f"{self.name()} does not say what it does")


def on_values(function: Callable[[Tensor], Tensor], x: Flow) -> Flow:
    """Apply a function to the numbers of a tensor, or of a padded one, whose visible positions stay."""
    return x._replace(values=function(x.values)) if isinstance(x, Padded) else function(x)


def cure(given: Kind, takes: tuple[type[Kind], ...]) -> tuple[str, Kind | None]:
    """What to put between a kind and a stage that does not take it, and what the stage would then be given."""
    if isinstance(given, Image) and Vector in takes:
        return "put Flatten() before it", Vector(given.channels * given.height * given.width)
    if isinstance(given, Table) and Vector in takes:
        width = given.numbers + given.blanks + 8 * len(given.categories)
        return "put Standardize() >> Categories(8) before it", Vector(width)
    if isinstance(given, Sequence) and Vector in takes:
        return "put Last() or Mean() before it", Vector(given.width)
    if isinstance(given, Tokens) and Sequence in takes:
        return "put Embed(64) before it", Sequence(64)
    return "", None


@overload
def expect(stage: Stage, given: Kind, first: type[A], /) -> A: ...
@overload
def expect(stage: Stage, given: Kind, first: type[A], second: type[B], /) -> A | B: ...
@overload
def expect(stage: Stage, given: Kind, first: type[A], second: type[B], third: type[C], /) -> A | B | C: ...
@overload
def expect(
    stage: Stage, given: Kind, first: type[A], second: type[B], third: type[C], fourth: type[D], /
) -> A | B | C | D: ...
def expect(stage: Stage, given: Kind, *takes: type[Kind]) -> Kind:
    """`given`, if the stage takes its kind.

    Raises:
        KindError: naming the stage, the kind that came, what the stage takes, and the cure where one is known.
    """
    if isinstance(given, takes):
        return given
    advice, cured = cure(given, takes)
    names = [("an " if kind.__name__[0] in "AEIOU" else "a ") + kind.__name__ for kind in takes]
    listed = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    text = f"{stage} cannot follow {given}: it takes {listed}"
    raise KindError(f"{text}; {advice}" if advice else text, cured=cured)
