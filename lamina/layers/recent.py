"""The last positions of a sequence as one vector."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lamina.kinds import Kind, Padded, Sequence, Vector
from lamina.settings import Count
from lamina.stage import Stage, expect


class Recent(Stage):
    """The last `steps` positions of each row as one vector, the earliest first; 0 where a row has fewer.

    So a dense layer that follows weighs each step of the past on its own. Source: Box and Jenkins 1970, section 3.2
    (autoregression); Zeng et al. 2023 ("Are transformers effective for time series forecasting?").

    Args:
        steps: how many positions.
    """

    steps: Count

    def build(self, given: Kind) -> Kind:
        return Vector(self.steps * expect(self, given, Sequence).width)

    def looks_back(self) -> bool:
        return False

    def forward(self, x: Padded) -> Float[Tensor, "B W"]:
        ends = x.visible.sum(1)  # rows are padded behind
        places = ends[:, None] - self.steps + torch.arange(self.steps, device=ends.device)  # (B, steps)
        rows = torch.arange(len(ends), device=ends.device)[:, None]
        found = x.values[rows, places.clamp(min=0)]  # (B, steps, D)
        return found.masked_fill((places < 0)[:, :, None], 0.0).flatten(1)
