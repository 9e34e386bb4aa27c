"""`lamina train --folds`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lamina.training.plan import read_plan

NET = "Standardize() >> Dense(5) >> Tanh() >> Classify()"
SHORT = ("--net", NET, "--steps", 3, "--threads", 1)


def test_folds_print_a_line_each_the_means_and_what_is_simple(command: Any, within: Path) -> None:
    said = command("train", "iris", *SHORT, "--folds", 2)
    assert said.code == 0
    lines = [line.split()[:3] for line in said.out.splitlines()]
    assert [line[:2] for line in lines[:5]] == [
        ["fold", "0:"], ["fold", "1:"], ["mean", "accuracy"], ["mean", "log_loss"], ["mean", "macro_f1"],
    ]  # fmt: skip
    assert lines[5] == ["mean", "baseline", "majority:"]
    assert sorted(path.name for path in (within / "runs/iris-1").iterdir()) == ["fold-0", "fold-1"]


def test_json_of_folds_is_one_object(command: Any, within: Path) -> None:
    (line,) = command("train", "iris", *SHORT, "--folds", 2, "--json").out.splitlines()
    result = json.loads(line)
    assert len(result["runs"]) == 2
    assert set(result["baseline"]) == set(result["runs"][0]["baseline"])


def test_a_folds_plan_is_trained_again_alone_or_in_other_folds(command: Any, within: Path) -> None:
    command("train", "iris", *SHORT, "--folds", 2, "--out", "first")
    assert command("train", "first/fold-1/run.toml", "--out", "again").code == 0
    assert (read_plan(Path("again")).fold, read_plan(Path("again")).folds) == (1, 2)
    assert command("train", "first/fold-1/run.toml", "--folds", 3, "--out", "more").code == 0
    plans = [read_plan(Path("more", f"fold-{fold}")) for fold in range(3)]
    assert [(plan.fold, plan.folds) for plan in plans] == [(0, 3), (1, 3), (2, 3)]


def test_seeds_and_folds_are_refused_together(command: Any, within: Path) -> None:
    said = command("train", "iris", "--seeds", 2, "--folds", 3)
    assert said == (2, "", "lamina: give one of --seeds and --folds, got --seeds 2 and --folds 3\n")
    assert list(within.iterdir()) == []
