"""What a net has to beat: the best constant answer, and the linear model that anyone could fit in a second."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import reduce
from importlib import import_module
from operator import add
from typing import NamedTuple, cast

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from lamina.chance import generator
from lamina.data.dataset import Column, Dataset
from lamina.data.split import Parts
from lamina.kinds import Image, Label, Value, Vector
from lamina.metrics import ClassTally, Measure, Tally, ValueTally

ROWS = 4096
"""Test examples looked at together, so that their features fit in memory however many there are."""

LEAST_PROBABILITY = 1e-6
"""Taken for anything less likely: a class that training never showed then costs 13.8 nats, not infinitely many."""

ITERATIONS = 100
"""Of L-BFGS. Ten thousand pictures of MNIST take 40."""


class Baseline(NamedTuple):
    """How well a simple answer does on the test part, and how many training examples it was made from."""

    measures: dict[str, Measure]
    trained_on: int


Answer = Callable[[Int64[Tensor, " B"]], Tensor]
"""From rows of the dataset to ln p of the classes (B, C), or to the predicted values (B, D)."""


def baselines(dataset: Dataset, parts: Parts, *, examples: int = 10_000, seed: int = 0) -> dict[str, Baseline]:
    """Simple answers to the same question, measured on the test part as the net will be.

    A `Label` gets "majority" (the shares of the classes in training; the commonest is the prediction) and "logistic", a
    `Value` gets "mean" (that of training) and "ridge". The linear two are left out where the input is no table or
    picture, and where their training examples show one class only.

    Both are linear in standardised features and penalise |weights|² by D/20, D the number of features: a prior by
    which an output varies as much for many features as for few. Source: Cox 1958 (logistic), Hoerl and Kennard
    1970 (ridge); fitted by scikit-learn.

    Args:
        dataset: what to predict from what.
        parts: its rows; those that validate are not looked at.
        examples: the most training rows that a linear model is fitted to.
        seed: another seed draws other rows, where there are more.

    Returns:
        The baselines by name, the simplest first; none for other kinds of target, or if nothing trains or tests.

    >>> from lamina.data.named import load
    >>> from lamina.data.split import split
    >>> iris = load("iris")
    >>> {name: baseline.trained_on for name, baseline in baselines(iris, split(iris), examples=97).items()}
    {'majority': 105, 'logistic': 97}
    """
    if not (len(parts.train) and len(parts.test) and isinstance(dataset.target.kind, Label | Value)):
        return {}
    drawn = torch.randperm(len(parts.train), generator=generator(seed, "baselines"))[:examples]
    rows = parts.train[drawn]
    linear = isinstance(dataset.inputs.kind, Vector | Image)
    answers: dict[str, tuple[Answer, int]] = {}
    if isinstance(dataset.target.kind, Label):
        answers["majority"] = majority(dataset.target, parts.train), len(parts.train)
        if linear and len(set(dataset.target.gather(rows).tolist())) > 1:
            answers["logistic"] = logistic(dataset, rows), len(rows)
    else:
        answers["mean"] = mean(dataset.target, parts.train), len(parts.train)
        if linear:
            answers["ridge"] = ridge(dataset, rows), len(rows)
    return {name: Baseline(measured(dataset, parts.test, answer), size) for name, (answer, size) in answers.items()}


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


def penalty(x: Tensor) -> float:
    """The factor of |weights|² / 2 in the loss of N examples: a tenth of the features."""
    return x.shape[1] / 10


def standardised(inputs: Column, rows: Int64[Tensor, " N"]) -> Callable[[Tensor], Tensor]:
    """From rows to features of mean 0 and variance 1 over the rows given; a constant feature becomes 0 everywhere."""
    x = inputs.gather(rows).flatten(1).double()  # (N, D)
    middle = x.mean(0)
    spread = x.std(0, correction=0)
    # A constant column may have a spread of rounding errors; divided by it, they would look like data.
    constant = spread <= 1e-12 * middle.abs()
    scale = torch.where(constant, 0.0, 1 / spread.masked_fill(constant, 1.0))
    return lambda batch: ((inputs.gather(batch).flatten(1).double() - middle) * scale).float()
