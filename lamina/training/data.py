"""A run's data: what the plan calls it, and which of it the run has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.named import NAMED
from lamina.data.named import load as load_data
from lamina.data.sources.arrays import from_arrays
from lamina.data.split import Parts, fingerprint, split
from lamina.data.tables.reading import Reading, as_reading
from lamina.data.tables.source import is_table
from lamina.errors import DataError
from lamina.training.plan import FILE, Plan, noted, read_plan

if TYPE_CHECKING:
    from lamina.model import Model

ARRAYS = "arrays"
"""What a plan calls data that was passed from Python."""


def parts_of(dataset: Dataset, plan: Plan) -> Parts:
    """The rows of a dataset that train, validate and test by a plan."""
    return split(dataset, plan.valid, plan.test, plan.split_seed, plan.fold, plan.folds)


def test_rows(folder: Path, dataset: Dataset) -> Tensor:
    """The rows of a dataset that a run has not seen: its test part if it was trained on this data, else all of them.

    Raises:
        DataError: if the run was trained on data of that name with other content, of which some may be in this.
    """
    folder = folder.parent if not (folder / FILE).is_file() and (folder.parent / FILE).is_file() else folder
    if not (folder / FILE).is_file():
        return torch.arange(len(dataset))
    plan = read_plan(folder)
    if trained_on(folder, dataset):
        return parts_of(dataset, plan).test
    if plan.data == address(dataset):
        raise DataError(f"{dataset.name} has changed since {folder} was trained on it; bring that back, or use --all")
    return torch.arange(len(dataset))


def trained_on(folder: Path, dataset: Dataset) -> bool:
    """Whether a run was trained on part of this very data."""
    return bool(noted(folder, "dataset").get("fingerprint") == fingerprint(dataset))


def address(dataset: Dataset) -> str:
    """What a plan calls a dataset so that it is found again from any folder; "arrays" where only its owner has it."""
    return address_of(dataset.name)


def address_of(name: str) -> str:
    """A name, or a path from the root; "arrays" for what is neither."""
    if name in NAMED:
        return name
    path = Path(name)
    there = path.exists() or is_table(name)
    return str(path.resolve()) if name != ARRAYS and there else ARRAYS


def data_for(data: Any, settings: dict[str, Any], say: Callable[[str], object] | None = None) -> Dataset:
    """The dataset that the user means; what `settings` say of how a table is read is taken out of them.

    Args:
        data: a dataset already, a name, a path, a pair of arrays, or a frame.
        settings: among them those of `Reading`. `test` is one of them where it is no share but a file.
        say: takes what was assumed and decided, if the data are read here.
    """
    asked = {setting.name: settings.pop(setting.name) for setting in Reading.settings() if asks(setting.name, settings)}
    if isinstance(data, Dataset):
        if asked:
            raise DataError(
                f"{', '.join(asked)}: how a table is read is said where it is read; this is a dataset already"
            )
        return data
    dataset = as_dataset(data, asked)
    if dataset.origin is not None and say is not None:
        for text in dataset.origin.notes:
            say(text)
    return dataset


def asks(name: str, settings: dict[str, Any]) -> bool:
    """Whether settings say this of how a table is read."""
    return settings.get(name) is not None and not (name == "test" and isinstance(settings[name], float | int))


def as_dataset(data: Any, asked: dict[str, Any] | None = None) -> Dataset:
    """The dataset that the user means: a name or path, a pair of arrays, a frame, or a dataset already.

    Args:
        data: what is meant.
        asked: how it is read, if it is a table; the settings of `Reading`.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (str, Path)):
        return load_data(str(data), **(asked or {}))
    if is_frame(data):
        from lamina.data.tables.table import load_table

        return load_table(data, as_reading(asked or {}))
    if isinstance(data, tuple) and len(data) == 2:
        if asked:
            raise DataError(f"{', '.join(asked)} would say how a table is read, but these are arrays; leave them out")
        return from_arrays(*data)
    raise DataError(
        f"data must be a name, a path, a frame, or a pair (inputs, target) of arrays, got {type(data).__name__}"
    )


def anywhere(reading: Reading) -> Reading:
    """The same reading with paths from the root, so that it means the same from any folder."""
    files = tuple(str(Path(file).resolve()) for file in reading.files)
    test = None if reading.test is None else str(Path(reading.test).resolve())
    return Reading(**{**reading.values(), "files": files, "test": test})


def is_frame(data: Any) -> bool:
    """Whether this is a table in memory: of arrow, pandas, polars, or a dict of columns."""
    return isinstance(data, dict) or hasattr(data, "__arrow_c_stream__") or hasattr(data, "__dataframe__")


def data_on(model: Model, folder: Path, where: str) -> Dataset:
    """Data for the model of a run: a table is read as the one that it was trained on."""
    if model.origin is None or not is_table(where):
        return load_data(where)
    reading = model.origin.reading
    if (folder / FILE).is_file() and read_plan(folder).data == address_of(where):
        return load_data(where, **reading.values())  # its test part is known then
    from lamina.data.tables.table import Known, load_table

    plain = Reading(**{**reading.values(), "files": (), "test": None, "group": None, "time": None})
    return load_table(where, plain, Known(model.origin.fields, model.classes, model.parts))
