"""A code that is drawn: the latent variable of a variational autoencoder."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from lamina.chance import generator, multiplied, normals, repeatable, step, still_drawing
from lamina.initialise import Following, fill
from lamina.kinds import Kind, Vector
from lamina.layers.weights import new_weight
from lamina.settings import Count, Natural, NonNegative, Positive
from lamina.stage import Stage, expect


class Normal(NamedTuple):
    """q(z | x): the mean and the logarithm of the variance of each number."""

    mean: Float[Tensor, "B Z"]
    log_variance: Float[Tensor, "B Z"]


class Gaussian(Stage):
    """z = m(x) + s(x) e, e ~ N(0, 1): a code drawn from q(z | x), with KL(q(z | x) ‖ N(0, 1)) added to the loss.

    KL = ½ Σ_j (m_j² + s_j² - 1 - ln s_j²); with `Reconstruct` behind it the loss is -ELBO. With several `draws` it is
    that of the importance weighted bound, -ln mean_i p(x | z_i) p(z_i) / q(z_i | x). In evaluation the code is m, and
    the bound is measured, at its full weight, with draws that are always the same for an example.

    Source: Kingma and Welling 2014, section 3 and appendix B; Higgins et al. 2017 (weight); Sønderby et al. 2016,
    section 2.3 (warm-up); Kingma et al. 2016, equation 15 (free bits), the mean being that of the micro-batch where a
    batch is cut in parts; Burda, Grosse and Salakhutdinov 2016, equation 8 (draws).

    Args:
        latent: the size of z.
        weight: of the KL term in training; 1 for the bound.
        warmup_steps: over which the weight rises from 0, evenly.
        free: nats of each number's KL that cost nothing in training.
        draws: of z for each example.

    Example:
        >>> import lamina as la
        >>> net = la.build("Dense(13) >> ReLU() >> Gaussian(3) >> Reconstruct(Dense(13))", la.Vector(5), la.Vector(5))
        >>> net.body.kinds[-1]
        Vector(3)
    """

    charges: ClassVar[bool] = True

    latent: Count
    weight: Positive = 1.0
    warmup_steps: Natural = 0
    free: NonNegative = 0.0
    draws: Count = 1

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        if not values["free"] or values["draws"] == 1:
            return []
        return [
            f"Gaussian: free={values['free']:g} has no effect with draws above 1, where no KL is taken; leave it out"
        ]

    def build(self, given: Kind) -> Kind:
        given = expect(self, given, Vector)
        self.weights = new_weight(self, given, 2 * self.latent, given.size)
        self.offset = new_weight(self, given, 2 * self.latent)
        return Vector(self.latent)

    def initialise(self, seed: int, following: Following) -> None:
        fill(self.weights, "auto", "linear", generator(seed, self.place))

    def posterior(self, h: Float[Tensor, "B D"]) -> Normal:
        """q(z | x) of each example."""
        out = F.linear(h, self.weights, self.offset)
        return Normal(*out.to(torch.promote_types(out.dtype, torch.float32)).chunk(2, 1))

    def forward(self, h: Float[Tensor, "B D"]) -> Float[Tensor, "B Z"]:
        if not self.training:
            return self.posterior(h).mean
        return drawn(self.posterior(h), self.place)

    def charge(self, h: Float[Tensor, "B D"]) -> tuple[Tensor, Tensor | None]:
        normal = self.posterior(h)
        with repeatable(len(h)) if self.training else still_drawing(len(h)):
            if self.draws == 1:
                z, nats = drawn(normal, self.place), self.kept_free(divergence(normal))
            else:
                z, nats = several(normal, self.draws, self.place)
            return z, nats * self.weight_now()

    def kept_free(self, each: Float[Tensor, "B Z"]) -> Float[Tensor, " B"]:
        """The KL of each example; in training none of its numbers less than what is free, on average."""
        if self.free and self.training:
            return each.mean(0).clamp(min=self.free).sum().expand(len(each))
        return each.sum(1)

    def weight_now(self) -> float:
        """The weight of the KL term: that of the step in training, 1 in evaluation, where it is no bound otherwise."""
        if not self.training:
            return 1.0
        now = step()
        warm = 1.0 if now is None or not self.warmup_steps else min(1.0, now / self.warmup_steps)
        return self.weight * warm

    def multiply_adds(self) -> int:
        return self.weights.numel()


def drawn(normal: Normal, place: int) -> Float[Tensor, "B Z"]:
    """One z of each example: the gradient goes past the noise, to mean and deviation."""
    examples, latent = normal.mean.shape
    noise = normals(examples, latent, place, normal.mean.device)
    return torch.addcmul(normal.mean, (normal.log_variance / 2).exp(), noise.to(normal.mean.dtype))


def several(normal: Normal, times: int, place: int) -> tuple[Float[Tensor, "N Z"], Float[Tensor, " N"]]:
    """So many z of each example, one after another, and ln q(z | x) - ln p(z) of each."""
    wide = Normal(*(part.repeat_interleave(times, 0) for part in normal))
    with multiplied(times):
        z = drawn(wide, place)
    # The squares of q are those of the noise, but taken from z: the gradient of q is that of a function of z too.
    away = (z - wide.mean).square() / wide.log_variance.exp()
    return z, 0.5 * (z.square() - away - wide.log_variance).sum(1)


def divergence(normal: Normal) -> Float[Tensor, "B Z"]:
    """KL(q ‖ N(0, 1)) of each number."""
    mean, log_variance = normal
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def drawing_misfits(body: list[Stage], end: Stage, restores: bool) -> list[str]:
    """What is wrong with codes of which several are drawn."""
    several = [str(stage) for stage in body if isinstance(stage, Gaussian) and stage.draws > 1]
    if len(several) > 1:
        return [f"{' and '.join(several)} would draw for each draw: leave draws=1 in all but one"]
    if several and not restores:
        return [f"{several[0]} weighs its draws by how well each gives back the input, but {end} does not: say draws=1"]
    return []


def bound(nats: Float[Tensor, " N"], times: int) -> Float[Tensor, " B"]:
    """-ln mean_i exp(-nats_i) over the draws of each example, which stand one after another."""
    return math.log(times) - (-nats.view(-1, times)).logsumexp(1)
