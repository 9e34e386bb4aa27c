"""What a net on texts has to beat: counts of tokens, weighted, and linear models on them."""

from __future__ import annotations

import math

import pytest
import torch

from lamina.baseline_words import counted, weighted, word_classes, word_values
from lamina.data.dataset import Column, Dataset
from lamina.data.text.ragged import Ragged
from lamina.kinds import Label, Tokens, Value


def texts(*rows: list[int], target: Column | None = None) -> Dataset:
    """Rows of tokens below 7."""
    ends = torch.tensor([0, *map(len, rows)]).cumsum(0)
    inputs = Ragged(torch.tensor([token for row in rows for token in row]), Tokens(7), offsets=ends)
    return Dataset("texts", inputs, target or Column(torch.zeros(len(rows), dtype=torch.int64), Label(2)))


def test_tokens_are_counted_row_by_row_in_the_order_asked_for() -> None:
    dataset = texts([3, 3, 4, 2], [2], [4, 6, 2])
    assert counted(dataset, torch.tensor([2, 0, 1])).toarray().tolist() == [
        [0, 0, 1, 0, 1, 0, 1],
        [0, 0, 1, 2, 1, 0, 0],
        [0, 0, 1, 0, 0, 0, 0],
    ]


def test_rare_tokens_weigh_more_and_special_ones_nothing() -> None:
    dataset = texts([3, 3, 4, 0, 2], [4, 2], [0, 2])
    rows = weighted(dataset, torch.tensor([0, 1]))(torch.arange(3)).toarray()
    first = (1 + math.log(2)) * (1 + math.log(3 / 2))
    length = math.sqrt(first**2 + 1)
    assert rows[0].tolist() == pytest.approx([0, 0, 0, first / length, 1 / length, 0, 0])
    assert rows[1].tolist() == pytest.approx([0, 0, 0, 0, 1, 0, 0])
    assert rows[2].tolist() == [0] * 7


def test_classes_and_values_are_told_by_the_tokens_that_have_them() -> None:
    rows = ([3, 2], [3, 5, 2], [4, 2], [4, 5, 2], [3, 3, 2], [4, 4, 2])
    labels = Column(torch.tensor([0, 0, 2, 2, 0, 2]), Label(3))
    answer = word_classes(texts(*rows, target=labels), torch.arange(4))(torch.tensor([4, 5]))
    assert answer.exp().sum(1).tolist() == pytest.approx([1, 1])
    assert answer.argmax(1).tolist() == [0, 2]
    values = Column(torch.tensor([[1.0], [1.0], [9.0], [9.0], [1.0], [9.0]]), Value(1))
    low, high = word_values(texts(*rows, target=values), torch.arange(4))(torch.tensor([4, 5]))[:, 0].tolist()
    assert 1 < low < 5 < high < 9
