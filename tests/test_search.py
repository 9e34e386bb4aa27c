"""Search: what is found is what going through everything finds, or what the definition says."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.search import Beam, beam, drawn, greatest, greedy, likely, settled

VOCABULARY, END = 5, 2


def chain(rows: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The logits of each token behind each pair of tokens, for each row; and first tokens."""
    random = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(rows, VOCABULARY, VOCABULARY, VOCABULARY, generator=random), torch.ones(
        rows, dtype=torch.int64
    )


def going(table: Tensor):
    """Logits that depend on the row, on the newest token, and on the one before, which the state holds."""

    def further(newest: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        row, before = state
        return table[row, before, newest], (row, newest)

    return further


def begun(rows: int) -> tuple[Tensor, Tensor]:
    return torch.arange(rows), torch.zeros(rows, dtype=torch.int64)


def log_p(table: Tensor, row: int, tokens: tuple[int, ...]) -> float:
    total, before, newest = 0.0, 0, 1
    for token in tokens:
        total += F.log_softmax(table[row, before, newest], 0)[token].item()
        before, newest = newest, token
    return total


def every(longest: int) -> list[tuple[int, ...]]:
    """All that can be written: up to an end, or to the limit."""
    found = []
    for length in range(1, longest + 1):
        for tokens in itertools.product(range(VOCABULARY), repeat=length):
            ended = tokens[-1] == END
            if END not in tokens[:-1] and (ended or length == longest):
                found.append(tokens)
    return found


def test_greedy_takes_the_likeliest_token_at_each_place() -> None:
    table, first = chain()
    found = greedy(going(table), first, begun(3), 7, END)
    for row in range(3):
        tokens = found.tokens[row, 0].tolist()[: int(found.length[row, 0])]
        before, newest = 0, 1
        for token in tokens:
            assert token == int(table[row, before, newest].argmax())
            before, newest = newest, token
        assert found.log_probability[row, 0].item() == pytest.approx(log_p(table, row, tuple(tokens)), rel=1e-5)
        assert tokens[-1] == END or len(tokens) == 7
        assert END not in tokens[:-1]


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    table, first = chain(seed=seed)
    one = greedy(going(table), first, begun(3), 7, END)
    two = beam(going(table), first, begun(3), 7, END, width=1)
    for row in range(3):
        length = int(one.length[row, 0])
        assert int(two.length[row, 0]) == length
        assert one.tokens[row, 0, :length].tolist() == two.tokens[row, 0, :length].tolist()
    torch.testing.assert_close(one.log_probability, two.log_probability)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.3])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_wide_enough_finds_the_best_of_everything(penalty: float, seed: int) -> None:
    table, first = chain(seed=seed)
    found = beam(going(table), first, begun(3), 3, END, width=125, best=4, length_penalty=penalty)
    for row in range(3):
        worth = {tokens: log_p(table, row, tokens) / ((5 + len(tokens)) / 6) ** penalty for tokens in every(3)}
        expected = sorted(worth, key=lambda tokens: -worth[tokens])[:4]
        for place, tokens in enumerate(expected):
            length = int(found.length[row, place])
            assert tuple(found.tokens[row, place, :length].tolist()) == tokens
            assert found.log_probability[row, place].item() == pytest.approx(log_p(table, row, tokens), rel=1e-5)


def test_a_row_is_searched_as_if_it_were_alone() -> None:
    table, first = chain(rows=7)
    whole = beam(going(table), first, begun(7), 5, END, width=3, best=2)
    for row in range(7):
        alone = beam(going(table), first[:1], (torch.tensor([row]), torch.tensor([0])), 5, END, width=3, best=2)
        assert whole.length[row].tolist() == alone.length[0].tolist()
        torch.testing.assert_close(whole.log_probability[row], alone.log_probability[0])
        for place in range(2):
            length = int(alone.length[0, place])
            assert whole.tokens[row, place, :length].tolist() == alone.tokens[0, place, :length].tolist()


def test_a_longer_answer_is_preferred_the_more_the_penalty_says() -> None:
    # The end at once has probability 0.4; "0, end" has 0.6 * 0.6 = 0.36.
    steps = torch.full((2, 3), -math.inf)
    steps[0, 2], steps[0, 0] = math.log(0.4), math.log(0.6)
    steps[1, 2], steps[1, 0] = math.log(0.6), math.log(0.4)

    def further(newest: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return steps[state.clamp(max=1)], state + 1

    start = torch.zeros(1, dtype=torch.int64)
    plain = beam(further, start, start, 2, 2, width=3, length_penalty=0.0)
    long = beam(further, start, start, 2, 2, width=3, length_penalty=1.0)
    assert plain.tokens[0, 0, : int(plain.length[0, 0])].tolist() == [2]
    assert long.tokens[0, 0, : int(long.length[0, 0])].tolist() == [0, 2]
    assert math.exp(long.log_probability.item()) == pytest.approx(0.36)


def test_the_tail_is_cut_off_and_the_rest_scaled() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    torch.testing.assert_close(likely(logits), logits.exp())
    torch.testing.assert_close(likely(logits, top_k=2), torch.tensor([[0.625, 0.375, 0, 0]]))
    torch.testing.assert_close(likely(logits, top_p=0.7), torch.tensor([[0.625, 0.375, 0, 0]]))
    torch.testing.assert_close(likely(logits, top_p=0.4), torch.tensor([[1.0, 0, 0, 0]]))
    squared = logits.exp().square()
    torch.testing.assert_close(likely(logits, temperature=0.5), squared / squared.sum())
    torch.testing.assert_close(likely(logits, top_k=9), logits.exp())


def test_the_same_seed_draws_the_same_tokens() -> None:
    table, first = chain()

    def tokens(seed: int, **how: float) -> list[list[int]]:
        words = drawn(going(table), first, begun(3), seed=seed, **how)
        return [token.tolist() for _, token in zip(range(11), words, strict=False)]

    assert tokens(1) == tokens(1)
    assert tokens(1) != tokens(2)
    best = greedy(going(table), first, begun(3), 11, -1)
    assert torch.tensor(tokens(5, temperature=0)).T.tolist() == best.tokens[:, 0].tolist()


def test_draws_have_the_frequencies_of_the_distribution() -> None:
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    words = drawn(
        lambda newest, state: (p.log().expand(20_011, -1), state), torch.zeros(20_011, dtype=torch.int64), None
    )
    shares = next(words).bincount(minlength=4) / 20_011
    torch.testing.assert_close(shares, p, atol=0.01, rtol=0)


def test_the_token_that_just_reaches_top_p_is_the_last() -> None:
    assert (likely(torch.zeros(1, 4), top_p=0.5) > 0).sum() == 2


@pytest.mark.parametrize("size", [3, 64 * 11, 64 * 11 + 5])
def test_the_greatest_are_those_that_sorting_finds(size: int) -> None:
    x = torch.randn(2, 3, size, generator=torch.Generator().manual_seed(0))
    value, place = greatest(x, 5)
    expected = x.sort(-1, descending=True)
    assert torch.equal(value, expected.values[..., :5])
    assert torch.equal(place, expected.indices[..., :5])


def test_draws_are_those_of_multinomial() -> None:
    p = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]])
    words = drawn(lambda newest, state: (p.log(), state), torch.zeros(2, dtype=torch.int64), None, seed=7)
    random = torch.Generator().manual_seed(7)
    for _, token in zip(range(23), words, strict=False):
        assert torch.equal(token, F.softmax(p.log(), -1).multinomial(1, generator=random).squeeze(1))


@pytest.mark.parametrize("width", [1, 3])
def test_each_row_has_a_limit_of_its_own(width: int) -> None:
    table, first = chain(rows=4)
    table[..., END] = -30.0  # none ends by itself
    limits = torch.tensor([5, 1, 3, 5])
    greedily = greedy(going(table), first, begun(4), limits, END)
    found = beam(going(table), first, begun(4), limits, END, width=width)
    for row, longest in enumerate(limits.tolist()):
        alone = beam(going(table), first[:1], (torch.tensor([row]), torch.tensor([0])), longest, END, width=width)
        assert int(found.length[row, 0]) == int(greedily.length[row, 0]) == longest
        assert found.tokens[row, 0, :longest].tolist() == alone.tokens[0, 0].tolist()
        torch.testing.assert_close(found.log_probability[row], alone.log_probability[0])


def test_a_row_that_is_done_leaves_the_batch() -> None:
    table, first = chain(rows=3)
    table[0, :, :, END] = 30.0  # the first row ends at once
    table[1:, :, :, END] = -30.0
    seen = list[int]()

    def further(newest: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        seen.append(len(newest))
        return going(table)(newest, state)

    beam(further, first, begun(3), 4, END, width=2, length_penalty=0.0)
    assert seen == [6, 4, 4, 4]


def test_a_row_is_settled_when_nothing_unfinished_can_become_better() -> None:
    # With a = 1 an unfinished hypothesis of -3 may reach -3 / ((5 + 7) / 6) = -1.5 in seven tokens, and of four -2.
    now = Beam(
        torch.zeros(4, 2, 7, dtype=torch.int64),
        torch.tensor([[-1.4, -3.0], [-1.6, -3.0], [-1.6, -3.0], [-1.4, -1.0]]),
        torch.ones(4, 2, dtype=torch.int64),
        torch.tensor([[True, False], [True, False], [True, False], [True, True]]),
    )
    most = torch.tensor([7, 7, 4, 7])
    assert settled(now, most, 1, 1.0).tolist() == [True, False, True, True]
    assert settled(now, most, 2, 1.0).tolist() == [False, False, False, True]
