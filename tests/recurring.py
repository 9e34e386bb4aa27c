"""Recurrent stages and rows for their tests."""

from __future__ import annotations

import pytest
import torch

import lamina as la
from lamina.chance import key
from lamina.kinds import Padded, Sequence
from lamina.layers.recurrent import Layered

INPUTS, WIDTH, LENGTH = 3, 5, 7
ONWARD, BOTH = ("RNN", "LSTM", "GRU"), ("BiRNN", "BiLSTM", "BiGRU")

each_onward = pytest.mark.parametrize("name", ONWARD)
each = pytest.mark.parametrize("name", ONWARD + BOTH)


def made(name: str, layers: int = 2, dropout: float = 0.0, inputs: int = INPUTS) -> Layered:
    stage = getattr(la, name)(WIDTH, layers=layers, dropout=dropout)
    stage.build(Sequence(inputs))
    return started(stage)


def started(stage: Layered) -> Layered:
    """With first weights, and offsets that are not the zeros that they begin with."""
    stage.place = key("here")
    stage.initialise(0, "linear")
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in stage.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape, generator=random))
    return stage


def rows(*lengths: int, length: int = LENGTH) -> Padded:
    values = torch.randn(len(lengths), length, INPUTS, generator=torch.Generator().manual_seed(2))
    return Padded(values, torch.arange(length) < torch.tensor(lengths)[:, None])
