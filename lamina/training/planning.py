"""What is asked of a run becomes its plan: defaults where nothing is said, and every mistake at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lamina.data.dataset import Dataset
from lamina.data.feeding import looking_feed
from lamina.data.text.packed import Documents
from lamina.defaults import Suggestion, default_net, default_optimizer, default_pace
from lamina.ends.reconstruct import Reconstruct
from lamina.errors import DataError, KindError, Problems, RunError, did_you_mean, listed
from lamina.forms import form_misfits
from lamina.layers.dense import Dense
from lamina.layers.shape import Flatten
from lamina.net import misfits
from lamina.nets.layers import layer_misfits
from lamina.rewrite import rewritten_from
from lamina.sentence import read_as
from lamina.settings import bind
from lamina.stage import Stage, links
from lamina.training import machine
from lamina.training.data import READING, address, parts_of
from lamina.training.layerwise import USUAL, no_probabilities, within_one
from lamina.training.optimizers import Optimizer
from lamina.training.plan import Plan
from lamina.training.source import finetuning_optimizer, source_for, started_net
from lamina.views import Views

PLAN = tuple(setting.name for setting in Plan.settings())


def planned(
    net: Stage | str | None,
    dataset: Dataset,
    optimizer: Optimizer | str | None,
    settings: dict[str, Any],
    say: Callable[[str], object] = lambda text: None,
) -> tuple[Plan, Stage]:
    """The resolved plan, with defaults where nothing is said, and the net's words, rewritten if they may be.

    Raises:
        RunError: naming every mistake in net, optimizer and settings.
    """
    chosen = {name: value for name, value in settings.items() if value is not None}
    problems, source = Problems(), None
    if "start" in chosen:
        chosen["start"] = str(Path(chosen["start"]).resolve())
        source = source_for(chosen["start"], dataset, problems)
    suggested = default_net(dataset) if net is None and source is None else Suggestion("", "")
    if net is None:
        net = suggested.net if source is None else started_net(source, dataset)
    stage = read_net(net, dataset, problems)
    if stage is not None and not problems.texts and chosen.get("rewrite", True):
        stage, gains = rewritten_from(stage, dataset.inputs.kind, () if source is None else source.body)
        for gain in gains:
            say(f"net: {gain}")
    labels = chosen.get("labels") if isinstance(chosen.get("labels"), int) else None
    said = {"data": address(dataset), "net": str(stage), **paced(dataset, labels, suggested, chosen), **chosen}
    usual = default_optimizer if source is None else partial(finetuning_optimizer, chosen.get("freeze"))
    steps = length(said, labels or examples_of(dataset))
    said["optimizer"] = str(optimizer or suggested.optimizer or usual(dataset, steps))
    problems.extend(read_as(Optimizer, said["optimizer"])[1], "optimizer")
    if "views" in chosen:
        said["views"] = str(chosen["views"])
        read_views(said["views"], dataset, problems)
    if stage is not None and not problems.texts:
        problems.extend(unlikely(links(stage)[-1], dataset), "net")
    if "pretrain" in chosen:
        said = pretraining(said, chosen, dataset, stage, problems)
    plan = plan_of(said, chosen, dataset, problems)
    if stage is None or plan is None or problems.texts:
        raise RunError(listed(problems.texts, "the run cannot begin"))
    return plan, stage


def paced(dataset: Dataset, labels: int | None, suggested: Suggestion, chosen: dict[str, Any]) -> dict[str, Any]:
    """How long is trained, and in what batches, where nothing is said."""
    usual = {**default_pace(dataset, labels), **suggested.pace}
    if {"epochs", "steps", "budget_seconds"} & chosen.keys():
        usual.pop("epochs", None)
    return usual


def plan_of(said: dict[str, Any], chosen: dict[str, Any], dataset: Dataset, problems: Problems) -> Plan | None:
    """The plan that says all this; None if there is none, and what is wrong with it goes to `problems`."""
    if any(known is not None for known in (dataset.origin, dataset.pictures, dataset.series)):
        problems.extend(unknown(said))
        said = {name: value for name, value in said.items() if name in PLAN}
    values, mistakes = bind("the plan", Plan.settings(), (), said)
    problems.extend(mistakes or Plan.conflicts(**values))
    if "split_seed" in chosen and dataset.time is not None:
        problems.add(f"split_seed has no effect: {dataset.name} is split by time; leave it out")
    if "test" in chosen and dataset.test is not None:
        problems.add(f"test has no effect: {dataset.name} comes with a test part; leave it out")
    try:
        machine.chosen_device(values["device"])
        if problems.texts:
            return None
        plan = Plan(**values)
        if plan.labels is not None:
            parts_of(dataset, plan)
    except (DataError, RunError) as error:
        problems.add(str(error))
        return None
    return plan


def unlikely(end: Stage, dataset: Dataset) -> list[str]:
    """Why a net that gives back probabilities would stop at some row, also of those that validate and test.

    Numbers with a scale are bytes, which become numbers from 0 to 1.
    """
    if not isinstance(end, Reconstruct) or end.likelihood != "bernoulli" or dataset.inputs.scale is not None:
        return []
    try:
        for batch in looking_feed(dataset, torch.arange(len(dataset)), torch.device("cpu"), carried=False).epoch(0):
            assert isinstance(batch.inputs, torch.Tensor)
            end.fitting_numbers(batch.inputs.flatten(1))
    except DataError as error:
        return [str(error)]
    return []


def pretraining(
    said: dict[str, Any], chosen: dict[str, Any], dataset: Dataset, stage: Stage | None, problems: Problems
) -> dict[str, Any]:
    """What is said of a plan, with all that its pretraining follows from; what is wrong with it goes to `problems`."""
    taught_as = chosen.get("pretrain_with", "autoencoder")
    if taught_as not in USUAL:
        return said  # which is said where settings are read
    # As many rows as there are set the batch, not the few with a label.
    batch = chosen.get("batch", default_pace(dataset).get("batch"))
    usual = {"pretrain_with": taught_as, **USUAL[taught_as]}
    said = {**usual, **({} if batch is None else {"pretrain_batch": batch}), **said}
    said["pretrain_optimizer"] = str(said["pretrain_optimizer"])
    problems.extend(read_as(Optimizer, said["pretrain_optimizer"])[1], "pretrain_optimizer")
    if stage is not None and not problems.texts:
        problems.extend(layer_misfits(stage, dataset.inputs.kind, dataset.target.kind, taught_as))
        begins = next((link for link in links(stage) if not isinstance(link, Flatten)), None)
        rows = torch.arange(len(dataset))
        if taught_as == "rbm" and isinstance(begins, Dense) and not within_one(dataset, rows, torch.device("cpu")):
            problems.add(f"pretrain: {no_probabilities(dataset.name)}")
    return said


def unknown(said: dict[str, Any]) -> list[str]:
    """Settings that neither a plan nor the reading of data has."""
    known = [*PLAN, *READING]
    return [f"there is no setting {name!r}{did_you_mean(name, known)}" for name in said if name not in PLAN]


def examples_of(dataset: Dataset) -> int:
    """How many examples it has, about; of documents, as many as are cut from them in an epoch."""
    inputs = dataset.inputs
    return len(inputs.values) // inputs.room if isinstance(inputs, Documents) else len(dataset)


def length(said: dict[str, Any], examples: int) -> int | None:
    """About how many steps a run will have; None where time limits it, or what was said is no number."""
    steps, epochs, batch = (said.get(name) for name in ("steps", "epochs", "batch"))
    if isinstance(steps, int):
        return steps
    return epochs * examples // max(1, batch) if isinstance(epochs, int) and isinstance(batch, int) else None


def read_net(net: Stage | str, dataset: Dataset, problems: Problems) -> Stage | None:
    """The words of a net, which must fit the dataset; what is wrong with them goes to `problems`."""
    stage, mistakes = (net, []) if isinstance(net, Stage) else read_as(Stage, net)
    problems.extend(mistakes, "net")
    if stage is not None:
        mistakes = misfits(stage, dataset.inputs.kind, dataset.target.kind)
        problems.extend(mistakes or form_misfits(stage, dataset), "net")
    return stage


def read_views(views: str | None, dataset: Dataset, problems: Problems) -> None:
    """See whether these are views that the dataset's inputs have; what is wrong with them goes to `problems`."""
    read, mistakes = (None, []) if views is None else read_as(Views, views)
    problems.extend(mistakes, "views")
    if read is not None:
        try:
            read.check(dataset.inputs.kind)
        except KindError as error:
            problems.extend(error.mistakes, "views")
