"""WikiText-2 as the literature reads it: words between spaces, and one at the end of each line."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.text.encoded import OWN
from lamina.data.text.ragged import Windows
from lamina.kinds import UNKNOWN_TOKEN, Tokens

LINE_END = "<eos>"


class Apart(NamedTuple):
    """A text whose makers cut it, and the shares of its windows by which it is cut just so again."""

    dataset: Dataset
    valid: float
    test: float


def words_in(path: Path) -> list[str]:
    """The words of a part; `<unk>` is one, as those who made it want it."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [word for line in lines for word in (*line.split(), LINE_END)]


def in_parts(name: str, parts: Sequence[Iterable[str]], length: int) -> Apart:
    """Words that train, validate and test, each known if it is among those that train.

    A window lies in one part. What does not fill one at the end of the first two, fewer than `length` words, is left
    out.

    Args:
        name: of the text.
        parts: the words that train, validate and test.
        length: of a window.
    """
    train, valid, test = map(list, parts)
    numbers = {word: OWN + place for place, word in enumerate(dict.fromkeys(train))}
    tokens = [
        torch.tensor([numbers.get(word, UNKNOWN_TOKEN) for word in words], dtype=torch.int32)
        for words in (train[: len(train) // length * length], valid[: len(valid) // length * length], test)
    ]
    kind, whole = Tokens(OWN + len(numbers)), torch.cat(tokens)
    inputs, target = (Windows(whole, kind, length=length, ahead=ahead) for ahead in (0, 1))
    starts = torch.arange(len(inputs)) * length
    edges = (len(tokens[0]), len(tokens[0]) + len(tokens[1]))
    time: Tensor = sum(((starts >= edge).double() for edge in edges), torch.zeros(len(inputs), dtype=torch.float64))
    shares = [float((time == part).double().mean()) for part in (1, 2)]
    about = f"{len(whole):,} words, {len(numbers):,} of them distinct."
    return Apart(Dataset(name, inputs, target, time=time, about=about), *shares)


def wikitext(files: Sequence[Path], length: int) -> Apart:
    """The three files of WikiText."""
    return in_parts("WikiText-2", [words_in(path) for path in files], length)
