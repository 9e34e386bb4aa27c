"""What a net on texts has to beat: a linear model that sees which tokens a text has, and not in which order."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.baselines import ITERATIONS, Answer, floored
from lamina.data.dataset import Dataset
from lamina.data.text.encoded import OWN
from lamina.data.text.ragged import Ragged
from lamina.kinds import Label

INVERSE_PENALTY = 10.0
"""C of the logistic regression: rows have length 1, so weights must grow to say much."""

RIDGE = 1.0

Bags = Callable[[Int64[Tensor, " B"]], Any]
"""From rows of the dataset to a sparse matrix (B, V)."""


def word_classes(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Logistic regression on weighted counts of tokens, fitted to these rows."""
    linear_model = import_module("sklearn.linear_model")
    bags, target = weighted(dataset, rows), dataset.target.gather(rows).numpy()
    model = linear_model.LogisticRegression(C=INVERSE_PENALTY, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        stopped_early = import_module("sklearn.exceptions").ConvergenceWarning
        warnings.simplefilter("ignore", stopped_early)  # which costs a baseline nothing that shows
        model.fit(bags(rows), target)
    seen, classes = torch.from_numpy(model.classes_), cast(Label, dataset.target.kind).classes

    def answer(batch: Int64[Tensor, " B"]) -> Tensor:
        probabilities = torch.zeros(len(batch), classes, dtype=torch.float64)
        probabilities[:, seen] = torch.from_numpy(model.predict_proba(bags(batch)))
        return floored(probabilities)

    return answer


def word_values(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Answer:
    """Ridge regression on weighted counts of tokens, fitted to these rows."""
    linear_model = import_module("sklearn.linear_model")
    bags, target = weighted(dataset, rows), dataset.target.gather(rows).double().numpy()
    model = linear_model.Ridge(alpha=RIDGE).fit(bags(rows), target)
    return lambda batch: torch.from_numpy(np.asarray(model.predict(bags(batch))).reshape(len(batch), -1))


def weighted(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Bags:
    """From rows to bags of tokens: (1 + ln count) (1 + ln((1 + N) / (1 + n))), n of the N rows having the token.

    Each row has length 1. Special tokens do not count. Source: Salton and Buckley 1988.
    """
    known = counted(dataset, rows)
    with_it = np.asarray((known > 0).sum(0)).ravel()
    weight = 1 + np.log((1 + len(rows)) / (1 + with_it))
    weight[:OWN] = 0.0

    def bags(batch: Int64[Tensor, " B"]) -> Any:
        counts = counted(dataset, batch)
        counts.data = (1 + np.log(counts.data)) * weight[counts.indices]
        length = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
        counts.data /= np.repeat(np.where(length > 0, length, 1.0), np.diff(counts.indptr))
        return counts

    return bags


def counted(dataset: Dataset, rows: Int64[Tensor, " N"]) -> Any:
    """How often each row has each token, as a sparse matrix (B, V)."""
    sparse = import_module("scipy.sparse")
    inputs = cast(Ragged, dataset.inputs)
    lengths = inputs.lengths[rows]
    places = torch.arange(len(rows)).repeat_interleave(lengths)
    within = torch.arange(len(places)) - (lengths.cumsum(0) - lengths)[places]
    tokens = inputs.values[inputs.offsets[rows][places] + within].numpy()
    shape = (len(rows), getattr(inputs.kind, "vocabulary", 0))
    matrix = sparse.coo_matrix((np.ones(len(tokens)), (places.numpy(), tokens)), shape=shape).tocsr()
    matrix.sum_duplicates()
    return matrix
