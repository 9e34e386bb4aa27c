"""What a net has to beat: the best constant answer, and the linear model that anyone could fit in a second."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from operator import add
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from lamina.baseline_features import penalty, seen_as, standardised
from lamina.baseline_kinds import of_its_kind
from lamina.chance import generator
from lamina.data.dataset import Column, Dataset
from lamina.data.split import Parts
from lamina.data.text.packed import Documents
from lamina.data.text.ragged import Ragged, Windows
from lamina.kinds import Image, Label, Table, Targets, Value, Vector
from lamina.metrics import ClassTally, Measure, Tally, ValueTally, of_each

ROWS = 4096
"""Test examples looked at together, so that their features fit in memory however many there are."""

LEAST_PROBABILITY = 1e-6
"""Taken for anything less likely: a class that training never showed then costs 13.8 nats, not infinitely many."""

ITERATIONS = 100
"""Of L-BFGS. Ten thousand pictures of MNIST take 40."""


class Baseline(NamedTuple):
    """How well a simple answer does on the test part.

    Attributes:
        measures: how well.
        trained_on: how many training examples it was made from.
        tested_on: the tokens of a long text that it was measured on, the first of the test part; None for all of it.
    """

    measures: dict[str, Measure]
    trained_on: int
    tested_on: int | None = None


MOST_FEATURES = 2**26
"""Numbers that a linear model is fitted to: with what is made of them, a gigabyte."""

MOST_TREE_CLASSES, MOST_TREE_COLUMNS = 20, 1_000
"""Each class has trees of its own, and each tree looks at all columns: of 10,000, 350 rows took half a minute."""

TREES, FEW_TREES, FEW_ROWS, TREE_BINS = 1000, 100, 1000, 255

Answer = Callable[[Int64[Tensor, " B"]], Tensor]
"""From rows of the dataset to ln p of the classes (B, C), or to the predicted values (B, D)."""


def baselines(dataset: Dataset, parts: Parts, *, examples: int = 10_000, seed: int = 0) -> dict[str, Baseline]:
    """Simple answers to the same question, measured on the test part as the net will be.

    A `Label` gets "majority" (the shares of the classes in training; the commonest is the prediction) and "logistic", a
    `Value` gets "mean" (that of training) and "ridge", and a table of named columns "trees" besides. Those that are
    fitted are left out where the input is no table or picture, and where their training examples show one class only.

    The linear two see standardised features, of a table with flags for blanks and a 1 for each category's value, and
    penalise |weights|² by D/20, D the number of features: a prior by which an output varies as much for many features
    as for few. The trees are boosted until a tenth of their rows, held out, shows no gain for ten rounds. Source: Cox
    1958 (logistic), Hoerl and Kennard 1970 (ridge), Friedman 2001 (boosted trees), on histograms as Ke et al. 2017;
    fitted by scikit-learn.

    A text gets counts of runs of its tokens: see `lamina.baseline_texts`; texts of which something is to be told
    "bag_of_words": see `lamina.baseline_words`; a series, the forecasts of `lamina.baseline_series`; questions about
    passages, the words nearest to the question's: see `lamina.baseline_spans`.

    Of pictures with more than 1,024 numbers they see the means over so many fields, and are called by them:
    "logistic_18x18".

    Args:
        dataset: what to predict from what.
        parts: its rows; those that validate are not looked at.
        examples: the most training rows that a linear model is fitted to; trees, five times as many.
        seed: another seed draws other rows, where there are more.

    Returns:
        The baselines by name, the simplest first; none for other kinds of target, or if nothing trains or tests.

    >>> from lamina.data.named import load
    >>> from lamina.data.split import split
    >>> iris = load("iris")
    >>> {name: baseline.trained_on for name, baseline in baselines(iris, split(iris), examples=97).items()}
    {'majority': 105, 'logistic': 97, 'trees': 105}
    """
    if isinstance(dataset.target.kind, Targets) and not isinstance(dataset.inputs, Documents):
        each = [baselines(apart, parts, examples=examples, seed=seed) for apart in dataset.apart()]
        return together(dataset.target.kind, each)
    order = parts.train
    if not isinstance(dataset.inputs, Windows):  # a long text is counted as it runs, and its rows are millions
        order = order[torch.randperm(len(order), generator=generator(seed, "baselines"))]
    special = of_its_kind(dataset, parts, order[:examples])
    if special is not None:
        return {name: Baseline(*found) for name, found in special.items()}
    if not (len(parts.train) and len(parts.test) and isinstance(dataset.target.kind, Label | Value)):
        return {}
    answers = class_answers if isinstance(dataset.target.kind, Label) else value_answers
    found = answers(dataset, parts.train, order, examples)
    return {name: Baseline(measured(dataset, parts.test, answer), size) for name, (answer, size) in found.items()}


def class_answers(
    dataset: Dataset, train: Int64[Tensor, " N"], order: Int64[Tensor, " N"], examples: int
) -> dict[str, tuple[Answer, int]]:
    """Simple answers to which class it is, each with how many rows it was fitted to."""
    from lamina.baseline_words import word_classes  # needs this file's own words

    rows, some, more = order[:examples], order[: 2 * examples], order[: 5 * examples]
    answers = {"majority": (majority(dataset.target, train), len(train))}
    if len(set(dataset.target.gather(rows).tolist())) < 2:
        return answers
    if isinstance(dataset.inputs, Ragged):
        answers["bag_of_words"] = word_classes(dataset, some), len(some)
    if suits_linear(dataset, len(rows)):
        answers[f"logistic{seen_as(dataset)}"] = logistic(dataset, rows), len(rows)
    if suits_trees(dataset):
        answers["trees"] = class_trees(dataset, more), len(more)
    return answers


def value_answers(
    dataset: Dataset, train: Int64[Tensor, " N"], order: Int64[Tensor, " N"], examples: int
) -> dict[str, tuple[Answer, int]]:
    """Simple answers to which value it is, each with how many rows it was fitted to."""
    from lamina.baseline_words import word_values  # needs this file's own words

    rows, some, more = order[:examples], order[: 2 * examples], order[: 5 * examples]
    answers = {"mean": (mean(dataset.target, train), len(train))}
    if isinstance(dataset.inputs, Ragged):
        answers["bag_of_words"] = word_values(dataset, some), len(some)
    if suits_linear(dataset, len(rows)):
        answers[f"ridge{seen_as(dataset)}"] = ridge(dataset, rows), len(rows)
    if suits_trees(dataset):
        answers["trees"] = value_trees(dataset, more), len(more)
    return answers


def together(target: Targets, each: list[dict[str, Baseline]]) -> dict[str, Baseline]:
    """The baselines of several targets as one: the simplest of each, then the next, as in "majority/mean"."""
    joined: dict[str, Baseline] = {}
    for alike in zip(*(simple.items() for simple in each), strict=False):
        who = "/".join(dict.fromkeys(name for name, _ in alike))
        measures = {target.name_of(place): simple.measures for place, (_, simple) in enumerate(alike)}
        joined[who] = Baseline(of_each(measures), max(simple.trained_on for _, simple in alike))
    return joined


def measured(dataset: Dataset, rows: Int64[Tensor, " N"], answer: Answer) -> dict[str, Measure]:
    """The measures of an answer over these rows."""

    def tally(batch: Int64[Tensor, " B"]) -> Tally:
        kind = ClassTally if isinstance(dataset.target.kind, Label) else ValueTally
        return kind.of(answer(batch), dataset.target.gather(batch))

    batches = (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))
    return reduce(add, map(tally, batches)).measures()


def floored(probabilities: Float64[Tensor, "B C"]) -> Float64[Tensor, "B C"]:
    """ln p, with every p at least 1e-6."""
    least = probabilities.clamp(min=LEAST_PROBABILITY)
    return (least / least.sum(1, keepdim=True)).log()


def majority(target: Column, rows: Int64[Tensor, " N"]) -> Answer:
    """The shares of the classes among these rows, whatever the input."""
    classes = cast(Label, target.kind).classes
    shares = target.gather(rows).bincount(minlength=classes).double() / len(rows)
    constant = floored(shares[None])  # (1, C)
    return lambda batch: constant.expand(len(batch), -1)


def mean(target: Column, rows: Int64[Tensor, " N"]) -> Answer:
    """The mean of the target over these rows, whatever the input."""
    constant = target.gather(rows).double().mean(0, keepdim=True)  # (1, D)
    return lambda batch: constant.expand(len(batch), -1)


def suits_linear(dataset: Dataset, rows: int) -> bool:
    """Whether a linear model can be fitted to so many rows: its features fit in memory."""
    kind = dataset.inputs.kind
    if isinstance(kind, Table):
        return rows * (kind.numbers + kind.blanks + sum(kind.categories)) <= MOST_FEATURES
    return isinstance(kind, Vector | Image)


def suits_trees(dataset: Dataset) -> bool:
    """Whether the inputs are a table of named columns, and not too many of them or of classes."""
    target = dataset.target.kind
    named = isinstance(dataset.inputs.kind, Table) or (
        isinstance(dataset.inputs.kind, Vector) and bool(dataset.features)
    )
    many = len(dataset.features) > MOST_TREE_COLUMNS or (
        isinstance(target, Label) and target.classes > MOST_TREE_CLASSES
    )
    return named and not many


def class_trees(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Boosted trees for classes, fitted to these rows."""
    model = boosted("HistGradientBoostingClassifier", dataset, len(rows))
    model.fit(dataset.inputs.gather(rows).numpy(), dataset.target.gather(rows).numpy())
    return probable(model, lambda batch: dataset.inputs.gather(batch), dataset)


def value_trees(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Boosted trees for values, fitted to these rows, for each output in turn."""
    x, y = dataset.inputs.gather(rows).numpy(), dataset.target.gather(rows).double()
    models = [boosted("HistGradientBoostingRegressor", dataset, len(rows)).fit(x, output.numpy()) for output in y.T]

    def answer(batch: Int64[Tensor, " B"]) -> Tensor:
        features = dataset.inputs.gather(batch).numpy()
        return torch.stack([torch.from_numpy(model.predict(features)) for model in models], 1)

    return answer


def boosted(name: str, dataset: Dataset, rows: int) -> Any:
    """scikit-learn's boosted trees: they take blanks as they are, and categories of no more values than bins."""
    kind = dataset.inputs.kind
    codes = [codes <= TREE_BINS for codes in kind.categories] if isinstance(kind, Table) else []
    numbers = kind.numbers if isinstance(kind, Table) else cast(Vector, kind).size
    return getattr(import_module("sklearn.ensemble"), name)(
        categorical_features=[False] * numbers + codes,
        # Of few rows none can be spared to see when to stop.
        early_stopping=rows >= FEW_ROWS,
        max_iter=TREES if rows >= FEW_ROWS else FEW_TREES,
        random_state=0,
    )


def logistic(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Logistic regression, fitted to these rows."""
    # scikit-learn takes longer to import than torch, so only who asks for it pays.
    linear_model = import_module("sklearn.linear_model")
    stopped_early = import_module("sklearn.exceptions").ConvergenceWarning
    features = standardised(dataset.inputs, rows)
    x = features(rows)  # (N, D)
    model = linear_model.LogisticRegression(C=1 / penalty(x), max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stopped_early)  # which costs a baseline nothing that shows
        model.fit(x.numpy(), dataset.target.gather(rows).numpy())
    return probable(model, features, dataset)


def probable(model: Any, features: Callable[[Tensor], Tensor], dataset: Dataset) -> Answer:
    """What a fitted classifier of scikit-learn's says of all classes, those too that it never saw."""
    seen = torch.from_numpy(model.classes_)
    classes = cast(Label, dataset.target.kind).classes

    def answer(batch: Int64[Tensor, " B"]) -> Tensor:
        probabilities = torch.zeros(len(batch), classes, dtype=torch.float64)
        probabilities[:, seen] = torch.from_numpy(model.predict_proba(features(batch).numpy())).double()
        return floored(probabilities)

    return answer


def ridge(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Ridge regression, fitted to these rows."""
    linear_model = import_module("sklearn.linear_model")
    features = standardised(dataset.inputs, rows)
    x, y = features(rows), dataset.target.gather(rows).double()
    # The features are float32, and scikit-learn makes the target so as well: 1e6 + noise must lose its 1e6 before.
    middle = y.mean(0)
    model = linear_model.Ridge(alpha=penalty(x)).fit(x.numpy(), (y - middle).numpy())
    weights, bias = torch.from_numpy(model.coef_).reshape(-1, x.shape[1]), torch.as_tensor(model.intercept_)

    def answer(batch: Int64[Tensor, " B"]) -> Tensor:
        return (features(batch) @ weights.T + bias).double() + middle

    return answer
