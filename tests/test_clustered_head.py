"""The softmax in parts: a distribution, equal to its plain form."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lamina as la
from lamina.ends.clustered_head import ClusteredHead
from lamina.errors import KindError, SentenceError
from lamina.kinds import Padded

VOCABULARY, WIDTH = 29, 7


@pytest.fixture(params=[False, True], ids=["apart", "tied"])
def end(request: pytest.FixtureRequest) -> la.NextToken:
    sentence = f"Embed({WIDTH}) >> LSTM({WIDTH}) >> NextToken(tied={request.param}, cutoffs=(5, 11, 17))"
    net = la.build(sentence, la.Tokens(VOCABULARY), la.Tokens(VOCABULARY), seed=2)
    assert isinstance(net.end, la.NextToken)
    # An embedding is part of the body: held here, as the test holds no net.
    net.end.__dict__["body"] = net.body
    return net.end.eval()


def vectors(seed: int = 0) -> tuple[Padded, Padded]:
    random = torch.Generator().manual_seed(seed)
    visible = torch.ones(3, 13, dtype=torch.bool)
    visible[1, 8:] = False
    h = Padded(torch.randn(3, 13, WIDTH, generator=random), visible)
    return h, Padded(torch.randint(0, VOCABULARY, (3, 13), generator=random), visible)


@torch.no_grad()
def plain(end: la.NextToken, h: Tensor) -> Tensor:
    """ln p by the definition: of the first softmax, and for what is in a cluster of the second."""
    head = end.head
    assert isinstance(head, ClusteredHead)
    table, offset, edges = head.table(), head.offset, (*head.cutoffs, VOCABULARY)
    out = []
    for row in h:
        first = [float(row @ table[token] + offset[token]) for token in range(edges[0])]
        first += [float(row @ head.clusters[place] + head.cluster_offset[place]) for place in range(3)]
        whole = sum(math.exp(logit) for logit in first)
        p = [math.exp(logit) / whole for logit in first]
        probabilities = p[: edges[0]]
        for place in range(3):
            tokens = range(edges[place], edges[place + 1])
            inner = [math.exp(float(row @ table[token] + offset[token])) for token in tokens]
            probabilities += [p[edges[0] + place] * one / sum(inner) for one in inner]
        out.append(torch.tensor(probabilities).log())
    return torch.stack(out)


def test_it_is_the_product_of_the_cluster_s_probability_and_the_token_s_within(end: la.NextToken) -> None:
    h, _ = vectors()
    torch.testing.assert_close(end(h).values.flatten(0, 1), plain(end, h.values.flatten(0, 1)), rtol=1e-4, atol=1e-5)


def test_probabilities_sum_to_one(end: la.NextToken) -> None:
    h, _ = vectors()
    torch.testing.assert_close(end(h).values.exp().sum(-1), torch.ones(3, 13))


def test_the_loss_takes_part_of_it_and_equals_the_whole(end: la.NextToken) -> None:
    h, target = vectors()
    where = target.visible
    whole = F.cross_entropy(end(h).values[where], target.values[where], reduction="sum")
    score = end.score(h, target)
    torch.testing.assert_close(score.total, whole)
    assert score.count == 34


def test_the_gradient_is_that_of_the_whole(end: la.NextToken) -> None:
    h, target = vectors()
    weights = list(end.parameters())
    where = target.visible
    whole = F.cross_entropy(end(h).values[where], target.values[where], reduction="sum")
    expected = torch.autograd.grad(whole, weights)
    for found, wanted in zip(torch.autograd.grad(end.score(h, target).total, weights), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_the_likeliest_token_is_that_of_the_whole(end: la.NextToken) -> None:
    for seed in range(5):
        h, _ = vectors(seed)
        found, best = end.predict(h), end(h).values.max(-1)
        torch.testing.assert_close(found.log_probability, best.values)
        assert torch.equal(found.token, best.indices)
        assert int(found.token.max()) >= 5, "a token of a cluster is never the likeliest: nothing was tested"


def test_a_batch_without_rare_tokens_is_scored(end: la.NextToken) -> None:
    h, target = vectors()
    assert end.score(h, target._replace(values=target.values % 5)).total.isfinite()


def test_cutoffs_must_grow() -> None:
    with pytest.raises(SentenceError, match=r"cutoffs must grow, got cutoffs=\(7, 7\)"):
        la.parse("NextToken(cutoffs=(7, 7))")


def test_smoothing_and_cutoffs_exclude_each_other() -> None:
    with pytest.raises(SentenceError, match="smoothing spreads over all tokens, most of which cutoffs leave out"):
        la.parse("NextToken(0.1, cutoffs=(7,))")


def test_cutoffs_lie_within_the_vocabulary() -> None:
    with pytest.raises(KindError, match="cuts the vocabulary at 29, but it has 29 tokens; take smaller cutoffs"):
        la.build("Embed(7) >> LSTM(7) >> NextToken(cutoffs=(5, 29))", la.Tokens(29), la.Tokens(29))
