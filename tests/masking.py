"""Texts that tokens can be hidden in."""

from __future__ import annotations

import torch

from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Padded, Tokens

KIND = Tokens(103, mask=4, parts=53)
FIRST = 5
"""The first token that is text here."""


def texts(lengths: list[int], seed: int = 0) -> Padded:
    """[CLS] tokens [SEP], of so many tokens between."""
    random = torch.Generator().manual_seed(seed)
    longest = max(lengths) + 2
    values = torch.randint(FIRST, KIND.vocabulary, (len(lengths), longest), generator=random)
    values[:, 0] = BEGIN_TOKEN
    for row, length in enumerate(lengths):
        values[row, length + 1] = END_TOKEN
    return Padded(values, torch.arange(longest) < torch.tensor(lengths)[:, None] + 2)
