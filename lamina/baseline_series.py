"""What a forecast has to beat: that nothing changes, that all comes again, and a linear map of the past."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import cast

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.series.sliding import Sliding
from lamina.data.split import Parts
from lamina.layers.standardize import moments
from lamina.metrics import ForecastTally, Measure

ROWS = 1024
"""Windows looked at together."""

Answer = Callable[[Int64[Tensor, " B"]], Float[Tensor, "B V"]]
"""From windows to the values that follow them."""


def simple_forecasts(
    dataset: Dataset, parts: Parts, rows: Int64[Tensor, " N"]
) -> dict[str, tuple[dict[str, Measure], int]]:
    """The measures of simple forecasts on the test part, by name, and how many windows each was made from.

    Args:
        dataset: the windows of a series.
        parts: its rows.
        rows: those of the training part that the linear map is fitted to.
    """
    return {
        name: (measured(dataset, parts, answer), len(rows) if name == "linear" else 0)
        for name, answer in answers_of(dataset, rows).items()
    }


def answers_of(dataset: Dataset, rows: Int64[Tensor, " N"]) -> dict[str, Answer]:
    """Simple forecasts by name, the simplest first.

    "naive" says that every value stays as it is. "seasonal_naive" says that it is as it was one season before, where
    the clock of the series suggests one. "linear" is a ridge regression of each column's steps to come on those of its
    past, both counted from its last value.
    Source: Hyndman and Athanasopoulos 2021, section 5.2; Zeng et al. 2023 (NLinear).

    Args:
        dataset: the windows of a series.
        rows: those that the linear map is fitted to.
    """
    assert dataset.series is not None
    inputs, horizon = cast(Sliding, dataset.inputs), dataset.series.horizon
    found = {"naive": naive(inputs, horizon)}
    season = dataset.series.clock.season()
    if season is not None and season <= inputs.length:
        found["seasonal_naive"] = seasonal(inputs, horizon, season)
    return {**found, "linear": linear(dataset, rows)}


def naive(inputs: Sliding, horizon: int) -> Answer:
    """The last value of each column."""
    return lambda rows: inputs.windows[rows, -1:].expand(-1, horizon, -1).flatten(1)


def seasonal(inputs: Sliding, horizon: int, season: int) -> Answer:
    """The last season again and again: y(t + h) = x(t + h - k s), k the least that lies in the past."""
    places = inputs.length - season + torch.arange(horizon) % season
    return lambda rows: inputs.windows[rows][:, places].flatten(1)


def linear(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Ridge regression for each column, with a penalty of |weights|² T / 10 for T standardised steps."""
    columns, steps = cast(Sliding, dataset.inputs).windows, cast(Sliding, dataset.target).windows
    past, last = centred(columns[rows])
    scale = past.square().mean((0, 2)).sqrt()  # (D,)
    past = past / scale.masked_fill(scale == 0, 1.0)[:, None]
    future = steps[rows].double().transpose(1, 2) - last[:, :, None]  # (N, D, H)
    weights = torch.stack([ridge(past[:, place], future[:, place]) for place in range(past.shape[1])])  # (D, T + 1, H)

    def answer(batch: Int64[Tensor, " B"]) -> Float[Tensor, "B V"]:
        seen, from_there = centred(columns[batch])
        seen = seen / scale.masked_fill(scale == 0, 1.0)[:, None]
        change = torch.einsum("bdt,dth->bdh", with_one(seen), weights)
        found: Tensor = (change + from_there[:, :, None]).transpose(1, 2).flatten(1)
        return found

    return answer


def centred(windows: Float[Tensor, "B T D"]) -> tuple[Float64[Tensor, "B D T"], Float64[Tensor, "B D"]]:
    """Columns counted from their last value, and that."""
    columns = windows.double().transpose(1, 2)
    last = columns[:, :, -1]
    return columns - last[:, :, None], last


def with_one(x: Float64[Tensor, "... T"]) -> Float64[Tensor, "... W"]:
    """A 1 behind the numbers, whose weight is the bias."""
    return torch.cat((x, x.new_ones(*x.shape[:-1], 1)), -1)


def ridge(x: Float64[Tensor, "N T"], y: Float64[Tensor, "N H"]) -> Float64[Tensor, "W H"]:
    """The weights that minimise |y - x w - b|² + T / 10 |w|²; the last row is b."""
    x = with_one(x)
    penalty = torch.full((x.shape[1],), (x.shape[1] - 1) / 10, dtype=x.dtype)
    penalty[-1] = 0.0
    weights: Tensor = torch.linalg.solve(x.T @ x + penalty.diag(), x.T @ y)
    return weights


def measured(dataset: Dataset, parts: Parts, answer: Answer) -> dict[str, Measure]:
    """The measures of forecasts of the windows that test, scaled as the end of a net scales them."""
    assert dataset.series is not None
    _, deviation = moments(dataset.target.gather(rows) for rows in torch.split(parts.train, ROWS))
    deviation = deviation.masked_fill(deviation == 0, 1.0)
    tallies = (
        ForecastTally.of(answer(rows), dataset.target.gather(rows), deviation, dataset.series.horizon)
        for rows in torch.split(parts.test, ROWS)
    )
    return reduce(add, tallies).measures()
