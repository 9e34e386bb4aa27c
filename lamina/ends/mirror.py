"""The way back through the stages of a net: what an autoencoder with tied weights decodes by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lamina.errors import KindError
from lamina.layers.activation import GELU, ReLU, Sigmoid, Tanh
from lamina.layers.corrupt import Corrupting
from lamina.layers.dense import Dense
from lamina.layers.dropout import Dropout
from lamina.layers.pca import PCA
from lamina.layers.shape import Flatten
from lamina.layers.sparse import Contract, Sparse
from lamina.layers.standardize import Standardize
from lamina.stage import Stage, links

BENDS: dict[type[Stage], float] = {ReLU: 0.5, GELU: 0.5, Tanh: 1.0, Sigmoid: 0.25}
"""Functions of one number, and their mean slope about 0."""

PASSED = (Corrupting, Dropout, Sparse, Flatten)
"""What has no way back, or needs none."""


class Back(NamedTuple):
    """One stage on the way back.

    Attributes:
        stage: the very one on the way there, whose weights are shared.
        offset: of its own, where the stage is a dense layer.
        slope: of the function behind it on the way there.
    """

    stage: Stage
    offset: int | None
    slope: float = 1.0


def way_back(end: Stage, body: tuple[Stage, ...]) -> tuple[Back, ...]:
    """The stages that lead from the code to the input, in that order.

    A function behind the last layer of weights makes the code, and is not undone; those between two layers stand
    between them on the way back too.

    Raises:
        KindError: if a stage has no way back, or none has weights.
    """
    body = tuple(link for stage in body for link in (links(stage.stage) if isinstance(stage, Contract) else (stage,)))
    strange = [str(stage) for stage in body if not isinstance(stage, (*BENDS, *PASSED, Dense, PCA, Standardize))]
    if strange:
        raise KindError(
            f"{end} cannot go back through {', '.join(strange)}: only Dense, PCA and what works number by number has a"
            " way back; leave tied out, and give a net that leads back"
        )
    found, offsets, slope = list[Back](), 0, 1.0
    for stage in reversed(body):
        slope = BENDS.get(type(stage), slope)
        if isinstance(stage, PASSED) or (type(stage) in BENDS and not found):
            continue
        if isinstance(stage, Dense):
            found.append(Back(stage, offsets, slope))
            offsets, slope = offsets + 1, 1.0
        else:
            found.append(Back(stage, None))
    while found and type(found[-1].stage) in BENDS:
        found.pop()  # it stands before all weights, so nothing comes behind it on the way back
    if not any(isinstance(back.stage, Dense | PCA) for back in found):
        raise KindError(f"{end} has no weights to share: put Dense or PCA before it, or leave tied out")
    return tuple(found)


def components_alone(body: tuple[Stage, ...]) -> bool:
    """Whether a body is principal components, of the input as it is, standardised or spoiled, and nothing else."""
    if not body or not isinstance(body[-1], PCA):
        return False
    return all(isinstance(stage, (Standardize, Flatten, Corrupting)) for stage in body[:-1])


def sizes_back(way: tuple[Back, ...]) -> Iterator[int]:
    """How many numbers each dense layer gives on the way back."""
    return (back.stage.weight.shape[1] for back in way if isinstance(back.stage, Dense))


def settle(way: tuple[Back, ...]) -> None:
    """Scale first weights so that there and back again comes near to where it began: gain s Wᵀ W nearest to 1.

    The scale that suits what follows a layer is up to six times too large for both ways by the same weights.
    """
    for stage, _, slope in way:
        if isinstance(stage, Dense):
            weight = stage.weight.detach()
            gram = weight @ weight.T if len(weight) < weight.shape[1] else weight.T @ weight
            gain = gram.trace() / (slope * gram.square().sum()).clamp(min=torch.finfo(gram.dtype).tiny)
            stage.weight.data.mul_(gain.sqrt() if gain > 0 else 1.0)


def begin_at(
    way: tuple[Back, ...], offsets: nn.ParameterList, code: Float[Tensor, "1 K"], mean: Float[Tensor, " D"]
) -> None:
    """Let the way back lead from the code of the mean input to the mean, by its last layer's offset.

    Args:
        way: the stages.
        offsets: of the dense layers; the last is set, if its layer is the last one.
        code: of the mean input.
        mean: in the units of the last layer.
    """
    last = next((back.stage for back in reversed(way) if not isinstance(back.stage, Standardize)), None)
    if isinstance(last, Dense):
        with torch.no_grad():
            offsets[-1] += mean - led_back(way, offsets, code, raw=False)[0]


def led_back(
    way: tuple[Back, ...], offsets: nn.ParameterList, h: Float[Tensor, "B K"], raw: bool
) -> Float[Tensor, "B D"]:
    """What the way back makes of a code.

    Args:
        way: the stages.
        offsets: of the dense layers.
        h: the code.
        raw: False to leave standardised numbers as they are.
    """
    for stage, offset, _ in way:
        if isinstance(stage, Dense):
            assert offset is not None
            h = F.linear(h, stage.weight.T, offsets[offset])
        elif isinstance(stage, PCA):
            h = stage.restored(h)
        elif not isinstance(stage, Standardize):
            h = stage(h)
        elif raw:
            h = unstandardised(stage, h)
    return h


def unstandardised(stage: Standardize, flat: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """x of y = (x - mean) / deviation; a picture's channels come one after another."""
    each = flat.shape[1] // len(stage.mean)
    mean, deviation = (torch.repeat_interleave(values, each) for values in (stage.mean, stage.deviation))
    return torch.addcmul(mean, flat, deviation)
