"""Datasets of large tables, kept in the cache: their tensors are files that are mapped to memory."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.data.dataset import Column, Dataset, Part
from lamina.data.fetch import cache
from lamina.data.tables.origin import origin_in
from lamina.errors import DataError
from lamina.kinds import Kind
from lamina.sentence import parse_as

FORMAT = 1
FILE = "dataset.json"
DRAFT = ".draft-"


def place_of(key: str) -> Path:
    """The folder in the cache for what `key` stands for: a table's files and how it is read."""
    return cache() / "tables" / blake2b(f"{FORMAT}\x1f{key}".encode(), digest_size=12).hexdigest()


def draft_of(place: Path) -> Path:
    """A folder, made and empty, in which a dataset is prepared that will be kept at `place`.

    Raises:
        DataError: if the cache cannot be written.
    """
    draft = place.with_name(f"{place.name}{DRAFT}{os.getpid()}")
    try:
        for left in place.parent.glob(f"*{DRAFT}*"):
            if not alive(left.name.rpartition(DRAFT)[2]):
                shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
    except OSError as error:
        raise DataError(f"{draft}: cannot be written ({error.strerror}); set LAMINA_CACHE to another folder") from None
    return draft


def alive(process: str) -> bool:
    """Whether a process of this number is running, as far as can be told."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def keep(dataset: Dataset, draft: Path, place: Path) -> Dataset:
    """Keep a dataset that was prepared in `draft`.

    Returns:
        The same, mapped to memory.

    Raises:
        DataError: if the disk fails or is full; nothing is left behind then.
    """
    tensors = tensors_of(dataset)
    assert dataset.origin is not None
    description = {
        "name": dataset.name,
        "classes": dataset.classes,
        "parts": dataset.parts,
        "features": dataset.features,
        "kinds": [str(dataset.inputs.kind), str(dataset.target.kind)],
        "tensors": {
            name: [str(tensor.dtype).removeprefix("torch."), *tensor.shape] for name, tensor in tensors.items()
        },
        "table": dataset.origin.to_json(),
        "notes": dataset.origin.notes,
    }
    needless = list(draft.iterdir())
    try:
        for name, tensor in tensors.items():
            tensor.numpy().tofile(draft / f"{name}.tensor")
        (draft / FILE).write_text(json.dumps(description, ensure_ascii=False))
        for path in needless:
            path.unlink()
        put(draft, place)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise DataError(
            f"{place}: cannot be kept ({error.strerror}); free space, or set LAMINA_CACHE to another folder"
        ) from None
    return kept(place) or dataset


def put(draft: Path, place: Path) -> None:
    """Give a draft its place, unless another process was first with the same."""
    try:
        draft.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if kept(place) is None:
            shutil.rmtree(place, ignore_errors=True)
            draft.rename(place)


def kept(place: Path) -> Dataset | None:
    """The dataset that is kept at a place, mapped to memory; None if there is none, or it is damaged."""
    try:
        description: dict[str, Any] = json.loads((place / FILE).read_text())
        tensors = {name: mapped(place / f"{name}.tensor", *said) for name, said in description["tensors"].items()}
        given, target = (parse_as(Kind, text) for text in description["kinds"])
        origin = replace(origin_in(description["table"], str(place / FILE)), notes=tuple(description["notes"]))
        return Dataset(
            description["name"],
            Column(tensors["inputs"], given),
            Column(tensors["target"], target),
            classes=tuple(description["classes"]),
            parts=tuple(Part(name, tuple(classes)) for name, classes in description["parts"]),
            features=tuple(description["features"]),
            test=tensors.get("test"),
            group=tensors.get("group"),
            time=tensors.get("time"),
            origin=origin,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def tensors_of(dataset: Dataset) -> dict[str, Tensor]:
    """The tensors of a dataset by name."""
    columns = {"inputs": dataset.inputs.values, "target": dataset.target.values}
    others = {"test": dataset.test, "group": dataset.group, "time": dataset.time}
    return columns | {name: tensor for name, tensor in others.items() if tensor is not None}


def mapped(path: Path, dtype: str, *shape: int) -> Tensor:
    """A file as a tensor: what is looked at is read, what is written to it stays in memory."""
    array = np.memmap(path, dtype, "c", shape=shape)
    if path.stat().st_size != array.nbytes:
        raise ValueError(f"{path} is not {array.nbytes} bytes long")
    return torch.from_numpy(array)
