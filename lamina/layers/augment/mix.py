"""Pictures mixed with other pictures of their batch, and their targets with them."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.chance import batch_random
from lamina.kinds import Image, Kind, Label, Targets, Value, Vector
from lamina.settings import Bounds, Positive
from lamina.stage import Stage, expect, parts

Probability = Annotated[float, Bounds(low=0, high=1, low_open=True)]


class Pairing(NamedTuple):
    """Who is mixed with whom.

    Attributes:
        share: of each example's own input and target; the rest is its partner's.
        partner: the place in the batch of each example's partner.
    """

    share: float
    partner: Int64[Tensor, " B"]


class Mixing(Stage):
    """A stage that mixes inputs in training, and makes the loss share * nats(y) + (1 - share) * nats(y of the partner).

    `Net.score` asks for the same pairing that `forward` mixes by: both follow from the draws of the batch as a whole,
    and nothing is kept between. Partners are of the same micro-batch, so that `parts` changes who meets whom.
    """

    follows_through = True

    def build(self, given: Kind) -> Kind:
        return expect(self, given, Image, Vector)

    def pairing(self, examples: int) -> Pairing:
        """Who is mixed with whom in a batch of so many examples."""
        raise NotImplementedError(f"{self.name()} does not say whom it pairs")


class Mixup(Mixing):
    """In training x = s x_i + (1 - s) x_j and the loss is s nats(y_i) + (1 - s) nats(y_j), s ~ Beta(alpha, alpha).

    The share s and the pairs (i, j), a permutation, are drawn once for a batch, as the authors' code does; in
    evaluation inputs stay as they are. Source: Zhang et al. 2018, eq. 1 and figure 1a.

    Args:
        alpha: small for mixtures that are mostly one of the two, 1 for all alike.
    """

    alpha: Positive = 0.2

    def pairing(self, examples: int) -> Pairing:
        random = batch_random(self.place)
        share = float(random.beta(self.alpha, self.alpha))
        return Pairing(share, torch.from_numpy(random.permutation(examples)))

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        if not self.training:
            return x
        share, partner = self.pairing(len(x))
        return torch.lerp(x[partner.to(x.device)], x, share)


class Box(NamedTuple):
    """A window: the first row and column in it, and those after it."""

    top: int
    left: int
    bottom: int
    right: int


class CutMix(Mixing):
    """In training a window of each picture is its partner's, and the loss is shared as the areas are.

    The window has the picture's proportions and 1 - s of its area, s ~ Beta(alpha, alpha), round a middle that is
    any place of the picture; where it reaches over the edge, the loss goes by what is left of it. Window and pairs, a
    permutation, are drawn once for a batch. In evaluation inputs stay. Source: Yun et al. 2019, eqs. 1 and 2, algorithm
    A1.

    Args:
        alpha: small for windows of almost all or almost nothing, 1 for all alike.
        probability: that a batch is mixed at all.
    """

    alpha: Positive = 1.0
    probability: Probability = 0.5

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Image)
        self.height, self.width = given.height, given.width
        return given

    def pairing(self, examples: int) -> Pairing:
        return self.drawn(examples)[0]

    def drawn(self, examples: int) -> tuple[Pairing, Box]:
        """Who is mixed with whom, and the window that changes hands."""
        random = batch_random(self.place)
        part = (1 - random.beta(self.alpha, self.alpha)) ** 0.5 if random.random() < self.probability else 0.0
        middles = random.random(2)
        (top, bottom), (left, right) = (
            span(middle, part, size) for middle, size in zip(middles, (self.height, self.width), strict=True)
        )
        share = 1 - (bottom - top) * (right - left) / (self.height * self.width)
        return Pairing(share, torch.from_numpy(random.permutation(examples))), Box(top, left, bottom, right)

    def forward(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        if not self.training:
            return x
        (share, partner), (top, left, bottom, right) = self.drawn(len(x))
        if share == 1:
            return x
        mixed = x.clone()
        mixed[:, :, top:bottom, left:right] = x[:, :, top:bottom, left:right][partner.to(x.device)]
        return mixed


def span(middle: float, part: float, size: int) -> tuple[int, int]:
    """The first place of a window on an axis and the one after it: `part` of the axis, round a middle from 0 to 1."""
    length = int(part * size)
    first = int(middle * size) - length // 2
    return max(0, first), min(size, first + length)


def of_partners(target: Any, partner: Tensor) -> Any:
    """The targets of each example's partner; of several targets, if there are."""
    if isinstance(target, Tensor):
        return target[partner.to(target.device)]
    return tuple(of_partners(part, partner) for part in target)


def mixing_misfits(body: list[Stage], target: Kind) -> list[str]:
    """What is wrong with the stages that mix examples with each other; `Net.score` has to know of them."""
    mixing = [link for link in body if isinstance(link, Mixing)]
    mistakes = [
        f"{part} changes the targets too: put it into the main chain, not into {link}"
        for link in body
        for part in parts(link)
        if part is not link and isinstance(part, Mixing)
    ]
    if len(mixing) > 1:
        mistakes.append(f"{' and '.join(map(str, mixing))} would mix what is mixed: leave one of them")
    kinds = target.parts if isinstance(target, Targets) else (target,)
    if mixing and not all(isinstance(kind, Label | Value) for kind in kinds):
        mistakes.append(f"{mixing[0]} mixes the losses of labels and values, not of {target}: leave it out")
    return mistakes
