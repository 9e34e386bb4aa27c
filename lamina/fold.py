"""Nets for inference: batch norms folded into the weights before them, and nothing left that only training needs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from lamina.chance import key
from lamina.kinds import Image, Kind, Vector
from lamina.layers.augment.corruption import Corruption
from lamina.layers.augment.mix import Mixing
from lamina.layers.compose import Repeat, Residual
from lamina.layers.conv import Conv, UpConv
from lamina.layers.corrupt import Corrupting
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.norm import BatchNorm
from lamina.layers.pool import GlobalPool, MeanPool, Pool
from lamina.layers.shape import Grid
from lamina.layers.towers import Towers
from lamina.layers.window import both
from lamina.net import Net
from lamina.nets.composition import Composition
from lamina.rewrite import sizes
from lamina.stage import Chain, Stage, links


class Folded(NamedTuple):
    """A net for inference and what was gained by it.

    Attributes:
        net: the very one that was given if nothing is gained.
        gains: what is less now, a sentence each.
    """

    net: Net
    gains: tuple[str, ...]


class Part(NamedTuple):
    """A built stage that is no chain and no named net, and the kinds around it; None for one that is not known."""

    stage: Stage
    given: Kind | None
    gives: Kind | None


class Piece(NamedTuple):
    """A word of the new sentence, and what puts weights into the stage that is built of it."""

    word: Stage
    fill: Callable[[Any], object]


class Affine(NamedTuple):
    """y = scale x + shift for each feature: a batch norm at rest."""

    scale: Float64[Tensor, " D"]
    shift: Float64[Tensor, " D"]


def folded(net: Net) -> Net:
    """The net of `fold`.

    Example:
        >>> import lamina as la
        >>> from lamina.fold import folded
        >>> net = la.build("Conv(8) >> BatchNorm() >> GlobalPool() >> Classify()", la.Image(3, 28, 28), la.Label(5))
        >>> folded(net)
        Conv(8) >> GlobalPool() >> Classify()
    """
    return fold(net).net


@torch.no_grad()
def fold(net: Net) -> Folded:
    """A net that gives in evaluation what this one gives, but for rounding, with less work.

    A batch norm at rest is affine, g (x - m) / sqrt(v + e) + b: it goes into the weights and the bias of the
    convolution or dense layer before it, also past a mean pool, and past a max pool where no g is negative. Dropout and
    augmentation are left out where they hand on what they are given. Named nets are written out, and so are the
    projections of residual blocks. The new net is a sentence again, with weights of its own, for evaluation.

    Source: Jacob et al. 2018, "Quantization and training of neural networks", section 3.2.
    """
    gains = list[str]()
    pieces = pieces_of(parts_of(net.body, net.given, None), gains.append)
    if not gains:
        return Folded(net, ())
    like = next(iter((*net.parameters(), *net.buffers())), torch.empty(0))
    body = Chain([piece.word for piece in pieces])
    with torch.device(like.device):
        body.build(net.given)
    fill_all(pieces, body.to(like.dtype).stages)
    made = Net(body, copy.deepcopy(net.end), net.given, net.gives, net.target)
    for name, part in made.named_modules():
        if isinstance(part, Stage):
            part.place = key(name)
    made.views = net.views
    return Folded(made.eval(), tuple(gains))


def parts_of(stage: Stage, given: Kind | None, gives: Kind | None) -> list[Part]:
    """The built stages of a chain, those of named nets among them."""
    if isinstance(stage, Composition):
        return parts_of(stage.inner, given, gives)
    if not isinstance(stage, Chain):
        return [Part(stage, given, gives)]
    sides = zip(stage.stages, stage.kinds, stage.kinds[1:], strict=False)
    return [part for inner, before, after in sides for part in parts_of(inner, before, after)]


def pieces_of(parts: list[Part], say: Callable[[str], object]) -> list[Piece]:
    """What stages become; nothing, where they hand on what they are given."""
    stages = [part.stage for part in parts]
    norms = {place: behind for place in range(len(parts)) if (behind := norm_behind(stages, place)) is not None}
    pieces = list[Piece]()
    for place, (stage, given, gives) in enumerate(parts):
        if place in norms.values():
            continue
        if place in norms:
            norm, _, gives = parts[norms[place]]
            pass_over = f": one pass over {sizes(gives)} less" if isinstance(gives, Image | Vector) else ""
            say(f"{norm} goes into {stage}{pass_over}")
            pieces.append(joined(stage, norm))
        elif rests(stage, given, gives):
            say(f"{stage} is left out: it does nothing in evaluation")
        else:
            pieces += pieces_within(stage, given, gives, say)
    return pieces


def norm_behind(stages: list[Stage], place: int) -> int | None:
    """The place of the batch norm that can go into the stage at this one; None if there is none."""
    if type(stages[place]) not in (Conv, UpConv, Dense):
        return None
    greatest = False
    for behind, stage in enumerate(stages[place + 1 :], place + 1):
        if isinstance(stage, BatchNorm):
            return None if greatest and bool((affine(stage).scale < 0).any()) else behind
        if not lets_past(stage):
            return None
        greatest = greatest or isinstance(stage, Pool) or (isinstance(stage, GlobalPool) and stage.how == "max")
    return None


def lets_past(stage: Stage) -> bool:
    """Whether channels may as well be scaled and shifted before this stage; past a max, by scales above 0 alone."""
    if isinstance(stage, MeanPool):
        return both(stage.padding) == (0, 0)  # else zeros count in the means at the edge, and are not shifted
    return isinstance(stage, Pool | GlobalPool | Grid | Dropout)


def rests(stage: Stage, given: Kind | None, gives: Kind | None) -> bool:
    """Whether a stage hands on in evaluation what it is given."""
    if isinstance(stage, Dropout | Mixing | Corrupting):
        return True
    return isinstance(stage, Corruption) and given is not None and given == gives


def affine(norm: BatchNorm) -> Affine:
    """What a batch norm does in evaluation."""
    scale = (norm.running_variance.double() + norm.epsilon).rsqrt()
    scale = scale if norm.scale is None else norm.scale.double() * scale
    return Affine(scale, norm.shift.double() - norm.running_mean.double() * scale)


def joined(stage: Stage, norm: Stage) -> Piece:
    """A convolution or dense layer that does what a batch norm behind it did."""

    def fill(made: Any) -> None:
        old: Any = stage
        scale, shift = affine(norm)  # type: ignore[arg-type]
        outputs = 1 if isinstance(old, UpConv) else 0
        sides = [-1 if axis == outputs else 1 for axis in range(old.weight.dim())]
        made.weight.copy_(old.weight.double() * scale.view(sides))
        before = torch.zeros_like(scale) if old.offset is None else old.offset.double()
        made.offset.copy_(before * scale + shift)

    return Piece(type(stage)(**{**stage.values(), "bias": True}), fill)


def pieces_within(stage: Stage, given: Kind | None, gives: Kind | None, say: Callable[[str], object]) -> list[Piece]:
    """What a stage becomes that may have others in it."""
    if isinstance(stage, Repeat):
        return repeated(stage, say)
    if isinstance(stage, Residual):
        return [residual(stage, given, gives, say)]
    if isinstance(stage, Towers):
        return [towers(stage, given, say)]
    return [as_it_is(stage)]


def as_it_is(stage: Stage) -> Piece:
    """The same stage with the same weights."""
    return Piece(stage.fresh(), lambda made: made.load_state_dict(stage.state_dict()))


def repeated(stage: Repeat, say: Callable[[str], object]) -> list[Piece]:
    """One repetition again where all copies become the same words, else all of them one after another."""
    chain, each = stage.copies, len(stage.copies) // stage.times
    copies, gains = list[list[Piece]](), list[list[str]]()
    for first in range(0, len(chain), each):
        links_here = zip(
            chain.stages[first : first + each], chain.kinds[first:], chain.kinds[first + 1 :], strict=False
        )
        parts = [part for inner, before, after in links_here for part in parts_of(inner, before, after)]
        gains.append([])
        copies.append(pieces_of(parts, gains[-1].append))
    flat = [piece for pieces in copies for piece in pieces]
    if not alike(copies):
        for gain in (gain for texts in gains for gain in texts):
            say(gain)
        return flat
    for gain in gains[0]:
        say(f"in each of {stage.times} copies, {gain}" if stage.times > 1 else gain)
    word = Repeat(stage.times, words(copies[0]))
    return [Piece(word, lambda made: fill_all(flat, made.copies.stages))]


def alike(copies: list[list[Piece]]) -> bool:
    """Whether all copies have become the same words, and at least one."""
    return bool(copies[0]) and len({" >> ".join(str(piece.word) for piece in pieces) for pieces in copies}) == 1


def residual(stage: Residual, given: Kind | None, gives: Kind | None, say: Callable[[str], object]) -> Piece:
    """A residual block; what was a projection by name is a convolution with a bias then."""
    gains = list[str]()
    pieces = pieces_of(parts_of(stage.stage, given, gives), gains.append)
    if not pieces:
        return as_it_is(stage)
    for gain in gains:
        say(gain)
    way = [] if stage.way is None else pieces_of(parts_of(stage.way, given, gives), say)
    shortcut = stage.shortcut if isinstance(stage.shortcut, str) and stage.way is None else "identity"
    word = Residual(words(pieces), words(way) if way else shortcut)

    def fill(made: Residual) -> None:
        fill_all(pieces, links(made.stage))
        if way and made.way is not None:
            fill_all(way, links(made.way))

    return Piece(word, fill)


def towers(stage: Towers, given: Kind | None, say: Callable[[str], object]) -> Piece:
    """Towers, each on the device where it is; as they are if their copies would become different words."""
    share = stage.share(given) if isinstance(given, Image | Vector) else None
    gains = list[str]()
    copies = [pieces_of(parts_of(inner, share, None), gains.append) for inner in stage.copies]  # type: ignore[arg-type]
    if not alike(copies):
        return as_it_is(stage)
    for gain in gains[: len(gains) // stage.count]:
        say(f"in each of {stage.count} towers, {gain}")

    def fill(made: Towers) -> None:
        made.spread(stage.homes(torch.device("cpu")))
        for pieces, built in zip(copies, made.copies, strict=True):
            fill_all(pieces, links(built))  # type: ignore[arg-type]

    word = Towers(stage.count, words(copies[0]), split=stage.split)
    return Piece(word, fill)


def words(pieces: list[Piece]) -> Stage:
    """The pieces' words as one stage, which is no chain if it is one word alone."""
    return pieces[0].word if len(pieces) == 1 else Chain([piece.word for piece in pieces])


def fill_all(pieces: Iterable[Piece], stages: Iterable[Stage]) -> None:
    """Put the weights of all pieces into the stages that are built of them, one for one."""
    for piece, stage in zip(pieces, stages, strict=True):
        piece.fill(stage)


class Quick:
    """A net's folded form, made when it is first asked for, and anew when the net's weights have changed."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.seen: tuple[int, ...] | None = None
        self.made = net

    def now(self) -> Net:
        """The folded net; the net itself where there is nothing to fold."""
        tensors = (*self.net.parameters(), *self.net.buffers())
        if any(tensor.is_inference() for tensor in tensors):
            return self.net  # of such tensors torch counts no changes
        # Torch counts the changes of each tensor in place.
        seen = tuple(tensor._version for tensor in tensors)
        if seen != self.seen:
            self.made, self.seen = folded(self.net), seen
        if self.made is not self.net:
            self.made.views = self.net.views
        return self.made
