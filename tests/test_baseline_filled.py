"""What is guessed of hidden tokens without learning."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from masking import KIND

from lamina.baseline_filled import filled
from lamina.data.dataset import Dataset, Part
from lamina.data.split import Parts
from lamina.data.text.packed import Documents
from lamina.evaluation import evaluate
from lamina.kinds import Label, Targets
from lamina.net import Net, build

NET = "MaskTokens() >> Embed(5) >> "
PARTS = Parts(torch.arange(2), torch.arange(0), torch.arange(2, 4))


def documents(pairs: bool = False) -> Dataset:
    """Two documents that train, of 7 tokens, one of them thrice, and two that test, of 2 and of 20."""
    texts = [[7, 8, 7], [9, 11, 7, 1], [7, 20], [7, 23] * 10]
    lengths = torch.tensor([0, *map(len, texts)])
    column = Documents(
        torch.tensor([token for text in texts for token in text], dtype=torch.int32),
        KIND,
        offsets=lengths.cumsum(0),
        sentences=torch.arange(0, int(lengths.sum()), 1),
        length=13,
        pairs=pairs,
    )
    if not pairs:
        return Dataset("numbered", column, column)
    target = replace(column, kind=Targets((KIND, Label(2)), ("filled", "next")))
    return Dataset("numbered", column, target, parts=(Part("filled", ()), Part("next", ("follows", "other"))))


def net_of(end: str, dataset: Dataset) -> Net:
    return build(NET + end, dataset.inputs.kind, dataset.target.kind)


def test_hidden_tokens_are_guessed_by_how_often_training_has_them() -> None:
    dataset = documents()
    net = net_of("FillIn(tied=False)", dataset)
    got = filled(net, dataset, PARTS)["unigram"]
    # Of 7 tokens one is [CLS], which is never hidden; 100 tokens of the vocabulary of 103 may be.
    assert got.trained_on == 6
    share = got.measures["token_accuracy"].value
    expected = share * math.log(106 / 4) + (1 - share) * math.log(106 / 1)
    assert 0 < share < 1
    assert got.measures["token_loss"].value == pytest.approx(expected)
    assert got.measures["perplexity"].value == pytest.approx(math.exp(expected))


def test_the_tokens_are_those_that_the_net_is_measured_on() -> None:
    dataset = documents()
    net = net_of("FillIn(tied=False)", dataset)
    got = filled(net, dataset, PARTS)["unigram"]
    # A net that says of all texts what training has says the same as the counts.
    counts = torch.ones(103)
    counts[[7, 8, 9, 11]] += torch.tensor([3.0, 1, 1, 1])
    counts[:3] = 0
    with torch.no_grad():
        net.end.head.weight.zero_()
        net.end.head.offset.copy_(counts.log())
    from lamina.data.feeding import looking_feed

    tally = evaluate(net, looking_feed(dataset, PARTS.test, torch.device("cpu"), False).epoch(0))
    for name, measure in tally.measures().items():
        assert tuple(got.measures[name]) == pytest.approx(tuple(measure), rel=1e-5), name


def test_whether_a_text_follows_is_guessed_by_how_often_one_does() -> None:
    dataset = documents(pairs=True)
    got = filled(net_of("(FillIn(tied=False) + NextSentence())", dataset), dataset, PARTS)
    measures = got["unigram/majority"].measures
    assert {"perplexity of filled", "token_accuracy of filled", "accuracy of next"} <= set(measures)
    # The net is measured on as many pairs; those that say OTHER are all right, or none is.
    assert 0 <= measures["accuracy of next"].value <= 1


def test_without_a_part_to_count_or_to_measure_there_is_none() -> None:
    dataset = documents()
    net = net_of("FillIn(tied=False)", dataset)
    assert filled(net, dataset, PARTS._replace(test=torch.arange(0))) == {}
    assert filled(net, dataset, PARTS._replace(train=torch.arange(0))) == {}
