"""What stands where among the codes: decoded over a grid, along lines, and drawn by lot."""

from __future__ import annotations

import torch
from jaxtyping import Float
from PIL import Image as Picture
from torch import Tensor

from lamina.coding import Halves, coded, decoded, halves, prior, resting, restoring, sampled
from lamina.errors import KindError
from lamina.kinds import Image
from lamina.layers.gaussian import Gaussian
from lamina.net import Net
from lamina.report.tiles import Row, limits, shaded, tile_sheet

SIDE = 15
"""Places of the map in each direction."""

STEPS = 11
"""Pictures from one example to the other, both counted."""

ACROSS = 8


def map_sheet(net: Net, ends: tuple[float, float] | None = None) -> Picture.Image:
    """Codes of two numbers, decoded at the prior's quantiles, so that each place is as likely as any other.

    Source: Kingma and Welling 2014, figure 4.

    Args:
        net: with `Gaussian(2)`.
        ends: what is drawn black and what white; None for what suits these pictures.

    Raises:
        KindError: if its codes are others.
    """
    parts = pictured(net)
    last = parts.encoder[-1] if parts.encoder else None
    if not isinstance(last, Gaussian) or last.latent != 2:
        raise KindError(f"{net} has no map of its codes: that is for Gaussian(2), whose codes fill a plane")
    z = torch.special.ndtri((torch.arange(SIDE) + 0.5) / SIDE)
    codes = torch.cartesian_prod(-z, z).flip(1)  # (SIDE², 2): the first number to the right, the second upwards
    pictures = of_codes(net, parts, codes)
    pictures = shaded(pictures, ends or limits(pictures))
    rows = [Row(line) for line in torch.split(pictures, SIDE)]
    low, high = float(z[0]), float(z[-1])
    return tile_sheet(f"decoded codes, each number from {low:.2f} to {high:.2f}", [rows], gap=0)


def walk_sheet(net: Net, pairs: Float[Tensor, "N 2 C Y X"], ends: tuple[float, float]) -> Picture.Image:
    """From the code of one picture straight to that of another, decoded at each step.

    Args:
        net: whose end is `Reconstruct`.
        pairs: of pictures, as the net takes them.
        ends: what is drawn black and what white.
    """
    parts = pictured(net)
    with resting(net):
        first, last = (coded(net, parts, pairs[:, place]) for place in (0, 1))
        shares = torch.linspace(0, 1, STEPS, device=first.device)
        bands = []
        for one, other, pair in zip(first, last, pairs, strict=True):
            between = torch.stack([one + share * (other - one) for share in shares])
            line = torch.cat((pair[:1], decoded(net, parts, between), pair[1:])).cpu()
            bands.append([Row(shaded(line, ends))])
    return tile_sheet("at both ends a picture as it is; between them their codes, and those between, decoded", bands)


def sample_sheet(
    net: Net, count: int, seed: int, temperature: float, ends: tuple[float, float] | None = None
) -> Picture.Image:
    """Codes drawn from the prior, decoded; see `lamina.coding.sampled`."""
    pictured(prior(net)[0])
    pictures = sampled(net, count, seed, temperature)
    pictures = shaded(pictures, ends or limits(pictures))
    cooled = "" if temperature == 1 else f" at temperature {temperature:g}"
    title = f"{count:,} codes drawn from the prior{cooled}, decoded"
    across = max(ACROSS, round(count**0.5))
    return tile_sheet(title, [[Row(line) for line in torch.split(pictures, across)]], gap=4)


def pictured(net: Net) -> Halves:
    """A net that gives back pictures, cut at its code."""
    if not isinstance(restoring(net).given, Image):
        raise KindError(f"{net} gives back {net.given}, which is no picture")
    return halves(net)


def of_codes(net: Net, parts: Halves, codes: Tensor) -> Float[Tensor, "N C Y X"]:
    """Codes, decoded where the net's weights are."""
    with resting(net):
        return decoded(net, parts, codes.to(net.device)).cpu()
