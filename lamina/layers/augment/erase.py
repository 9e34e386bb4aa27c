"""Pictures of which a part is blotted out."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamina.layers.augment.corruption import Corruption
from lamina.settings import Bounds

Share = Annotated[float, Bounds(low=0, high=1, low_open=True)]


class Erase(Corruption):
    """In training a window of the picture becomes 0, which is the mean after Standardize; in evaluation nothing does.

    The window has the picture's proportions and its middle is any of the picture's places, each as likely, so that it
    may reach over the edge. Source: DeVries and Taylor 2017 ("cutout"), section 3.1; with a range of shares and a
    probability Zhong et al. 2020 ("random erasing"), algorithm 1, but for windows of other proportions and other fills.

    Args:
        share: of the picture's area; a pair for the least and the greatest, all between as likely.
        probability: that a picture loses anything.
    """

    share: Share | tuple[Share, Share] = 0.25
    probability: Share = 1.0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        share = values["share"]
        if isinstance(share, tuple) and share[0] > share[1]:
            return [f"Erase: share is the least and the greatest, got share={share}"]
        return []

    def corrupted(self, x: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        down, aside, share, chance = torch.tensor_split(self.drawn(x, 4), 4, 1)  # (B, 1) each
        least, greatest = self.share if isinstance(self.share, tuple) else (self.share, self.share)
        part = (least + (greatest - least) * share).sqrt()
        rows, columns = covered(down, part, x.shape[2]), covered(aside, part, x.shape[3])
        window = rows[:, :, None] & columns[:, None, :] & (chance < self.probability)[:, :, None]  # (B, Y, X)
        # A product: torch's masked_fill takes three times as long, and lays the numbers out anew.
        return x * (~window)[:, None].to(x.dtype)


def covered(middle: Float[Tensor, "B 1"], part: Float[Tensor, "B 1"], size: int) -> Bool[Tensor, "B N"]:
    """The places of an axis that a window covers: `part` of the axis, round a middle drawn from 0 to 1."""
    length = (part * size).round().clamp(min=1)
    first = (middle * size).floor() - (length / 2).floor()
    places = torch.arange(size, device=middle.device)
    return torch.logical_and(places >= first, places < first + length)
