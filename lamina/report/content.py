"""What stands on a report, as plain data: the page is a function of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lamina.metrics import ClassMeasures, Measure
from lamina.sheet import Sheet
from lamina.table import Row


class Example(NamedTuple):
    """A test example and what the net made of it.

    Attributes:
        row: its row in the dataset.
        actual: its class or its values, as text.
        predicted: what the net says, as text.
        sure: the probability of the predicted class; for values the length of the error.
        due: the probability of the actual class; nan for values.
        wrong: whether another class was predicted.
        picture: the input as a `data:` address of a PNG; empty if it is none.
        features: the input's first numbers or cells, if it is a vector or a row of a table.
    """

    row: int
    actual: str
    predicted: str
    sure: float
    due: float = float("nan")
    wrong: bool = False
    picture: str = ""
    features: tuple[str, ...] = ()


class Mistake(NamedTuple):
    """How often one class was taken for another."""

    actual: str
    predicted: str
    times: int
    of: int


@dataclass(frozen=True)
class ClassAnswers:
    """How the classes fare.

    Attributes:
        names: the classes.
        by_class: precision and recall of each.
        confusion: the examples by actual class (row) and predicted class (column); empty where there are many classes.
        mistakes: the commonest, most of all first.
        hardest: the examples whose actual class the net thought least likely, wrong ones first.
        wrong: how many examples are wrong.
    """

    names: tuple[str, ...]
    by_class: list[ClassMeasures]
    confusion: list[list[int]]
    mistakes: list[Mistake]
    hardest: list[Example]
    wrong: int


class Output(NamedTuple):
    """One predicted number over the test examples (over a spread of them, where there are many)."""

    name: str
    actual: list[float]
    predicted: list[float]
    histogram: list[int]
    """How many errors (predicted - actual) lie in each of equal intervals."""
    ends: tuple[float, float]
    """Between which errors the intervals lie."""


@dataclass(frozen=True)
class ValueAnswers:
    """How predicted numbers lie to the actual ones; `outputs` may be the first few of `size`."""

    outputs: list[Output]
    size: int
    examples: int
    worst: list[Example]


class Pretrained(NamedTuple):
    """A layer that was trained before the net, without labels.

    Attributes:
        layer: its words.
        taught: the net that taught it.
        steps: of that.
        loss: its first measure on the validation part, with its name, as text.
    """

    layer: str
    taught: str
    steps: int
    loss: str


class Drawn(NamedTuple):
    """A drawing of the net.

    Attributes:
        about: what it shows.
        picture: as a `data:` address of a PNG.
        width: in pixels.
    """

    about: str
    picture: str
    width: int


@dataclass(frozen=True)
class Content:
    """Everything on the page. Measures are by name, the headline first.

    Attributes:
        data: the data's name, and a sentence about it.
        net: the sentence.
        run: the run's folder.
        commands: what a command line does, and the line.
        sizes: the examples in each part.
        valid, test, baseline: the measures, as in `result.json`.
        trained_on: the examples that a baseline was fitted to.
        chosen_by: the measure that is the validation loss.
        given: the kind of an input.
        stages: the rows of the table.
        log: the entries of `steps.jsonl`.
        troubles: what went wrong on the way, a sentence each.
        notes: what was assumed and decided about the data, a sentence each.
        answers: how the test examples fare; None for targets that lamina cannot draw.
        features: the names of the input's columns, as many as examples hold.
        writing: samples of what it writes, behind what each part of a sample is; empty if it does not write.
        searched: how answers were found, where there are some.
        said: what the measures come to, a sentence each.
        drawings: of a net that gives back its input.
        sheets: how answers to questions fare; empty if there are none.
        pretrained: the layers that were trained before it.
        facts: steps, time and the like.
        plan: the settings.
        machine: what it ran on, with versions.
    """

    data: str
    about: str
    net: str
    run: str
    commands: list[tuple[str, str]]
    sizes: dict[str, int]
    valid: dict[str, Measure]
    test: dict[str, Measure]
    baseline: dict[str, dict[str, Measure]]
    trained_on: dict[str, int]
    chosen_by: str
    given: str
    stages: list[Row]
    log: list[dict[str, Any]]
    troubles: list[str]
    answers: ClassAnswers | ValueAnswers | None
    notes: list[str] = field(default_factory=list)
    features: tuple[str, ...] = ()
    writing: tuple[tuple[str, ...], ...] = ()
    searched: str = ""
    said: tuple[str, ...] = ()
    drawings: tuple[Drawn, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    pretrained: tuple[Pretrained, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    plan: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
