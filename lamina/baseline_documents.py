"""What a masked language model has to beat: how often each token stands anywhere."""

from __future__ import annotations

from functools import reduce
from operator import add

import torch
from jaxtyping import Float64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import Parts
from lamina.data.text.packed import CLASSES, Documents, Packed
from lamina.kinds import END_TOKEN, Padded, Targets, Tokens
from lamina.metrics import ClassTally, Measure, TokenTally, of_each

EXAMPLES = 256
"""Examples of the test part that are looked at together."""


def frequencies(dataset: Dataset, parts: Parts) -> dict[str, tuple[dict[str, Measure], int]]:
    """The measures of answers that see nothing of a text: of a token, its share of the training part.

    p(token) = (its count + 1) / (all counts + the size of the vocabulary), of tokens that may be hidden. It is measured
    at all such positions of the test part's examples, for which of them are hidden is for chance to say, and has no
    part in this answer. Whether a text follows is answered by one half for each.

    Returns:
        "frequencies" with the tokens that it was counted from; nothing where nothing trains or tests.
    """
    documents = dataset.inputs
    if not isinstance(documents, Documents) or not len(parts.train) or not len(parts.test):
        return {}
    log_p, counted = shares(documents, parts)
    likeliest, halves = log_p.argmax(), torch.full((1, len(CLASSES)), 1 / len(CLASSES)).log()
    filled, following = list[TokenTally](), list[ClassTally]()
    for batch in Packed(dataset, parts.test, EXAMPLES).epoch(0):
        x: Padded = batch.inputs
        may = x.visible & (x.values > END_TOKEN)
        filled.append(TokenTally.of(-log_p[x.values], x.values == likeliest, may))
        if documents.pairs:
            following.append(ClassTally.of(halves.expand(len(may), -1), batch.target[1]))
    measures = reduce(add, filled).measures()
    target = dataset.target.kind
    if isinstance(target, Targets):
        names = map(target.name_of, range(len(target.parts)))
        measures = of_each(dict(zip(names, (measures, reduce(add, following).measures()), strict=True)))
    return {"frequencies": (measures, counted)}


def shares(documents: Documents, parts: Parts) -> tuple[Float64[Tensor, " V"], int]:
    """ln p of each token of the vocabulary, and how many were counted; none for those that are never hidden."""
    rows = (documents.values[documents.offsets[row] : documents.offsets[row + 1]] for row in parts.train.tolist())
    assert isinstance(documents.kind, Tokens)
    vocabulary = documents.kind.vocabulary
    counts = reduce(add, (row.long().bincount(minlength=vocabulary) for row in rows)).double()
    counts[: END_TOKEN + 1] = -1
    return ((counts + 1) / (counts + 1).sum()).log(), int(counts[END_TOKEN + 1 :].sum())
