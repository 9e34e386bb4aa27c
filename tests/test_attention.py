"""How a decoder looks at a memory: values on paper, plain loops, and what must never matter."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lamina.carried import picked
from lamina.chance import key
from lamina.errors import KindError
from lamina.kinds import Padded, Sequence, Vector
from lamina.layers.attention import Additive, Attention, Bilinear, Dot, Summary

KINDS = pytest.mark.parametrize("attention", [Additive(11), Dot(), Bilinear(), Summary()], ids=str)


def built(attention: Attention, query: int = 7, memory: int = 7) -> Attention:
    attention = attention.fresh()
    assert attention.build_about(Sequence(query), Sequence(memory)) == Vector(memory)
    attention.place = key("attention")
    attention.initialise(0, "linear")
    return attention


def memory(width: int = 7, lengths: tuple[int, ...] = (5, 1, 3)) -> Padded:
    random = torch.Generator().manual_seed(0)
    visible = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Padded(torch.randn(len(lengths), max(lengths), width, generator=random), visible)


def queries(width: int = 7, rows: int = 3, count: int = 2) -> Tensor:
    return torch.randn(rows, count, width, generator=torch.Generator().manual_seed(1))


def test_products_of_ln_2_and_0_are_weights_of_two_thirds_and_one_third() -> None:
    dot = built(Dot(), 1, 1)
    seen = Padded(torch.tensor([[[1.0], [0.0], [9.0]]]), torch.tensor([[True, True, False]]))
    context, weights = dot.look(torch.tensor([[[math.log(2)]]]), dot.prepare(seen))
    assert weights[0, 0].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert context.item() == pytest.approx(2 / 3)


def test_additive_scores_are_those_of_the_formula() -> None:
    attention, h, q = built(Additive(11), 5, 7), memory(), queries(5)
    scores = attention.scores(q, attention.keys(h.values))
    for row, t, s in ((0, 0, 0), (2, 1, 2), (1, 1, 4)):
        inner = torch.tanh(attention.query_weight @ q[row, t] + attention.key_weight @ h.values[row, s])
        torch.testing.assert_close(scores[row, t, s], attention.score_weight[0] @ inner)


def test_bilinear_scores_are_those_of_the_formula() -> None:
    attention, h, q = built(Bilinear(), 5, 7), memory(), queries(5)
    scores = attention.scores(q, attention.keys(h.values))
    for row, t, s in ((0, 0, 0), (2, 1, 2), (1, 1, 4)):
        torch.testing.assert_close(scores[row, t, s], q[row, t] @ attention.weight @ h.values[row, s])


@KINDS
def test_a_context_is_the_weighted_mean_of_what_is_visible(attention: Attention) -> None:
    attention, h, q = built(attention), memory(), queries()
    scores = attention.scores(q, attention.keys(h.values))
    context, weights = attention.look(q, attention.prepare(h))
    for row, length in enumerate((5, 1, 3)):
        for t in range(2):
            expected = scores[row, t, :length].exp() / scores[row, t, :length].exp().sum()
            torch.testing.assert_close(weights[row, t, :length], expected)
            assert weights[row, t, length:].tolist() == [0.0] * (5 - length)
            torch.testing.assert_close(context[row, t], expected @ h.values[row, :length])


@KINDS
def test_what_stands_at_hidden_positions_never_matters(attention: Attention) -> None:
    attention, h, q = built(attention), memory(), queries()
    other = h._replace(values=h.values.masked_fill(~h.visible[:, :, None], 1e4))
    for one, two in zip(
        attention.look(q, attention.prepare(h)), attention.look(q, attention.prepare(other)), strict=True
    ):
        assert torch.equal(one, two)


@KINDS
def test_all_queries_at_once_see_what_each_sees_alone(attention: Attention) -> None:
    attention, q = built(attention), queries(count=3)
    prepared = attention.prepare(memory())
    together, _ = attention.look(q, prepared)
    alone = [attention.look(q[:, t : t + 1], prepared)[0] for t in range(3)]
    torch.testing.assert_close(together, torch.cat(alone, 1))


@KINDS
def test_rows_of_a_prepared_memory_can_be_picked(attention: Attention) -> None:
    attention, h, q = built(attention), memory(), queries()
    rows = torch.tensor([2, 2, 0, 1])
    context, _ = attention.look(q[rows], picked(attention.prepare(h), rows))
    torch.testing.assert_close(context, attention.look(q, attention.prepare(h))[0][rows])


@KINDS
def test_a_memory_without_padding_needs_no_mask(attention: Attention) -> None:
    attention = built(attention)
    assert attention.prepare(memory(lengths=(3, 3))).visible is None
    assert attention.prepare(memory(lengths=(3, 2))).visible is not None


@KINDS
def test_gradients_are_those_of_finite_differences(attention: Attention) -> None:
    attention, h = built(attention).double(), memory()
    parameters = list(attention.parameters())

    def context(q: Tensor, values: Tensor, *_: Tensor) -> Tensor:
        return attention.look(q, attention.prepare(h._replace(values=values)))[0]

    given = (queries().double().requires_grad_(), h.values.double().requires_grad_())
    assert torch.autograd.gradcheck(context, (*given, *parameters))


def test_additive_attention_and_a_summary_feed_their_context_into_the_cell() -> None:
    assert [attention.fed for attention in (Additive, Dot, Bilinear, Summary)] == [True, False, False, True]
    assert [attention.steady for attention in (Additive, Dot, Bilinear, Summary)] == [False, False, False, True]


def test_a_summary_is_the_mean_of_what_is_visible_whatever_asks() -> None:
    summary, h = built(Summary()), memory()
    context, weights = summary.look(queries(), summary.prepare(h))
    assert weights[2].tolist() == [pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])] * 2
    for row, length in enumerate((5, 1, 3)):
        for place in range(2):
            torch.testing.assert_close(context[row, place], h.values[row, :length].mean(0))


def test_the_numbers_of_each_kind_can_be_counted() -> None:
    kinds = [built(Additive(11), 5, 7), built(Dot()), built(Bilinear(), 5, 7)]
    assert [sum(weight.numel() for weight in kind.parameters()) for kind in kinds] == [11 * (5 + 7 + 1), 0, 35]
    assert [kind.multiply_adds() for kind in kinds] == [143, 0, 35]


def test_widths_that_differ_have_no_dot_product() -> None:
    with pytest.raises(KindError) as error:
        Dot().build_about(Sequence(5), Sequence(7))
    assert str(error.value) == (
        "Dot() compares Sequence(5) with Sequence(7): they must be as wide; take Bilinear(), or a cell that gives Sequence(7)"
    )


@KINDS
def test_attention_is_no_stage_of_a_chain(attention: Attention) -> None:
    with pytest.raises(KindError) as error:
        attention.build(Sequence(7))
    assert str(error.value) == (
        f"{attention} is no stage of a chain: it goes into the end, as in Write(LSTM(256), attend={attention})"
    )


@KINDS
def test_of_a_row_without_anything_to_look_at_the_context_is_zero_and_every_gradient_finite(
    attention: Attention,
) -> None:
    attention, h, q = built(attention), memory(lengths=(5, 0, 3)), queries().requires_grad_()
    h.values.requires_grad_()
    context, weights = attention.look(q, attention.prepare(h))
    assert (weights[1] == 0).all()
    assert (context[1] == 0).all()
    alone, _ = attention.look(q[[0, 2]], attention.prepare(Padded(h.values[[0, 2]], h.visible[[0, 2]])))
    torch.testing.assert_close(context[[0, 2]], alone)
    context.square().sum().backward()
    assert all(
        bool(given.grad.isfinite().all()) for given in (q, h.values, *attention.parameters()) if given.grad is not None
    )
