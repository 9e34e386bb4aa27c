"""Texts with what is to be predicted of them, of which those that validate come in a file of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from lamina.data.split import split
from lamina.data.tables.reading import Reading
from lamina.data.text.apart import about_shared, check_files, times
from lamina.data.text.paired import Said
from lamina.data.text.pairs_apart import hashes, unread
from lamina.data.text.reading import TextReading
from lamina.data.text.told import Told
from lamina.errors import DataError


def files_beside(name: str, reading: Reading, text: TextReading) -> dict[str, str]:
    """The files of the parts that are in files of their own, in the order in which their rows follow those that train.

    Raises:
        DataError: if several validate; if a column says which do, too.
    """
    check_files(name, text, 1)
    said = [f"{part}={column!r}" for part, column in (("group", reading.group), ("time", reading.time)) if column]
    if text.valid and said:
        raise DataError(
            f"{name}: valid={text.valid[0]!r} says which texts validate, and {' and '.join(said)} would, too; leave one"
            " of them out"
        )
    valid = {"valid": text.valid[0]} if text.valid else {}
    return valid | ({"test": reading.test} if reading.test else {})


def part_of_each(
    name: str, own: Told, late: Mapping[str, Int64[Tensor, " _"]], test: float, seed: int
) -> Float64[Tensor, " N"]:
    """The part of each row: 0 trains, 1 validates, 2 tests. The share that tests is cut out of the rows that are there.

    Args:
        name: of the data.
        own: the texts that are not in files of their own.
        late: the rows of those that are.
        test: the share that tests, where no file does.
        seed: of the split.
    """
    testing = torch.zeros(0, dtype=torch.int64)
    if "test" not in late and test:
        alone = replace(unread(name, hashes(own.kept())), target=own.rows.target, classes=own.classes, parts=own.parts)
        testing = split(alone, 0.0, test, seed).test
    return times(len(own.rows.inputs), testing[:0], testing, {part: len(rows) for part, rows in late.items()})


def also_train(
    texts: Sequence[Said], time: Float64[Tensor, " N"], late: Mapping[str, Int64[Tensor, " _"]]
) -> list[str]:
    """How many texts of the files that validate and test are among those that train, a sentence for each file."""
    seen = {texts[row] for row in (time == 0).nonzero().flatten().tolist()}
    shared = {part: sum(texts[row] in seen for row in rows.tolist()) for part, rows in late.items()}
    return [note for part, count in shared.items() for note in about_shared(part, "texts", count, len(late[part]))]
