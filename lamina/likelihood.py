"""ln p(x) of a variational autoencoder, by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.chance import drawing
from lamina.data.batches import Batch
from lamina.ends.reconstruct import Reconstruct
from lamina.errors import KindError, RunError
from lamina.layers.gaussian import Gaussian, several
from lamina.metrics import NORMAL_QUANTILE, Measure
from lamina.net import Net, through

ROWS = 4096
"""Draws that are decoded together."""


@torch.no_grad()
def log_probability(
    net: Net, x: Float[Tensor, "B ..."], samples: int = 5000, seed: int = 0, examples: Tensor | None = None
) -> Float[Tensor, " B"]:
    """ln p(x) of each example, estimated as ln of the mean of p(x | z) p(z) / q(z | x) over z from q(z | x).

    The estimate is a lower bound on average, and comes nearer with every sample; one sample is the ELBO.
    Source: Rezende, Mohamed and Wierstra 2014, appendix E; Burda, Grosse and Salakhutdinov 2016, theorem 1.

    Args:
        net: whose body has one `Gaussian`, and whose end is `Reconstruct`.
        x: inputs, as the net takes them.
        samples: draws of z for each example.
        seed: other draws follow from another seed.
        examples: whose draws these are: their rows in the dataset; None for their rows here.

    Raises:
        KindError: if the net is no variational autoencoder.
        RunError: if no samples are asked for.
    """
    places = [place for place, stage in enumerate(net.body.stages) if isinstance(stage, Gaussian)]
    if len(places) != 1 or not isinstance(net.end, Reconstruct):
        raise KindError(f"{net}: ln p(x) is that of a net with one Gaussian(...) that ends in Reconstruct(...)")
    if samples < 1:
        raise RunError(f"samples must be at least 1, got samples={samples}")
    was_training = net.training
    net.eval()
    stages, (place,), rows = net.body.stages, places, torch.arange(len(x)) if examples is None else examples
    gaussian: Gaussian = stages[place]  # type: ignore[assignment]
    before: Any = through(stages[:place], x)
    normal = gaussian.posterior(before)
    at_once = max(1, ROWS // max(1, len(x)))
    total = torch.full((len(x),), -torch.inf, device=normal.mean.device)
    for number, first in enumerate(range(0, samples, at_once)):
        times = min(at_once, samples - first)
        with drawing(seed, number, rows):
            z, cost = several(normal, times, gaussian.place)
        h: Any = through(stages[place + 1 :], z)
        nats = net.end.nats(net.end.mean_of(h), x.repeat_interleave(times, 0)) + cost
        total = torch.logaddexp(total, (-nats.view(len(x), times)).logsumexp(1))
    net.train(was_training)
    return total - math.log(samples)


def likelihood(net: Net, batches: Iterable[Batch], samples: int) -> Measure:
    """The mean of ln p(x) over batches, with its 95 % interval over examples.

    Raises:
        KindError: if the net is no variational autoencoder.
    """
    each = torch.cat(
        [log_probability(net, batch.inputs, samples, 0, batch.examples).cpu() for batch in batches]
    ).double()
    mean, deviation = each.mean().item(), each.std().item() if len(each) > 1 else math.inf
    reach = NORMAL_QUANTILE * deviation / math.sqrt(len(each))
    return Measure(mean, mean - reach, mean + reach)
