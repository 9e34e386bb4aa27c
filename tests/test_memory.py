"""The memory network: one hop on paper, the codes of words and sentences, and the whole against a plain loop."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

import lamina as la
from lamina.errors import KindError
from lamina.kinds import Padded, Sequence, Tokens, Vector
from lamina.layers.memory import looked, position_weights, told, uses

VOCABULARY, WIDTH, STOP = 11, 5, 2

Tying = Literal["adjacent", "layers", "none"]
each_tying = pytest.mark.parametrize("tying", ["adjacent", "layers", "none"])


def made(
    tying: Tying = "adjacent", hops: int = 3, sentences: int = 7, encoding: Literal["position", "bag"] = "position"
) -> la.Memory:
    stage = la.Memory(WIDTH, hops=hops, sentences=sentences, tying=tying, encoding=encoding)
    assert stage.build(Tokens(VOCABULARY)) == Vector(WIDTH)
    stage.initialise(0, "linear")
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.mul_(10)  # so that attention is sharp and its order is felt
    return stage


def rows(*texts: list[int]) -> Padded:
    """Texts of tokens, padded at the end with tokens that must not matter."""
    longest = max(map(len, texts))
    values = torch.tensor([[*text, *range(longest)][:longest] for text in texts])
    return Padded(values, torch.arange(longest) < torch.tensor([len(text) for text in texts])[:, None])


def test_sentences_are_numbered_back_from_the_question() -> None:
    story = told(rows([7, 8, STOP, 9, STOP, 3, 4, 5]), STOP)
    assert story.word.tolist() == [[True, True, False, True, False, True, True, True]]
    assert story.age[story.word].tolist() == [2, 2, 1, 0, 0, 0]
    assert story.place[story.word].tolist() == [1, 2, 1, 1, 2, 3]
    assert story.length[story.word].tolist() == [2, 2, 1, 3, 3, 3]
    assert story.before.tolist() == [2]


@pytest.mark.parametrize("text", [[7, STOP, 8, 9, STOP], [STOP, 7, STOP, 8, 9], [7, STOP, STOP, 8, 9, STOP, STOP]])
def test_separators_without_words_between_them_make_no_sentence(text: list[int]) -> None:
    stage = made()
    torch.testing.assert_close(stage(rows(text)), stage(rows([7, STOP, 8, 9])))


def test_position_weights_on_paper() -> None:
    # J = 2, d = 4: (1 - j/2) - (k/4) (1 - j): 1/2 for the first word, k/4 for the second.
    found = position_weights(torch.tensor([[1, 2]]), torch.tensor([[2, 2]]), 4, torch.float64)
    assert found.tolist() == [[[0.5, 0.5, 0.5, 0.5], [0.25, 0.5, 0.75, 1.0]]]
    # J = 4, j = 1: 3/4 - k/8.
    found = position_weights(torch.tensor([[1]]), torch.tensor([[4]]), 4, torch.float64)
    assert found.tolist() == [[[0.625, 0.5, 0.375, 0.25]]]


def test_one_look_on_paper() -> None:
    # u . m = log 3 and 0, so that p = 3/4 and 1/4; the third sentence does not exist.
    u, m = torch.tensor([[1.0, 0.0]]), torch.tensor([[[3.0, 0.0], [1.0, 5.0], [99.0, 0.0]]])
    m[..., 0].log_()
    c = torch.tensor([[[4.0, 8.0], [0.0, 4.0], [torch.inf, 0.0]]]).nan_to_num(posinf=1e9)
    found = looked(u, m, c, torch.tensor([[True, True, False]]))
    torch.testing.assert_close(found, torch.tensor([[3.0, 7.0]]))


def test_one_hop_on_paper() -> None:
    stage = la.Memory(2, hops=1, sentences=3, encoding="bag")
    stage.build(Tokens(6))
    words, times = list(stage.words), list(stage.times)
    with torch.no_grad():
        words[0][3] = torch.tensor([3.0, 0.0]).log1p()  # A and B: log 4 and 0
        words[0][4] = torch.tensor([1.0, 1.0])
        words[0][5] = torch.tensor([1.0, 0.0])
        words[1][3], words[1][4] = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 10.0])
        times[0][1] = torch.tensor([1.0, 0.0])  # the earlier sentence
        times[1][0] = torch.tensor([0.0, 5.0])  # the latest one
    # u = (1, 0); m = (log 4 + 1, 0) and (1, 1), so that p = 4/5 and 1/5; c = (1, 0) and (0, 15).
    found = stage(rows([3, STOP, 4, STOP, 5]))
    torch.testing.assert_close(found, torch.tensor([[1 + 0.8, 0.2 * 15]]))


def encoded(stage: la.Memory, table: Tensor, sentence: list[int]) -> Tensor:
    """sum_j l_j * A x_j of one sentence, by the formula."""
    total, length = table.new_zeros(WIDTH), len(sentence)
    for j, word in enumerate(sentence, start=1):
        for k in range(1, WIDTH + 1):
            weight = (1 - j / length) - k / WIDTH * (1 - 2 * j / length) if stage.encoding == "position" else 1.0
            total[k - 1] += weight * table[word, k - 1]
    return total


@torch.no_grad()
def by_loops(stage: la.Memory, text: list[int]) -> Tensor:
    """What the stage gives of one text, hop by hop and sentence by sentence."""
    sentences = [[int(word) for word in part.split()] for part in " ".join(map(str, text)).split(f" {STOP} ")]
    *story, question = sentences
    latest_first = story[::-1][: stage.sentences]
    words, times = list(stage.words), list(stage.times)
    hops, asked = {
        "adjacent": ([(hop, hop + 1) for hop in range(stage.hops)], 0),
        "layers": ([(0, 1)] * stage.hops, 2),
        "none": ([(2 * hop, 2 * hop + 1) for hop in range(stage.hops)], 2 * stage.hops),
    }[stage.tying]
    u = encoded(stage, words[asked], question)
    for a, c in hops:
        m = [encoded(stage, words[a], sentence) + times[a][i] for i, sentence in enumerate(latest_first)]
        out = [encoded(stage, words[c], sentence) + times[c][i] for i, sentence in enumerate(latest_first)]
        p = torch.tensor([float(u @ each) for each in m]).softmax(0)
        o = sum((weight * each for weight, each in zip(p, out, strict=True)), torch.zeros(WIDTH))
        u = o + (u if stage.between is None else stage.between @ u)
    return u


TEXTS = (
    [7, 8, 3, STOP, 9, STOP, 3, 4, 5, 7, STOP, 10, 10],
    [1, STOP, 0, STOP, 3, STOP, 4, STOP, 5],
    [9, 8, STOP, 7],
    [6, 5, 4],
)


@each_tying
@pytest.mark.parametrize("encoding", ["position", "bag"])
@pytest.mark.parametrize("sentences", [2, 7])
def test_it_comes_to_what_a_plain_loop_comes_to(
    tying: Tying, encoding: Literal["position", "bag"], sentences: int
) -> None:
    stage = made(tying, sentences=sentences, encoding=encoding)
    expected = torch.stack([by_loops(stage, text) for text in TEXTS])
    torch.testing.assert_close(stage(rows(*TEXTS)), expected, rtol=1e-4, atol=1e-5)


@each_tying
def test_what_stands_at_hidden_positions_never_matters(tying: Tying) -> None:
    stage, x = made(tying), rows(*TEXTS)
    for noise in (STOP, 7):
        other = x._replace(values=x.values.masked_fill(~x.visible, noise))
        assert torch.equal(stage(other), stage(x))


def test_the_order_of_sentences_matters_through_their_times_alone() -> None:
    stage = made()
    one, other = rows([7, 8, STOP, 9, STOP, 3]), rows([9, STOP, 7, 8, STOP, 3])
    assert not torch.allclose(stage(one), stage(other), atol=0.1)
    with torch.no_grad():
        for time in stage.times:
            time.zero_()
    torch.testing.assert_close(stage(one), stage(other))


def test_the_order_of_words_matters_through_their_position_weights_alone() -> None:
    one, other = rows([7, 8, STOP, 9, 3]), rows([8, 7, STOP, 9, 3])
    assert not torch.allclose(made()(one), made()(other), atol=0.1)
    torch.testing.assert_close(made(encoding="bag")(one), made(encoding="bag")(other))


def test_sentences_beyond_those_that_are_remembered_are_forgotten() -> None:
    stage = made(sentences=2)
    recent = [9, STOP, 7, 8, STOP, 3]
    torch.testing.assert_close(stage(rows([4, 5, STOP, 6, STOP, *recent])), stage(rows(recent)))
    assert not torch.allclose(stage(rows(recent)), stage(rows(recent[2:])), atol=0.1)


def test_a_row_of_sentences_of_one_word_holds_as_many_as_fit() -> None:
    text = [1, STOP, 0, STOP, 3, STOP, 4, STOP, 5]
    torch.testing.assert_close(made()(rows(text))[0], by_loops(made(), text))


def test_a_question_alone_gives_itself_and_no_word_gives_zeros() -> None:
    stage, x = made(), rows([7, 8], [STOP, STOP], [STOP], [9])
    found = stage(x)
    torch.testing.assert_close(found[0], encoded(stage, next(iter(stage.words)), [7, 8]))
    assert found[1:3].tolist() == [[0] * WIDTH] * 2
    found.sum().backward()
    for name, parameter in stage.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(
    ("tying", "tables", "times", "between"), [("adjacent", 4, 4, 0), ("layers", 3, 2, 1), ("none", 7, 6, 0)]
)
def test_tying_says_how_many_parameters_there_are(tying: Tying, tables: int, times: int, between: int) -> None:
    count = sum(parameter.numel() for parameter in made(tying).parameters())
    assert count == tables * VOCABULARY * WIDTH + times * 7 * WIDTH + between * WIDTH * WIDTH


def test_adjacent_hops_look_for_what_the_hop_before_looked_up() -> None:
    assert uses(3, "adjacent") == (0, ((0, 1), (1, 2), (2, 3)))
    assert uses(3, "layers") == (2, ((0, 1), (0, 1), (0, 1)))
    assert uses(2, "none") == (4, ((0, 1), (2, 3)))


def test_first_weights_have_the_spread_of_the_paper() -> None:
    stage = la.Memory(53, sentences=97)
    stage.build(Tokens(101))
    stage.initialise(0, "linear")
    for parameter in stage.parameters():
        assert parameter.std().item() == pytest.approx(0.1, rel=0.05)
    assert not torch.equal(stage.words[0], stage.words[1])


def test_work_is_that_of_the_hops() -> None:
    assert made().multiply_adds() == 3 * 2 * 7 * 5
    assert made("layers").multiply_adds() == 3 * (2 * 7 * 5 + 5 * 5)


def test_it_overfits_stories_whose_answer_is_what_was_said_last() -> None:
    # Token 3 or 4 is what is asked for; it was said to be 5 or 6, twice. The latest counts.
    texts = [[who, first, STOP, who, last, STOP, who] for who in (3, 4) for first in (5, 6) for last in (5, 6)]
    x, target = rows(*texts), torch.tensor([text[4] - 5 for text in texts])
    net = la.build("Memory(13, hops=1) >> Classify()", Tokens(7), la.Label(2))
    optimizer = torch.optim.Adam(net.parameters(), 0.03)
    for _ in range(100):
        optimizer.zero_grad()
        net.score(x, target).total.backward()
        optimizer.step()
    assert net.predict(x).label.tolist() == target.tolist()


def test_a_separator_that_is_no_token_is_refused_with_what_else_does_not_fit() -> None:
    with pytest.raises(KindError) as error:
        la.build("Memory(5, separator=11) >> Last() >> Classify()", Tokens(11), la.Label(2))
    assert error.value.mistakes == (
        "Memory(5, separator=11) ends sentences with token 11, but Tokens(11) has none above 10; set separator to the"
        " token that does",
        "Last() cannot follow Vector(5): it takes a Sequence",
    )


def test_a_sequence_has_no_separators() -> None:
    stage = la.Memory(5)
    with pytest.raises(KindError) as error:
        stage.build(Sequence(3))
    assert str(error.value) == "Memory(5) cannot follow Sequence(3): it takes a Tokens"
