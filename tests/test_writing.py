"""A text gone on with beyond what a net can look at, and what counts of tokens say beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina.baseline_texts import counted
from lamina.data.dataset import Dataset
from lamina.data.split import Parts
from lamina.data.text.ragged import Windows
from lamina.ends.vocabulary_head import writable
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN, Padded, Tokens
from lamina.net import Net, build
from lamina.ngrams import NGrams
from lamina.writing import Continuation, continuation

NET = "Embed(8) >> Transformer(1, heads=2, causal=True, rotary=True) >> NextToken()"
KIND, CONTEXT = Tokens(11), 7
READ = torch.randint(3, 11, (1, 12), generator=torch.Generator().manual_seed(0))


def made(sentence: str = NET) -> Net:
    return build(sentence, KIND, KIND).eval()


def at_once(net: Net, tokens: torch.Tensor) -> torch.Tensor:
    h = net.features(Padded(tokens, torch.ones_like(tokens, dtype=torch.bool)))
    return writable(net.end.head(h.values[:, -1]), (UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN))


def gone_on(going: Continuation, start: int) -> list[torch.Tensor]:
    state, found = going.behind(READ[:, : start + 1]), []
    for place in range(start, READ.shape[1]):
        logits, state = going.further(READ[:, place], state)
        found.append(logits)
    return found


@pytest.mark.parametrize("start", [0, 3])
def test_within_its_context_a_net_goes_on_as_if_it_had_read_all_at_once(start: int) -> None:
    net = made()
    for place, logits in enumerate(gone_on(continuation(net, CONTEXT), start)[: CONTEXT - start], start=start):
        torch.testing.assert_close(logits, at_once(net, READ[:, : place + 1]))


def test_beyond_its_context_the_last_half_is_read_anew_and_gone_on_from() -> None:
    net = made()
    found = gone_on(continuation(net, CONTEXT), 0)
    # Position 7 would be the eighth: of eight tokens the last four stay, and others join them.
    for place in (7, 8, 9, 10):
        torch.testing.assert_close(found[place], at_once(net, READ[:, 4 : place + 1]))
    torch.testing.assert_close(found[11], at_once(net, READ[:, 8:12]))


def test_with_a_context_of_one_a_net_looks_at_the_newest_token_alone() -> None:
    net = made()
    for place, logits in enumerate(gone_on(continuation(net, 1), 5), start=5):
        torch.testing.assert_close(logits, at_once(net, READ[:, place : place + 1]))


def test_a_recurrent_net_forgets_nothing() -> None:
    net = made("Embed(8) >> GRU(5) >> NextToken()")
    going = continuation(net, CONTEXT)
    assert going.context is None
    torch.testing.assert_close(gone_on(going, 0)[11], at_once(net, READ))


def test_counts_are_of_the_training_part_and_measured_on_every_token_of_the_test_part() -> None:
    tokens = torch.randint(3, 11, (101,), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    inputs, target = (Windows(tokens, KIND, length=10, ahead=ahead) for ahead in (0, 1))
    data = Dataset("a text", inputs, target)
    parts = Parts(torch.arange(6), torch.arange(6, 7), torch.arange(7, 10))
    found = counted(data, parts)
    assert list(found) == ["unigram", "5-gram"]
    text = tokens.numpy().astype(np.int64)
    model = NGrams.of(text[:60], int(text[:60].max()) + 1, 5)
    # Targets of the test part are tokens 71 to 100, each with those before it to look back at.
    expected = model.nats(text[67:101], 4)
    assert len(expected) == 30
    measures, trained, tested = found["5-gram"]
    assert (trained, tested) == (60, None)
    assert measures["token_loss"].value == pytest.approx(expected.mean())
