"""First values of weights, chosen for what follows them.

A layer y = x W keeps the scale of its signal when the variance of W is gain^2 / fan; which fan and which gain depends
on the function applied to y.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Following: TypeAlias = Literal["linear", "relu", "gelu", "tanh", "sigmoid"]
"""What the next stage that bends the signal is, as initialisation sees it."""

Rule: TypeAlias = Literal["auto", "he", "glorot", "lecun", "orthogonal", "dirac", "zeros"]
"""The setting `init` of stages with weights."""

SUITED: dict[Following, Rule] = {
    "relu": "he",
    "gelu": "he",
    "tanh": "glorot",
    "sigmoid": "glorot",
    "linear": "lecun",
}


@torch.no_grad()
def fill(weight: Tensor, rule: Rule, following: Following, random: torch.Generator, inputs_first: bool = False) -> None:
    """Draw a weight of shape (out, in, ...) in place; with `inputs_first`, of shape (in, out).

    - he: normal, variance 2 / fan_in. Source: He et al. 2015, eq. 10.
    - glorot: uniform in +-gain sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, eq. 16. The gain is 1, but
      4 before a sigmoid, whose slope at 0 is a quarter of tanh's.
    - lecun: normal, variance 1 / fan_in. Source: LeCun et al. 1998, "Efficient BackProp", eq. 16.
    - orthogonal: rows or columns orthonormal. Source: Saxe et al. 2014.
    - dirac: the identity on as many channels as both sides have, at the middle of the window; the rest as auto says.
      Source: Zagoruyko and Komodakis 2017, section 3.
    - auto: he before ReLU and GELU, glorot before tanh and sigmoid, lecun before anything linear.
    """
    if rule == "dirac":
        fill(weight, "auto", following, random, inputs_first)
        carry(weight, inputs_first)
        return
    if rule == "auto":
        rule = SUITED[following]
    field = weight[0, 0].numel() if weight.dim() > 2 else 1
    fan_out, fan_in = weight.shape[0] * field, weight.shape[1] * field
    if inputs_first:
        fan_in, fan_out = fan_out, fan_in
    if rule == "he":
        weight.normal_(0, math.sqrt(2 / fan_in), generator=random)
    elif rule == "lecun":
        weight.normal_(0, math.sqrt(1 / fan_in), generator=random)
    elif rule == "glorot":
        limit = (4 if following == "sigmoid" else 1) * math.sqrt(6 / (fan_in + fan_out))
        weight.uniform_(-limit, limit, generator=random)
    elif rule == "orthogonal":
        weight.copy_(orthogonal(weight.shape[0], weight[0].numel(), random).view_as(weight))
    else:
        weight.zero_()


def carry(weight: Tensor, inputs_first: bool) -> None:
    """Let as many outputs as there are inputs begin as copies of them."""
    ways = weight.transpose(0, 1) if inputs_first else weight
    count = min(ways.shape[:2])
    ways[:count] = 0
    middle = tuple(size // 2 for size in ways.shape[2:])
    for channel in range(count):
        ways[(channel, channel, *middle)] = 1


def orthogonal(rows: int, columns: int, random: torch.Generator) -> Tensor:
    """A matrix with orthonormal rows, or columns where there are more rows, uniform over all such matrices."""
    tall = torch.empty(max(rows, columns), min(rows, columns)).normal_(generator=random)
    q, r = torch.linalg.qr(tall)
    # QR leaves the signs open; R's diagonal made positive makes Q uniform (Mezzadri 2007, section 5).
    uniform: Tensor = q * r.diagonal().sign()
    return uniform if rows >= columns else uniform.T
