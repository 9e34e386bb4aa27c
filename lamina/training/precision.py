"""In what numbers a training step is computed: mixed precision."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "bfloat16"]

ARITHMETIC = ("avx512_bf16", "amx_bf16")
"""What a CPU has that multiplies bfloat16 faster than float32."""


def computed_in(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Within this, products of matrices take bfloat16: 8 bits of fraction, and the range of float32.

    Weights, their gradients, the optimizer's state and losses stay float32 (mixed precision, Micikevicius et al. 2018;
    with bfloat16 a loss needs no scaling, Kalamkar et al. 2019).
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def slow_in(precision: Precision, device: torch.device) -> bool:
    """Whether a device computes in this more slowly than in float32."""
    if precision == "float32" or device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return not any(able.get(name) for name in ARITHMETIC)


def say_if_slow(precision: Precision, device: torch.device, say: Callable[[str], object]) -> None:
    """Say so where it is no gain."""
    if slow_in(precision, device):
        say("precision=bfloat16 is slower than float32 on this CPU: it has neither AVX512-BF16 nor AMX")
