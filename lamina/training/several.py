"""Runs of one plan that differ in one setting, and what they come to together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lamina.data.dataset import Dataset
from lamina.metrics import Measure, definition
from lamina.stage import Stage
from lamina.training import machine
from lamina.training.plan import Plan
from lamina.training.planning import planned
from lamina.training.result import Run, plain
from lamina.training.run import train


@dataclass(frozen=True)
class Several:
    """Runs that differ in one setting of their plans, in a folder each."""

    folder: Path
    runs: list[Run]

    differ_in: ClassVar[str]
    agree_in: ClassVar[tuple[str, ...]]
    """What all their results say alike."""

    def test(self) -> dict[str, Measure]:
        """The mean of each measure over the runs, with its 95 % interval by Student's t (nan for one run)."""
        return means([run.test for run in self.runs])

    def summary(self) -> dict[str, Any]:
        """What `lamina train --json` prints of several runs."""
        first = self.runs[0].result
        return {
            **{name: first[name] for name in self.agree_in},
            "run": str(self.folder),
            "seconds": sum(run.result["seconds"] for run in self.runs),
            "test": plain(self.test()),
            "runs": [run.result for run in self.runs],
        }

    def __str__(self) -> str:
        lines = [f"{self.differ_in} {run.plan.values()[self.differ_in]}: {run.test}" for run in self.runs]
        return "\n".join([*lines, *(f"mean {name} {measure}" for name, measure in self.test().items())])


def means(measured: list[dict[str, Measure]]) -> dict[str, Measure]:
    """The mean of each measure over runs, with its interval."""
    over = {name: mean_of([measures[name].value for measures in measured]) for name in measured[0]}
    # Student's interval knows no bounds, but a share has one.
    known = {name: definition(name) for name in over}
    return {
        name: mean._replace(high=min(mean.high, 1.0)) if (what := known[name]) and what.unit == "share" else mean
        for name, mean in over.items()
    }


def mean_of(values: list[float]) -> Measure:
    """The mean of a few values, with mean +- t s / sqrt(n) at 95 %. Source: Student 1908."""
    from scipy.special import stdtrit

    count = len(values)
    mean = sum(values) / count
    if count < 2 or not math.isfinite(mean):
        return Measure(mean, math.nan, math.nan)
    half = float(stdtrit(count - 1, 0.975)) * statistics.stdev(values) / math.sqrt(count)
    return Measure(mean, mean - half, mean + half)


def plan_of(net: Stage | str | None, dataset: Dataset, settings: dict[str, Any]) -> Plan:
    """The plan that `train` would make of these settings; what is about showing and comparing is none of it.

    Raises:
        RunError: naming every mistake in them.
    """
    asked = {name: value for name, value in settings.items() if name not in ("display", "say", "beside", "optimizer")}
    return planned(net, dataset, settings.get("optimizer"), asked)[0]


def train_each(
    net: Stage | str | None,
    dataset: Dataset,
    folder: Path,
    differ_in: str,
    values: Iterable[int],
    settings: dict[str, Any],
) -> list[Run]:
    """Train once with each of these values of a setting, in `folder/SETTING-VALUE`.

    Raises:
        Interrupted: if a signal came as a run was ending, so that it could not stop that one.
    """
    runs: list[Run] = []
    with machine.listening() as signals:
        for value in values:
            if signals.number:
                text = f"stopped by {signals.name()} before {differ_in} {value}"
                raise machine.Interrupted(f"{text}; the runs in {folder} that have ended stand", 128 + signals.number)
            runs.append(train(net, dataset, out=folder / f"{differ_in}-{value}", **{**settings, differ_in: value}))
    return runs
