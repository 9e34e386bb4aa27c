"""One or more ways to use every stage and end of the vocabulary, for the contract tests.

A new stage needs a line here; `test_every_word_has_an_example` says so.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lamina.kinds import Image, Kind, Label, Padded, Sequence, Table, Tokens, Value, Vector

VECTOR, IMAGE, SEQUENCE, TOKENS = Vector(7), Image(3, 5, 7), Sequence(7), Tokens(11)
TABLE, FULL = Table(5, (7, 3), blanks=2), Table(5, (7, 3))


class Example(NamedTuple):
    """A sentence, what it is given, and what comes out."""

    sentence: str
    given: Kind
    gives: Kind


class EndExample(NamedTuple):
    """An end, what it is given, and what it predicts."""

    sentence: str
    given: Kind
    target: Kind


STAGES = [
    Example("Dense(5)", VECTOR, Vector(5)),
    Example("Dense(5, bias=False, init='orthogonal')", VECTOR, Vector(5)),
    Example("Dense(5)", SEQUENCE, Sequence(5)),
    Example("Embed(5)", TOKENS, Sequence(5)),
    *(
        Example(f"{name}()", kind, kind)
        for name in ("ReLU", "GELU", "Tanh", "Sigmoid")
        for kind in (VECTOR, IMAGE, SEQUENCE)
    ),
    Example("Threshold(0.2)", VECTOR, VECTOR),
    Example("Threshold()", SEQUENCE, SEQUENCE),
    Example("Softmax()", VECTOR, VECTOR),
    Example("Softmax()", SEQUENCE, SEQUENCE),
    *(Example("Dropout(0.3)", kind, kind) for kind in (VECTOR, IMAGE, SEQUENCE)),
    *(Example("BatchNorm()", kind, kind) for kind in (VECTOR, IMAGE, SEQUENCE)),
    *(Example("LayerNorm()", kind, kind) for kind in (VECTOR, IMAGE, SEQUENCE)),
    *(Example("Standardize()", kind, kind) for kind in (VECTOR, IMAGE, SEQUENCE)),
    Example("Standardize()", TABLE, Table(7, (7, 3))),
    Example("Standardize()", FULL, FULL),
    Example("Piecewise(3)", TABLE, Table(17, (7, 3))),
    Example("Piecewise(4, width=3)", TABLE, Table(17, (7, 3))),
    Example("Periodic(3, frequencies=2)", TABLE, Table(17, (7, 3))),
    Example("Categories(3)", FULL, Vector(11)),
    Example("OneHot(1)", FULL, Vector(15)),
    Example("Flatten()", VECTOR, VECTOR),
    Example("Flatten()", IMAGE, Vector(105)),
    Example("Repeat(2, Dense(7) >> Tanh())", VECTOR, VECTOR),
    Example("Residual(Dense(7) >> GELU())", VECTOR, VECTOR),
    Example("Residual(Dense(7) >> GELU())", SEQUENCE, SEQUENCE),
]
ENDS = [
    EndExample("Classify()", VECTOR, Label(5)),
    EndExample("Classify(0.1, init='zeros')", VECTOR, Label(2)),
    EndExample("Classify(weights='balanced')", VECTOR, Label(3)),
    EndExample("Classify(weights=(1.0, 2.5, 0.5))", VECTOR, Label(3)),
    EndExample("Regress('log')", VECTOR, Value(2)),
    EndExample("Regress()", VECTOR, Value(3)),
    EndExample("Regress()", VECTOR, Value(1)),
]


def inputs(kind: Kind, examples: int, seed: int = 0, length: int = 5) -> Tensor | Padded:
    """Random inputs of a kind; rows of unequal length where positions flow, the first one whole."""
    random = torch.Generator().manual_seed(seed)
    if isinstance(kind, Vector):
        return torch.randn(examples, kind.size, generator=random)
    if isinstance(kind, Image):
        return torch.randn(examples, kind.channels, kind.height, kind.width, generator=random)
    if isinstance(kind, Table):
        numbers = torch.randn(examples, kind.numbers, generator=random)
        blank = torch.rand(examples, kind.blanks, generator=random) < 0.3
        numbers[:, : kind.blanks] = numbers[:, : kind.blanks].masked_fill(blank, torch.nan)
        codes = [torch.randint(size, (examples,), generator=random) for size in kind.categories]
        return torch.cat((numbers, torch.stack(codes, 1).float()), 1)
    lengths = torch.randint(1, length + 1, (examples,), generator=random)
    lengths[0] = length
    visible = torch.arange(length) < lengths[:, None]
    if isinstance(kind, Sequence):
        return Padded(torch.randn(examples, length, kind.width, generator=random), visible)
    assert isinstance(kind, Tokens)
    return Padded(torch.randint(kind.vocabulary, (examples, length), generator=random), visible)


def targets(kind: Kind, examples: int, seed: int = 1) -> Tensor:
    """Random targets of a kind."""
    random = torch.Generator().manual_seed(seed)
    if isinstance(kind, Label):
        return torch.randint(kind.classes, (examples,), generator=random)
    assert isinstance(kind, Value)
    return torch.randn(examples, kind.size, generator=random).exp()  # above 0, as a logarithm asks


def values(x: Tensor | Padded) -> Tensor:
    """The numbers that may be looked at."""
    return x.values[x.visible] if isinstance(x, Padded) else x
