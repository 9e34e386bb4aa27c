"""What a net that fills in what is hidden has to beat: how often each token comes, and how often a text follows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import islice
from operator import add

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.baselines import Baseline, floored, together
from lamina.chance import drawing
from lamina.data.batches import Batch
from lamina.data.dataset import Dataset
from lamina.data.feeding import looking_feed
from lamina.data.split import Parts
from lamina.data.text.packed import Documents, Packed
from lamina.end import End, Sum
from lamina.ends.fill_in import FillIn
from lamina.kinds import END_TOKEN, Padded, Targets, Tokens
from lamina.metrics import ClassTally, TokenTally
from lamina.net import Net

PAIRS, SIZE = 10_000, 500
"""The most training pairs whose labels are counted, and how many are cut at once."""


def filled(net: Net, dataset: Dataset, parts: Parts) -> dict[str, Baseline]:
    """Simple answers to what is hidden in the test part, of the same tokens that the net is measured on.

    "unigram" takes each token to be as likely as training has it, p(v) = (c_v + 1) / (N + V): c_v of N tokens, and one
    more of each of the V that may be hidden (Laplace 1774). It guesses the commonest. Where pairs of texts are told
    apart besides, "majority" does so by the shares of the labels in training.

    Args:
        net: ends in `FillIn`, alone or beside `NextSentence`.
        dataset: documents.
        parts: its rows.

    Returns:
        The baseline; none if nothing trains or tests, or these are no documents.
    """
    documents = dataset.inputs
    if not isinstance(documents, Documents) or not (len(parts.train) and len(parts.test)):
        return {}
    counts = counted(documents, parts.train)
    test = looking_feed(dataset, parts.test, torch.device("cpu"), False)
    if not isinstance(net.end, Sum):
        return {"unigram": of_tokens(net.end, counts, ((batch, batch.target) for batch in test.epoch(0)))}
    each = [
        {"unigram": of_tokens(end, counts, ((batch, batch.target[place]) for batch in test.epoch(0)))}
        if isinstance(end, FillIn)
        else {"majority": of_labels(dataset, parts.train, (batch.target[place] for batch in test.epoch(0)), place)}
        for place, end in enumerate(net.end.ends)
    ]
    return together(net.end.aimed_at(Targets), each)


def counted(documents: Documents, rows: Int64[Tensor, " N"]) -> Int64[Tensor, " V"]:
    """How often each token comes in these documents; 0 for those that are never hidden."""
    chosen = torch.zeros(len(documents), dtype=torch.bool)
    chosen[rows] = True
    assert isinstance(documents.kind, Tokens)
    tokens = documents.values[chosen.repeat_interleave(documents.lengths)]
    counts = tokens.long().bincount(minlength=documents.kind.vocabulary)
    counts[: END_TOKEN + 1] = 0
    return counts


def of_tokens(end: End, counts: Int64[Tensor, " V"], batches: Iterable[tuple[Batch, Padded]]) -> Baseline:
    """The measures of guesses by counts, and how many tokens were counted."""
    total, most = int(counts.sum()), counts.argmax()
    nats = ((total + len(counts) - END_TOKEN - 1) / (counts + 1).double()).log()

    def tally(batch: Batch, target: Padded) -> TokenTally:
        assert isinstance(end, FillIn)
        with drawing(0, 0, batch.examples):  # as `evaluate` does
            hidden = end.counted(target).visible
        return TokenTally.of(nats[target.values], target.values == most, hidden)

    return Baseline(reduce(add, (tally(*each) for each in batches)).measures(), total)


def of_labels(dataset: Dataset, train: Int64[Tensor, " N"], batches: Iterable[Tensor], place: int) -> Baseline:
    """The measures of the shares that labels have among training pairs, and how many pairs were counted."""
    pairs = islice(Packed(dataset, train, SIZE, seed=0).epoch(0), PAIRS // SIZE)
    labels = torch.cat([batch.target[place] for batch in pairs])
    constant = floored(labels.bincount(minlength=2).double()[None] / len(labels))  # (1, C)
    tallies = (ClassTally.of(constant.expand(len(target), -1), target) for target in batches)
    return Baseline(reduce(add, tallies).measures(), len(labels))
