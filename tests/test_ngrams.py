"""Counting what follows what."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import ngrams
from lamina.ngrams import DISCOUNT, NGrams


def by_definition(text: list[int], vocabulary: int, context: tuple[int, ...], token: int) -> float:
    if not context:
        return (text.count(token) + 1) / (len(text) + vocabulary)
    size = len(context) + 1
    runs = [tuple(text[at : at + size]) for at in range(len(text) - size + 1)]
    followers = [run[-1] for run in runs if run[:-1] == context]
    shorter = by_definition(text, vocabulary, context[1:], token)
    if not followers:
        return shorter
    own = max(followers.count(token) - DISCOUNT, 0)
    return (own + DISCOUNT * len(set(followers)) * shorter) / len(followers)


def test_probabilities_are_those_of_the_definition() -> None:
    random = np.random.default_rng(0)
    text, other = random.integers(0, 5, 61), random.integers(0, 7, 37)
    found = NGrams.of(text, 7, 3).nats(other, 2)
    for place in range(2, 37):
        context = tuple(other[place - 2 : place].tolist())
        expected = by_definition(text.tolist(), 7, context, int(other[place]))
        assert found[place - 2] == pytest.approx(-math.log(expected))


def test_probabilities_behind_any_context_add_up_to_1() -> None:
    model = NGrams.of(np.array([0, 1, 2, 0, 1, 1, 3, 0, 1]), 5, 3)
    for context in ([0, 1], [1, 1], [4, 4], [3, 0]):
        nats = [model.nats(np.array([*context, token]), 2)[0] for token in range(5)]
        assert sum(math.exp(-each) for each in nats) == pytest.approx(1)


def test_a_text_that_repeats_itself_is_foreseen() -> None:
    text = np.tile(np.array([3, 1, 4, 1, 5, 2]), 50)
    model = NGrams.of(text, 6, 3)
    assert model.nats(text[:60], 2).mean() < 0.05


def test_a_text_shorter_than_the_sequences_has_single_tokens_only() -> None:
    model = NGrams.of(np.array([1]), 3, 5)
    assert np.exp(-model.nats(np.array([0, 1, 2]), 0)).tolist() == pytest.approx([1 / 4, 1 / 2, 1 / 4])


def test_counting_by_parts_and_for_one_text_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    text, other = random.integers(0, 5, 61).astype(np.uint16), random.integers(0, 7, 37).astype(np.uint16)
    expected = NGrams.of(text, 7, 4).nats(other, 3)
    monkeypatch.setattr(ngrams, "AT_ONCE", 11)
    monkeypatch.setattr(ngrams, "MOST_HELD", 13)
    for sought in (None, other):
        np.testing.assert_array_equal(NGrams.of(text, 7, 4, sought).nats(other, 3), expected)


def test_of_a_text_that_alone_will_be_asked_about_only_what_it_shows_is_kept() -> None:
    text = np.array([0, 1, 2, 0, 3, 1, 4])
    (pairs,) = NGrams.of(text, 5, 2, np.array([0, 3, 3])).orders
    # 1 and 3 follow 0, once each, and 1 follows 3, which the other text does not show.
    order = np.argsort(-pairs.total)
    assert (pairs.count.tolist(), pairs.total[order].tolist(), pairs.kinds[order].tolist()) == ([1], [2, 1], [2, 1])


def test_a_text_that_shows_nothing_of_what_was_counted_has_single_tokens_only() -> None:
    model = NGrams.of(np.array([0, 1, 0, 1]), 4, 3, np.array([3, 3, 3]))
    assert np.exp(-model.nats(np.array([3, 3, 3]), 2)).tolist() == pytest.approx([1 / 8])
