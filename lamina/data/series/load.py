"""From a file with a series to a dataset of windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lamina.data.dataset import Dataset
from lamina.data.series.columns import Columns, columns_of
from lamina.data.series.origin import SeriesOrigin
from lamina.data.series.reading import SeriesReading, as_series_reading
from lamina.data.series.sliding import Sliding
from lamina.data.series.steps import Steps, regular
from lamina.data.tables.collect import collect
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import open_source
from lamina.errors import DataError
from lamina.kinds import Sequence, Value

LEAST_CONTEXT = 96
"""Steps that a window has unless it is said, or the series is short: four days of hours, or eight years of months."""

QUARTER = 4

LEAST_ROWS = 2
"""Between which there is a step."""


class Read(NamedTuple):
    """A series as it was read.

    Attributes:
        name: what the user called it.
        columns: what the file says, row by row.
        steps: the same, step by step.
        notes: all that is to be said of it.
    """

    name: str
    columns: Columns
    steps: Steps
    notes: tuple[str, ...]


def read_series(data: Any, reading: SeriesReading, table: Reading) -> Read:
    """A series at regular steps.

    Args:
        data: a path, or a frame of pandas, polars or arrow.
        reading: what the user says of it.
        table: what the user says of the table that it stands in.

    Raises:
        DataError: if it cannot be read, or cannot be brought to regular steps.
    """
    collected = collect(open_source(data, table), table)
    if collected.rows < LEAST_ROWS:
        raise DataError(f"{collected.name}: expected a series of at least {LEAST_ROWS} rows, got {collected.rows}")
    columns = columns_of(collected, table)
    if table.time is None and columns.times.column is not None and not columns.times.dated:
        # All digits of a time count, which those of a column of numbers need not.
        return read_series(data, reading, Reading(**{**table.values(), "time": columns.times.column}))
    name = str(data) if isinstance(data, str | Path) else "frame"
    steps = regular(name, columns, reading.gaps, collected.where)
    return Read(name, columns, steps, (*collected.notes, *collected.skipped, *columns.notes, *steps.notes))


def load_series(data: Any, asked: dict[str, Any]) -> Dataset:
    """The windows of a series: each is given as a `Sequence`, and the steps that follow it are its `Value`.

    Window i begins with step i, and its time is that of the first step that it is to predict. So the past trains and
    the future tests, and between parts as many windows are left out as would reach into both (`Dataset.reach`). What a
    window looks at may lie in an earlier part: when the forecast is made, it is known.

    Args:
        data: a path, or a frame of pandas, polars or arrow.
        asked: the settings of `SeriesReading`, and those in `COLUMN_SETTINGS` of the table that it stands in.

    Raises:
        DataError: if it cannot be read, or is too short.
    """
    reading, table = as_series_reading(asked)
    table = table.anywhere()
    read = read_series(data, reading, table)
    steps, horizon = len(read.steps.values), reading.horizon
    context = reading.context or context_for(steps, horizon)
    if steps < context + horizon:
        raise DataError(
            f"{read.name}: expected at least context + horizon = {context} + {horizon} steps, got {steps:,};"
            " forecast fewer, or look at fewer before them"
        )
    width = len(read.columns.names)
    values = torch.from_numpy(read.steps.values)
    origin = SeriesOrigin(
        read.columns.names, context, horizon, read.steps.clock, read.columns.times.column, reading, table
    )
    inputs = Sliding(values[: steps - horizon], Sequence(width), length=context)
    dataset = Dataset(
        read.name,
        inputs,
        Sliding(values[context:], Value(horizon * width), length=horizon),
        time=torch.arange(len(inputs), dtype=torch.float64),
        reach=horizon - 1,
        series=origin,
    )
    return replace(dataset, series=replace(origin, notes=(*read.notes, told(origin, steps))))


def context_for(steps: int, horizon: int) -> int:
    """The steps of a window where nothing is said of it."""
    return max(1, min(max(2 * horizon, LEAST_CONTEXT), steps // QUARTER))


def told(origin: SeriesOrigin, steps: int) -> str:
    """What becomes of a series."""
    what = f"{len(origin.columns)} column{'s' * (len(origin.columns) > 1)}"
    season = origin.clock.season()
    again = "" if season is None else f"; what comes again is sought after {season} steps ({origin.clock.told(season)})"
    return (
        f"{steps:,} steps of {origin.clock.told()} of {what}: {origin.horizon} are forecast from the {origin.context}"
        f" before them{again}"
    )
