"""Runs: begun by `train`, gone on with by `resume`, and read as `Run`."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

import lamina
from lamina.baselines import baselines
from lamina.data.dataset import Dataset
from lamina.data.named import load as load_data
from lamina.data.sources.arrays import from_arrays
from lamina.data.split import fingerprint, split
from lamina.defaults import default_net, default_optimizer, default_pace
from lamina.errors import DataError, Problems, RunError, listed
from lamina.metrics import Measure
from lamina.model import Model
from lamina.model import load as load_model
from lamina.net import misfits
from lamina.sentence import read_as
from lamina.settings import bind
from lamina.stage import Stage
from lamina.train import machine
from lamina.train.job import Evaluation, Job
from lamina.train.lock import Lock
from lamina.train.log import read_log
from lamina.train.loop import Step
from lamina.train.optimizers import Optimizer
from lamina.train.plan import FILE, Plan, read_plan, written_plan

RESULT = "result.json"

Display: TypeAlias = Callable[[Job], AbstractContextManager[Callable[[Step | Evaluation], object]]]
"""Shows a job's events to a person: a context that takes each of them."""


class Run:
    """A run's folder, read.

    Attributes:
        folder: where it is.
        plan: what it followed from.
        result: what came out, as in `result.json`; empty while it has not ended.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.plan = read_plan(self.folder)
        path = self.folder / RESULT
        self.result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    @property
    def valid(self) -> dict[str, Measure]:
        """The measures on the validation part."""
        return _measures(self.result.get("valid", {}))

    @property
    def test(self) -> Scores:
        """The measures on the test part, which prints with its baseline."""
        return Scores(_measures(self.result.get("test", {})), self.baseline)

    @property
    def baseline(self) -> dict[str, dict[str, Measure]]:
        """The measures of simple predictors on the test part, by their names."""
        return {name: _measures(values) for name, values in self.result.get("baseline", {}).items()}

    @property
    def log(self) -> list[dict[str, Any]]:
        """What every step and evaluation wrote."""
        return read_log(self.folder)

    def steps_done(self) -> int:
        """The updates that are logged."""
        return max((entry["step"] for entry in self.log), default=0)

    def model(self, net: Stage | None = None) -> Model:
        """The trained model. `net` is needed only if it holds torch modules."""
        return load_model(self.folder, net)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}): {self.test or 'not ended'}"


class Scores(dict[str, Measure]):
    """Measures by name, the headline first; they print as the headline beside that of the simplest baseline."""

    def __init__(self, measures: dict[str, Measure], baseline: dict[str, dict[str, Measure]]) -> None:
        super().__init__(measures)
        self.baseline = baseline

    def __str__(self) -> str:
        if not self:
            return ""
        name, measure = next(iter(self.items()))
        beside = [f"   baseline ({who}) {what[name].value:.3f}" for who, what in self.baseline.items()]
        return f"{name} {measure}{''.join(beside)}"


def train(
    net: Stage | str | None,
    data: Any,
    *,
    optimizer: Optimizer | str | None = None,
    out: str | Path | None = None,
    display: Display | None = None,
    say: Callable[[str], object] = lambda text: None,
    **settings: Any,
) -> Run:
    """Train a net on data and write everything into a run's folder.

    Args:
        net: the sentence, as words or as text; None for a default one.
        data: a named set, a path, a `Dataset`, or a pair (inputs, target) of arrays.
        optimizer: as a word or as text; None for AdamW with a cosine.
        out: the run's folder; None for the next free `runs/<data>-<number>`.
        display: shows progress; None shows nothing.
        say: takes notes for the user, a sentence each.
        settings: those of `Plan`: epochs, steps, budget_seconds, batch, seed, ...

    Raises:
        LaminaError: if anything asked for cannot be; all mistakes in the request at once.

    Example:
        >>> import lamina as la, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net = la.Standardize() >> la.Dense(16) >> la.Tanh() >> la.Classify()
        ...     run = la.train(net, "iris", epochs=30, out=f"{folder}/run")
        ...     print(run.test["accuracy"].value > 0.9)
        True
    """
    dataset = as_dataset(data)
    plan, stage = planned(net, dataset, optimizer, settings)
    folder = new_folder(out, dataset.name)
    with Lock(folder), machine.listening() as signals:
        if (folder / FILE).exists():
            raise RunError(
                f"{folder} holds a run already: `lamina resume {folder}` goes on with it, or name another --out"
            )
        job = Job(plan, dataset, stage, folder, say)
        notes = {"dataset": {"fingerprint": fingerprint(dataset)}, "machine": machine.fingerprint(job.device)}
        (folder / FILE).write_text(written_plan(plan, lamina.__version__, notes), encoding="utf-8")
        job.begin()
        return _carry_out(job, signals, display)


def resume(
    folder: str | Path,
    data: Any = None,
    net: Stage | None = None,
    *,
    display: Display | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Run:
    """Go on with a run that was stopped, from its newest whole checkpoint, as if it had never been.

    Args:
        folder: the run's folder.
        data: the arrays, for a run on arrays; else None.
        net: the words, for a net that holds torch modules; else None.
        display: shows progress.
        say: takes notes for the user.

    Raises:
        LaminaError: if the run has ended, is in use, or cannot go on.
    """
    run = Run(folder)
    if run.result:
        raise RunError(f"{folder} has ended after {run.result['steps']:,} steps; there is nothing to resume")
    if data is None and run.plan.data == "arrays":
        raise RunError(f"{folder} was trained on arrays: pass them again, lamina.resume(folder, data=(inputs, target))")
    dataset = as_dataset(run.plan.data if data is None else data)
    with Lock(run.folder), machine.listening() as signals:
        problems = Problems()
        stage = read_net(run.plan.net if net is None else net, dataset, problems)
        if stage is None or problems.texts:
            raise RunError(listed(problems.texts, f"{run.folder / FILE} cannot be run"))
        job = Job(run.plan, dataset, stage, run.folder, say)
        job.checkpoints.clean()
        job.restore(job.checkpoints.newest())
        say(f"goes on after step {job.step}")
        return _carry_out(job, signals, display)


def _carry_out(job: Job, signals: machine.Signals, display: Display | None) -> Run:
    with (display or _silent)(job) as show:
        for event in job.events(signals):
            show(event)
    finish(job)
    return Run(job.folder)


def finish(job: Job) -> None:
    """Write what a run leaves: the model, the result."""
    job.keep_best()
    dataset = job.dataset
    Model(job.net, dataset.classes, dataset.features, dataset.inputs.scale).save(job.folder / "model")
    valid, test = (job.evaluate(rows).measures() for rows in (job.shares.valid, job.shares.test))
    beside = baselines(dataset, job.shares)
    result = {
        "run": str(job.folder),
        "net": job.plan.net,
        "parameters": job.net.parameter_count(),
        "steps": job.step,
        "seconds": round(job.seconds(), 3),
        "valid": plain(valid),
        "test": plain(test),
        "baseline": {name: plain(simple.measures) for name, simple in beside.items()},
        "baseline_trained_on": {name: simple.trained_on for name, simple in beside.items()},
    }
    draft = job.folder / f".{RESULT}"
    draft.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draft.replace(job.folder / RESULT)
    job.log.close()


def test_rows(folder: Path, dataset: Dataset) -> Tensor:
    """The rows of a dataset that a run has not seen: its test part if it was trained on this data, else all of them."""
    if not (folder / FILE).is_file():
        return torch.arange(len(dataset))
    plan = read_plan(folder)
    if plan.data != dataset.name:
        return torch.arange(len(dataset))
    return split(dataset, plan.valid, plan.test, plan.split_seed).test


def as_dataset(data: Any) -> Dataset:
    """The dataset that the user means: a name or path, a pair of arrays, or a dataset already."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, (str, Path)):
        return load_data(str(data))
    if isinstance(data, tuple) and len(data) == 2:
        return from_arrays(*data)
    raise DataError(f"data must be a name, a path, or a pair (inputs, target) of arrays, got {type(data).__name__}")


def planned(
    net: Stage | str | None, dataset: Dataset, optimizer: Optimizer | str | None, settings: dict[str, Any]
) -> tuple[Plan, Stage]:
    """The resolved plan, with defaults where nothing is said, and the net's words.

    Raises:
        RunError: naming every mistake in net, optimizer and settings.
    """
    chosen = {name: value for name, value in settings.items() if value is not None}
    lengths = {"epochs", "steps", "budget_seconds"} & chosen.keys()
    pace = {name: value for name, value in default_pace(dataset).items() if not (lengths and name == "epochs")}
    problems = Problems()
    stage = read_net(default_net(dataset).net if net is None else net, dataset, problems)
    rule = default_optimizer(dataset) if optimizer is None else str(optimizer)
    problems.extend(read_as(Optimizer, rule)[1], "optimizer")
    said = {"data": dataset.name, "net": str(stage), "optimizer": rule, **pace, **chosen}
    values, mistakes = bind("the plan", Plan.settings(), (), said)
    problems.extend(mistakes or Plan.conflicts(**values))
    if stage is None or problems.texts:
        raise RunError(listed(problems.texts, "the run cannot begin"))
    return Plan(**values), stage


def read_net(net: Stage | str, dataset: Dataset, problems: Problems) -> Stage | None:
    """The words of a net, which must fit the dataset; what is wrong with them goes to `problems`."""
    stage, mistakes = (net, []) if isinstance(net, Stage) else read_as(Stage, net)
    problems.extend(mistakes, "net")
    if stage is not None:
        problems.extend(misfits(stage, dataset.inputs.kind, dataset.target.kind), "net")
    return stage


def new_folder(out: str | Path | None, name: str) -> Path:
    """The folder of a new run, made: `out`, or the next free `runs/<name>-<number>`.

    Raises:
        RunError: if it cannot be made.
    """
    try:
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)
            return Path(out)
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(name).stem) or "run"
        for number in itertools.count(1):
            folder = Path("runs", f"{stem}-{number}")
            if not folder.exists():
                folder.mkdir(parents=True)
                return folder
    except OSError as error:
        raise RunError(
            f"{out or 'runs'} cannot be made into a run's folder: {error.strerror}; name another --out"
        ) from error
    raise RunError("no number is free")


@contextmanager
def _silent(job: Job) -> Iterator[Callable[[Step | Evaluation], object]]:
    yield lambda event: None


def plain(measures: dict[str, Measure]) -> dict[str, dict[str, float | None]]:
    """Measures as JSON has them; what is no number becomes null."""
    return {
        name: {part: value if math.isfinite(value) else None for part, value in measure._asdict().items()}
        for name, measure in measures.items()
    }


def _measures(plain: dict[str, dict[str, float | None]]) -> dict[str, Measure]:
    return {
        name: Measure(*(math.nan if values[part] is None else float(values[part] or 0) for part in Measure._fields))
        for name, values in plain.items()
    }
