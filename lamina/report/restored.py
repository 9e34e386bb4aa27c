"""Pictures beside what a net gives them back as; spoiled ones beside what it makes of them."""

from __future__ import annotations

from jaxtyping import Float, Int64
from PIL import Image as Picture
from torch import Tensor

from lamina.chance import drawing
from lamina.coding import back, resting, restoring
from lamina.ends.mirror import unstandardised
from lamina.errors import KindError
from lamina.kinds import Image
from lamina.layers.corrupt import Corrupting
from lamina.layers.shape import Flatten
from lamina.layers.standardize import Standardize
from lamina.net import Net, through
from lamina.report.tiles import Row, limits, shaded, tile_sheet
from lamina.stage import Stage

ACROSS = 10
"""Examples in a row of the sheet."""


def restored_sheet(net: Net, given: Float[Tensor, "B C Y X"], rows: Int64[Tensor, " B"], name: str) -> Picture.Image:
    """Pictures, in a denoising net the pictures spoiled, and what comes back, with the squared error of each.

    Args:
        net: whose end is `Reconstruct`.
        given: pictures as the net takes them.
        rows: of which examples, for the noise.
        name: of the data.

    Raises:
        KindError: if the net gives back no pictures.
    """
    if not isinstance(restoring(net).given, Image):
        raise KindError(f"{net} gives back {net.given}, which is no picture")
    found = back(net, given)
    parts = [("given", given), ("given back", found.value)]
    error, what = found.squared_error, "given back"
    noisy = spoiled(net, given, rows)
    if noisy is not None:
        with resting(net):
            value = net.end(through(net.body.stages[noisy.stages :], noisy.x)).cpu()
        parts, what = [("given", given), ("spoiled", noisy.seen), ("given back", value)], "spoiled and given back"
        error = (value - given.cpu()).flatten(1).square().sum(1)
    ends = limits(given)
    bands = [
        [
            Row(
                shaded(values[first : first + ACROSS].cpu(), ends),
                title,
                [f"{number:.3g}" for number in error[first : first + ACROSS].tolist()] if title == "given back" else [],
            )
            for title, values in parts
        ]
        for first in range(0, len(given), ACROSS)
    ]
    return tile_sheet(f"{name}: pictures {what}, with the squared error of each", bands)


class Spoiled:
    """What a denoising net sees in training.

    Attributes:
        x: what comes out of the last corruption.
        seen: the same as pictures in their own units.
        stages: how many of the net's first stages that is.
    """

    def __init__(self, x: Tensor, seen: Float[Tensor, "B C Y X"], stages: int) -> None:
        self.x, self.seen, self.stages = x, seen, stages


def spoiled(net: Net, given: Float[Tensor, "B C Y X"], rows: Int64[Tensor, " B"]) -> Spoiled | None:
    """Pictures as they come out of the net's corruptions; None where it has none, or has them behind its weights."""
    stages = net.body.stages
    places = [place for place, stage in enumerate(stages, start=1) if isinstance(stage, Corrupting)]
    first = stages[: places[-1]] if places else ()
    if not first or not all(isinstance(stage, Corrupting | Flatten | Standardize) for stage in first):
        return None
    x: Tensor = given
    with resting(net), drawing(0, 0, rows):
        for stage in first:
            x = stage.spoiled(x) if isinstance(stage, Corrupting) else stage(x)
        return Spoiled(x, as_pictures(first, x).view(given.shape).cpu(), len(first))


def as_pictures(stages: tuple[Stage, ...], x: Tensor) -> Float[Tensor, "B D"]:
    """The numbers of pictures in their own units again."""
    flat = x.flatten(1)
    for stage in reversed(stages):
        flat = unstandardised(stage, flat) if isinstance(stage, Standardize) else flat
    return flat
