"""What a masked language model has to beat, counted by hand."""

from __future__ import annotations

import math

import pytest
import torch

from lamina.baselines import baselines
from lamina.data.dataset import Column, Dataset
from lamina.data.split import Parts
from lamina.data.text.packed import Documents
from lamina.kinds import Label, Targets, Tokens

KIND = Tokens(11, mask=4)
TRAIN, VALID, TEST = [5, 5, 5, 6, 6, 7], [8, 8, 8, 8], [5, 5, 6, 9, 5]
SHARES = {5: 4 / 14, 6: 3 / 14, 7: 2 / 14, 9: 1 / 14}
"""Of the tokens 3 to 10 that may be hidden, each counted once more than it came."""


def parts() -> Parts:
    return Parts(*(torch.tensor([row]) for row in range(3)))


def documents(pairs: bool) -> Dataset:
    texts = [TRAIN, VALID, TEST]
    offsets = torch.tensor([0, *map(len, texts)]).cumsum(0)
    column = Documents(
        torch.tensor([*TRAIN, *VALID, *TEST]),
        KIND,
        offsets=offsets,
        sentences=offsets[:-1],
        length=7 + pairs,
        pairs=pairs,
    )
    target = Targets((KIND, Label(2)), ("filled", "next")) if pairs else KIND
    return Dataset("made up", column, Column(torch.zeros(3, 1), target))


def test_tokens_are_answered_by_their_shares_in_training() -> None:
    ((name, found),) = baselines(documents(pairs=False), parts()).items()
    assert (name, found.trained_on) == ("frequencies", len(TRAIN))
    nats = -sum(math.log(SHARES[token]) for token in TEST) / len(TEST)
    assert found.measures["token_loss"].value == pytest.approx(nats)
    assert found.measures["perplexity"].value == pytest.approx(math.exp(nats))
    assert found.measures["token_accuracy"].value == pytest.approx(3 / 5)


def test_of_pairs_whether_one_follows_is_answered_by_halves() -> None:
    measures = baselines(documents(pairs=True), parts())["frequencies"].measures
    assert measures["log_loss of next"].value == pytest.approx(math.log(2))


def test_there_is_none_where_nothing_tests() -> None:
    nothing = parts()._replace(test=torch.zeros(0, dtype=torch.int64))
    assert baselines(documents(pairs=False), nothing) == {}
