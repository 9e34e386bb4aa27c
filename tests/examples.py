"""One or more ways to use every stage and end of the vocabulary, for the contract tests.

A new stage needs a line here; `test_every_word_has_an_example` says so.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lamina.kinds import Image, Kind, Label, Padded, Sequence, Span, Table, Tags, Tokens, Value, Vector

VECTOR, IMAGE, SEQUENCE, TOKENS = Vector(7), Image(3, 5, 7), Sequence(7), Tokens(11)
HIDEABLE = Tokens(11, mask=4, parts=7)
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
    Example("Conv(5)", IMAGE, Image(5, 5, 7)),
    Example("Conv(4, (3, 5), stride=(2, 3), padding=(1, 0), groups=2, bias=False)", Image(2, 5, 7), Image(4, 3, 1)),
    Example("Conv(5, dilation=2, init='dirac')", IMAGE, Image(5, 5, 7)),
    Example("Whiten(2)", IMAGE, Image(24, 4, 6)),
    Example("UpConv(5)", IMAGE, Image(5, 10, 14)),
    Example("UpConv(5, 3, stride=2, padding=1, bias=False)", IMAGE, Image(5, 9, 13)),
    Example("Pool()", IMAGE, Image(3, 2, 3)),
    Example("Pool(3, stride=2, padding=1)", IMAGE, Image(3, 3, 4)),
    Example("MeanPool((2, 3))", IMAGE, Image(3, 2, 2)),
    Example("GlobalPool()", IMAGE, Vector(3)),
    Example("GlobalPool('max')", IMAGE, Vector(3)),
    Example("Grid()", IMAGE, Sequence(3)),
    Example("LocalResponseNorm(3, alpha=0.1)", IMAGE, IMAGE),
    Example("Residual(Conv(5, stride=2) >> Tanh(), shortcut='project')", IMAGE, Image(5, 3, 4)),
    Example("Residual(Conv(5, stride=2) >> Tanh(), shortcut='pad')", IMAGE, Image(5, 3, 4)),
    Example("Residual(Conv(5, stride=2), shortcut=Pool(1, stride=2) >> Conv(5, 1))", IMAGE, Image(5, 3, 4)),
    Example("Residual(Dense(5), shortcut='project')", VECTOR, Vector(5)),
    Example("FastNet((4, 5))", Image(3, 11, 13), Vector(5)),
    Example("Embed(5)", TOKENS, Sequence(5)),
    Example("Compare(5)", TOKENS, Vector(20)),
    Example("MaskTokens()", HIDEABLE, HIDEABLE),
    Example("MaskTokens(0.5, random=0.2, each='word')", HIDEABLE, HIDEABLE),
    Example("BERT(2, 3, 6, hidden=5, longest=7)", TOKENS, Sequence(6)),
    Example("BERT(1, 1, 7, longest=5, segments=0)", TOKENS, Sequence(7)),
    *(Example(sentence, SEQUENCE, SEQUENCE) for sentence in ("Positions()", "Positions('learned', longest=5)")),
    *(Example(sentence, SEQUENCE, SEQUENCE) for sentence in ("MultiHead(7)", "MultiHead(1, causal=True, dropout=0.2)")),
    Example("MultiHead(3, causal=True, rotary=True)", Sequence(6), Sequence(6)),
    Example("Transformer(2, heads=7, hidden=5)", SEQUENCE, SEQUENCE),
    Example("Transformer(1, heads=1, norm='after', causal=True, activation='relu')", SEQUENCE, SEQUENCE),
    Example("Transformer(1, heads=3, rotary=True)", Sequence(6), Sequence(6)),
    *(Example(f"{name}(5)", SEQUENCE, Sequence(5)) for name in ("RNN", "LSTM", "GRU")),
    *(Example(f"{name}(3, layers=2, dropout=0.3)", SEQUENCE, Sequence(3)) for name in ("RNN", "LSTM", "GRU")),
    Example("LSTM(5, span=101)", SEQUENCE, Sequence(5)),
    *(Example(f"Bi{name}(5)", SEQUENCE, Sequence(10)) for name in ("RNN", "LSTM", "GRU")),
    *(Example(f"Bi{name}(3, layers=2, dropout=0.3)", SEQUENCE, Sequence(6)) for name in ("RNN", "LSTM", "GRU")),
    Example("Turing(3, slots=5, size=2)", SEQUENCE, Sequence(5)),
    Example("Turing(3, slots=7, size=2, heads=2, shift=2)", SEQUENCE, Sequence(7)),
    Example("Memory(3)", Tokens(5), Vector(3)),
    Example("Memory(3, hops=2, sentences=7, tying='layers', encoding='bag')", Tokens(5), Vector(3)),
    Example("Memory(3, hops=2, separator=2, sentences=2, tying='none')", Tokens(5), Vector(3)),
    *(Example(sentence, SEQUENCE, VECTOR) for sentence in ("Last()", "First()", "Mean()", "Max()")),
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
    Example("BatchNorm(trained_scale=False)", IMAGE, IMAGE),
    *(Example("LayerNorm()", kind, kind) for kind in (VECTOR, IMAGE, SEQUENCE)),
    *(Example("Standardize()", kind, kind) for kind in (VECTOR, IMAGE, SEQUENCE)),
    Example("Standardize()", TABLE, Table(7, (7, 3))),
    Example("Standardize()", FULL, FULL),
    Example("Piecewise(3)", TABLE, Table(17, (7, 3))),
    Example("Piecewise(4, width=3)", TABLE, Table(17, (7, 3))),
    Example("Periodic(3, frequencies=2)", TABLE, Table(17, (7, 3))),
    Example("Categories(3)", FULL, Vector(11)),
    Example("OneHot(1)", FULL, Vector(15)),
    Example("Recent(3)", SEQUENCE, Vector(21)),
    Example("Recent(11)", SEQUENCE, Vector(77)),
    Example("FromLast(Recent(3) >> Dense(5))", SEQUENCE, Vector(49)),
    Example("FromLast(Recent(3) >> Dropout(0.3) >> Dense(5), columns='together')", SEQUENCE, Vector(19)),
    Example("FromLast(Recent(3) >> Dropout(0.3))", SEQUENCE, Vector(35)),
    Example("Flatten()", VECTOR, VECTOR),
    Example("Flatten()", IMAGE, Vector(105)),
    Example("Repeat(2, Dense(7) >> Tanh())", VECTOR, VECTOR),
    Example("Residual(Dense(7) >> GELU())", VECTOR, VECTOR),
    Example("Residual(Dense(7) >> GELU())", SEQUENCE, SEQUENCE),
    Example("Towers(3, Conv(5) >> Tanh())", IMAGE, Image(15, 5, 7)),
    Example("Towers(2, Dense(5), split=False)", VECTOR, Vector(10)),
    Example("LeNet()", Image(1, 13, 17), Vector(84)),
    Example("AlexNet()", Image(1, 67, 71), Vector(4096)),
    Example("ResNet(8, small=True)", IMAGE, Vector(64)),
    *(Example(sentence, IMAGE, IMAGE) for sentence in ("Flip()", "Flip('alternate', axis='y')")),
    *(Example(sentence, IMAGE, IMAGE) for sentence in ("Shift(2)", "Shift(3, fill='zero')")),
    Example("Rotate(scale=(0.8, 1.2), shear=10.0)", IMAGE, IMAGE),
    Example("Rotate(30.0, fill='zero')", IMAGE, IMAGE),
    *(Example(sentence, IMAGE, IMAGE) for sentence in ("Intensity()", "Intensity(contrast=0.0, pca=0.1)")),
    *(Example(sentence, IMAGE, IMAGE) for sentence in ("Erase()", "Erase((0.1, 0.4), probability=0.5)")),
    *(Example("Mixup()", kind, kind) for kind in (VECTOR, IMAGE)),
    Example("CutMix()", IMAGE, IMAGE),
    *(Example(sentence, VECTOR, Vector(3)) for sentence in ("PCA(3)", "PCA(3, whiten=True)", "Gaussian(3)")),
    *(Example(sentence, VECTOR, Vector(3)) for sentence in ("Hebb(3)", "Hebb(3, rule='sanger')", "RBM(3)")),
    Example("PCA(11)", IMAGE, Vector(11)),
    Example("PCA(3)", Table(5), Vector(3)),
    Example("RBM(5)", IMAGE, Vector(5)),
    *(Example(sentence, VECTOR, VECTOR) for sentence in ("Sparse(0.1)", "Sparse(0.1, rate=0.2)")),
    Example("Contract(0.1, Dense(5) >> Tanh())", VECTOR, Vector(5)),
    Example("Contract(0.1, Conv(5) >> ReLU())", IMAGE, Image(5, 5, 7)),
    *(
        Example(f"{name}(0.2)", kind, kind)
        for name in ("Blankout", "GaussianNoise", "SaltAndPepper")
        for kind in (VECTOR, IMAGE, SEQUENCE)
    ),
    Example("Reshape(1, 7, 1)", VECTOR, Image(1, 7, 1)),
    Example("Crop(5)", IMAGE, Image(3, 5, 5)),
    Example("Crop((7, 11), padding=2)", IMAGE, Image(3, 7, 11)),
    Example("Crop((2, 3), scale=(0.08, 1.0))", IMAGE, Image(3, 2, 3)),
    Example("Crop((5, 3), scale=(0.5, 0.9), ratio=(0.5, 2.0))", IMAGE, Image(3, 5, 3)),
]
ENDS = [
    EndExample("Classify()", VECTOR, Label(5)),
    EndExample("Classify(0.1, init='zeros')", VECTOR, Label(2)),
    EndExample("Classify(weights='balanced')", VECTOR, Label(3)),
    EndExample("Classify(weights=(1.0, 2.5, 0.5))", VECTOR, Label(3)),
    EndExample("NextToken()", SEQUENCE, Tokens(5)),
    EndExample("NextToken(0.1, init='zeros')", SEQUENCE, Tokens(5)),
    EndExample("NextToken(cutoffs=(2, 3))", SEQUENCE, Tokens(5)),
    EndExample("Tag()", SEQUENCE, Tags(5)),
    EndExample("Tag(0.1, init='zeros')", SEQUENCE, Tags(5, (0, 1, 2, 5, 6))),
    EndExample("FillIn(tied=False)", SEQUENCE, Tokens(5)),
    EndExample("NextSentence()", SEQUENCE, Label(2)),
    EndExample("Write(LSTM(5), width=3)", VECTOR, Tokens(5)),
    EndExample("Write(GRU(5), attend=Additive(3), width=3)", SEQUENCE, Tokens(5)),
    EndExample("Write(LSTM(5), attend=Summary(), width=3)", VECTOR, Tokens(5)),
    EndExample("Write(GRU(5), attend=Summary(), width=3)", SEQUENCE, Tokens(5)),
    EndExample("Write(Dropout(0.1) >> RNN(5, layers=2), attend=Bilinear(), width=5, tied=True)", SEQUENCE, Tokens(5)),
    EndExample("Write(Positions() >> Transformer(1, heads=2, dropout=0.0), width=6)", SEQUENCE, Tokens(5)),
    EndExample("PointTo()", SEQUENCE, Span()),
    EndExample("PointTo(5, least=0.5)", SEQUENCE, Span()),
    EndExample("PointTo(least='auto')", SEQUENCE, Span()),
    EndExample("Forecast()", VECTOR, Value(6)),
    EndExample("Forecast(init='zeros')", VECTOR, Value(5)),
    EndExample("Direction()", VECTOR, Value(13)),
    EndExample("Regress('log')", VECTOR, Value(2)),
    EndExample("Regress()", VECTOR, Value(3)),
    EndExample("Regress()", VECTOR, Value(1)),
    EndExample("Reconstruct()", VECTOR, VECTOR),
    EndExample("Reconstruct(Dense(11) >> Tanh())", VECTOR, VECTOR),
    EndExample("Reconstruct(tied=True)", VECTOR, VECTOR),
    EndExample("Reconstruct(deviation=0.5)", VECTOR, VECTOR),
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
        return torch.cat((numbers, *(code[:, None].float() for code in codes)), 1)
    lengths = torch.randint(1, length + 1, (examples,), generator=random)
    lengths[0] = length
    visible = torch.arange(length) < lengths[:, None]
    if isinstance(kind, Sequence):
        return Padded(torch.randn(examples, length, kind.width, generator=random), visible)
    assert isinstance(kind, Tokens)
    return Padded(torch.randint(kind.vocabulary, (examples, length), generator=random), visible)


def targets(kind: Kind, examples: int, seed: int = 1) -> Tensor | Padded:
    """Random targets of a kind; of tokens as long as the inputs of so many examples are."""
    random = torch.Generator().manual_seed(seed)
    if isinstance(kind, Label):
        return torch.randint(kind.classes, (examples,), generator=random)
    if isinstance(kind, Tokens):
        beside = inputs(kind, examples)
        assert isinstance(beside, Padded)
        return beside._replace(values=torch.randint(3, kind.vocabulary, beside.values.shape, generator=random))
    if isinstance(kind, Tags):  # a word begins at each even position
        beside = inputs(Tokens(kind.classes), examples)
        assert isinstance(beside, Padded)
        drawn = torch.randint(kind.classes, beside.values.shape, generator=random)
        return Padded(drawn, beside.visible & (torch.arange(beside.visible.shape[1]) % 2 == 0))
    if isinstance(kind, Span):
        beside = inputs(Sequence(1), examples)
        assert isinstance(beside, Padded)
        final = beside.visible.sum(1) - 1
        begin = final.clamp(max=1)
        ends = torch.rand(2, examples, generator=random).sort(0).values * (final - begin + 1)
        return torch.stack((*(begin + ends.long()), begin, final), 1)
    if isinstance(kind, Vector):  # of an end that gives back the input
        return inputs(kind, examples)
    assert isinstance(kind, Value)
    return torch.randn(examples, kind.size, generator=random).exp()  # above 0, as a logarithm asks


def part(x: Tensor | Padded, rows: slice) -> Tensor | Padded:
    """Some examples of a batch."""
    return Padded(x.values[rows], x.visible[rows]) if isinstance(x, Padded) else x[rows]


def values(x: Tensor | Padded) -> Tensor:
    """The numbers that may be looked at."""
    return x.values[x.visible] if isinstance(x, Padded) else x
