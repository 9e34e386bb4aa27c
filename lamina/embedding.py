"""What a net makes of texts: a vector of length 1 for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.data.text.load import ended
from lamina.data.text.reading import TextOrigin
from lamina.errors import DataError, shown
from lamina.kinds import Padded
from lamina.labelling import together
from lamina.layers.over_time import mean
from lamina.net import Net


def embedded(net: Net, text: TextOrigin, texts: Sequence[str]) -> Float[Tensor, "N D"]:
    """y = h / |h|, h what the body gives for each text; where it gives positions, their mean.

    Texts of like length are read together, so that little is padding. Source: Reimers and Gurevych 2019, section 3.

    Args:
        net: one that takes tokens.
        text: what makes them, and how many of each text are read.
        texts: any number; an empty text is what begins and ends one.

    Raises:
        DataError: if they are no texts, or the net gives no vectors.
    """
    if isinstance(texts, str) or not all(isinstance(each, str) for each in texts):
        raise DataError(f"expected a list of texts, got {shown(texts)}")
    if not texts:
        return torch.zeros(0, width_of(net))
    rows = ended(texts, text.input, longest=text.context)
    found, order = list[Tensor](), list[Int64[Tensor, " B"]]()
    was_training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            for part in together(rows.lengths):
                batch = rows.gather(part)
                h = net.features(Padded(batch.values.to(net.device), batch.visible.to(net.device)))
                found.append(F.normalize(mean(h) if isinstance(h, Padded) else h).cpu())
                order.append(part)
    finally:
        net.train(was_training)
    return torch.cat(found)[torch.cat(order).argsort()]


def width_of(net: Net) -> int:
    """How many numbers the vectors of a net have."""
    from lamina.kinds import Sequence as Positions
    from lamina.kinds import Vector

    gives = net.body.kinds[-1]
    if isinstance(gives, Vector):
        return gives.size
    if isinstance(gives, Positions):
        return gives.width
    raise DataError(f"expected a net whose body gives a vector or positions, got {gives}")


def ranked(vectors: Float[Tensor, "N D"], query: Float[Tensor, " D"], best: int) -> list[tuple[int, float]]:
    """The rows that are nearest to a query, each with its cosine, the nearest first; of equal ones the earlier.

    Args:
        vectors: of length 1.
        query: of length 1.
        best: how many.

    >>> ranked(torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0.0, 1.0]), 2)
    [(0, 1.0), (2, 1.0)]
    """
    cosines = vectors @ query
    rows = cosines.argsort(descending=True, stable=True)[:best]
    return list(zip(rows.tolist(), cosines[rows].tolist(), strict=True))
