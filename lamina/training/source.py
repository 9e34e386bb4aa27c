"""The model that a run starts from, by its description: does it suit the data, and what net follows from it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from lamina.data.dataset import Dataset, Part
from lamina.data.tables.origin import origin_in
from lamina.defaults import default_end, default_optimizer
from lamina.description import read_description
from lamina.end import End
from lamina.ends.direction import Direction
from lamina.ends.point_to import PointTo
from lamina.errors import LaminaError, Problems, RunError, shown
from lamina.kinds import Kind, Sequence, Span, Tags
from lamina.layers.corrupt import Corrupting
from lamina.layers.dropout import Dropout
from lamina.layers.mask_tokens import MaskTokens
from lamina.layers.over_time import First
from lamina.model import DESCRIPTION, FOLDER
from lamina.sentence import parse, parse_as
from lamina.stage import Chain, Stage, links


class Source(NamedTuple):
    """A model to start from, as its description says; its weights are read apart.

    Attributes:
        folder: of the artifact.
        body, end: its stages.
        given, target: its kinds.
        classes: the names of its classes.
        parts: where it has several targets, their names and classes.
        features: the names of its columns.
        scale: what its raw inputs are multiplied by.
        table: how a table becomes its inputs, as JSON; None where it takes no table.
    """

    folder: Path
    body: tuple[Stage, ...]
    end: Stage
    given: Kind
    target: Kind
    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    features: tuple[str, ...]
    scale: float | None
    table: dict[str, Any] | None


def read_source(start: str) -> Source:
    """What the model of a run's or a model's folder says of itself.

    Raises:
        RunError: if there is none, or only the code that made it can read it.
    """
    folder = Path(start)
    folder = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    path = folder / DESCRIPTION
    if not path.is_file():
        raise RunError(
            f"start={start} holds no model: it has no {DESCRIPTION}; name a model's folder, or that of a run"
            " that has ended"
        )
    said = read_description(path)
    if said["needs_code"]:
        text = "its net holds stages of your own; load it by lamina.load(folder, net=...) and train its stages"
        raise RunError(f"start={start}: {text}")
    *body, end = links(parse(said["net"]))
    parts = tuple(Part(name, tuple(classes)) for name, classes in said["parts"])
    given, target = parse_as(Kind, said["given"]), parse_as(Kind, said["target"])
    classes, features = tuple(said["classes"]), tuple(said["features"])
    return Source(folder, tuple(body), end, given, target, classes, parts, features, said["scale"], said["table"])


def source_for(start: str, dataset: Dataset, problems: Problems) -> Source | None:
    """A model to start from that takes such inputs as a dataset has; what is wrong with it goes to `problems`."""
    try:
        source = read_source(start)
    except LaminaError as error:
        problems.add(str(error))
        return None
    where, given = f"start={start}", dataset.inputs.kind
    if type(given) is not type(source.given):
        problems.add(f"{where} takes {source.given}, but {dataset.name} has {given}: start from a model of such inputs")
        return None
    if dataset.features and source.features and dataset.features != source.features:
        expected, got = shown(source.features), shown(dataset.features)
        problems.add(f"{where} takes the columns {expected}, but {dataset.name} has {got}: its weights are for others")
    elif source.table is not None and dataset.origin is not None:
        known = origin_in(source.table, str(source.folder / DESCRIPTION))
        if known.fields != dataset.origin.fields:
            text = f"{dataset.name} is encoded otherwise than the table that it was trained on"
            problems.add(f"{where}: {text}; its weights are for other columns or categories: train anew")
    return source


def started_net(source: Source, dataset: Dataset) -> Stage:
    """The source's body with an end for a dataset: its own where that predicts such targets, else the usual one.

    What asks for a position each, as a span or tags do, is told by a body without what makes one vector of all. A net
    that was pre-trained to fill in what is hidden tells of a text by its first position, with nothing hidden and BERT's
    dropout before the end. Source: Devlin et al. 2019, section 3.2.
    """
    end, body = source.end, source.body
    if isinstance(end, PointTo) and end.least is None and dataset.asked is not None and dataset.asked.unanswerable:
        end = PointTo(end.longest, least="auto", init=end.init)  # which can be silent, and has the same weights
    # The one end that has no weights would ask for a target as wide as the body.
    if type(source.target) is type(dataset.target.kind) and not isinstance(end, Direction):
        return Chain([stage.fresh() for stage in (*body, end)])
    each, filled = isinstance(dataset.target.kind, Span | Tags), isinstance(end, End) and end.fills
    body = positioned(source) if each else body
    if isinstance(end, End) and (end.fills or end.restores):
        body = tuple(stage for stage in body if not isinstance(stage, MaskTokens | Corrupting))
    if filled:
        body = body if each else (*body, First(), Dropout(0.1))
    return Chain([stage.fresh() for stage in (*body, parse(default_end(dataset)))])


def positioned(source: Source) -> tuple[Stage, ...]:
    """The body as far as its positions flow: without what makes one vector of them."""
    with torch.device("meta"):
        sketch = Chain([stage.fresh() for stage in source.body])
        sketch.fit(source.given)
    places = [place for place, kind in enumerate(sketch.kinds) if isinstance(kind, Sequence)]
    return source.body[: places[-1]] if places else source.body


def finetuning_optimizer(freeze: object, dataset: Dataset, steps: int | None = None) -> str:
    """AdamW as for other runs, at a tenth of its rate unless only the end learns.

    A step of Adam moves every weight by about the rate, however small its gradient. Weights that are good already lose
    by that what they know before the new end tells them anything; a linear end on a body at rest loses nothing.
    Source: Kumar et al. 2022, "Fine-tuning can distort pretrained features", section 3; Howard and Ruder 2018.
    """
    if isinstance(dataset.target.kind, Span) and freeze != "body":
        return f"AdamW(linear(5e-05, warmup={(steps or 0) // 10}), weight_decay=0.01)"
    rule = default_optimizer(dataset, steps)
    return rule if freeze == "body" else rule.replace("cosine(0.003", "cosine(0.0003")
