"""From a finished job to `report.html` in its folder."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lamina
from lamina.baselines import Baseline
from lamina.data.dataset import Dataset
from lamina.kinds import Table, Vector
from lamina.metrics import Measure, Tally
from lamina.metrics.said import in_words
from lamina.report.answers import FEATURES, Answers, address
from lamina.report.content import Content, Drawn, Pretrained
from lamina.report.page import page
from lamina.training import files, machine
from lamina.training.data import notes_on
from lamina.training.kept_reading import reading_note
from lamina.training.log import read_log
from lamina.training.plan import FILE as PLAN
from lamina.training.plan import Plan
from lamina.uses import PREDICT, use_of

if TYPE_CHECKING:
    from lamina.training.job import Job
    from lamina.translating import Texts

FILE = "report.html"


def write(
    job: Job,
    valid: dict[str, Measure],
    test: Tally,
    baselines: dict[str, Baseline],
    answers: Answers,
    texts: Texts | None = None,
) -> None:
    """Write the page of a finished run, all of it or nothing.

    Args:
        job: finished, its log closed.
        valid: the measures on the validation part.
        test: the tally of the test part.
        baselines: what simple predictors reach there.
        answers: collected while the test part was evaluated.
        texts: what the net writes, if it does.

    Raises:
        OSError: if the disk fails.
        RunError: if the log cannot be read.
    """
    content = gathered(job, valid, test, baselines, answers, texts)
    files.replace(job.folder / FILE, page(content).encode())


def gathered(
    job: Job,
    valid: dict[str, Measure],
    test: Tally,
    baselines: dict[str, Baseline],
    answers: Answers,
    texts: Texts | None = None,
) -> Content:
    """Everything that the page says."""
    log = read_log(job.folder)
    return Content(
        data=called(job.dataset),
        about=job.dataset.about,
        net=job.plan.net,
        run=str(job.folder),
        commands=commands(job.plan, job.folder, job.dataset.pictures is not None, second_files(job.dataset)),
        sizes=dict(zip(("trained on", "validated on", "tested on"), map(len, job.shares), strict=True)),
        valid=valid,
        test=test.measures() | ({} if texts is None else texts.measures()),
        writing=() if texts is None or not texts.head else (texts.head, *texts.samples),
        searched="" if texts is None else texts.searched,
        sheets=() if texts is None else tuple(texts.sheets),
        baseline={name: simple.measures for name, simple in baselines.items()},
        trained_on={name: simple.trained_on for name, simple in baselines.items()},
        chosen_by=test.chosen_by,
        given=str(job.net.given),
        stages=job.net.rows(),
        log=log,
        troubles=troubles(job),
        notes=[*notes_on(job.dataset), *about_part(baselines)],
        answers=answers.told(test),
        said=tuple(in_words(test.measures(), {name: simple.measures for name, simple in baselines.items()})),
        drawings=drawings_of(job),
        pretrained=layers_before(job),
        features=heads(job.dataset),
        facts={
            "parameters": f"{job.net.parameter_count():,}",
            "steps": f"{job.step:,}",
            "training time": lasted(job.seconds()),
            **({} if (held := answers.coverage()) is None else {"held by 90 % intervals": f"{held:.1%}"}),
        },
        plan={name: "none" if value is None else str(value) for name, value in job.plan.values().items()}
        | {
            f"{table} {name}": str(value)
            for table, said in reading_note(job.dataset).items()
            for name, value in said.items()
        },
        machine=machine_facts(job, log),
    )


def drawings_of(job: Job) -> tuple[Drawn, ...]:
    """What can be drawn of a net that gives back its input, of the test part."""
    if not job.net.end.restores:
        return ()
    from lamina.report.drawings import DRAWINGS, Subject, drawings

    found = drawings(Subject(job.net, job.dataset, job.shares.test))
    return tuple(Drawn(DRAWINGS[what], address(picture), picture.width) for what, picture in found.items())


def layers_before(job: Job) -> tuple[Pretrained, ...]:
    """The layers that were trained before the net, and how well each gives back what it is given."""
    from lamina.training.layerwise import pretrained

    found = []
    for layer in pretrained(job.folder):
        (name, told), *_ = layer["valid"].items()
        value = "none" if told["value"] is None else f"{told['value']:.4g}"
        found.append(Pretrained(layer["layer"], layer["net"], layer["steps"], f"{name.replace('_', ' ')} {value}"))
    return tuple(found)


def heads(dataset: Dataset) -> tuple[str, ...]:
    """What the columns are called that say what an example is."""
    if dataset.text is not None and dataset.origin is not None:
        return tuple(field.column for field in dataset.origin.fields)
    return dataset.features[:FEATURES] if isinstance(dataset.inputs.kind, Vector | Table) else ()


def called(dataset: Dataset) -> str:
    """What a dataset is called at the top of the page: of a path the last part."""
    of_files = any(known is not None for known in (dataset.origin, dataset.pictures, dataset.series))
    beside = [Path(file).name for file in second_files(dataset)]
    return " and ".join([(Path(dataset.name).name if of_files else "") or dataset.name, *beside])


def second_files(dataset: Dataset) -> tuple[str, ...]:
    """Of pairs of texts in two files, the one with the targets."""
    return () if dataset.text is None else tuple(str(Path(file).resolve()) for file in dataset.text.files)


def commands(plan: Plan, run: Path, pictures: bool = False, files: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Command lines to go on from here, each with what it does; there is nothing to resume in an ended run.

    Args:
        plan: of the run.
        run: its folder.
        pictures: whether it was trained on some.
        files: further files of its data.
    """
    folder = shlex.quote(str(run))
    lines = [("the plan, the table, the figures", f"lamina show {folder}")]
    use = use_of(plan.net)
    what = "pictures, or folders of them, predicted" if pictures and use is PREDICT else use.what
    lines.append((what, use.command.format(run=folder)))
    if plan.data != "arrays":
        lines.append(("the test part, measured again", f"lamina evaluate {folder} {shlex.join([plan.data, *files])}"))
    if plan.data != "arrays":
        lines.append(("run it again, in a new folder", f"lamina train {shlex.quote(str(run / PLAN))}"))
    return lines


def troubles(job: Job) -> list[str]:
    """What did not go as planned."""
    said = []
    if job.troubles:
        times = "once" if job.troubles == 1 else f"{job.troubles} times"
        what = {"skip": "such a step was skipped", "rollback": "the run then went back to its last checkpoint"}
        said.append(f"Loss or gradient were no number {times}; {what.get(job.plan.nonfinite, 'the run stopped')}.")
    if job.rate_factor != 1:
        said.append(f"After that the learning rate was {job.rate_factor:g} of what was planned.")
    if job.stopped_early:
        said.append(
            f"Stopped early: no better validation loss for {job.plan.patience} evaluations."
            f" The weights of step {job.best.step:,} are kept."
        )
    elif job.best.weights:
        said.append(f"The weights of step {job.best.step:,} are kept: their validation loss was the best.")
    return said


def machine_facts(job: Job, log: list[dict[str, Any]]) -> dict[str, str]:
    """The machine, the time and the versions."""
    times = [entry["at"] for entry in log if isinstance(entry.get("at"), (int, float))]
    ended = {"last step at": f"{datetime.fromtimestamp(times[-1], UTC):%Y-%m-%d %H:%M:%S} UTC"} if times else {}
    here = machine.fingerprint(job.device)
    versions = {"lamina": lamina.__version__, "torch": here.pop("torch"), "numpy": np.__version__}
    versions["python"] = platform.python_version()
    return {"run": str(job.folder), **ended, **here, "system": platform.platform(), **versions}


def lasted(seconds: float) -> str:
    """A time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def about_part(baselines: dict[str, Baseline]) -> list[str]:
    """A sentence for each baseline that was measured on the first of the test part.

    >>> about_part({"3-gram": Baseline({}, 700, tested_on=50_000)})
    ['3-gram is measured on the first 50,000 tokens of the test part alone']
    """
    return [
        f"{name} is measured on the first {simple.tested_on:,} tokens of the test part alone"
        for name, simple in baselines.items()
        if simple.tested_on is not None
    ]
