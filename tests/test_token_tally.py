"""The measures of tokens, on paper and against plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from lamina.metrics import SentenceTally, TokenTally

VISIBLE = torch.tensor([[True, True, True], [True, False, False]])
NATS = torch.tensor([[1.0, 2.0, 3.0], [4.0, 99.0, math.inf]])
RIGHT = torch.tensor([[True, False, True], [True, True, True]])


def random_tally(rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 8, (rows,), generator=random)
    visible = torch.arange(7) < lengths[:, None]
    return torch.rand(rows, 7, generator=random), torch.rand(rows, 7, generator=random) < 0.6, visible


def test_measures_are_what_they_are_on_paper() -> None:
    measures = SentenceTally.of(NATS, RIGHT, VISIBLE).measures()
    assert list(measures) == ["perplexity", "token_loss", "bits_per_token", "token_accuracy", "sentence_accuracy"]
    assert measures["token_loss"].value == pytest.approx(10 / 4)
    assert measures["perplexity"].value == pytest.approx(math.exp(2.5))
    assert measures["bits_per_token"].value == pytest.approx(2.5 / math.log(2))
    assert measures["token_accuracy"].value == pytest.approx(3 / 4)
    assert measures["sentence_accuracy"].value == 1 / 2


def test_what_is_not_scored_does_not_matter() -> None:
    other = NATS.masked_fill(~VISIBLE, -7.0)
    one, two = TokenTally.of(NATS, RIGHT, VISIBLE), TokenTally.of(other, RIGHT & VISIBLE, VISIBLE)
    assert one.measures() == two.measures()


def test_tallies_of_parts_add_up_to_that_of_the_whole() -> None:
    nats, right, visible = random_tally(53)
    whole = SentenceTally.of(nats, right, visible)
    parts = SentenceTally.of(nats[:17], right[:17], visible[:17]) + SentenceTally.of(
        nats[17:], right[17:], visible[17:]
    )
    for name, measure in whole.measures().items():
        assert parts.measures()[name] == pytest.approx(measure)


def test_the_variance_of_a_ratio_is_that_of_its_definition() -> None:
    nats, right, visible = random_tally(53)
    tally = TokenTally.of(nats, right, visible)
    sums, lengths = (nats * visible).sum(1).double(), visible.sum(1).double()
    ratio = sums.sum() / lengths.sum()
    expected = ((sums - ratio * lengths).square().sum() / lengths.sum() ** 2 * 53 / 52).item()
    assert tally.variance(0, tally.nats) == pytest.approx(expected, rel=1e-6)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(300):
        nats, right, visible = random_tally(41, seed)
        low, high = TokenTally.of(nats, right, visible).measures()["token_loss"][1:]
        held += low <= 0.5 <= high
    assert 0.90 < held / 300 < 0.985


def test_a_single_row_has_no_interval_and_no_row_no_value() -> None:
    one = TokenTally.of(NATS[:1], RIGHT[:1], VISIBLE[:1]).measures()
    assert one["token_loss"] == (2.0, 0.0, math.inf)
    assert one["perplexity"] == (math.exp(2), 1.0, math.inf)
    nothing = TokenTally.of(NATS[:1], RIGHT[:1], torch.zeros(1, 3, dtype=torch.bool)).measures()
    assert math.isnan(nothing["perplexity"].value)


def test_a_hopeless_net_has_an_infinite_perplexity_and_no_error() -> None:
    assert TokenTally.of(NATS * 1000, RIGHT, VISIBLE).measures()["perplexity"].value == math.inf
