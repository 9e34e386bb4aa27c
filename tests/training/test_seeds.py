"""The same plan under several seeds."""

from __future__ import annotations

import math
import signal
import statistics
from pathlib import Path

import pytest
from runs import NET, equal, final, small, stopping_at

import lamina as la
from lamina.errors import RunError
from lamina.training.machine import Interrupted
from lamina.training.seeds import train_seeds
from lamina.training.several import mean_of

SHORT = {"steps": 3, "threads": 1}


def test_seeds_differ_in_their_weights_and_share_their_test_part(tmp_path: Path) -> None:
    seeds = train_seeds(NET, small(), 3, out=tmp_path / "seeds", seed=7, **SHORT)
    assert [run.folder.name for run in seeds.runs] == ["seed-7", "seed-8", "seed-9"]
    assert [run.plan.seed for run in seeds.runs] == [7, 8, 9]
    assert not equal(final(seeds.runs[0].folder), final(seeds.runs[1].folder))
    assert seeds.runs[0].result["baseline"] == seeds.runs[1].result["baseline"]
    values = [run.test["log_loss"].value for run in seeds.runs]
    mean, low, high = seeds.test()["log_loss"]
    assert mean == pytest.approx(statistics.fmean(values))
    half = 4.302653 * statistics.stdev(values) / math.sqrt(3)  # Student's t with 2 degrees of freedom, from a table
    assert (low, high) == pytest.approx((mean - half, mean + half))
    summary = seeds.summary()
    assert list(summary) == ["net", "parameters", "steps", "baseline", "run", "seconds", "test", "runs"]
    assert summary["run"] == str(tmp_path / "seeds")
    assert summary["seconds"] == pytest.approx(sum(run.result["seconds"] for run in seeds.runs))
    assert str(seeds).splitlines()[0] == f"seed 7: {seeds.runs[0].test}"
    assert str(seeds).splitlines()[3] == f"mean accuracy {seeds.test()['accuracy']}"


def test_one_seed_is_a_plain_run_in_the_folder_itself(tmp_path: Path) -> None:
    seeds = train_seeds(NET, small(), 1, out=tmp_path / "one", seed=7, **SHORT)
    assert seeds.folder == tmp_path / "one"
    assert equal(final(seeds.folder), final(la.train(NET, small(), out=tmp_path / "same", seed=7, **SHORT).folder))
    mean, low, high = seeds.test()["log_loss"]
    assert mean == seeds.runs[0].test["log_loss"].value
    assert math.isnan(low)
    assert math.isnan(high)
    assert seeds.summary()["test"]["log_loss"] == {"value": mean, "low": None, "high": None}


def test_an_interval_over_two_equal_values_is_a_point() -> None:
    assert mean_of([0.5, 0.5]) == (0.5, 0.5, 0.5)


def test_no_seed_is_refused() -> None:
    with pytest.raises(RunError) as error:
        train_seeds(NET, small(), 0)
    assert str(error.value) == "seeds must be at least 1, got seeds=0"


def test_mistakes_are_found_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="batch must be"):
        train_seeds(NET, small(), 2, out=tmp_path / "seeds", batch=0, **SHORT)
    assert not (tmp_path / "seeds").exists()


def test_a_signal_stops_the_seeds_that_were_still_to_come(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as error:
        train_seeds(NET, small(), 3, out=tmp_path / "seeds", display=stopping_at(3), **SHORT)
    assert error.value.exit_code == 128 + signal.SIGTERM
    assert [each.name for each in (tmp_path / "seeds").iterdir()] == ["seed-0"]
