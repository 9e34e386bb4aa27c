"""The same plan over several folds."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from runs import NET, equal, final, small, stopping_at

import lamina as la
from lamina.data.named import load
from lamina.errors import DataError, RunError
from lamina.training import data as of_runs
from lamina.training.folds import train_folds
from lamina.training.machine import Interrupted
from lamina.training.plan import Plan
from lamina.training.several import mean_of, train_each

SHORT = {"steps": 3, "threads": 1}


def test_folds_test_every_example_once_and_differ_in_nothing_else(tmp_path: Path) -> None:
    data = small()
    folds = train_folds(NET, data, 3, out=tmp_path / "folds", seed=7, **SHORT)
    assert [run.folder for run in folds.runs] == [tmp_path / "folds" / f"fold-{fold}" for fold in range(3)]
    assert [(run.plan.fold, run.plan.folds, run.plan.seed) for run in folds.runs] == [(0, 3, 7), (1, 3, 7), (2, 3, 7)]
    tested = torch.cat([of_runs.test_rows(run.folder, data) for run in folds.runs])
    assert sorted(tested.tolist()) == list(range(53))
    assert torch.equal(of_runs.test_rows(folds.runs[1].folder, data), of_runs.parts_of(data, folds.runs[1].plan).test)


def test_the_mean_over_folds_comes_with_students_interval_and_beside_the_baselines(tmp_path: Path) -> None:
    folds = train_folds(NET, small(), 3, out=tmp_path / "folds", **SHORT)
    values = [run.test["log_loss"].value for run in folds.runs]
    mean, low, high = folds.test()["log_loss"]
    half = 4.302653 * statistics.stdev(values) / math.sqrt(3)  # Student's t with 2 degrees of freedom, from a table
    assert (mean, low, high) == pytest.approx((statistics.fmean(values), mean - half, mean + half))
    simple = [run.baseline["majority"]["accuracy"].value for run in folds.runs]
    assert folds.baseline()["majority"]["accuracy"].value == pytest.approx(statistics.fmean(simple))
    lines = str(folds).splitlines()
    assert lines[:3] == [f"fold {fold}: {run.test}" for fold, run in enumerate(folds.runs)]
    assert lines[3] == f"mean accuracy {folds.test()['accuracy']}"
    assert lines[6] == f"mean baseline majority: accuracy {folds.baseline()['majority']['accuracy']}"


def test_the_summary_has_the_means_and_every_run(tmp_path: Path) -> None:
    folds = train_folds(NET, small(), 2, out=tmp_path / "folds", **SHORT)
    summary = folds.summary()
    assert list(summary) == ["net", "parameters", "run", "seconds", "test", "runs", "baseline"]
    assert summary["run"] == str(tmp_path / "folds")
    assert summary["seconds"] == pytest.approx(sum(run.result["seconds"] for run in folds.runs))
    assert summary["runs"] == [run.result for run in folds.runs]
    mean = folds.baseline()["majority"]["accuracy"].value
    assert summary["baseline"]["majority"]["accuracy"]["value"] == mean


def test_a_baseline_that_a_fold_lacks_has_no_mean(tmp_path: Path) -> None:
    folds = train_folds(NET, small(), 2, out=tmp_path / "folds", **SHORT)
    del folds.runs[1].result["baseline"]["logistic"]
    assert "majority" in folds.baseline()
    assert "logistic" not in folds.baseline()


def test_a_fold_is_a_run_that_can_be_made_alone_and_gone_on_with(tmp_path: Path) -> None:
    folds = train_folds(NET, small(), 3, out=tmp_path / "folds", **SHORT)
    with pytest.raises(Interrupted):
        la.train(NET, small(), fold=1, folds=3, out=tmp_path / "one", display=stopping_at(2), **SHORT)
    run = la.resume(tmp_path / "one", data=small())
    assert equal(final(run.folder), final(folds.runs[1].folder))
    assert run.test == folds.runs[1].test


def test_a_mean_of_what_is_no_number_is_none_and_has_no_interval() -> None:
    mean, low, high = mean_of([0.5, math.nan, 0.25])
    assert all(map(math.isnan, (mean, low, high)))
    assert mean_of([0.5, math.inf])[0] == math.inf


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"fold": 1}, "give fold and folds together, got fold=1 and folds=None"),
        ({"folds": 3}, "give fold and folds together, got fold=None and folds=3"),
        ({"fold": 3, "folds": 3}, "fold must be below folds=3, got fold=3"),
        (
            {"fold": 0, "folds": 3, "test": 0.3},
            "test has no effect with folds: each fold tests on its share; leave it out",
        ),
    ],
)
def test_a_plan_with_folds_that_do_not_fit_is_refused(tmp_path: Path, asked: dict[str, float], message: str) -> None:
    with pytest.raises(RunError) as error:
        la.train(NET, small(), out=tmp_path / "run", **asked, **SHORT)
    assert str(error.value) == message
    assert not (tmp_path / "run").exists()


def test_with_folds_the_shares_need_not_leave_anything_to_the_unused_one() -> None:
    said = {"data": "iris", "net": NET, "optimizer": "SGD(0.1)", "steps": 1}
    assert Plan(**said, fold=0, folds=2, valid=0.9).valid == 0.9
    with pytest.raises(ValueError, match="valid and test must leave something to train on"):
        Plan(**said, valid=0.9)


def test_mistakes_are_found_before_a_folder_is_made(tmp_path: Path) -> None:
    out = tmp_path / "folds"
    with pytest.raises(RunError) as error:
        train_folds(NET, small(), 1, out=out, **SHORT)
    words = "a whole number at least 2 and at most 2,147,483,647"
    assert str(error.value) == f"the plan: folds must be {words}, got folds=1"
    with pytest.raises(DataError, match="arrays comes with a test part"):
        train_folds(NET, dataclasses.replace(small(), test=torch.arange(9)), 3, out=out, **SHORT)
    with pytest.raises(DataError, match="expected at least 60 distinct inputs, one for each of 60 folds"):
        train_folds(NET, small(), 60, out=out, **SHORT)
    assert not out.exists()


def test_a_signal_stops_the_folds_that_were_still_to_come(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as error:
        train_folds(NET, small(), 3, out=tmp_path / "folds", display=stopping_at(3), **SHORT)
    assert error.value.exit_code == 128 + signal.SIGTERM
    assert [each.name for each in (tmp_path / "folds").iterdir()] == ["fold-0"]


def test_a_signal_between_two_runs_is_told(tmp_path: Path) -> None:
    def folds() -> Iterator[int]:
        yield 0
        os.kill(os.getpid(), signal.SIGTERM)
        yield 1

    with pytest.raises(Interrupted) as error:
        train_each(NET, small(), tmp_path, "fold", folds(), {"folds": 3, **SHORT})
    assert error.value.exit_code == 128 + signal.SIGTERM
    assert str(error.value) == f"stopped by SIGTERM before fold 1; the runs in {tmp_path} that have ended stand"
    assert (tmp_path / "fold-0" / "result.json").exists()
    assert not (tmp_path / "fold-1").exists()


def test_a_folder_of_several_folds_says_which_runs_it_holds(tmp_path: Path) -> None:
    for fold in (0, 1):
        (tmp_path / f"fold-{fold}").mkdir()
    with pytest.raises(RunError) as error:
        la.load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no model: it has no model.json; it holds runs of several folds, name one: "
        f"{tmp_path / 'fold-0'}, {tmp_path / 'fold-1'}"
    )


def test_two_classes_have_their_area_in_every_fold(tmp_path: Path) -> None:
    folds = train_folds(NET, load("breast-cancer"), 2, out=tmp_path / "folds", **SHORT)
    assert list(folds.test()) == ["accuracy", "log_loss", "auc", "macro_f1"]
    values = [run.test["auc"].value for run in folds.runs]
    assert folds.test()["auc"].value == pytest.approx(statistics.fmean(values))
