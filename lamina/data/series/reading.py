"""How a series is read: what the user says of it, and what is assumed where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from lamina.data.tables.reading import Reading, as_reading
from lamina.settings import Count
from lamina.word import Saying


class SeriesReading(Saying):
    """How a series becomes windows of the past, each with the steps that follow it.

    Args:
        horizon: how many steps are forecast.
        context: how many steps before them are looked at; None for twice the horizon and at least 96, but no more than
            a quarter of the series.
        gaps: what becomes of steps without a row, and of blank cells: "fill" carries the last value forward, "refuse"
            does not, "ignore" takes the rows as they follow each other, whatever their times (and fills blanks).
    """

    horizon: Count
    context: Count | None = None
    gaps: Literal["fill", "refuse", "ignore"] = "fill"

    def to_json(self) -> dict[str, Any]:
        """What was said, as TOML and JSON keep it: what is as it would be anyway is left out."""
        defaults = {setting.name: setting.default for setting in self.settings()}
        return {name: value for name, value in self.values().items() if value != defaults[name]}


SERIES_SETTINGS = tuple(setting.name for setting in SeriesReading.settings())

COLUMN_SETTINGS = ("target", "files", "kinds", "time", "names", "header", "delimiter", "encoding", "blanks", "skip_bad")
"""Those of a table that say something of a series too."""


def as_series_reading(asked: Mapping[str, Any]) -> tuple[SeriesReading, Reading]:
    """What is said of a series, and of the table that it stands in.

    Raises:
        SentenceError: naming every mistake.

    >>> as_series_reading({"horizon": 24, "target": "load"})
    (SeriesReading(24), Reading(('load',)))
    """
    series = {name: value for name, value in asked.items() if name in SERIES_SETTINGS}
    return SeriesReading(**series), as_reading({name: value for name, value in asked.items() if name not in series})
