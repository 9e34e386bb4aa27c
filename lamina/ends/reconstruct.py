"""The end that gives back the input."""

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
from lamina.ends.mirror import Back, begin_at, components_alone, led_back, settle, sizes_back, way_back
from lamina.errors import DataError, KindError
from lamina.initialise import Following, fill
from lamina.kinds import Image, Kind, Table, Vector
from lamina.layers.gaussian import bound
from lamina.layers.pca import finite, numbers_in
from lamina.layers.standardize import Standardize, moments, spread
from lamina.layers.weights import new_weight
from lamina.metrics import RestoredTally
from lamina.settings import Positive
from lamina.stage import Chain, Stage

FAINTEST = 0.01
"""The least probability, and 1 minus the greatest, that a pixel starts with: of a black edge the logit is infinite."""


class Restored(NamedTuple):
    """The code of each example, and what it is given back as."""

    code: Float[Tensor, "B K"]
    value: Float[Tensor, "B ..."]


class Reconstruct(End):
    """p(x | h), x being the net's own input as it came, before any stage: an autoencoder.

    The mean is m + s A(net(h)), A affine, m and s the mean and deviation of the training inputs, so that it starts from
    the best constant. "gaussian": Normal(mean, deviation²) of each number; its loss is half the squared error in units
    of deviation², and a constant. "bernoulli": each number, from 0 to 1, is a probability; A(net(h)) is added to the
    logit of m, and the loss is the cross-entropy, -x ln p - (1 - x) ln (1 - p). A net that ends in a picture of the
    input's height and width has A at each place alone.

    Right behind `PCA(k)`, or with `tied`, the way back is that of the stages before: through the directions, and
    through the same weights, transposed, with offsets of their own. First weights are then scaled to suit both ways.

    Source: Rumelhart, Hinton and Williams 1986; Vincent et al. 2010, section 2.2 (the likelihoods, tied weights);
    Hinton and Salakhutdinov 2006. The same end makes a variational autoencoder of a body with `Gaussian`.

    Args:
        net: what leads from the code to the last affine map; None for nothing.
        tied: whether the way back shares the weights of the way there.
        likelihood: "gaussian" or "bernoulli".
        deviation: of "gaussian": "shared" for s² the mean of all variances, "each" for each number's own, or a number
            in the units of the input.
    """

    takes_target: ClassVar[tuple[type[Kind], ...]] = (Vector, Image, Table)
    restores: ClassVar[bool] = True
    learns: ClassVar[bool] = True

    net: Stage | None = None
    tied: bool = False
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    deviation: Literal["shared", "each"] | Positive = "shared"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # Torch files a stage away where the default, which the class has, would hide it.
        if "net" in self._modules:
            self.__dict__["net"] = self._modules.pop("net")
        # What stands before it, and the stages of it whose weights it shares; no parts of it.
        self.__dict__["there"] = None
        self.__dict__["back"] = ()

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        mistakes = []
        if values["tied"] and values["net"] is not None:
            mistakes.append("Reconstruct: tied=True goes back through the stages before it; leave net out")
        if values["likelihood"] == "bernoulli" and values["deviation"] != "shared":
            mistakes.append("Reconstruct: deviation has no effect with likelihood='bernoulli'; leave it out")
        return mistakes

    def aim(self, target: Kind) -> None:
        super().aim(target)
        self.size = numbers_in(self, target)

    def meet(self, body: Chain) -> None:
        direct = self.net is None and self.likelihood == "gaussian" and components_alone(body.stages)
        self.__dict__["there"] = body
        self.__dict__["back"] = way_back(self, body.stages) if self.tied or direct else ()

    @property
    def way(self) -> tuple[Back, ...]:
        """The stages before it that lead back to the input; none where it has weights of its own."""
        back: tuple[Back, ...] = self.__dict__["back"]
        return back

    def build(self, given: Kind) -> Kind:
        target = self.aimed_at(Kind)
        self.base = nn.Buffer(torch.zeros(self.size))
        self.unit = nn.Buffer(torch.ones(self.size))
        self.decoder, self.places = self.net, 1
        if self.way:
            self.offsets = nn.ParameterList(new_weight(self, given, size) for size in sizes_back(self.way))
            return target
        reached = given if self.net is None else self.net.build(given)
        if isinstance(reached, Image):
            channels = fitting(self, reached, target)
            self.places = reached.height * reached.width
            self.weight = new_weight(self, reached, channels, reached.channels)
            self.offset = new_weight(self, reached, channels)
        elif isinstance(reached, Vector):
            self.weight = new_weight(self, reached, self.size, reached.size)
            self.offset = new_weight(self, reached, self.size)
        else:
            raise KindError(f"{self} gives back {target} from a vector or a picture, not from {reached}")
        return target

    def initialise(self, seed: int, following: Following) -> None:
        if self.way:
            return
        fill(self.weight, "auto", "linear", generator(seed, self.place))
        if self.decoder is not None:
            self.decoder.initialise(seed, "linear")

    def settle(self) -> None:
        settle(self.way)

    def learn(self, stream: Iterable[Tensor]) -> None:
        mean, deviation = moments(self.fitting_numbers(finite(self, x.flatten(1))) for x in stream)
        bernoulli = self.likelihood == "bernoulli"
        self.base.copy_(mean.clamp(FAINTEST, 1 - FAINTEST).logit() if bernoulli else mean)
        if self.way:
            scaled = bernoulli or any(isinstance(back.stage, Standardize) for back in self.way)
            code = self.__dict__["there"](self.shaped(mean.to(self.base)[None]))
            begin_at(self.way, self.offsets, code, torch.zeros_like(self.base) if scaled else self.base)
        if bernoulli:
            return
        shared = deviation.square().mean().sqrt().expand_as(deviation)
        unit = deviation if self.deviation == "each" else shared
        self.unit.copy_(spread(mean if self.deviation == "each" else torch.zeros_like(mean), unit))

    def fitting_numbers(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """A batch of inputs, if the likelihood has a place for its numbers.

        Raises:
            DataError: naming the worst, where probabilities are asked for.
        """
        if self.likelihood == "bernoulli" and len(x) and not 0 <= float(x.min()) <= float(x.max()) <= 1:
            worst = min(float(x.min()), 1 - float(x.max()))
            found = float(x.min()) if worst == float(x.min()) else float(x.max())
            raise DataError(
                f"{self} gives back numbers from 0 to 1, got {found:g}; bring the data to [0, 1], or use"
                " likelihood='gaussian'"
            )
        return x

    def mean_of(self, h: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        """The mean of the Gaussian, or the logits."""
        bernoulli = self.likelihood == "bernoulli"
        if self.way:
            led = led_back(self.way, self.offsets, h, raw=not bernoulli)
            return self.base + led if bernoulli else led
        h = h if self.decoder is None else self.decoder(h)
        weight = self.weight[:, :, None, None] if h.dim() == 4 else self.weight
        off = F.conv2d(h, weight, self.offset) if h.dim() == 4 else F.linear(h, weight, self.offset)
        return torch.addcmul(self.base, self.unit, off.flatten(1))

    def forward(self, h: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        mean = self.mean_of(h)
        return self.shaped(mean.sigmoid() if self.likelihood == "bernoulli" else mean)

    def shaped(self, flat: Float[Tensor, "B D"]) -> Float[Tensor, "B ..."]:
        """Numbers in the shape of the input."""
        kind = self.target
        if not isinstance(kind, Image):
            return flat
        return flat.view(-1, kind.channels, kind.height, kind.width)

    def distance(self) -> Tensor:
        """The deviation of the Gaussian."""
        unit: Tensor = self.unit
        return unit if isinstance(self.deviation, str) else unit.new_tensor(self.deviation)

    def nats(self, mean: Float[Tensor, "B D"], target: Float[Tensor, "B ..."]) -> Float[Tensor, " B"]:
        """-ln p(x | h) of each example, from what `mean_of` gives."""
        x = target.flatten(1)
        if self.likelihood == "bernoulli":
            return F.binary_cross_entropy_with_logits(mean.to(x.dtype), x, reduction="none").sum(1)
        deviation = self.distance()
        normaliser = (deviation.log() + 0.5 * math.log(2 * math.pi)).expand(self.size).sum()
        return 0.5 * ((mean - x) / deviation).square().sum(1) + normaliser

    def score(self, h: Float[Tensor, "B ..."], target: Float[Tensor, "B ..."]) -> Score:
        return Score(self.nats(self.mean_of(h), target).sum(), len(target))

    def charged(self, h: Any, nats: Tensor | None, target: Any) -> Score:
        if nats is None or len(h) == len(target):
            return super().charged(h, nats, target)
        times = len(h) // len(target)
        each = self.nats(self.mean_of(h), target.repeat_interleave(times, 0)) + nats
        return Score(bound(each, times).sum(), len(target))

    def predict(self, h: Float[Tensor, "B ..."]) -> Restored:
        return Restored(h.flatten(1), self(h))

    def sample(self, h: Float[Tensor, "B ..."], random: torch.Generator) -> Float[Tensor, "B ..."]:
        """An input for each code, drawn from p(x | h)."""
        mean: Tensor = self(h)
        if self.likelihood == "bernoulli":
            return torch.bernoulli(mean, generator=random)
        noise = torch.randn(mean.shape, generator=random, device=random.device, dtype=mean.dtype)
        return mean + self.shaped(self.distance() * noise.to(mean.device).flatten(1))

    def tally(self, h: Float[Tensor, "B ..."], target: Float[Tensor, "B ..."]) -> RestoredTally:
        return self.charged_tally(h, None, target)

    def charged_tally(self, h: Any, nats: Tensor | None, target: Any) -> RestoredTally:
        self.fitting_numbers(target.flatten(1))
        times, mean = len(h) // max(1, len(target)), self.mean_of(h)
        wide = target if times <= 1 else target.repeat_interleave(times, 0)
        lost, value = self.nats(mean, wide), mean.sigmoid() if self.likelihood == "bernoulli" else mean
        cost = torch.zeros_like(lost) if nats is None else nats
        squares = (value - wide.flatten(1)).double().square().sum(1)
        limit = lost + cost if times <= 1 else bound(lost + cost, times)
        u = [part.view(len(target), -1).double().mean(1) for part in (lost, cost, squares)]
        each = torch.stack((*u, limit.double()), 1)
        return RestoredTally.of(each, target, drawn=nats is not None, nats_first=self.likelihood == "bernoulli")

    def multiply_adds(self) -> int:
        if self.way:
            return sum(back.stage.multiply_adds() for back in self.way)
        return self.weight.numel() * self.places + (0 if self.decoder is None else self.decoder.multiply_adds())


def fitting(end: Stage, reached: Image, target: Kind) -> int:
    """The channels of the target, if a picture that was reached has its places.

    Raises:
        KindError: naming both.
    """
    if not isinstance(target, Image):
        raise KindError(f"{end} gives back {target}, but is reached as {reached}; put Flatten() at the end of its net")
    if (reached.height, reached.width) != (target.height, target.width):
        raise KindError(
            f"{end} gives back {target}, but its net ends in {reached}: give it as many places, as UpConv(8) doubles"
            " them, or put Flatten() at its end"
        )
    return target.channels
