"""Pairs of texts that validate and test from files of their own, and what a split asks of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import split
from lamina.data.text.apart import about_shared, apart, times
from lamina.data.text.pairs import Pairs, read_pairs
from lamina.data.text.ragged import Ragged
from lamina.data.text.reading import TextReading
from lamina.kinds import Tokens


def with_files(
    name: str, own: Pairs, reading: TextReading, valid: float, test: float, seed: int
) -> tuple[Pairs, Tensor | None]:
    """Pairs with those of the files that validate and test behind them, and the part of each; None without such files.

    Where one of the two comes in files, the share of the other is cut out of the pairs that are there.
    """
    if not (reading.valid or reading.test):
        return own, None
    shares = (0.0 if reading.valid else valid, 0.0 if reading.test else test)
    nothing = torch.zeros(0, dtype=torch.int64)
    parts = split(unread(name, hashes(own.sources)), *shares, seed) if any(shares) else None
    files = _files(reading)
    rows = (nothing, nothing) if parts is None else (parts.valid, parts.test)
    time = times(len(own.sources), *rows, {part: len(pairs.sources) for part, pairs in files.items()})
    whole = _followed(own, files)
    seen = {whole.sources[row] for row in (time == 0).nonzero().flatten().tolist()}
    shared = {part: sum(text in seen for text in pairs.sources) for part, pairs in files.items()}
    notes = [about_shared(part, "sources", count, len(files[part].sources)) for part, count in shared.items()]
    return whole._replace(notes=(*whole.notes, *chain(*notes))), time


def read_all_pairs(source: Path, target: Path | None, reading: TextReading) -> Pairs:
    """The pairs of a dataset in the order of its rows: with those of the files that validate and test behind them."""
    return _followed(read_pairs(source, target, reading.skip_bad), _files(reading))


def _files(reading: TextReading) -> dict[str, Pairs]:
    """The pairs of the parts that are in files of their own."""
    paths = {part: [Path(file) for file in apart(reading, part)] for part in ("valid", "test")}
    return {
        part: read_pairs(some[0], some[1] if len(some) > 1 else None, reading.skip_bad)
        for part, some in paths.items()
        if some
    }


def _followed(own: Pairs, files: Mapping[str, Pairs]) -> Pairs:
    every = [own, *files.values()]
    return Pairs(
        [text for some in every for text in some.sources],
        [text for some in every for text in some.targets],
        tuple(note for some in every for note in some.notes),
    )


BETWEEN = "\x1f"
"""Stands between the texts of a pair where they are hashed: the separator of units, which texts do not have."""


def hashes(texts: Sequence[str | tuple[str, str]]) -> Int64[Tensor, " N"]:
    """64 bits of each text, or pair of texts, the same on any machine."""
    whole = (text if isinstance(text, str) else BETWEEN.join(text) for text in texts)
    return torch.from_numpy(np.array([text_hash(text) for text in whole], np.int64))


def text_hash(text: str) -> int:
    """64 bits of a text, the same on any machine."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def unread(name: str, identity: Int64[Tensor, " N"]) -> Dataset:
    """Texts before they are tokens: all that a split asks for."""
    nothing, ends = torch.zeros(0, dtype=torch.int32), torch.zeros(len(identity) + 1, dtype=torch.int64)
    column = Ragged(nothing, Tokens(1), offsets=ends, identity=identity)
    return Dataset(name, column, column)
