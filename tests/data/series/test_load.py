"""A series from a file to windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from lamina.data.named import load
from lamina.data.series.load import context_for
from lamina.data.split import split
from lamina.errors import DataError
from lamina.kinds import Sequence, Value
from lamina.training.data import load_data

Write = Callable[..., str]


def daily(*values: object, column: str = "load") -> str:
    """A file of the days of March 2024, one for each value; None leaves a day out."""
    rows = [f"2024-03-{day:02},{value}" for day, value in enumerate(values, 1) if value is not None]
    return "\n".join([f"day,{column}", *rows]) + "\n"


def values_of(path: str, **asked: object) -> list[float]:
    dataset = load(path, **{"horizon": 1, "context": 1, **asked})
    return [*dataset.inputs.values[:, 0].tolist(), dataset.target.values[-1, 0].item()]


def notes_of(path: str, **asked: object) -> tuple[str, ...]:
    dataset = load(path, **{"horizon": 1, "context": 1, **asked})
    assert dataset.series is not None
    return dataset.series.notes


def test_a_window_is_the_past_and_its_target_the_steps_that_follow(write: Write) -> None:
    dataset = load(
        write("when,a,b\n" + "".join(f"2024-01-01 0{h}:00,{h * h},{10 * h}\n" for h in range(7))), horizon=2, context=3
    )
    assert (dataset.inputs.kind, dataset.target.kind, len(dataset)) == (Sequence(2), Value(4), 3)
    rows = torch.tensor([2])
    assert dataset.inputs.gather(rows).values.tolist() == [[[4, 20], [9, 30], [16, 40]]]
    assert dataset.target.gather(rows).tolist() == [[25, 50, 36, 60]]
    assert notes_of("a.csv", horizon=2, context=3) == (
        "when: tells the time; --time names another column",
        "7 steps of 1 hour of 2 columns: 2 are forecast from the 3 before them; what comes again is sought after 24 steps (1 day)",
    )


@pytest.mark.parametrize(
    ("steps", "horizon", "context"), [(10_000, 24, 96), (10_000, 96, 192), (144, 12, 36), (3, 1, 1)]
)
def test_a_window_has_twice_the_horizon_and_at_least_96_steps_unless_the_series_is_short(
    steps: int, horizon: int, context: int
) -> None:
    assert context_for(steps, horizon) == context


def test_rows_are_sorted_by_time_and_it_is_said_how_many_moved(write: Write) -> None:
    path = write("day,load\n2024-03-03,3\n2024-03-02,2\n2024-03-01,7\n2024-03-04,4\n")
    assert values_of(path) == [7, 2, 3, 4]
    assert "sorted by day: 2 of 4 rows stood elsewhere" in notes_of(path)


def test_missing_steps_and_blanks_carry_the_last_value_forward_and_are_counted(write: Write) -> None:
    path = write(daily(5, None, None, 6, "", 7, None, 8))
    assert values_of(path) == [5, 5, 5, 6, 6, 7, 7, 8]
    assert (
        "3 steps of 1 day (37.5%) without a row, at most 2 in a row: the last values are carried forward"
        in notes_of(path)
    )
    assert "load: 1 blank, the last value is carried forward" in notes_of(path)


def test_gaps_that_are_ignored_are_no_steps(write: Write) -> None:
    assert values_of(write(daily(5, None, None, 6, "", 7)), gaps="ignore") == [5, 6, 6, 7]


def test_a_series_begins_where_every_column_has_a_value(write: Write) -> None:
    path = write("t,a,b\n1,7,\n2,8,\n3,9,1\n4,6,2\n5,5,4\n")
    assert values_of(path) == [9, 6, 5]
    assert "the first 2 steps are left out: not every column has a value before" in notes_of(path)


def test_columns_that_are_no_series_are_left_out_and_named(write: Write) -> None:
    path = write("day,row,load,town,fixed\n" + "".join(f"2024-03-0{d},{d},{d * d},Ayr,3\n" for d in range(1, 6)))
    assert notes_of(path)[1:4] == (
        "row: row numbers; left out",
        "town: no numbers; left out",
        "fixed: constant; left out",
    )
    assert "fixed: constant" in notes_of(path, target="fixed")


def test_months_and_row_after_row_are_times_too(write: Write) -> None:
    months = write("month,n\n1949-11,1\n1949-12,4\n1950-01,2\n", "months.csv")
    assert notes_of(months)[-1].startswith("3 steps of 1 month of 1 column")
    plain = write("n,m\n3,7\n1,5\n2,9\n", "plain.csv")
    assert notes_of(plain)[0] == "no column tells the time: rows are taken as they follow each other"
    assert values_of(plain) == [3, 1, 2]


def test_a_frame_is_read_as_a_file_is(write: Write) -> None:
    path = write(daily(*(n * n for n in range(7))))
    frame = pd.DataFrame({"day": pd.date_range("2024-03-01", periods=7), "load": [n * n for n in range(7)]})
    one, other = load(path, horizon=2, context=3), load_data(frame, horizon=2, context=3)
    assert torch.equal(one.inputs.values, other.inputs.values)


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        (daily(5, 2, 3) + "2024-03-02,5\n", {}, "a.csv:5 has the same time as a.csv:3; keep one of each, or make a file of each series"),
        ("day,load\n2024-03-01,5\n,2\n", {"time": "day"}, "a.csv:3: expected a time in column 'day' of every row, got 1 rows without one; fill them or leave these rows out"),
        (daily(5, 2, None, 4, 5), {"gaps": "refuse"}, "a.csv:3: 1 step of 1 day is missing behind 2024-03-02, the first of 1 gaps; add the rows, or let gaps be filled"),
        (daily(5, 2, "", 4, 5), {"gaps": "refuse"}, "a.csv: column 'load' is blank behind 2024-03-02; fill it, or leave --gaps out"),
        (daily(5, 2, 3, *[None] * 25, 4), {}, "a.csv:4: 25 steps of 1 day are missing behind 2024-03-03, and at most 24 in a row are filled; add the rows, train on what comes after, or say --gaps ignore to take rows as they follow each other"),
        (daily(5, 2, 3, *[""] * 25, 4), {}, "a.csv: column 'load' is blank for more than 24 steps behind 2024-03-03; fill it, or leave the column out"),
        ("t,x\n0,1\n1,3\n2,2\n3.5,4\n4.5,1\n", {"time": "t"}, "a.csv:5: expected steps of 1, as between most rows, but 1 of 4 rows lie otherwise, this one 1.5 after the one before; say --gaps ignore to take rows as they follow each other"),
        (daily(5, 2, 3), {"horizon": 2, "context": 3}, "a.csv: expected at least context + horizon = 3 + 2 steps, got 3; forecast fewer, or look at fewer before them"),
        (daily(1), {}, "a.csv: expected a series of at least 2 rows, got 1"),
        (daily(5, 2, 3), {"target": "laod"}, "a.csv: there is no column 'laod'; did you mean 'load'?"),
        ("day,town\n2024-03-01,Ayr\n2024-03-02,Bude\n", {"target": "town"}, "a.csv: expected numbers to forecast in column 'town', but it holds no numbers"),
        (daily(5, 2, 3), {"target": "day"}, "a.csv: column 'day' tells the time and cannot be forecast; leave it out"),
        (daily(3, 3, 3), {}, "a.csv: expected a column of numbers that vary, to be forecast, found none (load: constant; left out)"),
        ("day,load\nsoon,1\nlater,2\n", {"time": "day"}, "a.csv: expected times in column 'day', found neither dates nor numbers; say how it is written, as in --kind 'day=date:%d/%m/%Y', or name another --time"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_cure(
    write: Write, text: str, asked: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError) as error:
        load(write(text), **{"horizon": 1, "context": 1, **asked})
    assert str(error.value) == message


def test_what_is_said_of_a_series_is_refused_where_there_is_none(write: Write) -> None:
    with pytest.raises(
        DataError, match=r"gaps would say how a series is read; for a.csv leave it out, or say its horizon"
    ):
        load(write(daily(5, 2, 3)), gaps="fill", target="load")
    with pytest.raises(
        DataError, match=r"a.npz: expected a series in a table \(.csv, .tsv, .parquet, .jsonl\), as horizon says"
    ):
        load("a.npz", horizon=1)


def test_no_step_is_predicted_in_one_part_and_reached_into_from_another(write: Write) -> None:
    path = write("x\n" + "".join(f"{n * n % 17}\n" for n in range(101)))
    dataset = load(path, horizon=5, context=7)
    parts = split(dataset)
    steps = [{row + 7 + ahead for row in part.tolist() for ahead in range(5)} for part in parts]
    assert len(set.union(*steps)) == sum(map(len, steps))
    assert max(steps[0]) + 1 == min(steps[1])
    assert max(steps[1]) + 1 == min(steps[2])
    assert list(map(len, parts)) == [57, 9, 16]


def test_a_series_too_short_for_its_parts_is_refused(write: Write) -> None:
    dataset = load(write("x\n" + "".join(f"{n * n % 17}\n" for n in range(20))), horizon=5, context=6)
    with pytest.raises(DataError) as error:
        split(dataset)
    assert str(error.value) == (
        "a.csv: expected at least 11 times for train, valid, test, with 4 between two of them, got 10; predict less far, or bring more"
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "horizon", "width", "windows", "unit"),
    [("ETTh1.csv.gz", 24, 7, 17301, "seconds"), ("daily-min-temperatures.csv", 7, 1, 3550, "seconds"), ("monthly-airline-passengers.csv", 12, 1, 97, "months")],
)  # fmt: skip
def test_real_series_are_read(data_folder: Path, name: str, horizon: int, width: int, windows: int, unit: str) -> None:
    dataset = load(str(data_folder / "timeseries" / name), horizon=horizon)
    assert dataset.series is not None
    assert (dataset.inputs.kind, len(dataset), dataset.series.clock.unit) == (Sequence(width), windows, unit)
