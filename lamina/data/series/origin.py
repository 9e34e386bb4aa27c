"""What a dataset remembers of the series that it came from, and a model of how to read another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamina.data.series.clock import UNITS, Clock
from lamina.data.series.reading import SeriesReading, as_series_reading
from lamina.data.tables.reading import Reading
from lamina.errors import DataError, SentenceError, shown


@dataclass(frozen=True)
class SeriesOrigin:
    """The series that windows look at.

    Attributes:
        columns: the names of what is looked at and forecast, in the order of the inputs.
        context: the steps of a window.
        horizon: the steps that are forecast.
        clock: how time goes on.
        time: the column that tells it; None for rows that follow each other.
        reading: what the user said of the series.
        table: what the user said of the table that it stands in.
        notes: what was assumed, decided and found, a sentence each.
    """

    columns: tuple[str, ...]
    context: int
    horizon: int
    clock: Clock
    time: str | None
    reading: SeriesReading
    table: Reading
    notes: tuple[str, ...] = ()

    def settled(self) -> dict[str, Any]:
        """How another file is read just so, whatever may be assumed of it."""
        said = self.table.to_json() | {"target": self.columns}
        said |= {} if self.time is None else {"time": self.time}
        said.pop("files", None)
        return {**said, "horizon": self.horizon, "context": self.context, "gaps": self.reading.gaps}

    def to_json(self) -> dict[str, Any]:
        """What a model keeps."""
        return {
            "columns": list(self.columns),
            "context": self.context,
            "horizon": self.horizon,
            "clock": self.clock.to_json(),
            "time": self.time,
            "reading": self.reading.to_json(),
            "table": self.table.to_json(),
        }


def series_origin_in(written: Any, where: str) -> SeriesOrigin:
    """What `to_json` gave, read from a file that nobody vouches for.

    Raises:
        DataError: if it is damaged.
    """
    expected: dict[str, Any] = {
        "columns": list, "context": int, "horizon": int, "clock": dict, "time": (str, type(None)),
        "reading": dict, "table": dict,
    }  # fmt: skip
    wrong = [name for name, sort in expected.items() if not isinstance(written.get(name, expected), sort)]
    if not wrong:
        clock = written["clock"]
        plain = Clock().to_json()
        fine = {
            "columns": len(written["columns"]) > 0 and all(isinstance(name, str) for name in written["columns"]),
            "context": written["context"] >= 1,
            "horizon": written["horizon"] >= 1,
            "clock": clock.keys() == plain.keys()
            and all(isinstance(clock[name], type(usual)) for name, usual in plain.items())
            and clock["unit"] in UNITS
            and clock["step"] > 0,
        }
        wrong = [name for name, well in fine.items() if not well]
    if wrong:
        came = ", ".join(f"{name}={shown(written.get(name))}" for name in wrong)
        raise DataError(f"{where}: series is not as lamina writes it: {came}; train the model anew")
    try:
        reading, table = as_series_reading({**written["table"], **written["reading"]})
    except SentenceError as error:
        raise DataError(f"{where}: {error}") from None
    names = ("context", "horizon", "time")
    return SeriesOrigin(
        tuple(written["columns"]),
        clock=Clock(**written["clock"]),
        reading=reading,
        table=table,
        **{name: written[name] for name in names},
    )
