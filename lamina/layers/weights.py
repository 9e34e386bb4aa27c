"""Making parameters: one place that refuses what could never be held."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch
from torch import nn

from lamina.errors import KindError
from lamina.kinds import Kind
from lamina.stage import Stage


def memory_bytes() -> int:
    """The memory that this process may use: the machine's, or less where its control group has a limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file, or "max"
        return machine


class RowsApart(nn.Parameter):
    """A parameter of which each row belongs to one thing: a token, a position, a column. It is no matrix that maps."""


def new_weight(stage: Stage, given: Kind, *shape: int) -> nn.Parameter:
    """A parameter of zeros on torch's default device, to be drawn by the stage's `initialise`.

    Raises:
        KindError: if the numbers alone would fill the machine's memory; nothing has been allocated then.
    """
    needed = math.prod(shape) * torch.get_default_dtype().itemsize
    if needed > memory_bytes():
        raise KindError(
            f"{stage} after {given} would have {math.prod(shape):,} weights ({needed / 2**30:,.0f} GiB), more than this"
            f" machine's memory ({memory_bytes() / 2**30:.0f} GiB); make it narrower"
        )
    return nn.Parameter(torch.zeros(shape))


def new_rows(stage: Stage, given: Kind, *shape: int) -> RowsApart:
    """As `new_weight`, for vectors that are looked up one by one: optimizers of matrices leave them to others."""
    return RowsApart(new_weight(stage, given, *shape))
