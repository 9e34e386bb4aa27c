"""Pretraining without labels, layer by layer: each learns to give back what the layers before it make of the inputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import key
from lamina.data.batches import Batch
from lamina.data.dataset import Column, Dataset
from lamina.data.feeding import looking_feed
from lamina.errors import DataError
from lamina.layers.weights import memory_bytes
from lamina.net import Net, through
from lamina.nets.layers import Layer, layers_of
from lamina.stage import Stage
from lamina.training import files, machine
from lamina.training.data import all_parts_of
from lamina.training.job import Evaluation, Job
from lamina.training.loop import Step
from lamina.training.plan import Plan
from lamina.training.result import plain

FOLDER = "layers"
RESULT_BYTES = 2**20
SHARE_OF_MEMORY = 4
"""What a layer is given is kept if it takes at most one part of so many of the memory."""

USUAL: dict[str, dict[str, Any]] = {
    "autoencoder": {"pretrain_epochs": 10, "pretrain_noise": 0.3, "pretrain_optimizer": "Adam(cosine(0.001))"},
    "rbm": {"pretrain_epochs": 10, "pretrain_optimizer": "SGD(0.1, momentum=0.5)"},
}
"""The settings of a plan with `pretrain` where nothing else is said, by what a layer becomes. A machine's rate and
momentum are those of Hinton 2010, "A practical guide", sections 7 and 9: what is adapted to each weight spoils it."""

Show: TypeAlias = Callable[[Job], AbstractContextManager[Callable[[Step | Evaluation], object]]]


@dataclass(frozen=True)
class Passed(Column):
    """Inputs as some stages give them, made anew for each batch where they are too many to be kept."""

    stages: tuple[Stage, ...] = field(default=(), kw_only=True, repr=False)
    column: Column = field(kw_only=True, repr=False)
    device: torch.device = field(kw_only=True)

    @torch.no_grad()
    def gather(self, index: Int64[Tensor, " B"]) -> Tensor:
        return through(self.stages, self.column.gather(index).to(self.device))  # type: ignore[return-value]


def pretrain(job: Job, signals: machine.Signals, display: Show) -> None:
    """Train the layers of a job's net in turn, or go on with that, and put what they learned into the net.

    Each is a job of its own within the run, `RUN/layers/1` and so on, with checkpoints and a log, so that it goes on
    exactly where it was stopped. Its examples are what the stages before give in evaluation, of all rows that train.

    Source: Hinton, Osindero and Teh 2006 (machines); Bengio et al. 2007, and Vincent et al. 2010, section 3
    (autoencoders).

    Raises:
        Interrupted: if a signal came; a checkpoint has been written.
    """
    net = job.net.eval()
    layers = layers_of(net)
    files.make_folder(job.folder / FOLDER)
    begun = 0
    for number, layer in enumerate(layers, start=1):
        machine.prepare(job.plan.threads)
        net.learn_body(lambda: ((batch.inputs, None) for batch in all_inputs(job)), begun, layer.first)
        begun = layer.first
        taught = taught_job(job, layer, number, len(layers))
        with closing(taught.log):
            taught.checkpoints.clean()
            taught.restore(taught.checkpoints.newest())
            with display(taught) as show:
                for event in taught.events(signals):
                    show(event)
            note_layer(taught, layer)
        layer.hand_over(taught.net, net)
    job.take_threads()


def all_inputs(job: Job) -> Iterator[Batch]:
    """Batches of all rows that train, with and without label."""
    return looking_feed(job.dataset, all_rows(job), job.device, carried=False).epoch(0)


def all_rows(job: Job) -> Tensor:
    """The rows that train, with and without label."""
    return all_parts_of(job.dataset, job.plan).train


def taught_job(job: Job, layer: Layer, number: int, count: int) -> Job:
    """The job of one layer, made ready; its folder is there."""
    plan, part = job.plan, f"layer {number} of {count}"
    inputs = passed(job.net, job.dataset, layer, job.device)
    dataset = Dataset(f"{job.dataset.name}, {part}", inputs, inputs)
    shares = all_parts_of(job.dataset, plan)
    # What a layer is measured on must have a likelihood too.
    probabilities = within_one(dataset, torch.cat((shares.train, shares.valid)), job.device)
    if plan.pretrain_with == "rbm" and not probabilities:
        raise DataError(no_probabilities(dataset.name))
    sentence = layer.taught(plan.pretrain_with or "autoencoder", plan.pretrain_noise or 0.0, probabilities)
    folder = job.folder / FOLDER / str(number)
    files.make_folder(folder)
    return Job(layer_plan(plan, sentence, number), dataset, sentence, folder, job.say, within=job, part=part)


def layer_plan(plan: Plan, sentence: Stage, number: int) -> Plan:
    """The plan of one layer: as of the run, but for how it is taught."""
    kept = ("data", "parts", "clip", "nonfinite", "tolerance", "checkpoint_seconds", "precision", "device")
    return Plan(
        net=str(sentence),
        optimizer=str(plan.pretrain_optimizer),
        epochs=plan.pretrain_epochs,
        batch=plan.pretrain_batch or plan.batch,
        # Layers stand at the same places of their nets: by one seed they would begin and be spoiled alike.
        seed=key(plan.seed, "layer", number) % 2**31,
        threads=plan.threads,
        **{name: getattr(plan, name) for name in kept},
    )


def passed(net: Net, dataset: Dataset, layer: Layer, device: torch.device) -> Column:
    """What a layer is given: kept where it fits in memory, else made anew for each batch."""
    stages, column = net.body.stages[: layer.first], dataset.inputs
    if not stages:
        return column
    first = torch.arange(1)
    made = Passed(column.values, layer.given, stages=stages, column=column, device=device)
    one = made.gather(first).cpu()
    if one.nbytes * len(dataset) > memory_bytes() // SHARE_OF_MEMORY:
        return made
    kept = torch.empty(len(dataset), *one.shape[1:], dtype=one.dtype)
    for batch in looking_feed(dataset, torch.arange(len(dataset)), device, carried=False).epoch(0):
        with torch.no_grad():
            kept[batch.examples] = through(stages, batch.inputs).cpu()  # type: ignore[union-attr]
    return Column(kept, layer.given)


def within_one(dataset: Dataset, rows: Tensor, device: torch.device) -> bool:
    """Whether all numbers of these inputs lie in [0, 1]."""
    feed = looking_feed(dataset, rows, device, carried=False)
    return all(float(batch.inputs.min()) >= 0 and float(batch.inputs.max()) <= 1 for batch in feed.epoch(0))


def no_probabilities(name: str) -> str:
    """What is said of data that a Boltzmann machine cannot be given."""
    cure = 'bring the data to [0, 1], or choose pretrain_with="autoencoder"'
    return f"an RBM is given numbers from 0 to 1, {name} has others; {cure}"


def note_layer(taught: Job, layer: Layer) -> None:
    """Write what became of a layer, if that is not done: its words, its loss on the validation part."""
    path = taught.folder / "result.json"
    if path.is_file():
        return
    valid = taught.evaluate(taught.shares.valid).measures()
    result = {
        "layer": str(layer),
        "net": taught.plan.net,
        "steps": taught.step,
        "seconds": round(taught.seconds(), 3),
        "valid": plain(valid),
    }
    files.replace(path, f"{json.dumps(result, indent=1, allow_nan=False)}\n".encode())


def pretrained(run: Path) -> list[dict[str, Any]]:
    """What became of each layer of a run, in turn; empty for a run without such."""
    folders = sorted((run / FOLDER).glob("[0-9]*"), key=lambda folder: int(folder.name))
    return [files.read_json(folder / "result.json", RESULT_BYTES) for folder in folders]
