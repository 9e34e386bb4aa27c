"""A run's data: what the plan calls it, and which of it the run has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.named import NAMED
from lamina.data.named import load as load_data
from lamina.data.sources.arrays import from_arrays
from lamina.data.split import fingerprint, split
from lamina.errors import DataError
from lamina.training.plan import FILE, noted, read_plan

ARRAYS = "arrays"
"""What a plan calls data that was passed from Python."""


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
        return split(dataset, plan.valid, plan.test, plan.split_seed).test
    if plan.data == address(dataset):
        raise DataError(f"{dataset.name} has changed since {folder} was trained on it; bring that back, or use --all")
    return torch.arange(len(dataset))


def trained_on(folder: Path, dataset: Dataset) -> bool:
    """Whether a run was trained on part of this very data."""
    return bool(noted(folder, "dataset").get("fingerprint") == fingerprint(dataset))


def address(dataset: Dataset) -> str:
    """What a plan calls a dataset so that it is found again from any folder; "arrays" where only its owner has it."""
    if dataset.name in NAMED:
        return dataset.name
    path = Path(dataset.name)
    return str(path.resolve()) if dataset.name != ARRAYS and path.exists() else ARRAYS


def as_dataset(data: Any) -> Dataset:
    """The dataset that the user means: a name or path, a pair of arrays, or a dataset already."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (str, Path)):
        return load_data(str(data))
    if isinstance(data, tuple) and len(data) == 2:
        return from_arrays(*data)
    raise DataError(f"data must be a name, a path, or a pair (inputs, target) of arrays, got {type(data).__name__}")
