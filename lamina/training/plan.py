"""A run's plan: everything that it follows from, as typed settings, in the file run.toml."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from lamina.errors import RunError, listed
from lamina.settings import Bounds, Count, Fraction, Natural, Positive, bind
from lamina.word import Word

FILE = "run.toml"
LARGEST_BYTES = 2**20

Seed = Annotated[int, Bounds(low=0, high=2**63 - 1)]
Folds = Annotated[int, Bounds(low=2, high=2**31 - 1)]
Share = Annotated[float, Bounds(low=0, high=1, low_open=True, high_open=True)]

Decay = Annotated[float, Bounds(low=0, high=1, low_open=True)]


class Plan(Word):
    """What to train on what, and how.

    Args:
        data: a named set or a path; "arrays" for data passed from Python.
        net: the sentence.
        optimizer: the optimizer, as a sentence.
        epochs, steps, budget_seconds: how long; exactly one is given. A schedule ends when the budget does.
        batch: the most examples in an update.
        batch_tokens: the most positions in an update, padding included, where examples are of unequal length.
        carry: whether the batches of a long text go on where those before ended, in the state that the net was in
            there; then a batch has so many streams. None: if the net is recurrent.
        seed: first weights, order and noise follow from it.
        split_seed: which examples validate and test follows from it, so that seeds can be compared on one split.
        parts: into how many micro-batches an update's batch is cut: saves memory, and changes nothing but the
            statistics of BatchNorm, which become those of a micro-batch.
        clip: the greatest length of the gradient.
        average: the decay of a running average of the weights (Polyak and Juditsky 1992); the average is what is kept.
        patience: evaluations without a better validation loss before training stops; the best weights are kept.
        nonfinite: what a loss or gradient that is no number leads to: "stop"; "skip" the update; "rollback" to the last
            checkpoint with half the rate.
        tolerance: how many times that is done before the run stops.
        valid, test: the shares of the data set aside, where its makers set none aside.
        fold, folds: in cross-validation, which of how many parts tests, from 0; `valid` is then a share of the others.
        labels: so many rows of the training part are trained on, each class by its share; None for all.
        views: what is averaged when the trained net is measured and used, as a sentence such as "Views(shift=1)";
            evaluations on the way look at each input once.
        start: the folder of a run or a model whose weights this one begins with.
        freeze: what of them stays as it is: "none", the whole "body", or the first so many of its stages. Their norms
            keep their running statistics; dropout and augmentation act as ever.
        body_rate: the learning rate of what comes from the start's body, as a share of the rate of the rest.
        pretrain: "layerwise" to train the net's layers one after another first, without labels, each on what those
            before it make of all rows of the training part; see `lamina.training.layerwise`.
        pretrain_with: what a layer becomes for that: part of an "autoencoder", or an "rbm".
        pretrain_epochs: of each layer.
        pretrain_batch: the most examples in an update of a layer.
        pretrain_noise: the share of an autoencoder's inputs that is blanked out; 0 for none.
        pretrain_optimizer: of the layers, as a sentence.
        layer_decay: what the rate of each layer that comes from the start's body is multiplied by to have that of the
            layer below it; the uppermost has `body_rate`.
        unfreeze: how many epochs lie between two layers of the start's body beginning to learn, the uppermost first;
            until the first does, the end learns alone. None: all learn from the first step on.
        rewrite: whether the net is first brought into an equal form that costs less; `net` is what came of it.
        checkpoint_seconds: the time between checkpoints.
        precision: what products of matrices are computed in while training: "float32", or "bfloat16", faster on
            GPUs, and on CPUs that have it (AVX512-BF16, AMX); weights and measures are float32 in both.
        device: "auto", "cpu", "cuda", ...
        threads: of the CPU; 0 for as many as pay: one for steps of little work, else all cores.
    """

    FREE: ClassVar[tuple[str, ...]] = ("checkpoint_seconds", "device", "threads", "tolerance")
    """Settings that may be changed in run.toml before a run goes on: they do not say what is to come out."""

    data: str
    net: str
    optimizer: str
    epochs: Count | None = None
    steps: Count | None = None
    budget_seconds: Positive | None = None
    batch: Count = 64
    batch_tokens: Count | None = None
    carry: bool | None = None
    seed: Seed = 0
    split_seed: Seed = 0
    parts: Count = 1
    clip: Positive | None = None
    average: Share | None = None
    patience: Count | None = None
    nonfinite: Literal["stop", "skip", "rollback"] = "stop"
    tolerance: Count = 5
    valid: Share = 0.1
    test: Share = 0.2
    fold: Natural | None = None
    folds: Folds | None = None
    labels: Count | None = None
    views: str | None = None
    start: str | None = None
    freeze: Literal["none", "body"] | Natural = "none"
    body_rate: Positive = 1.0
    pretrain: Literal["layerwise"] | None = None
    pretrain_with: Literal["autoencoder", "rbm"] | None = None
    pretrain_epochs: Count | None = None
    pretrain_batch: Count | None = None
    pretrain_noise: Fraction | None = None
    pretrain_optimizer: str | None = None
    layer_decay: Decay = 1.0
    unfreeze: Positive | None = None
    rewrite: bool = True
    checkpoint_seconds: Positive = 30.0
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "auto"
    threads: Annotated[int, Bounds(low=0, high=1024)] = 0

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        lengths = [name for name in ("epochs", "steps", "budget_seconds") if values[name] is not None]
        mistakes = []
        if len(lengths) != 1:
            mistakes.append(f"give one of epochs, steps and budget_seconds, got {' and '.join(lengths) or 'none'}")
        if values["parts"] > values["batch"]:
            mistakes.append(f"parts must be at most batch={values['batch']}, got parts={values['parts']}")
        mistakes += [
            f"{name} has no effect without start: name a model to start from, or leave it out"
            for name, usual in (("freeze", "none"), ("body_rate", 1.0), ("layer_decay", 1.0), ("unfreeze", None))
            if values["start"] is None and values[name] != usual
        ]
        mistakes += _pretrain_mistakes(values)
        mistakes += _fold_mistakes(values["fold"], values["folds"], values["test"])
        if values["folds"] is None and values["valid"] + values["test"] >= 1:
            mistakes.append("valid and test must leave something to train on: together below 1")
        if values["tolerance"] != 5 and values["nonfinite"] == "stop":
            mistakes.append(
                'tolerance has no effect with nonfinite="stop"; choose "skip" or "rollback", or leave it out'
            )
        return mistakes


def _pretrain_mistakes(values: dict[str, Any]) -> list[str]:
    if values["pretrain"] is None:
        said = [name for name, value in values.items() if name.startswith("pretrain_") and value is not None]
        cure = 'say pretrain="layerwise", or leave it out'
        return [f"{name} has no effect without pretrain: {cure}" for name in said]
    mistakes = []
    if values["start"] is not None:
        mistakes.append("pretrain and start both say what the first weights are; leave one of them out")
    if values["pretrain_with"] == "rbm" and values["pretrain_noise"] is not None:
        mistakes.append('pretrain_noise has no effect with pretrain_with="rbm"; leave it out')
    return mistakes


def _fold_mistakes(fold: int | None, folds: int | None, test: float) -> list[str]:
    if fold is None and folds is None:
        return []
    if fold is None or folds is None:
        return [f"give fold and folds together, got {fold=} and {folds=}"]
    mistakes = [f"fold must be below folds={folds}, got {fold=}"] if fold >= folds else []
    if test != 0.2:
        mistakes.append("test has no effect with folds: each fold tests on its share; leave it out")
    return mistakes


def edited(plan: Plan, was: dict[str, Any]) -> list[str]:
    """What says something else in a plan than it did when a run began."""
    now = plan.values()
    return [f"{name}={value!r}, now {now.get(name)!r}" for name, value in was.items() if now.get(name) != value]


def read_plan(folder: Path) -> Plan:
    """The plan of a run.

    Raises:
        RunError: if there is none, or it cannot be run; all mistakes at once.
    """
    path = folder / FILE
    if not path.is_file():
        raise RunError(f"{folder} is no run: it has no {FILE}; `lamina train DATA --out {folder}` makes one")
    return plan_in(path)


def plan_in(path: Path) -> Plan:
    """The plan in a file such as run.toml.

    Raises:
        RunError: if it cannot be read or run; all mistakes at once.
    """
    flat = {name: value for name, value in _tables(path).items() if not isinstance(value, dict)}
    flat.pop("lamina", None)
    values, mistakes = bind("the plan", Plan.settings(), (), flat)
    mistakes = mistakes or Plan.conflicts(**values)
    if mistakes:
        raise RunError(listed(mistakes, f"{path} cannot be run"))
    return Plan(**values)


def noted(folder: Path, table: str) -> dict[str, Any]:
    """A table of the notes in a run's plan; empty if there is none."""
    return noted_in(folder / FILE, table)


def noted_in(path: Path, table: str) -> dict[str, Any]:
    """A table of the notes in a file such as run.toml; empty if there is none."""
    notes = _tables(path).get(table)
    return notes if isinstance(notes, dict) else {}


def _tables(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise RunError(f"{path}: expected at most {LARGEST_BYTES:,} bytes; this is no file of lamina's")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # of tomllib, of the text's encoding, of numbers without end
        raise RunError(f"{path} cannot be read: {error}") from error


def written_plan(plan: Plan, version: str, notes: dict[str, dict[str, Any]]) -> str:
    """run.toml: the settings, then tables of notes for people (what machine, what data)."""
    lines = ["# Everything that this run follows from. `lamina train run.toml` runs it again.", f'lamina = "{version}"']
    lines += [f"{name} = {_toml(value)}" for name, value in plan.values().items() if value is not None]
    for table, entries in notes.items():
        lines += ["", f"[{table}]", *(f"{name} = {_toml(value)}" for name, value in entries.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    # A JSON string is a TOML string; True, numbers and texts are all that a plan holds.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
