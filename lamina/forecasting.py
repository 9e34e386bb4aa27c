"""Forecasts: what a model of a series says of the steps that follow it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lamina.data.series.load import read_series
from lamina.data.series.origin import SeriesOrigin
from lamina.data.series.reading import as_series_reading
from lamina.errors import DataError, shown
from lamina.kinds import Padded
from lamina.net import Net


class Forecasted(NamedTuple):
    """The H steps that follow a series of D columns, and between what 90 % of such steps lie.

    Attributes:
        times: of the steps, as people write them; of an array how many steps they are ahead.
        columns: the names of the columns.
        value: what is expected.
        low: the lower end of each interval.
        high: the upper end.
        notes: what was done to read the series, a sentence each.
    """

    times: tuple[str, ...]
    columns: tuple[str, ...]
    value: Float[Tensor, "H D"]
    low: Float[Tensor, "H D"]
    high: Float[Tensor, "H D"]
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each step: its time, and value, low and high of each column."""
        for time, value, low, high in zip(self.times, *(x.tolist() for x in self[2:5]), strict=True):
            row: dict[str, Any] = {"time": time}
            for name, *numbers in zip(self.columns, value, low, high, strict=True):
                tail = "" if len(self.columns) == 1 else f"_{name}"
                parts = zip(("prediction", "low", "high"), numbers, strict=True)
                row |= {
                    f"{part}{tail}": float(f"{number:.9g}") if np.isfinite(number) else None for part, number in parts
                }
            yield row


def forecast(net: Net, origin: SeriesOrigin | None, data: Any) -> Forecasted:
    """The steps that follow a series.

    Args:
        net: a net of windows.
        origin: the series that it was trained on.
        data: a path, a frame, or an array (steps, columns) whose last steps are looked at.

    Raises:
        DataError: if there is no such origin, or the series is too short or of other steps.
    """
    if origin is None:
        raise DataError(f"the model was trained on no series; it takes {net.given}")
    if isinstance(data, Tensor | np.ndarray | list):
        values, notes = array_of(data, origin), tuple[str, ...]()
        times = [f"{step}" for step in range(1, origin.horizon + 1)]
    else:
        values, times, notes = read_on(data, origin)
    window = torch.from_numpy(np.ascontiguousarray(values[-origin.context :], np.float32))[None]
    device = next((tensor.device for tensor in net.parameters()), window.device)
    seen = Padded(window.to(device), torch.ones(window.shape[:2], dtype=torch.bool, device=device))
    answer = net.predict(seen)
    if not hasattr(answer, "high"):
        raise DataError(f"a net that ends with {net.end} does not forecast numbers")
    value, low, high = (part.cpu().view(origin.horizon, -1) for part in (answer.value, answer.low, answer.high))
    return Forecasted(tuple(times), origin.columns, value, low, high, notes)


def read_on(data: Any, origin: SeriesOrigin) -> tuple[Any, list[str], tuple[str, ...]]:
    """The steps of a file or a frame, the times of those that follow, and what was done to read it."""
    read = read_series(data, *as_series_reading(origin.settled()))
    values, clock = read.steps.values, read.steps.clock
    if len(values) < origin.context:
        raise DataError(
            f"{read.name}: expected at least {origin.context} steps, which are looked at, got {len(values):,}"
        )
    if (clock.unit, clock.step) != (origin.clock.unit, origin.clock.step):
        raise DataError(
            f"{read.name}: expected steps of {origin.clock.told()}, as the model was trained on, got {clock.told()};"
            " bring the series to these steps"
        )
    return values, [clock.text(time) for time in clock.after(read.steps.last, origin.horizon)], read.steps.notes


def array_of(data: Any, origin: SeriesOrigin) -> Any:
    """An array of steps as the model takes it; of one column it may come without that axis."""
    values = np.asarray(data.cpu() if isinstance(data, Tensor) else data, np.float32)
    if values.ndim == 1 and len(origin.columns) == 1:
        values = values[:, None]
    fits = values.ndim == 2 and values.shape[1] == len(origin.columns) and len(values) >= origin.context
    if not fits or not np.isfinite(values).all():
        raise DataError(
            f"expected at least {origin.context} steps of {len(origin.columns)} finite numbers"
            f" ({shown(', '.join(origin.columns))}), got an array of shape {values.shape}"
        )
    return values
