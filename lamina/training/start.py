"""Starting from weights that were trained before: what is taken, what is new, what stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.ends.point_to import PointTo
from lamina.errors import Problems, RunError, listed, shown
from lamina.kinds import Image, Kind, Label
from lamina.layers.corrupt import Corrupting
from lamina.layers.mask_tokens import MaskTokens
from lamina.layers.standardize import Standardize
from lamina.model import WEIGHTS
from lamina.net import Net
from lamina.nets.composition import expanded
from lamina.stage import Stage
from lamina.training.finetuning import frozen_stages, unfrozen
from lamina.training.plan import Plan, noted
from lamina.training.source import Source, read_source
from lamina.training.weights import load_weights
from lamina.word import same

NOTE = "taken"
"""The table of run.toml that says what was taken, so that a run goes on when its start is gone."""

BAR = "end.chosen"
"""Of `PointTo`, which has none where an answer is always given."""


class Taken(NamedTuple):
    """What a run has taken from its start.

    Attributes:
        stages: so many of the body's first.
        end: whether the end too.
        sha256: of the file with the weights.
    """

    stages: int
    end: bool
    sha256: str


def fitted(net: Net, plan: Plan, dataset: Dataset) -> Taken:
    """What a net can take from the start of its plan: its first stages, as far as their words are the start's.

    Raises:
        RunError: if that is nothing, or does not fit; naming what, and the cure.
    """
    source = read_source(str(plan.start))
    where = f"start={plan.start}"
    ours, theirs = matched(net.body.stages), matched(source.body)
    pairs = list(zip(ours, theirs, strict=False))
    common = next((n for n, (a, b) in enumerate(pairs) if not alike(net.body.stages[a], source.body[b])), len(pairs))
    # What is taken ends before the first that is not: what spoils an input before that stage has no weights.
    stages = ours[common] if common < len(ours) else len(net.body)
    if not any(True for _ in tensors_of(net, stages)):
        begins = " >> ".join(map(str, source.body[: (*theirs, len(source.body))[common] + 1]))
        text = f"the net has no weights in common with it: it begins {shown(begins)}, the net {shown(net.sentence())}"
        raise RunError(f"{where}: {text}; name no net, or one that begins like it")
    whole = common == len(ours) == len(theirs)
    named = not source.classes or not dataset.classes or source.classes == dataset.classes
    sought = source.target == net.target and named and source.parts == dataset.parts
    path = source.folder / WEIGHTS
    taken = Taken(stages, whole and sought and same_weights(source.end, net.end), digest(path))
    problems = Problems()
    problems.extend(adapted(net, source, taken, held_by(source, net))[1], where)
    problems.extend(unfrozen(net, plan, taken.stages))
    problems.raise_as(RunError, f"{where} does not fit this run")
    return taken


def matched(stages: Sequence[Stage]) -> list[int]:
    """The places of stages that are held against those of another net: of all but those that only spoil an input.

    A net that learned to see past what was hidden or spoiled goes on without that, or with more of it.
    """
    return [place for place, stage in enumerate(stages) if not isinstance(stage, MaskTokens | Corrupting)]


def held_by(source: Source, net: Net) -> dict[str, Tensor]:
    """The start's tensors, by the places that their stages have in the net."""
    theirs, ours = matched(source.body), matched(net.body.stages)
    # What has no counterpart stands behind all that is taken.
    moved = dict(zip(theirs, [*ours, *range(len(net.body), len(net.body) + len(theirs))], strict=False))
    found = dict[str, Tensor]()
    for name, tensor in load_weights(source.folder / WEIGHTS).items():
        where, _, rest = name.partition(".")
        number, _, inner = rest.partition(".")
        found[f"body.{moved[int(number)]}.{inner}" if where == "body" else name] = tensor
    return found


def alike(one: Stage, other: Stage) -> bool:
    """Whether two stages say the same; of named nets, whether they stand for the same."""
    return same(one, other) or (type(one) is type(other) and same(expanded(one), expanded(other)))


def same_weights(one: Stage, other: Stage) -> bool:
    """Whether an end can take the weights of another: of `PointTo` no setting says anything of them."""
    return same(one, other) or (isinstance(one, PointTo) and isinstance(other, PointTo))


def tensors_of(net: Net, stages: int, end: bool = False) -> Iterator[tuple[str, Tensor]]:
    """The tensors of the body's first stages, and of the end if it is asked for, by their names in the net."""
    for name, tensor in net.state_dict().items():
        where, _, rest = name.partition(".")
        if (where == "body" and int(rest.partition(".")[0]) < stages) or (where == "end" and end):
            yield name, tensor


def adapted(net: Net, source: Source, taken: Taken, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The start's tensors as a net can take them, and those that it cannot.

    Where pictures have other channels, the first convolution is brought to them, and so are the statistics that its
    inputs are standardised by: those are not taken anew, for the weights expect inputs of the start's own.
    """
    new, old = net.given, source.given
    changed = (old.channels, new.channels) if isinstance(new, Image) and isinstance(old, Image) else (0, 0)
    found, mistakes, first = dict[str, Tensor](), list[str](), changed[0] != changed[1]
    for name, ours in tensors_of(net, taken.stages, taken.end):
        if name == BAR and name not in tensors:
            continue  # it is chosen when training has ended
        theirs = tensors.get(name, torch.empty(0))
        if first and isinstance(net.get_submodule(name.rpartition(".")[0]), Standardize):
            theirs = statistics_for(theirs, changed[1])
        elif first and theirs.dim() == 4:
            first, theirs = False, kernel_for(theirs, changed[1]) if theirs.shape[1] == changed[0] else theirs
        found[name] = theirs
        if ours.shape != theirs.shape:
            mistakes.append(f"{name}: expected {tuple(ours.shape)}, got {tuple(theirs.shape)}{cure(new, old)}")
    return found, mistakes


def cure(new: Kind, old: Kind) -> str:
    """What to do about weights that are for pictures of another size or colour."""
    if not isinstance(new, Image) or not isinstance(old, Image) or new == old:
        return ""
    if (new.height, new.width) != (old.height, old.width):
        size = f"{old.height}x{old.width}"
        return f"; it was trained on pictures of {size}: read them so, with --size {size}"
    return f"; it was trained on pictures of {old.channels} channels: read them so"


def kernel_for(weight: Tensor, channels: int) -> Tensor:
    """A first convolution's weight for pictures of other channels: (W, C, Y, X) to (W, `channels`, Y, X).

    For one channel the sum over C, so that grey pictures give what they gave when grey stood in every channel; else the
    channels again and again, times C / `channels`, which keeps the scale of what comes out.
    """
    if channels == 1:
        return weight.sum(1, keepdim=True)
    old = weight.shape[1]
    return weight[:, torch.arange(channels) % old] * (old / channels)


def statistics_for(values: Tensor, channels: int) -> Tensor:
    """The mean or deviation of each channel for pictures of others: the mean for one channel, else in turn again."""
    return values.mean(0, keepdim=True) if channels == 1 else values[torch.arange(channels) % len(values)]


def take(net: Net, plan: Plan, taken: Taken, dataset: Dataset) -> str:
    """Put the start's weights into a net.

    Returns:
        What was taken, for people.

    Raises:
        RunError: if the start is not there any more, or is not what it was when the run began.
    """
    source = read_source(str(plan.start))
    path = source.folder / WEIGHTS
    if digest(path) != taken.sha256:
        raise RunError(f"start={plan.start} is not what it was when the run began; bring that back, or train anew")
    held = held_by(source, net)
    found, mistakes = adapted(net, source, taken, held)
    if mistakes:
        raise RunError(listed(mistakes, f"start={plan.start} does not fit this run"))
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name in found:
                tensor.copy_(found[name])
    frozen = [name for name, _ in tensors_of(net, frozen_stages(net, plan))]
    norms = ", with the statistics of norms" if any("running_" in name for name in frozen) else ""
    text = f"starts from {plan.start}: {len(found)} of {len(held)} tensors taken"
    if taken.stages < max(len(net.body), len(source.body)):
        text += f", of {taken.stages} of its {len(source.body)} stages"
    text += ", the end too" if taken.end else f", the end is new{classes_changed(source.target, net.target)}"
    if isinstance(new := net.given, Image) and isinstance(old := source.given, Image) and new != old:
        text += f"; it was trained on {old}, this is {new}"
        if (new.height, new.width) != (old.height, old.width) and dataset.pictures is not None:
            text += f" (size {old.height}x{old.width} would be as there)"
    if (scale := dataset.inputs.scale) != source.scale:
        text += f"; its inputs were multiplied by {source.scale or 1:.4g}, these are by {scale or 1:.4g}"
    return text + (f"; {len(frozen)} frozen{norms}" if frozen else "")


def classes_changed(old: Kind, new: Kind) -> str:
    """Between how many classes and how many others an end was exchanged."""
    return f" ({old.classes} -> {new.classes} classes)" if isinstance(old, Label) and isinstance(new, Label) else ""


def taken_before(folder: Path) -> Taken:
    """What a run took from its start, as its run.toml notes it.

    Raises:
        RunError: if that is not there.
    """
    note = noted(folder, NOTE)
    values = tuple(note.get(name) for name in Taken._fields)
    if tuple(map(type, values)) != (int, bool, str):
        raise RunError(f"{folder}: run.toml does not say what was taken from the start, under [{NOTE}]; train anew")
    return Taken(*values)  # type: ignore[arg-type]


def digest(path: Path) -> str:
    """The sha256 of a file of weights.

    Raises:
        RunError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
