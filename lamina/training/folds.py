"""The same plan over several folds of the data: every example tests once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lamina.errors import RunError
from lamina.metrics import Measure
from lamina.progress import note
from lamina.stage import Stage
from lamina.training.data import data_for, parts_of
from lamina.training.folder import new_folder
from lamina.training.result import plain
from lamina.training.several import Several, means, plan_of, train_each


@dataclass(frozen=True)
class Folds(Several):
    """Runs of cross-validation: their test parts are disjoint, and together they are the data.

    The mean is about nets trained on (K - 1)/K of the data. Its interval takes the folds for independent, which they
    are not: any two share (K - 2)/(K - 1) of what they train on, and no unbiased estimate of the variance exists
    (Bengio and Grandvalet 2004). So it is a rough one, and most often too narrow.
    """

    differ_in: ClassVar[str] = "fold"
    agree_in: ClassVar[tuple[str, ...]] = ("net", "parameters")

    def baseline(self) -> dict[str, dict[str, Measure]]:
        """The means of the baselines that every fold has."""
        each = [run.baseline for run in self.runs]
        return {who: means([baseline[who] for baseline in each]) for who in each[0] if all(who in b for b in each)}

    def summary(self) -> dict[str, Any]:
        return {**super().summary(), "baseline": {who: plain(measures) for who, measures in self.baseline().items()}}

    def __str__(self) -> str:
        simple = [f"mean baseline {who}: {_headline(measures)}" for who, measures in self.baseline().items()]
        return "\n".join([super().__str__(), *simple])


def train_folds(
    net: Stage | str | None, data: Any, folds: int, *, out: str | Path | None = None, **settings: Any
) -> Folds:
    """Train `folds` times, each on all but the part that it tests on. See `train` for the rest.

    The runs have a folder `fold-k` each, k from 0, with baselines of their own; `valid` is a share of what a fold does
    not test on. Source: Geisser 1975.

    Args:
        net: as for `train`.
        data: as for `train`; it has no test part of its own and no time.
        folds: K, at least 2.
        out: the folder of the runs' folders.
        settings: as for `train`, without `test` and `beside`.

    Raises:
        LaminaError: if anything asked for cannot be; before a folder is made.

    Example:
        >>> import lamina as la, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net = la.Standardize() >> la.Dense(16) >> la.Tanh() >> la.Classify()
        ...     folds = la.train_folds(net, "iris", 3, epochs=30, out=f"{folder}/folds", display=None)
        ...     print([run.folder.name for run in folds.runs], folds.test()["accuracy"].value > 0.8)
        ['fold-0', 'fold-1', 'fold-2'] True
    """
    for name in ("fold", "beside"):
        if settings.get(name) is not None:
            raise RunError(f"{name} has no effect with folds: each fold has its own; leave it out")
    dataset, settings = data_for(data, settings, settings.get("say", note), net)
    if dataset.text is not None and dataset.text.input.how != "bytes":
        raise RunError(
            f"{dataset.name}: the tokens of texts are learned from what trains, and were learned once for all folds;"
            " take tokens='bytes', which are learned from nothing, or several seeds in place of folds"
        )
    settings["folds"] = folds
    parts_of(dataset, plan_of(net, dataset, {**settings, "fold": 0}))
    folder = new_folder(out, dataset.name)
    return Folds(folder, train_each(net, dataset, folder, "fold", range(folds), settings))


def _headline(measures: dict[str, Measure]) -> str:
    return " ".join(map(str, next(iter(measures.items()))))
