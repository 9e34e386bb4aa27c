"""What the first weights of a net look for in pictures."""

from __future__ import annotations

import torch
from jaxtyping import Float
from PIL import Image as Picture
from torch import Tensor

from lamina.errors import KindError
from lamina.kinds import Image
from lamina.layers.conv import Conv
from lamina.layers.dense import Dense
from lamina.layers.gaussian import Gaussian
from lamina.layers.pca import PCA
from lamina.layers.rbm import RBM
from lamina.net import Net
from lamina.report.tiles import Row, tile_sheet
from lamina.stage import Stage

MOST, ACROSS = 100, 10


def filter_sheet(net: Net) -> Picture.Image:
    """The first weights of a net as pictures, each to its own scale: grey is 0, white above it and black below.

    Of a dense layer, principal components and the like it is a row of weights, of a convolution a kernel.

    Raises:
        KindError: if the net does not begin with weights on pictures.
    """
    stage, filters = first_filters(net)
    shown = filters[:MOST].float().cpu()
    strongest = shown.flatten(1).abs().amax(1).clamp(min=1e-12).view(-1, 1, 1, 1)
    tiles = 0.5 + 0.5 * shown / strongest
    some = f"the first {len(shown)} of {len(filters):,}" if len(filters) > len(shown) else f"all {len(filters):,}"
    colour = "" if shown.shape[1] in (1, 3) else "; of each the first channel"
    title = f"{stage}: {some} filters; grey is 0, each to its own scale{colour}"
    return tile_sheet(title, [[Row(line) for line in torch.split(tiles, ACROSS)]], gap=4)


def first_filters(net: Net) -> tuple[Stage, Float[Tensor, "N C Y X"]]:
    """The first stage with weights, and these in the shape of pictures."""
    given = net.given
    if isinstance(given, Image):
        shape = (-1, given.channels, given.height, given.width)
        for stage in net.body.modules():
            if isinstance(stage, Conv):
                return stage, stage.weight.detach()
            if isinstance(stage, Dense | PCA | RBM | Gaussian):
                weight = weights_of(stage)
                if weight.shape[1] == given.channels * given.height * given.width:
                    return stage, weight.reshape(shape)
                break
    raise KindError(f"{net} has no filters to draw: that is what Conv, Dense or PCA are that stand first on pictures")


def weights_of(stage: Dense | PCA | RBM | Gaussian) -> Float[Tensor, "N D"]:
    """A row of weights for each number that comes out; of a drawn code those of its mean."""
    if isinstance(stage, PCA):
        return stage.directions
    if isinstance(stage, Gaussian):
        return torch.chunk(stage.weights.detach(), 2)[0]
    return stage.weight.detach()
