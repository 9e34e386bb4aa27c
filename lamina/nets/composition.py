"""Words made of words: what they expand to, and how a sentence is looked into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from lamina.errors import KindError
from lamina.initialise import Following
from lamina.kinds import Image, Kind
from lamina.stage import Chain, Flow, Stage, expect, links


class Composition(Stage):
    """A word that stands for a sentence of other words, which follows from its settings alone.

    At most one of its stages may take statistics of the training data, for which there is one pass.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.learns = any(link.learns for link in links(self.expand()))  # type: ignore[misc]

    def expand(self) -> Stage:
        """The sentence that this word stands for: new words, nothing built."""
        raise NotImplementedError(f"{self.name()} does not say what it is made of")

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        self.inner = self.expand()
        try:
            return self.inner.build(given)
        except KindError as error:
            raise KindError(*(f"{self}: {mistake}" for mistake in error.mistakes), cured=error.cured) from error

    def learn(self, stream: Iterable[Any]) -> None:
        stages = links(self.inner)
        place = next(place for place, stage in enumerate(stages) if stage.learns)
        stages[place].learn(Chain(stages[:place])(x) for x in stream)

    def initialise(self, seed: int, following: Following) -> None:
        self.inner.initialise(seed, following)

    def following(self) -> Following | None:
        return self.inner.following()

    def forward(self, x: Flow) -> Flow:
        return self.inner(x)  # type: ignore[no-any-return]

    def depths(self) -> list[list[nn.Module | nn.Parameter]]:
        return self.inner.depths()

    def multiply_adds(self) -> int:
        return self.inner.multiply_adds()


def with_parts(stage: Stage, change: Callable[[Stage], Stage]) -> Stage:
    """A stage whose settings hold changed stages; the stage itself if no change was made."""
    values = stage.values()
    changed = {name: _changed(value, change) for name, value in values.items()}
    return stage if all(changed[name] is value for name, value in values.items()) else type(stage)(**changed)


def _changed(value: Any, change: Callable[[Stage], Stage]) -> Any:
    if isinstance(value, Stage):
        return change(value)
    if not isinstance(value, tuple):
        return value
    found = tuple(_changed(item, change) for item in value)
    return value if all(new is old for new, old in zip(found, value, strict=True)) else found


def expanded(stage: Stage) -> Stage:
    """A sentence with every named net written out.

    Example:
        >>> import lamina as la
        >>> from lamina.nets.composition import expanded
        >>> print(expanded(la.ResNet(8, small=True, pool=False)))  # doctest: +ELLIPSIS
        Conv(16, bias=False) >> BatchNorm() >> ReLU() >> Residual(Conv(16, bias=False) >> BatchNorm() >> ReLU() >> ...
    """
    return expanded(stage.expand()) if isinstance(stage, Composition) else with_parts(stage, expanded)


def named_nets(stage: Stage) -> list[Composition]:
    """The named nets in a sentence, each wording once."""
    found = dict[str, Composition]()

    def look(part: Stage) -> Stage:
        if isinstance(part, Composition):
            found.setdefault(str(part), part)
            return part
        return with_parts(part, look)

    for link in links(stage):
        look(link)
    return list(found.values())
