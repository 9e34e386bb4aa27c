"""The same plan under several seeds: how much of a figure is luck."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from lamina.baselines import baselines
from lamina.data.dataset import Dataset
from lamina.data.split import split
from lamina.errors import RunError
from lamina.metrics import MEASURES, Measure
from lamina.stage import Stage
from lamina.training import machine
from lamina.training.data import as_dataset
from lamina.training.result import Run, plain
from lamina.training.run import new_folder, planned, train


class Seeds(NamedTuple):
    """Runs that differ in their seed alone; all have the same test part."""

    folder: Path
    runs: list[Run]

    def test(self) -> dict[str, Measure]:
        """The mean of each measure over the seeds, with its 95 % interval by Student's t (nan for one seed).

        The interval is about seeds on this test part; the intervals of single runs are about other test examples.
        """
        means = {name: over_seeds([run.test[name].value for run in self.runs]) for name in self.runs[0].test}
        # Student's interval knows no bounds, but a share has one.
        return {
            name: mean._replace(high=min(mean.high, 1.0)) if MEASURES[name].unit == "share" else mean
            for name, mean in means.items()
        }

    def summary(self) -> dict[str, Any]:
        """What `lamina train --seeds K --json` prints."""
        first = self.runs[0].result
        return {
            **{name: first[name] for name in ("net", "parameters", "steps", "baseline")},
            "run": str(self.folder),
            "seconds": sum(run.result["seconds"] for run in self.runs),
            "test": plain(self.test()),
            "runs": [run.result for run in self.runs],
        }

    def __str__(self) -> str:
        lines = [f"seed {run.plan.seed}: {run.test}" for run in self.runs]
        return "\n".join([*lines, *(f"mean {name} {measure}" for name, measure in self.test().items())])


def over_seeds(values: list[float]) -> Measure:
    """The mean of a few values, with mean +- t s / sqrt(n) at 95 %. Source: Student 1908."""
    from scipy.special import stdtrit

    mean, count = statistics.fmean(values), len(values)
    if count < 2:
        return Measure(mean, math.nan, math.nan)
    half = float(stdtrit(count - 1, 0.975)) * statistics.stdev(values) / math.sqrt(count)
    return Measure(mean, mean - half, mean + half)


def train_seeds(
    net: Stage | str | None, data: Any, seeds: int, *, out: str | Path | None = None, **settings: Any
) -> Seeds:
    """Train with `seeds` seeds, one apart, on one split of the data. See `train` for the rest.

    One seed is a plain run in the folder itself; several have a folder `seed-N` each in it.

    Raises:
        RunError: if `seeds` is below 1, and for all that `train` raises for.
    """
    if seeds < 1:
        raise RunError(f"seeds must be at least 1, got seeds={seeds}")
    dataset: Dataset = as_dataset(data)
    if seeds == 1:
        run = train(net, dataset, out=out, **settings)
        return Seeds(run.folder, [run])
    shown = {name: settings.pop(name) for name in ("display", "say") if name in settings}
    beside = settings.pop("beside", None)
    plan, _ = planned(net, dataset, settings.get("optimizer"), {n: v for n, v in settings.items() if n != "optimizer"})
    folder = new_folder(out, dataset.name)
    if beside is None:
        beside = baselines(dataset, split(dataset, plan.valid, plan.test, plan.split_seed))
    runs: list[Run] = []
    with machine.listening() as signals:
        for seed in range(plan.seed, plan.seed + seeds):
            if signals.number:
                text = f"stopped by {signals.name()} before seed {seed}; the runs in {folder} that have ended stand"
                raise machine.Interrupted(text, 128 + signals.number)
            said = {**settings, "seed": seed}
            runs.append(train(net, dataset, out=folder / f"seed-{seed}", beside=beside, **said, **shown))
    return Seeds(folder, runs)
