"""The same plan under several seeds: how much of a figure is luck."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lamina.baselines import baselines
from lamina.errors import RunError
from lamina.progress import note
from lamina.stage import Stage
from lamina.training.data import data_for, parts_of
from lamina.training.folder import new_folder
from lamina.training.run import train
from lamina.training.several import Several, plan_of, train_each


@dataclass(frozen=True)
class Seeds(Several):
    """Runs that differ in their seed alone; all have the same test part.

    The intervals of their means are about seeds on this test part; those of single runs are about other test examples.
    """

    differ_in: ClassVar[str] = "seed"
    agree_in: ClassVar[tuple[str, ...]] = ("net", "parameters", "steps", "baseline")


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
    dataset, settings = data_for(data, settings, settings.get("say", note), net)
    if seeds == 1:
        run = train(net, dataset, out=out, **settings)
        return Seeds(run.folder, [run])
    plan = plan_of(net, dataset, settings)
    folder = new_folder(out, dataset.name)
    if settings.get("beside") is None:
        settings["beside"] = baselines(dataset, parts_of(dataset, plan))
    values = range(plan.seed, plan.seed + seeds)
    return Seeds(folder, train_each(net, dataset, folder, "seed", values, settings))
