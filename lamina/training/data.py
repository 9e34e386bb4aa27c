"""A run's data: what the plan calls it, and which of it the run has not seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.named import (
    PICTURE_SETTINGS,
    TABLE_SETTINGS,
    TEXT_SETTINGS,
    are_pictures,
    check_effect,
    load,
    read_table,
)
from lamina.data.pictures.folder import is_picture_folder
from lamina.data.series.reading import COLUMN_SETTINGS, SERIES_SETTINGS
from lamina.data.sets import NAMED
from lamina.data.sources.arrays import from_arrays
from lamina.data.split import Parts, fingerprint, split
from lamina.data.tables.source import is_table, paths_of
from lamina.data.text.apart import shares_of
from lamina.data.text.reading import FILE_SETTINGS
from lamina.data.text.which import text_form
from lamina.end import End, Sum
from lamina.errors import DataError, RunError
from lamina.sentence import read
from lamina.stage import Stage, links
from lamina.training.kept_reading import taught_by
from lamina.training.labels import labelled
from lamina.training.plan import FILE, Plan, noted, read_plan

READING = tuple(dict.fromkeys((*TABLE_SETTINGS, *PICTURE_SETTINGS, *SERIES_SETTINGS, *TEXT_SETTINGS)))
"""What can be said of how data is read."""

HELD_OUT = 0.05
"""The share of a text that validates, and that tests, where nothing is said."""

ARRAYS = "arrays"
"""What a plan calls data that was passed from Python."""


def parts_of(dataset: Dataset, plan: Plan) -> Parts:
    """The rows of a dataset that train, validate and test by a plan; of few labels, those that train are few."""
    parts = all_parts_of(dataset, plan)
    if plan.labels is None:
        return parts
    return parts._replace(train=labelled(dataset, parts.train, plan.labels, plan.split_seed))


def all_parts_of(dataset: Dataset, plan: Plan) -> Parts:
    """The parts by a plan with all rows, also those whose labels it does not use."""
    return split(dataset, plan.valid, plan.test, plan.split_seed, plan.fold, plan.folds)


def same_data(folder: Path, dataset: Dataset, known: object) -> None:
    """Refuse to go on with a run on other data than those of which it noted this fingerprint, if it noted one.

    Raises:
        RunError: naming the data.
    """
    if known is not None and known != fingerprint(dataset):
        raise RunError(f"{folder}: {dataset.name} is not the data that this run began with; bring that back")


def test_rows(folder: Path, dataset: Dataset) -> Tensor:
    """The rows of a dataset to measure a model on: those that its run has not seen, and of others their own test part.

    Data without a test part of its own, on which the model was not trained, is measured as a whole.

    Raises:
        DataError: if the run was trained on data of that name with other content, of which some may be in this.
    """
    run = run_of(folder)
    others = torch.arange(len(dataset)) if dataset.test is None else dataset.test
    if run is None:
        return others
    plan = read_plan(run)
    if trained_on(run, dataset):
        return parts_of(dataset, plan).test
    if plan.data == address(dataset):
        raise DataError(f"{dataset.name} has changed since {folder} was trained on it; bring that back, or use --all")
    if is_table(dataset.name) and set(files_of(dataset.name)) & trained_files(run, plan):
        raise DataError(
            f"{dataset.name} is among the files that {folder} was trained on; name all of them to measure their test"
            " part, or use --all"
        )
    return others


def files_of(name: str) -> list[Path]:
    """The files of a table, from the root."""
    return [path.resolve() for path in paths_of(name)]


def trained_files(run: Path, plan: Plan) -> set[Path]:
    """The files that a run was trained on, those that are still there."""
    further = (*noted(run, "table").get("files", ()), *noted(run, "series").get("files", ()))
    names = [plan.data, *further] if is_table(plan.data) else []
    found: set[Path] = set()
    for name in names:
        with suppress(DataError):
            found.update(files_of(name))
    return found


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


def restores(net: object) -> bool:
    """Whether a net, as words or as text, ends in what gives back the input, so that data needs no target for it."""
    stage = net if isinstance(net, Stage) else read(net)[0] if isinstance(net, str) else None
    end = links(stage)[-1] if isinstance(stage, Stage) else None
    return isinstance(end, End) and end.restores


def packing(net: object) -> Literal["windows", "pairs"] | None:
    """What an example is of a text for a net, as words or as text, that fills in what is hidden; None for others."""
    stage = net if isinstance(net, Stage) else read(net)[0] if isinstance(net, str) else None
    end = links(stage)[-1] if isinstance(stage, Stage) else None
    if not isinstance(end, End) or not end.fills:
        return None
    return "pairs" if isinstance(end, Sum) else "windows"


def data_for(
    data: Any, settings: dict[str, Any], say: Callable[[str], object] | None = None, net: object = None
) -> tuple[Dataset, dict[str, Any]]:
    """The dataset that the user means, and those settings that do not say how it is read.

    Args:
        data: a dataset already, a name, a path, a pair of arrays, or a frame.
        settings: some of `Reading` or `PictureReading` among others. `test` is one of them where it is no share but a
            file.
        say: takes what was assumed and decided, if the data are read here.
        net: what is to learn from them, if it is known and not among the settings: a table needs no target for one that
            gives back its input.
    """
    asked = {name: settings[name] for name in READING if asks(name, settings)}
    others = {name: value for name, value in settings.items() if name not in (*asked, "cut")}
    if isinstance(data, str | Path) and (form := text_form(str(data), asked.get("files", ()), asked.get("target"))):
        # What a text is read into follows from how it is cut: its vocabulary is learned from what trains.
        usual = {setting.name: setting.default for setting in Plan.settings() if setting.name in FILE_SETTINGS}
        others = (usual if form == "questions" else {"valid": HELD_OUT, "test": HELD_OUT}) | others
        asked["cut"] = (others["valid"], others["test"], others.get("split_seed", 0))
        if (packed := packing(net or settings.get("net"))) is not None:
            asked["packed"] = packed
        if "cut" in settings and any(name in asked for name in FILE_SETTINGS):
            asked["cut"] = settings["cut"]  # of a run that is done again: its own shares are those of windows
    elif is_frame(data) or (isinstance(data, str | Path) and is_table(str(data))):
        # It may be a table of texts, of which the same is true.
        shares = {setting.name: setting.default for setting in Plan.settings()} | others
        asked["cut"] = (shares["valid"], shares["test"], shares["split_seed"])
        if "cut" in settings and "valid" in asked:
            asked["cut"] = settings["cut"]  # as above
        listed = isinstance(data, str | Path) and are_pictures(str(data))
        if not (listed or "target" in asked or "horizon" in asked) and restores(net or settings.get("net")):
            asked["inputs_only"] = True
    elif restores(net or settings.get("net")) and isinstance(data, str | Path) and is_picture_folder(Path(data)):
        asked["inputs_only"] = True
    if isinstance(data, Dataset):
        if asked:
            raise DataError(f"{', '.join(asked)} would say how data is read, but this is a dataset already")
        return data, others
    if "start" in others and (taught := taught_by(str(others["start"]))) is not None and "cut" in asked:
        asked["taught"] = taught
        if taught.reading.packed is not None and not (net or settings.get("net")) and is_running(data, asked):
            asked["packed"] = taught.reading.packed
    dataset = as_dataset(data, asked, say)
    others |= shares_of(dataset)  # where texts that validate and test are in files of their own
    if say is not None:
        for text in notes_on(dataset):
            say(text)
    return dataset, others


def is_running(data: Any, asked: dict[str, Any]) -> bool:
    """Whether data is one long text."""
    files, target = asked.get("files", ()), asked.get("target")
    return isinstance(data, str | Path) and text_form(str(data), files, target) == "running"


def notes_on(dataset: Dataset) -> tuple[str, ...]:
    """What was assumed, decided and found when a dataset was read, a sentence each."""
    known = (dataset.origin, dataset.pictures, dataset.series, dataset.text)
    return next((each.notes for each in known if each is not None), ())


def asks(name: str, settings: dict[str, Any]) -> bool:
    """Whether settings say this of how data is read."""
    is_share = name in FILE_SETTINGS and isinstance(settings.get(name), float | int)
    return settings.get(name) is not None and not is_share


def load_data(data: Any, **reading: Any) -> Dataset:
    """The dataset that is meant: a named set, a path, a frame of pandas, polars or arrow, or a pair of arrays.

    Args:
        data: what is meant.
        reading: how it is read: the settings of `Reading` for a table, which needs the target, and of `PictureReading`
            for pictures.

    Raises:
        DataError: if it is none of these, or cannot be read or fetched.

    >>> load_data("iris").features[0]
    'sepal length (cm)'
    """
    return as_dataset(data, reading)


def as_dataset(data: Any, asked: dict[str, Any] | None = None, say: Callable[[str], object] | None = None) -> Dataset:
    """The dataset that the user means: a name or path, a pair of arrays, a frame, or a dataset already.

    Args:
        data: what is meant.
        asked: how it is read: the settings of `Reading` for a table, of `PictureReading` for pictures.
        say: takes what people should know while they wait, a sentence each.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (str, Path)):
        return load(str(data), say, **(asked or {}))
    if is_frame(data):
        if "horizon" in (asked or {}):
            from lamina.data.series.load import load_series

            said = {name: value for name, value in (asked or {}).items() if name != "cut"}
            check_effect("this", said, (*SERIES_SETTINGS, *COLUMN_SETTINGS), "a series")
            return load_series(data, said)
        said = dict(asked or {})
        return read_table("this", data, said.pop("cut", None), said, said.pop("taught", None))
    if isinstance(data, tuple) and len(data) == 2:
        if asked:
            raise DataError(f"{', '.join(asked)} would say how data is read, but these are arrays; leave them out")
        return from_arrays(*data)
    if isinstance(data, np.ndarray | torch.Tensor):
        return from_arrays(data)
    raise DataError(
        f"data must be a name, a path, a frame, or a pair (inputs, target) of arrays, got {type(data).__name__}"
    )


def is_frame(data: Any) -> bool:
    """Whether this is a table in memory: of arrow, pandas, polars, or a dict of columns."""
    return isinstance(data, dict) or hasattr(data, "__arrow_c_stream__") or hasattr(data, "__dataframe__")


def run_of(folder: Path) -> Path | None:
    """The run of a folder that is one, or that is the model of one."""
    return next((run for run in (folder, folder.parent) if (run / FILE).is_file()), None)
