"""Runs: begun by `train`, and gone on with by `resume`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import lamina
from lamina.baseline_codes import restored
from lamina.baseline_filled import filled
from lamina.baselines import Baseline, baselines
from lamina.data.split import fingerprint
from lamina.ends.point_to import PointTo
from lamina.ends.regress import COVERED
from lamina.errors import Problems, RunError, listed
from lamina.kinds import Tokens
from lamina.metrics import Measure, Tally
from lamina.model import Model
from lamina.nets.activity import activities
from lamina.nets.alone import left_alone
from lamina.nets.shrinking import shrunk
from lamina.nets.traits import foreign
from lamina.progress import note, shown
from lamina.sentence import parse_as
from lamina.spelled import per_character
from lamina.stage import Stage
from lamina.training import files, machine
from lamina.training.data import ARRAYS, as_dataset, data_for, same_data
from lamina.training.folder import new_folder
from lamina.training.job import Evaluation, Job
from lamina.training.kept_reading import TOKENS, reading_in, reading_note, tokens_kept
from lamina.training.layerwise import pretrain, pretrained
from lamina.training.lock import Lock
from lamina.training.loop import Step
from lamina.training.optimizers import Optimizer
from lamina.training.plan import FILE, noted, written_plan
from lamina.training.planning import planned, read_net, read_views
from lamina.training.result import FILE as RESULT
from lamina.training.result import Run, plain
from lamina.training.start import NOTE, fitted, taken_before
from lamina.translating import Texts, texts_of
from lamina.views import Views

if TYPE_CHECKING:
    from lamina.report.answers import Answers

AFTERWARDS = "after training, before all was measured"


Display: TypeAlias = Callable[[Job], AbstractContextManager[Callable[[Step | Evaluation], object]]]
"""Shows a job's events to a person: a context that takes each of them."""


def train(
    net: Stage | str | None,
    data: Any,
    *,
    optimizer: Optimizer | str | None = None,
    out: str | Path | None = None,
    display: Display | None = shown,
    say: Callable[[str], object] = note,
    beside: dict[str, Baseline] | None = None,
    **settings: Any,
) -> Run:
    """Train a net on data and write everything into a run's folder.

    Args:
        net: the sentence, as words or as text; None for a default one.
        data: a named set, a path, a frame of pandas, polars or arrow, a `Dataset`, or a pair (inputs, target) of
            arrays.
        optimizer: as a word or as text; None for AdamW with a cosine.
        out: the run's folder; None for the next free `runs/<data>-<number>`.
        display: shows progress; on stderr unless it says otherwise, None shows nothing.
        say: takes notes for the user, a sentence each; on stderr unless it says otherwise.
        beside: the baselines of this data and split where they are known already, from `lamina.baselines`.
        settings: those of `Plan`: epochs, steps, budget_seconds, batch, seed, ...; and, for a table, those of
            `Reading`: target, kinds, group, time, ... (`test` may be a file of rows that test).

    Raises:
        LaminaError: if anything asked for cannot be; all mistakes in the request at once.

    Example:
        >>> import lamina as la, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net = la.Standardize() >> la.Dense(16) >> la.Tanh() >> la.Classify()
        ...     run = la.train(net, "iris", epochs=30, out=f"{folder}/run", display=None)
        ...     print(run.test["accuracy"].value > 0.8)
        True
    """
    dataset, settings = data_for(data, settings, say, net)
    plan, stage = planned(net, dataset, optimizer, settings, say)
    folder = new_folder(out, dataset.name)
    with Lock(folder), machine.listening() as signals, machine.restored():
        if (folder / FILE).exists():
            raise RunError(
                f"{folder} holds a run already: `lamina resume {folder}` goes on with it, or name another --out"
            )
        job = Job(plan, dataset, stage, folder, say)
        notes: dict[str, dict[str, Any]] = {
            "dataset": {"fingerprint": fingerprint(dataset)},
            "code": {"needed": foreign(job.net)},
            "machine": machine.fingerprint(job.device),
            **reading_note(dataset),
        }
        with closing(job.log):
            if plan.start is not None:
                job.start_from(taken := fitted(job.net, plan, dataset))
                notes[NOTE] = taken._asdict()
            if dataset.text is not None:
                files.replace(folder / TOKENS, json.dumps(dataset.text.to_json()).encode())
            files.replace(folder / FILE, written_plan(plan, lamina.__version__, notes).encode())
            for text in (*shrunk(job.net), *left_alone(job.net)):
                say(text)
            if plan.pretrain is not None:
                pretrain(job, signals, display or _silent)
            job.begin()
            return _carry_out(job, signals, display, beside)


def resume(
    folder: str | Path,
    data: Any = None,
    net: Stage | None = None,
    *,
    display: Display | None = shown,
    say: Callable[[str], object] = note,
) -> Run:
    """Go on with a run that was stopped, from its newest whole checkpoint, as if it had never been.

    Args:
        folder: the run's folder.
        data: the arrays, for a run on arrays; else None.
        net: the words, for a net that holds torch modules; else None.
        display: shows progress, as for `train`.
        say: takes notes for the user, as for `train`.

    Raises:
        LaminaError: if the run has ended, is in use, or cannot go on.
    """
    run = Run(folder)
    if run.result:
        raise RunError(f"{folder} has ended after {run.result['steps']:,} steps; there is nothing to resume")
    if data is None and run.plan.data == ARRAYS:
        again = "pass them again, lamina.resume(folder, data=(inputs, target) or data=frame)"
        raise RunError(f"{folder} was trained on arrays, or on a frame: {again}")
    if net is None and noted(run.folder, "code").get("needed"):
        text = "the net holds stages of your own, so its code is needed: lamina.resume(folder, net=...)"
        raise RunError(f"{folder}: {text}")
    reading = reading_in(run.folder / FILE) | tokens_kept(run.folder)
    dataset = as_dataset(run.plan.data if data is None else data, reading)
    with Lock(run.folder), machine.listening() as signals, machine.restored():
        problems = Problems()
        stage = read_net(run.plan.net if net is None else net, dataset, problems)
        read_views(run.plan.views, dataset, problems)
        if stage is None or problems.texts:
            raise RunError(listed(problems.texts, f"{run.folder / FILE} cannot be run"))
        same_data(run.folder, dataset, noted(run.folder, "dataset").get("fingerprint"))
        job = Job(run.plan, dataset, stage, run.folder, say)
        with closing(job.log):
            if run.plan.start is not None:
                job.start_from(taken_before(run.folder))
            job.checkpoints.clean()
            for leftover in (run.folder, run.folder / "model"):
                files.clean(leftover)
            snapshot = job.checkpoints.newest()
            if snapshot is None and run.plan.pretrain is not None:
                pretrain(job, signals, display or _silent)
            job.restore(snapshot)
            say(f"goes on after step {job.step}")
            return _carry_out(job, signals, display)


def _carry_out(
    job: Job, signals: machine.Signals, display: Display | None, beside: dict[str, Baseline] | None = None
) -> Run:
    with (display or _silent)(job) as show:
        for event in job.events(signals):
            show(event)
    try:
        finish(job, signals, beside)
    except OSError as error:
        advice = f"free space or mend the disk, then `lamina resume {job.folder}`"
        raise RunError(f"{job.folder}: the model was not saved: {error.strerror or error}; {advice}") from error
    return Run(job.folder)


def finish(job: Job, signals: machine.Signals, beside: dict[str, Baseline] | None = None) -> None:
    """Write what a run leaves: the model, the result, the report.

    Raises:
        Interrupted: if a signal came; training has ended, and resuming does the rest.
    """
    from lamina.report.answers import Answers  # here, so that training need not wait for it

    signals.heed(AFTERWARDS, job.folder)
    seconds = job.seconds()
    if job.plan.budget_seconds is not None and job.step < job.batches.count:
        text = f"the budget was enough for {job.step:,} of the {job.batches.count:,} steps of one pass over the data"
        job.say(f"{text}: the net has not seen all of it; give it more time, or take a smaller net")
    keep_model(job)
    dataset = job.dataset
    answers = Answers(dataset)
    # What a language model guesses at each place is in no report, and would take as long again.
    see = None if isinstance(dataset.target.kind, Tokens) else answers.add
    valid, tally = job.evaluate(job.shares.valid).measures(), job.evaluate(job.shares.test, see)
    texts = texts_of(job.net, dataset, job.shares.test)
    measures = tally.measures()
    measures |= per_character(measures, dataset, job.shares.test) | ({} if texts is None else texts.measures())
    active = activities(job.net.eval(), lambda: (batch.inputs for batch in job.still(job.shares.test).epoch(0)))
    for code in active:
        job.say(str(code))
    signals.heed(AFTERWARDS, job.folder)
    beside = simple_answers(job, beside)
    signals.heed(AFTERWARDS, job.folder)
    held = answers.coverage()
    result = {
        "run": str(job.folder),
        "net": job.plan.net,
        "parameters": job.net.parameter_count(),
        "steps": job.step,
        "seconds": round(seconds, 3),
        "valid": plain(valid),
        "test": plain(measures),
        **({} if texts is None else texts.told()),
        "baseline": {name: plain(simple.measures) for name, simple in beside.items()},
        "baseline_trained_on": {name: simple.trained_on for name, simple in beside.items()},
        **told_of_part(beside),
        **({"active_units": [code._asdict() for code in active]} if active else {}),
        **({} if job.plan.pretrain is None else {"pretrained": pretrained(job.folder)}),
        **({} if held is None else {"interval": {"of": COVERED, "held": held}}),
        **({"least": end.bar} if isinstance(end := job.net.end, PointTo) and end.least == "auto" else {}),
    }
    files.replace(job.folder / RESULT, f"{json.dumps(result, indent=1, allow_nan=False)}\n".encode())
    _report(job, valid, tally, beside, answers, texts)


def keep_model(job: Job) -> None:
    """Write the model with its best weights, which has seen how far its answers are off."""
    job.keep_best()
    job.net.views = None if job.plan.views is None else parse_as(Views, job.plan.views)
    job.calibrate()
    dataset = job.dataset
    Model(
        job.net,
        () if job.net.end.restores else dataset.classes,
        dataset.features,
        dataset.inputs.scale,
        dataset.origin,
        dataset.parts,
        dataset.pictures,
        dataset.text,
        series=dataset.series,
    ).save(job.folder / "model")


def simple_answers(job: Job, beside: dict[str, Baseline] | None) -> dict[str, Baseline]:
    """The baselines of a run: those that are known already, or those that suit its end and its data."""
    if job.net.end.restores:
        return restored(job.net, job.dataset, job.shares)
    if job.net.end.fills:
        return filled(job.net, job.dataset, job.shares)
    return baselines(job.dataset, job.shares) if beside is None else beside


def told_of_part(beside: dict[str, Baseline]) -> dict[str, dict[str, int]]:
    """How much of the test part the baselines were measured on that were not measured on all of it."""
    told = {name: simple.tested_on for name, simple in beside.items() if simple.tested_on is not None}
    return {"baseline_tested_on": told} if told else {}


def _report(
    job: Job,
    valid: dict[str, Measure],
    test: Tally,
    beside: dict[str, Baseline],
    answers: Answers,
    texts: Texts | None,
) -> None:
    """Write the page. The run has ended well, whatever becomes of it."""
    from lamina.report.write import FILE as REPORT
    from lamina.report.write import write

    try:
        write(job, valid, test, beside, answers, texts)
    except (OSError, RunError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        job.say(f"{job.folder / REPORT}: the report was not written: {reason}; the run is complete without it")


@contextmanager
def _silent(job: Job) -> Iterator[Callable[[Step | Evaluation], object]]:
    yield lambda event: None
