"""The ends that a BERT is pre-trained by."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from masking import KIND, texts

from lamina.chance import drawing
from lamina.data.batches import Batch
from lamina.ends.fill_in import FillIn
from lamina.errors import KindError
from lamina.kinds import Label, Padded, Targets, Tokens
from lamina.net import Net, build
from lamina.training.loop import fit
from lamina.training.optimizers import Adam

NET = "MaskTokens() >> BERT(1, 2, 6, longest=53, dropout=0.0) >> "
BOTH = Targets((KIND, Label(2)), ("filled", "next"))


def filling(seed: int = 0) -> Net:
    return build(NET + "FillIn()", KIND, KIND, seed)


def both(seed: int = 0) -> Net:
    return build(NET + "(FillIn() + NextSentence())", KIND, BOTH, seed)


def by_hand(net: Net, x: Padded) -> tuple[torch.Tensor, torch.Tensor]:
    """-ln p at every position, and what is chosen, by plain torch."""
    masks, bert = net.body.stages
    hidden, chosen = masks.drawn(x)
    h = bert(hidden).values
    end = net.end if isinstance(net.end, FillIn) else net.end.ends[0]
    inner = F.layer_norm(F.gelu(h @ end.dense.weight.T + end.dense.offset), (6,), end.norm.scale, end.norm.shift, 1e-12)
    logits = inner @ bert.embed.table.T + end.head.offset
    return F.cross_entropy(logits.transpose(1, 2), x.values, reduction="none"), chosen


@pytest.mark.parametrize("training", [False, True])
def test_the_loss_is_the_cross_entropy_at_the_hidden_positions_alone(training: bool) -> None:
    net, x = filling().train(training), texts([31, 7, 13])
    with drawing(5, 1, torch.arange(3)):
        nats, chosen = by_hand(net, x)
        score = net.score(x, x)
    torch.testing.assert_close(score.total, nats[chosen].sum())
    assert score.count == chosen.sum() == 5 + 1 + 2


def test_beside_another_end_each_text_counts_as_its_mean() -> None:
    net, x, label = both().eval(), texts([31, 7, 13]), torch.tensor([0, 1, 1])
    with drawing(5, 1, torch.arange(3)):
        nats, chosen = by_hand(net, x)
        score = net.score(x, (x, label))
        masks, bert = net.body.stages
        first = bert(masks(x) if net.training else masks.drawn(x).tokens).values[:, 0]
    pool, last = net.end.ends[1].pool, net.end.ends[1].last
    logits = last(torch.tanh(pool(first)))
    expected = sum(nats[row][chosen[row]].mean() for row in range(3)) + F.cross_entropy(logits, label, reduction="sum")
    torch.testing.assert_close(score.total, expected)
    assert score.count == 3


def test_the_tally_is_of_the_same_positions_as_the_score() -> None:
    net, x = filling().eval(), texts([31, 7])
    with drawing(0, 0, torch.arange(2)):
        score, tally = net.score(x, x), net.tally(x, x, net.features(x))
    assert tally.measures()["token_loss"].value == pytest.approx(score.mean().item(), rel=1e-6)
    assert tally.tokens == score.count


def test_in_evaluation_the_loss_is_the_same_each_time_and_what_is_asked_is_read_as_it_is() -> None:
    net, x = filling().eval(), texts([31, 7])
    assert net.score(x, x).total == net.score(x, x).total
    torch.testing.assert_close(net.features(x).values, net.body[1](x).values)


def test_the_table_of_embeddings_is_shared_and_counted_once() -> None:
    net = filling()
    assert net.end.head.table() is net.body[1].embed.table
    assert "end.head.weight" not in dict(net.named_parameters())
    untied = build(NET + "FillIn(tied=False)", KIND, KIND)
    assert untied.parameter_count() == net.parameter_count() + 103 * 6


def test_first_weights_make_every_token_about_as_likely() -> None:
    net, x = filling().eval(), texts([53 - 2] * 7)
    assert net.score(x, x).mean().item() == pytest.approx(math.log(103), rel=0.02)


def test_a_batch_with_nothing_to_hide_costs_nothing() -> None:
    net = filling()
    x = Padded(torch.tensor([[1, 2], [1, 2]]), torch.ones(2, 2, dtype=torch.bool))
    score = net.score(x, x)
    score.mean().backward()
    assert (score.total.item(), score.count) == (0, 1)
    assert both().score(x, (x, torch.tensor([0, 1]))).total.isfinite()


def test_both_ends_learn_and_a_batch_in_parts_comes_to_the_same() -> None:
    x, label = texts([11, 7, 13, 5]), torch.tensor([0, 1, 1, 0])
    batch = Batch(x, (x, label), torch.arange(4), 0)
    losses = []
    for parts in (1, 3):
        net, optimizer = both(), Adam(0.01)
        groups = optimizer.start(net.named_parameters())
        steps = fit(net, [batch] * 31, optimizer, groups, lambda step: 0.01, seed=7, parts=parts)
        losses.append([step.loss for step in steps])
    torch.testing.assert_close(torch.tensor(losses[0]), torch.tensor(losses[1]), rtol=1e-3, atol=1e-4)
    assert losses[0][-1] < losses[0][0] - 0.5


def test_without_what_hides_it_is_refused() -> None:
    with pytest.raises(KindError) as raised:
        build("BERT(1, 2, 6) >> FillIn()", KIND, KIND)
    assert str(raised.value) == ("FillIn() fills in what is hidden, but nothing hides it; put MaskTokens() first")


def test_without_an_embedding_it_cannot_share_weights() -> None:
    with pytest.raises(KindError) as raised:
        build("FillIn()", build("Embed(5) >> NextToken()", Tokens(7), Tokens(7)).body.kinds[-1], Tokens(7))
    assert str(raised.value) == (
        "FillIn() shares its weights with a BERT or an Embed, but there is none; say tied=False"
    )


def test_another_vocabulary_than_the_embedding_is_refused() -> None:
    with pytest.raises(KindError) as raised:
        build("MaskTokens() >> Embed(5) >> FillIn()", KIND, Tokens(7))
    assert str(raised.value) == (
        "FillIn() takes the weights of Embed(5), for 103 tokens, to predict Tokens(7); say tied=False"
    )


def test_three_classes_are_no_next_sentence() -> None:
    with pytest.raises(KindError) as raised:
        build("Embed(5) >> NextSentence()", Tokens(7), Label(3))
    assert str(raised.value) == (
        "NextSentence() tells whether a text follows, or not, but the target is Label(3); use Classify()"
    )
