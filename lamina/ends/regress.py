"""The Gaussian end."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.chance import generator
from lamina.end import End, Score
from lamina.errors import DataError
from lamina.initialise import Following, Rule, fill
from lamina.kinds import Kind, Value, Vector
from lamina.layers.standardize import moments, spread
from lamina.layers.weights import new_weight
from lamina.metrics import LossTally, Tally, ValueTally
from lamina.stage import expect

COVERED = 0.9
"""The share of targets that an interval is to hold."""


class Estimated(NamedTuple):
    """The expected value of each example's target, and between what 90 % of such targets lie."""

    value: Float[Tensor, "B V"]
    low: Float[Tensor, "B V"]
    high: Float[Tensor, "B V"]


class Regress(End):
    """p(y | h) = Normal(m + s (h W^T + b), s^2) per number: its loss is half the squared error, in units of s^2.

    m and s are the mean and standard deviation of the training targets, taken once before the first step, so a target
    in dollars trains as well as one in millions of them. Source: Gauss 1809; Bishop 2006, eq. 3.10.

    On the scale "log" all of this holds of ln y, for positive targets of which few are very large; what is predicted is
    y again: its mean, exp of the prediction times the mean of exp of the errors (Duan 1983, "Smearing estimate"; his
    errors are those of the training part, here they are of the validation part, which a net has not learned by heart).

    The interval is wide enough for 90 % of the errors on the validation part, and everything where that is too small to
    tell. Source: Lei et al. 2018, section 2.2 (split conformal prediction); their guarantee is for examples that have
    had no say in the fit, and the validation part has chosen which weights are kept, so it holds about 90 %.

    Args:
        scale: "linear" or "log".
        init: how W is drawn; see `lamina.initialise`.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Value,)
    learns: ClassVar[bool] = True

    scale: Literal["linear", "log"] = "linear"
    init: Rule = "auto"

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        size = self.aimed_at(Value).size
        self.weight = new_weight(self, given, size, given.size)
        self.offset = new_weight(self, given, size)
        self.mean = nn.Buffer(torch.zeros(size))
        self.deviation = nn.Buffer(torch.ones(size))
        # Taken from the validation part when training has ended: in units of s, and as a factor.
        self.radius = nn.Buffer(torch.full((size,), torch.inf))
        self.smear = nn.Buffer(torch.ones(size))
        return Vector(size)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weight, self.init, following, generator(seed, self.place))

    def scaled(self, target: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """Targets on the scale that the distribution is Gaussian on."""
        return target.log() if self.scale == "log" else target

    def learn(self, stream: Iterable[Tensor]) -> None:
        mean, deviation = moments(self.scaled(positive(self, target)) for target in stream)
        self.mean.copy_(mean)
        self.deviation.copy_(spread(mean, deviation))

    def calibrate(self, stream: Iterable[tuple[Any, Any]]) -> None:
        self.radius.fill_(torch.inf)
        self.smear.fill_(1.0)
        pieces = [(self.scaled(target) - self.middle(h)).cpu().double() for h, target in stream]
        errors = torch.cat([torch.zeros(0, len(self.mean), dtype=torch.float64), *pieces])
        errors = errors[errors.isfinite().all(1)]  # validation may have a target without a logarithm
        rank = math.ceil((len(errors) + 1) * COVERED)
        if rank <= len(errors):
            self.radius.copy_(errors.abs().kthvalue(rank, 0).values / self.deviation.cpu())
        smear = errors.exp().mean(0)
        if self.scale == "log" and smear.float().isfinite().all():
            self.smear.copy_(smear)

    def standard(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B V"]:
        """The mean of the Gaussian in units of s, counted from m."""
        return F.linear(h, self.weight, self.offset)

    def middle(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B V"]:
        """The mean of the Gaussian."""
        return torch.addcmul(self.mean, self.deviation, self.standard(h))

    def forward(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B V"]:
        middle = self.middle(h)
        return middle.exp() * self.smear if self.scale == "log" else middle

    def score(self, h: Float[Tensor, "B D"], target: Float[Tensor, "B V"]) -> Score:
        scaled = self.scaled(target)
        away = self.standard(h) - (scaled - self.mean) / self.deviation  # (B, V)
        normaliser = (self.deviation.log() + 0.5 * math.log(2 * math.pi)).sum() * len(target)
        if self.scale == "log":
            normaliser = normaliser + scaled.sum()  # p(y) = p(ln y) / y
        return Score(0.5 * away.square().sum() + normaliser, target.numel())

    def predict(self, h: Float[Tensor, "B D"]) -> Estimated:
        middle, reach = self.middle(h), self.radius * self.deviation
        low, high = middle - reach, middle + reach
        return Estimated(self(h), *(map(torch.exp, (low, high)) if self.scale == "log" else (low, high)))

    def sample(self, h: Float[Tensor, "B D"], random: torch.Generator) -> Float[Tensor, "B V"]:
        """A target of each example, drawn from p(y | h)."""
        middle = self.middle(h)
        noise = torch.randn(middle.shape, generator=random, device=random.device, dtype=middle.dtype)
        drawn = middle + self.deviation * noise.to(middle.device)
        return drawn.exp() if self.scale == "log" else drawn

    def tally(self, h: Float[Tensor, "B D"], target: Float[Tensor, "B V"]) -> Tally:
        tally = ValueTally.of(self(h), target)
        # In the target's own unit a few large ones would decide which weights are best.
        return LossTally(tally, self.score(h, target).total.item(), len(target)) if self.scale == "log" else tally

    def multiply_adds(self) -> int:
        return self.weight.numel()


def positive(end: Regress, target: Tensor) -> Tensor:
    """The targets, if the scale of the end has a place for them.

    Raises:
        DataError: naming the least, where a logarithm is to be taken of what has none.
    """
    if end.scale == "log" and float(target.min()) <= 0:
        raise DataError(
            f"{end} takes the logarithm of targets, which must be above 0; the least is {float(target.min()):g}; use"
            " Regress()"
        )
    return target
