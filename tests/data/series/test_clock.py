"""The steps of a series."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.data.series.clock import Clock, clock_of
from lamina.data.tables import dates


def seconds(*days: str) -> np.ndarray:
    return dates.moments(list(days), "")


@pytest.mark.parametrize(
    ("times", "clock", "following"),
    [
        (("2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 03:00", "2024-01-01 04:00"), Clock("seconds", 3600.0), ["2024-01-01 05:00:00", "2024-01-01 06:00:00"]),
        (("2024-02-27", "2024-02-28"), Clock("seconds", 86400.0), ["2024-02-29", "2024-03-01"]),
        (("2023-11-15", "2023-12-15", "2024-01-15"), Clock("months", 1.0, day=14.0), ["2024-02-15", "2024-03-15"]),
        (("2023-10-31", "2023-11-30", "2023-12-31"), Clock("months", 1.0, month_end=True, day=30.0), ["2024-01-31", "2024-02-29"]),
        (("2023-01-01", "2023-04-01", "2023-07-01"), Clock("months", 3.0), ["2023-10-01", "2024-01-01"]),
        (("2019-01-01", "2020-01-01", "2021-01-01"), Clock("months", 12.0), ["2022-01-01", "2023-01-01"]),
        (("2024-01-01", "2024-01-29", "2024-02-26"), Clock("seconds", 28 * 86400.0), ["2024-03-25", "2024-04-22"]),
    ],
)  # fmt: skip
def test_a_clock_goes_on_as_the_times_did(times: tuple[str, ...], clock: Clock, following: list[str]) -> None:
    found = clock_of(seconds(*times), dated=True)
    assert found == clock
    assert [found.text(time) for time in found.after(float(seconds(*times)[-1]), 2)] == following


def test_numbers_that_differ_by_rounding_are_one_step() -> None:
    clock = clock_of(np.arange(7) * 0.1, dated=False)
    assert clock == Clock("number", 0.1)
    assert [clock.text(time) for time in clock.after(0.6, 2)] == ["0.7", "0.8"]


@pytest.mark.parametrize(
    ("clock", "season", "told"),
    [
        (Clock("seconds", 600.0), 144, "10 minutes"),
        (Clock("seconds", 604_800.0), 52, "1 week"),
        (Clock("seconds", 1.0), None, "1 second"),
        (Clock("months", 12.0), None, "12 months"),
        (Clock("number", 0.5), None, "0.5"),
        (Clock(), None, "1 row"),
    ],
)
def test_a_season_is_a_day_a_week_or_a_year_of_several_steps(clock: Clock, season: int | None, told: str) -> None:
    assert clock.season() == season
    assert clock.told() == told
