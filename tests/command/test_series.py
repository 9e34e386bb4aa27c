"""A series from the file to the forecast, as a shell would."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import digest

import lamina as la
from lamina.errors import DataError

QUICK = ("--horizon", "3", "--context", "12", "--epochs", "2", "--threads", "1")


def hourly(path: Path, hours: int = 240, first: int = 0) -> Path:
    rows = [
        f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00:00,{10 + 3 * math.sin(hour / 24 * 2 * math.pi) + hour % 7 / 10:.4f},{hour % 5}"
        for hour in range(first, first + hours)
    ]
    path.write_text("\n".join(["when,load,shift", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with load.csv and a run on it."""
    folder = tmp_path_factory.mktemp("series")
    path = hourly(folder / "load.csv")
    la.train(
        None, path, horizon=3, context=12, epochs=2, threads=1, out=folder / "run", display=None, say=lambda text: None
    )
    return folder


def test_training_says_what_it_sees_and_compares_with_simple_forecasts(command: Any, within: Path) -> None:
    hourly(within / "load.csv")
    said = command("train", "load.csv", *QUICK)
    assert said.code == 0, said.err
    assert "240 steps of 1 hour of 2 columns: 3 are forecast from the 12 before them" in said.err
    assert "Forecast(init='zeros')" in said.err
    assert [line.split()[1] for line in said.out.splitlines() if "baseline" in line] == ["naive:", "linear:"]
    assert Path("runs/load-1/run.toml").read_text().endswith("[series]\nhorizon = 3\ncontext = 12\n")


def test_a_run_is_done_again_from_its_file(command: Any, within: Path) -> None:
    hourly(within / "load.csv")
    assert command("train", "load.csv", *QUICK, "--target", "load", "--out", "one").code == 0
    assert command("train", "one/run.toml", "--out", "again").code == 0
    assert digest(Path("one")) == digest(Path("again"))


def test_what_follows_the_file_is_forecast_with_its_times(command: Any, trained: Path) -> None:
    said = command("predict", trained / "run", trained / "load.csv")
    assert said.code == 0, said.err
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["time"] for row in rows] == ["2024-01-11", "2024-01-11 01:00:00", "2024-01-11 02:00:00"]
    assert list(rows[0]) == [
        "time",
        "prediction_load",
        "low_load",
        "high_load",
        "prediction_shift",
        "low_shift",
        "high_shift",
    ]
    assert all(float(row["low_load"]) < float(row["prediction_load"]) < float(row["high_load"]) for row in rows)
    as_json = command("predict", trained / "run", trained / "load.csv", "--json").out.splitlines()
    assert json.loads(as_json[0])["prediction_load"] == float(rows[0]["prediction_load"])


def test_a_forecast_in_python_is_that_of_the_last_steps(trained: Path) -> None:
    model = la.load(trained / "run")
    dataset = la.load_data(trained / "load.csv", horizon=3, context=12)
    values = torch.cat((dataset.inputs.values, dataset.target.values[-3:]))
    one, other = model.forecast(trained / "load.csv"), model.forecast(values)
    assert torch.equal(one.value, other.value)
    assert other.times == ("1", "2", "3")


def test_the_own_test_part_is_measured_as_it_was_in_training(command: Any, trained: Path) -> None:
    own = json.loads(command("evaluate", trained / "run", trained / "load.csv", "--json").out)
    run = la.Run(trained / "run")
    assert own["measures"]["scaled_squared_error"]["value"] == pytest.approx(run.test["scaled_squared_error"].value)
    later = hourly(trained / "later.csv", 60, first=240)
    assert json.loads(command("evaluate", trained / "run", later, "--json").out)["examples"] == 60 - 15 + 1


def test_the_data_are_described(command: Any, trained: Path) -> None:
    said = command("data", trained / "load.csv", "--horizon", "3", "--context", "12")
    assert said.code == 0, said.err
    assert "when: tells the time; --time names another column" in said.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("when,load,shift\n" + "".join(f"2024-01-0{d},{d * d},{d % 2}\n" for d in range(1, 10)), "expected at least 12 steps, which are looked at, got 9"),
        ("when,load,shift\n" + "".join(f"2024-01-{d},{d * d},{d % 2}\n" for d in range(10, 30)), "expected steps of 1 hour, as the model was trained on, got 1 day; bring the series to these steps"),
        ("when,laod\n2024-01-01,1\n2024-01-02,4\n", "there is no column 'load'; did you mean 'laod'?"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_the_model_is_refused(
    command: Any, trained: Path, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    said = command("predict", trained / "run", path)
    assert (said.code, said.err) == (2, f"lamina: {path}: {message}\n")


def test_a_model_of_a_series_wants_a_file_and_others_forecast_nothing(command: Any, trained: Path, iris: Path) -> None:
    said = command("predict", trained / "run")
    assert said.code == 2
    assert "a model of a series forecasts what follows a file; name it" in said.err
    with pytest.raises(DataError, match=r"the model was trained on no series; it takes Vector\(4\)"):
        la.load(iris).forecast("load.csv")
    with pytest.raises(
        DataError,
        match=r"expected at least 12 steps of 2 finite numbers \('load, shift'\), got an array of shape \(5, 2\)",
    ):
        la.load(trained / "run").forecast(torch.zeros(5, 2))


@pytest.mark.parametrize(
    ("name", "value"), [("columns", []), ("horizon", 0), ("clock", {"unit": "years"}), ("table", None)]
)
def test_a_damaged_model_is_refused(trained: Path, elsewhere: Any, name: str, value: object) -> None:
    folder = elsewhere(trained / "run")
    path = folder / "model" / "model.json"
    description = json.loads(path.read_text())
    description["series"][name] = value
    path.write_text(json.dumps(description))
    with pytest.raises(DataError) as error:
        la.load(folder)
    assert str(error.value) == f"{path}: series is not as lamina writes it: {name}={value!r}; train the model anew"
