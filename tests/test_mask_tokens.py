"""Tokens that are hidden: how many, which, and what becomes of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from masking import KIND, texts

from lamina.chance import drawing
from lamina.errors import KindError, SentenceError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Label, Padded, Tokens
from lamina.layers.mask_tokens import Masked, MaskTokens
from lamina.net import build


def mask(sentence: str = "") -> MaskTokens:
    stage: MaskTokens = MaskTokens(**eval(f"dict({sentence})"))
    stage.build(KIND)
    return stage


def drawn(stage: MaskTokens, x: Padded, step: int = 1, first: int = 0) -> Masked:
    with drawing(3, step, torch.arange(first, first + len(x.values))):
        return stage.drawn(x)


def test_of_each_text_a_share_of_the_tokens_is_chosen_and_one_at_least() -> None:
    x = texts([1, 7, 20, 100])
    assert drawn(mask(), x).chosen.sum(1).tolist() == [1, 1, 3, 15]
    assert drawn(mask("rate=0.5"), x).chosen.sum(1).tolist() == [1, 4, 10, 50]


def test_special_and_hidden_tokens_are_never_chosen() -> None:
    x = texts([11, 2])
    x.values[0, 3] = 0
    chosen = drawn(mask("rate=0.99"), x).chosen
    assert chosen.sum(1).tolist() == [10, 2]
    assert not chosen[0, [0, 3, 12]].any()
    assert not (chosen & ~x.visible).any()


def test_a_text_of_special_tokens_alone_stays() -> None:
    x = Padded(torch.tensor([[BEGIN_TOKEN, END_TOKEN]]), torch.ones(1, 2, dtype=torch.bool))
    hidden = drawn(mask(), x)
    assert not hidden.chosen.any()
    assert torch.equal(hidden.tokens.values, x.values)


def test_eight_in_ten_become_the_mask_one_another_token_and_one_stays() -> None:
    x = texts([1009] * 53)
    hidden, chosen = drawn(mask(), x)
    assert torch.equal(hidden.values[~chosen], x.values[~chosen])
    now, was = hidden.values[chosen], x.values[chosen]
    masked, same = (now == KIND.mask).double().mean().item(), (now == was).double().mean().item()
    # A random token is the mask, or the one that was there, one time in 100.
    assert masked == pytest.approx(0.801, abs=0.015)
    assert same == pytest.approx(0.101, abs=0.015)
    others = now[(now != KIND.mask) & (now != was)]
    assert others.min() > END_TOKEN
    assert len(others.unique()) > 90
    assert others.max() == KIND.vocabulary - 1


def test_each_position_is_chosen_as_often_as_another() -> None:
    x = texts([20] * 2003)
    shares = drawn(mask(), x).chosen[:, 1:-1].double().mean(0)
    torch.testing.assert_close(shares, torch.full_like(shares, 0.15), atol=0.04, rtol=0)


def test_a_step_chooses_anew_and_the_same_step_the_same() -> None:
    x = texts([53, 47])
    one, again, other = (drawn(mask(), x, step) for step in (1, 1, 2))
    assert torch.equal(one.tokens.values, again.tokens.values)
    assert not torch.equal(one.chosen, other.chosen)


def test_what_is_chosen_does_not_depend_on_the_rest_of_the_batch() -> None:
    x = texts([17, 5, 31])
    whole, alone = drawn(mask(), x), drawn(mask(), Padded(x.values[1:2, :7], x.visible[1:2, :7]), first=1)
    assert torch.equal(whole.tokens.values[1:2, :7], alone.tokens.values)


def test_of_a_word_all_parts_are_chosen_or_none() -> None:
    whole, part = 7, 60
    row = [BEGIN_TOKEN, whole, part, part, whole, whole, part, END_TOKEN]
    x = Padded(torch.tensor([row] * 211), torch.ones(211, len(row), dtype=torch.bool))
    chosen = drawn(mask("rate=0.2, each='word'"), x).chosen
    for word in ([1, 2, 3], [4], [5, 6]):
        assert (chosen[:, word] == chosen[:, word[:1]]).all()
    # One of six tokens is wanted: one word of the three, whichever has the least draw.
    assert chosen[:, [1, 4, 5]].sum(1).eq(1).all()
    assert chosen[:, [1, 4, 5]].any(0).all()


def test_a_part_without_a_beginning_is_a_word_of_its_own() -> None:
    x = Padded(torch.tensor([[60, 61, BEGIN_TOKEN, 62]] * 53), torch.ones(53, 4, dtype=torch.bool))
    chosen = drawn(mask("rate=0.3, each='word'"), x).chosen
    assert (chosen[:, 0] == chosen[:, 1]).all()
    assert (chosen[:, 0] != chosen[:, 3]).all()


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5), rate=st.floats(0.01, 0.99))
def test_words_come_to_the_number_that_is_wanted_or_a_word_more(lengths: list[int], rate: float) -> None:
    x = texts(lengths)
    chosen = drawn(mask(f"rate={rate}, each='word'"), x).chosen.sum(1)
    wanted = torch.tensor([max(1, round(length * rate)) for length in lengths])
    assert (chosen >= wanted.clamp(max=torch.tensor(lengths)) - 1).all()
    assert (chosen <= torch.tensor(lengths)).all()


def test_it_rests_in_evaluation_unless_an_end_is_about_it() -> None:
    x = texts([53])
    stage = mask().eval()
    assert stage(x) is x
    assert stage.charge(x) == (x, None)
    net = build("MaskTokens() >> Embed(7) >> First() >> Classify()", KIND, Label(2))
    net.train()
    assert not torch.equal(net.body[0](x).values, x.values)


def test_shares_that_are_more_than_a_whole_are_refused() -> None:
    with pytest.raises(SentenceError) as raised:
        MaskTokens(masked=0.9, random=0.2)
    assert str(raised.value) == "MaskTokens: masked and random are shares of one whole, got masked=0.9, random=0.2"


def test_tokens_without_a_mask_are_refused_and_so_are_words_that_are_not_known() -> None:
    with pytest.raises(KindError) as raised:
        MaskTokens().build(Tokens(11))
    assert str(raised.value) == (
        "MaskTokens() puts [MASK] for tokens, but Tokens(11) has none; read the text with tokens='bert'"
    )
    with pytest.raises(KindError) as raised:
        MaskTokens(each="word").build(Tokens(11, mask=4))
    assert str(raised.value) == (
        "MaskTokens(each='word') hides whole words, but Tokens(11, mask=4) does not say which tokens go on with one;"
        " leave each='word' out"
    )


def test_a_mask_beyond_the_vocabulary_is_refused() -> None:
    with pytest.raises(SentenceError) as raised:
        Tokens(5, mask=5, parts=7)
    assert "Tokens: mask must be below vocabulary=5, got mask=5" in str(raised.value)
    assert "Tokens: parts must be below vocabulary=5, got parts=7" in str(raised.value)
