"""Answers to pieces of a batch, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def joined(pieces: Sequence[Any]) -> Any:
    """Answers to pieces of a batch as the answer to the whole."""
    first = pieces[0]
    if isinstance(first, Tensor):
        return torch.cat(list(pieces))
    parts = [joined(alike) for alike in zip(*pieces, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
