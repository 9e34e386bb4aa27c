"""Sentences rewritten into equal ones that cost less."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from lamina.end import Sum
from lamina.errors import LaminaError
from lamina.kinds import Image, Kind, Vector
from lamina.layers.activation import ReLU, Sigmoid, Tanh
from lamina.layers.compose import Repeat, Residual
from lamina.layers.conv import Conv
from lamina.layers.dense import Dense
from lamina.layers.norm import BatchNorm
from lamina.layers.pool import GlobalPool, MeanPool, Pool
from lamina.layers.shape import Flatten, Grid
from lamina.layers.towers import Towers
from lamina.layers.window import both
from lamina.nets.composition import with_parts
from lamina.stage import Chain, Stage, links
from lamina.vocabulary import WORDS
from lamina.word import same

RISING = (ReLU, Tanh, Sigmoid)
"""Functions of one number that never fall, so that the greatest number has the greatest value. Not `Threshold`: what it
gives is the same, but its gradient goes to all numbers near it, and the pool would choose another one of them."""


class Rewritten(NamedTuple):
    """A sentence and what was gained by it.

    Attributes:
        stage: the sentence; the very one that was given if nothing is gained.
        gains: what is less now, a sentence each.
    """

    stage: Stage
    gains: tuple[str, ...]


def rewritten(stage: Stage, given: Kind | None = None) -> Rewritten:
    """An equal sentence that costs less: what it computes and learns is the same, but for rounding.

    - A max pool comes before an activation that never falls, which then has fewer numbers to work on:
      max(f(x)) = f(max(x)).
    - A convolution or dense layer before batch norm has no bias: the norm takes its mean away, and the bias with it.
      (Its first value is 0, and its gradient is 0 but for rounding.) A pool may stand between.

    Parts are looked into; named nets are written so already. A sentence with stages that are no words stays, for the
    code that brings them back brings the sentence as it was.

    Args:
        stage: the sentence, or a part of one.
        given: what it is given, to say what is gained in numbers; None where that is not known.

    Example:
        >>> import lamina as la
        >>> from lamina.rewrite import rewritten
        >>> rewritten(la.parse("Conv(8) >> BatchNorm() >> ReLU() >> Pool()"), la.Image(3, 28, 28)).stage
        Conv(8, bias=False) >> BatchNorm() >> Pool() >> ReLU()
    """
    if foreign_words(stage):
        return Rewritten(stage, ())
    gains = list[str]()
    return Rewritten(_rewritten(stage, given, gains.append), tuple(gains))


def rewritten_from(stage: Stage, given: Kind, start: Sequence[Stage]) -> Rewritten:
    """The sentence rewritten; as it is, if it then has more of its first stages in common with a start's sentence."""
    found = rewritten(stage, given)
    return found if in_common(found.stage, start) >= in_common(stage, start) else Rewritten(stage, ())


def in_common(stage: Stage, start: Sequence[Stage]) -> int:
    """With how many of its first stages a sentence begins as another does."""
    pairs = zip(links(stage), start, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: same(*pair), pairs))


def foreign_words(stage: Stage) -> bool:
    """Whether a sentence has stages that are no words of the vocabulary."""
    found = not isinstance(stage, Chain | Sum) and WORDS.get(stage.name()) is not type(stage)

    def look(part: Stage) -> Stage:
        nonlocal found
        found = found or foreign_words(part)
        return part

    with_parts(stage, look)
    return found


def _rewritten(stage: Stage, given: Kind | None, say: Callable[[str], object]) -> Stage:
    parts, kinds = list(links(stage)), [given]
    for link in parts:
        kinds.append(gives(link, kinds[-1]))
    found = [inside(link, kind, say) for link, kind in zip(parts, kinds, strict=False)]
    found = unbiased(found, kinds, say)
    found = pooled_first(found, kinds, say)
    same = all(new is old for new, old in zip(found, parts, strict=True))
    return stage if same else found[0] if len(found) == 1 else Chain(found)


def inside(link: Stage, given: Kind | None, say: Callable[[str], object]) -> Stage:
    """A stage with the stages in it rewritten; each gain says where it is."""
    if isinstance(link, Repeat | Residual | Towers):
        where = f"in each of {link.times} copies, " if isinstance(link, Repeat) and link.times > 1 else ""
        where = f"in each of {link.count} towers, " if isinstance(link, Towers) else where
        if isinstance(link, Towers):
            given = shared(link, given)
        return with_parts(link, lambda part: _rewritten(part, given, lambda gain: say(where + gain)))
    return link


def shared(towers: Towers, given: Kind | None) -> Kind | None:
    """What each tower is given, if it can be said."""
    try:
        return towers.share(given) if isinstance(given, Image | Vector) else None
    except LaminaError:
        return None


def gives(stage: Stage, given: Kind | None) -> Kind | None:
    """What comes out of a stage, asked where tensors have no memory; None where that cannot be said."""
    if given is None:
        return None
    try:
        with torch.device("meta"):
            return stage.fresh().build(given)
    except LaminaError:
        return None


def unbiased(parts: list[Stage], kinds: list[Kind | None], say: Callable[[str], object]) -> list[Stage]:
    """The stages with no bias that a batch norm takes away."""
    found = list(parts)
    for place, part in enumerate(parts):
        if not isinstance(part, Conv | Dense) or not part.bias:
            continue
        norm = next((later for later in parts[place + 1 :] if not keeps_constants(later)), None)
        if isinstance(norm, BatchNorm):
            found[place] = type(part)(**{**part.values(), "bias": False})
            less = f"{part.width:,} parameters less"
            if isinstance(kind := kinds[place + 1], Image):
                less += f", and {numbers(kind):,} additions for each picture"
            say(f"{part} before {norm} has no bias, for the norm takes it away: {less}")
    return found


def keeps_constants(stage: Stage) -> bool:
    """Whether what is added to all places of a channel before it may as well be added behind it."""
    if isinstance(stage, MeanPool):
        return both(stage.padding) == (0, 0)  # else zeros count in the means at the edge
    return isinstance(stage, Pool | GlobalPool | Flatten | Grid)


def pooled_first(parts: list[Stage], kinds: list[Kind | None], say: Callable[[str], object]) -> list[Stage]:
    """The stages with each max pool before the activations that it can be before."""
    found = list[Stage]()
    for place, part in enumerate(parts):
        first = len(found)
        if thins(part):
            while first and isinstance(found[first - 1], RISING):
                first -= 1
        for activation in found[first:]:
            say(f"{activation} comes behind {part}: {fewer(kinds[place], kinds[place + 1])}")
        found.insert(first, part)
    return found


def thins(stage: Stage) -> bool:
    """Whether a stage leaves the greatest of several numbers, and so fewer of them."""
    if isinstance(stage, GlobalPool):
        return stage.how == "max"
    return isinstance(stage, Pool) and max(stage.step()) > 1


def fewer(before: Kind | None, after: Kind | None) -> str:
    """On how many numbers an activation works, and on how many it did."""
    if not isinstance(before, Image) or not isinstance(after, Image | Vector):
        return "fewer numbers to work on"
    share = numbers(after) / numbers(before)
    return f"it works on {sizes(after)} instead of {sizes(before)}, {share:.0%} of the numbers"


def numbers(kind: Image | Vector) -> int:
    """How many numbers an example has."""
    return kind.channels * kind.height * kind.width if isinstance(kind, Image) else kind.size


def sizes(kind: Image | Vector) -> str:
    """The sizes of an example: 32x14x14."""
    return f"{kind.channels}x{kind.height}x{kind.width}" if isinstance(kind, Image) else f"{kind.size}"
