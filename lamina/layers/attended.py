"""What a query finds: attention by torch's fused kernel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def attended(
    query: Float[Tensor, "B H T K"],
    keys: Float[Tensor, "B H S K"],
    values: Float[Tensor, "B H S K"],
    visible: Bool[Tensor, ...] | None = None,
    *,
    causal: bool = False,
) -> Float[Tensor, "B H T K"]:
    """softmax(q kᵀ / sqrt(K)) v of each head, at what is visible.

    On a CPU in single precision also where all else is in bfloat16: torch's kernel takes two to three times as long
    in that. Source: Vaswani et al. 2017, equation 1.

    Args:
        query, keys, values: q, k and v.
        visible: what may be looked at, of a shape that spreads to (B, H, T, S); None for everything.
        causal: whether a position looks at no later one.
    """
    if query.dtype is torch.bfloat16 and query.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            return attended(query.float(), keys.float(), values.float(), visible, causal=causal)
    return F.scaled_dot_product_attention(query, keys, values, visible, is_causal=causal)
