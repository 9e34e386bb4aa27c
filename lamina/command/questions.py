"""The data that a command names, in batches as a net takes them, with what is kept of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.command.sinks import Cells
from lamina.progress import note

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.data.dataset import Dataset
    from lamina.model import Model
    from lamina.stage import Flow

Batch = tuple["Flow", Cells]


def questions(run: Path, model: Model, data: tuple[str, ...], keep: bool, whole: bool) -> Iterator[Batch]:
    """Batches of what a net is asked, in order.

    Args:
        run: the model's own folder, or that of its run.
        model: what takes them.
        data: names of sets, files, folders of pictures, or - for rows on standard input.
        keep: whether the cells of rows are kept; of datasets their numbers and classes.
        whole: whether all rows of a dataset are taken that the run was trained on, and not the test part alone.

    Raises:
        DataError: if something cannot be read, when what comes before has been given.
    """
    from lamina.coding import ready
    from lamina.command.photos import Photos
    from lamina.command.predict import asked
    from lamina.kinds import rows

    for name in data or ("-",):
        if model.origin is None and is_dataset(name, model) and not Photos(run, model).are(name):
            yield from of_dataset(run, model, name, keep, whole)
            continue
        if keep and model.origin is None and not Photos(run, model).are(name):
            raise click.UsageError(f"--keep keeps the columns of a table, but the model was trained on none: {name}")
        chunks = asked(run, model, (name,), keep) if model.text is None or model.origin is not None else lines(name)
        for chunk, cells in chunks:
            first = 0
            for x in ready(model, chunk):
                count = rows(x)
                yield x, None if cells is None else cells[first : first + count]
                first += count


def is_dataset(name: str, model: Model) -> bool:
    """Whether a name is that of data with targets, and not of rows to be read line by line."""
    return name != "-" and (model.series is not None or Path(name).suffix.lower() not in (".csv", ".tsv", ".txt"))


def lines(name: str) -> Iterator[tuple[list[str], None]]:
    """The lines of a file or of standard input, many together."""
    from lamina.command.translate import chunks

    return ((texts, None) for texts in chunks(name))


def of_dataset(run: Path, model: Model, name: str, keep: bool, whole: bool) -> Iterator[Batch]:
    """The examples of a dataset."""
    import torch

    from lamina.coding import dataset_batches
    from lamina.training.data import test_rows
    from lamina.training.further import data_on

    dataset = data_on(model, run, name, note)
    rows = torch.arange(len(dataset)) if whole else test_rows(run, dataset)
    note(f"{dataset.name}: {len(rows):,} of {len(dataset):,} examples")
    for x, part in dataset_batches(model.net, dataset, rows):
        yield x, kept(dataset, part) if keep else None


def kept(dataset: Dataset, rows: Tensor) -> list[dict[str, Any]]:
    """The number of each row, from 0, and its class, or the values that it came with."""
    from lamina.kinds import Label, Value

    found = [{"row": row} for row in rows.tolist()]
    kind = dataset.target.kind
    if not isinstance(kind, Label | Value):
        return found
    values = dataset.target.values[rows]
    if isinstance(kind, Label):
        names = dataset.classes or tuple(map(str, range(kind.classes)))
        return [cell | {"class": names[label]} for cell, label in zip(found, values.tolist(), strict=True)]
    alone = kind.size == 1
    return [
        cell | {"target" if alone else f"target_{place}": value for place, value in enumerate(numbers, start=1)}
        for cell, numbers in zip(found, values.flatten(1).tolist(), strict=True)
    ]
