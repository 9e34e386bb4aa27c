"""From the weights of another system to a model of lamina's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamina.data.pictures.reading import PictureOrigin
from lamina.ends.classify import Classify
from lamina.errors import RunError, SentenceError, nearest, shown
from lamina.imported.architectures import Architecture, known
from lamina.imported.reading import read_tensors
from lamina.kinds import Label
from lamina.layers.standardize import Standardize
from lamina.model import Model
from lamina.net import Net, build
from lamina.nets.composition import expanded
from lamina.sentence import parse
from lamina.stage import Stage, links
from lamina.training.weights import SUGGESTIONS
from lamina.word import same

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of the channels of ImageNet's pictures, between 0 and 1: the weights expect inputs standardised so, on CIFAR too."""

BYTE = 1 / 255
NAMES_BYTES = 2**20


class Imported(NamedTuple):
    """A model made of another system's weights, and the architecture that they were recognised as."""

    model: Model
    architecture: Architecture
    tensors: int


def import_model(path: str | Path, sentence: str | None = None, classes: tuple[str, ...] = ()) -> Imported:
    """A model from a state dict of torchvision's or timm's AlexNet and ResNet, or of a CIFAR ResNet.

    What the training standardised pictures by becomes part of the model, which takes bytes as pictures have them.

    Args:
        path: a .safetensors file, or one of `torch.save`.
        sentence: the net, such as "ResNet(18) >> Classify()", where it is not to be recognised.
        classes: the names of the classes by number; CIFAR-10's for its nets, else numbers, if there are none.

    Raises:
        RunError: if the file is no such file, or its tensors are not those of a known net.
        SentenceError: if the sentence cannot be read, or says another net than those that are known.
    """
    return model_of(read_tensors(Path(path)), Path(path), sentence, classes)


def model_of(
    tensors: dict[str, Tensor], path: Path, sentence: str | None = None, classes: tuple[str, ...] = ()
) -> Imported:
    """The model of tensors that have been read from a file; see `import_model`."""
    end = Classify() if sentence is None else said_end(sentence)
    architecture = recognised(tensors, path) if sentence is None else said(sentence)
    check_tensors(tensors, architecture, path)
    count = len(tensors[f"{architecture.units[-1][0]}.weight"])
    chosen = class_names(classes, count, architecture, path)
    net = build(parse(f"Standardize() >> {architecture.body} >> {end}"), architecture.given, Label(count))
    fill(net, tensors, architecture, path)
    given = architecture.given
    pictures = PictureOrigin(given.height, given.width, "crop", given.channels)
    return Imported(Model(net, chosen, scale=BYTE, pictures=pictures), architecture, len(tensors))


def recognised(tensors: dict[str, Tensor], path: Path) -> Architecture:
    """The architecture whose tensors are called as these are.

    Raises:
        RunError: naming the nearest one, and what differs.
    """
    ranked = sorted(known(), key=lambda candidate: -likeness(set(candidate.names()), set(tensors)))
    if likeness(set(ranked[0].names()), set(tensors)) == 0:
        names = ", ".join(candidate.name for candidate in ranked)
        raise RunError(f"{path}: none of its {len(tensors)} tensors is of a net that can be imported: {names}")
    return ranked[0]


def likeness(one: set[str], two: set[str]) -> float:
    """How much two sets have in common, from 0 to 1. Source: Jaccard 1901."""
    return len(one & two) / len(one | two)


def said(sentence: str) -> Architecture:
    """The architecture of a sentence's body.

    Raises:
        SentenceError: naming those that there are.
    """
    body = [link for link in links(parse(sentence)) if not isinstance(link, Classify | Standardize)]
    for candidate in known():
        if len(body) == 1 and same(expanded(body[0]), expanded(parse(candidate.body))):
            return candidate
    bodies = "; ".join(candidate.body for candidate in known())
    raise SentenceError(f"--as {sentence!r}: expected one of these and an end: {bodies}")


def said_end(sentence: str) -> Stage:
    """The end of a sentence, which must be `Classify`; that if the sentence has none."""
    last = links(parse(sentence))[-1]
    return last if isinstance(last, Classify) else Classify()


def check_tensors(tensors: dict[str, Tensor], architecture: Architecture, path: Path) -> None:
    """Refuse tensors that are called otherwise than those of an architecture.

    Raises:
        RunError: listing those that are missing, and those that are too many.
    """
    names = architecture.names()
    missing = [name for name in names if name not in tensors]
    extra = [name for name in tensors if name not in set(names)]
    mistakes = [f"{name!r} is missing" for name in missing]
    for place, name in enumerate(extra):
        meant = nearest(name, missing) if place < SUGGESTIONS else None
        mistakes.append(f"{name!r} is none of its tensors" + (f"; did you mean {meant!r}?" if meant else ""))
    refuse(mistakes, architecture, path)


def fill(net: Net, tensors: dict[str, Tensor], architecture: Architecture, path: Path) -> None:
    """Put the tensors of another system into a net, and what its pictures are standardised by.

    Raises:
        RunError: listing the tensors that have other shapes than the net's.
    """
    pairs = list(paired(net, architecture))
    mistakes = [
        f"{name!r}: expected {tuple(ours.shape)}, got {tuple(tensors[name].shape)}"
        for name, ours in pairs
        if ours.shape != tensors[name].shape
    ]
    refuse(mistakes, architecture, path)
    first = net.body[0]
    with torch.no_grad():
        for name, ours in pairs:
            ours.copy_(tensors[name])
        if isinstance(first, Standardize):
            first.mean.copy_(torch.tensor(IMAGENET_MEAN))
            first.deviation.copy_(torch.tensor(IMAGENET_DEVIATION))


def paired(net: Net, architecture: Architecture) -> list[tuple[str, Tensor]]:
    """The names of another system's tensors, and the net's tensors that they belong into: layer by layer, in order."""
    layers = [part for part in net.modules() if isinstance(part, Stage) and any(True for _ in own(part))]
    return [
        (f"{unit}.{theirs}", getattr(layer, ours))
        for layer, (unit, names) in zip(layers, architecture.units, strict=True)
        for theirs, ours in names.items()
    ]


def own(stage: nn.Module) -> Any:
    """The parameters that a stage has itself."""
    return stage.parameters(recurse=False)


def refuse(mistakes: list[str], architecture: Architecture, path: Path) -> None:
    """Raise what differs from an architecture, if anything does: the first of it, and how much there is."""
    if not mistakes:
        return
    more = [f"and {len(mistakes) - SUGGESTIONS} more"] if len(mistakes) > SUGGESTIONS else []
    listing = "\n".join(f"  - {mistake}" for mistake in [*mistakes[:SUGGESTIONS], *more])
    raise RunError(f"{path} does not fit {architecture.name}, the nearest net that can be imported:\n{listing}")


def class_names(given: tuple[str, ...], count: int, architecture: Architecture, path: Path) -> tuple[str, ...]:
    """The names of so many classes.

    Raises:
        RunError: if there are more or fewer names, or two are alike.
    """
    if not given:
        fitting = len(architecture.classes) == count
        return architecture.classes if fitting else tuple(map(str, range(count)))
    if len(given) != count or len(set(given)) != count:
        raise RunError(
            f"{path} has {count} classes; expected {count} different names, got {len(given)}: {shown(given)}"
        )
    return given


def read_names(path: Path) -> tuple[str, ...]:
    """The names of classes in a file, one a line.

    Raises:
        RunError: if it is no such file.
    """
    from lamina.training.files import read

    try:
        return tuple(line.strip() for line in read(path, NAMES_BYTES).decode("utf-8-sig").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: expected names of classes in UTF-8, one a line: {error.reason}") from error
