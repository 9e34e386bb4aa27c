"""Muon: what it does to a matrix, and which parameters it leaves to AdamW."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lamina.kinds import Kind, Label, Sequence, Table, Tokens
from lamina.net import build
from lamina.sentence import parse_as
from lamina.training.muon import Muon, orthogonal
from lamina.training.optimizers import AdamW, Optimizer


def matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(7))


def test_the_step_has_singular_values_near_one_and_the_gradients_directions() -> None:
    for shape in ((5, 11), (11, 5)):
        given = matrix(*shape)
        u, values, v = torch.linalg.svd(orthogonal(given, 5), full_matrices=False)
        assert ((values > 0.6) & (values < 1.3)).all()
        left, _, right = torch.linalg.svd(given, full_matrices=False)
        assert torch.dist(u @ v, left @ right) < 1e-3


def test_a_convolutions_weight_is_a_matrix_with_a_row_for_each_output() -> None:
    weight, rule = nn.Parameter(matrix(3, 18).view(3, 2, 3, 3)), Muon(0.5, momentum=0.25, weight_decay=0.1)
    groups = rule.start([("body.0.weight", weight)])
    before, gradient = weight.detach().clone(), matrix(18, 3).T.reshape(3, 2, 3, 3)
    weight.grad = gradient.clone()
    rule.update(groups, 0.5)
    step = orthogonal((1.25 * gradient).flatten(1), 5).view_as(weight)
    torch.testing.assert_close(weight.detach(), before * 0.95 - 0.5 * step)


def test_biases_and_the_ends_weights_learn_by_adamw_at_a_rate_that_moves_alike() -> None:
    rule = parse_as(Optimizer, "Muon(linear(0.5), others=0.01)")
    assert isinstance(rule, Muon)
    bias, head = nn.Parameter(torch.ones(3)), nn.Parameter(matrix(2, 3))
    other_bias, other_head = nn.Parameter(bias.detach().clone()), nn.Parameter(head.detach().clone())
    named = [("body.0.offset", bias), ("end.weight", head)]
    groups, plain = rule.start(named), AdamW(0.01)
    alike = plain.start([("body.0.offset", other_bias), ("end.weight", other_head)])
    for parameter in (bias, head, other_bias, other_head):
        parameter.grad = torch.full_like(parameter, 0.3)
    rule.update(groups, 0.25)  # half of the peak
    plain.update(alike, 0.005)
    torch.testing.assert_close(bias, other_bias)
    torch.testing.assert_close(head, other_head)


def test_each_device_and_each_share_of_the_rate_is_updated_apart() -> None:
    rule, before = Muon(0.5, others=0.1, weight_decay=0.0), matrix(3, 5)
    named = [(f"body.{place}.weight", nn.Parameter(before.clone())) for place in range(2)]
    named += [(f"body.{place}.offset", nn.Parameter(torch.zeros(3))) for place in range(2)]
    groups = [group for each in named for group in rule.start([each])]
    for group in groups[1::2]:
        group.factor = 0.25
    for _, parameter in named:
        parameter.grad = torch.ones_like(parameter)
    rule.update(groups, 0.5)
    moved = [parameter.detach() - was for (_, parameter), was in zip(named, (before, before, 0.0, 0.0), strict=True)]
    torch.testing.assert_close(moved[1], 0.25 * moved[0])
    torch.testing.assert_close(moved[3], 0.25 * moved[2])
    torch.testing.assert_close(moved[2], torch.full((3,), -0.1))
    on_meta = nn.Parameter(torch.empty(3, 5, device="meta"))
    two = rule.start([named[0], ("body.9.weight", on_meta)])
    assert [group.names for group in two] == [["body.0.weight"], ["body.9.weight"]]


def test_a_tall_matrix_steps_farther_by_the_root_of_its_proportions() -> None:
    steps = []
    for shape in ((8, 2), (2, 8)):
        weight = nn.Parameter(torch.zeros(shape))
        groups = Muon(1.0, weight_decay=0.0).start([("body.0.weight", weight)])
        weight.grad = (torch.eye(8)[:, :2] if shape == (8, 2) else torch.eye(8)[:2]).contiguous()
        Muon(1.0, weight_decay=0.0).update(groups, 1.0)
        steps.append(weight.detach())
    torch.testing.assert_close(steps[0], 2 * steps[1].T)


def test_the_velocity_is_kept_from_step_to_step() -> None:
    weight, rule = nn.Parameter(torch.zeros(3, 5)), Muon(1.0, momentum=0.5, weight_decay=0.0)
    groups = rule.start([("body.0.weight", weight)])
    first, second = matrix(3, 5), matrix(5, 3).T.contiguous()
    weight.grad = first.clone()
    rule.update(groups, 1.0)
    before = weight.detach().clone()
    weight.grad = second.clone()
    rule.update(groups, 1.0)
    velocity = 0.5 * first + second
    torch.testing.assert_close(groups[0].state["velocity"][0], velocity)
    torch.testing.assert_close(weight.detach(), before - orthogonal(second + 0.5 * velocity, 5))


def test_weight_decay_is_the_heads_too_and_no_gradient_is_no_step() -> None:
    rule = Muon(0.5, others=0.1, weight_decay=0.2)
    inner, head = nn.Parameter(torch.ones(3, 5)), nn.Parameter(torch.ones(2, 3))
    groups = rule.start([("body.0.weight", inner), ("end.weight", head)])
    for parameter in (inner, head):
        parameter.grad = torch.zeros_like(parameter)
    rule.update(groups, 0.5)
    torch.testing.assert_close(inner.detach(), torch.full((3, 5), 0.9))  # 1 - 0.5 * 0.2
    torch.testing.assert_close(head.detach(), torch.full((2, 3), 0.98))  # 1 - 0.1 * 0.2


def test_tables_of_vectors_are_left_to_adamw() -> None:
    net = build("Embed(3) >> Dense(5) >> Mean() >> Classify()", Tokens(7), Label(2))
    matrices, others = Muon().start(net.named_parameters())[0], Muon().start(net.named_parameters())[1:]
    assert matrices.names == ["body.1.weight"]
    assert "body.0.table" in [name for group in others for name in group.names]


@pytest.mark.parametrize(
    ("sentence", "given", "tables"),
    [
        ("Embed(6) >> Positions('learned', longest=5) >> Dense(5) >> Mean()", Tokens(7), ["0.table", "1.weight"]),
        (
            "BERT(1, heads=2, width=6, hidden=7, longest=5) >> Mean()",
            Tokens(7),
            ["0.embed.table", "0.positions.weight", "0.segment"],
        ),
        ("Memory(3, hops=1)", Tokens(7), ["0.words.0", "0.words.1", "0.times.0", "0.times.1"]),
        ("Categories(3) >> Dense(5)", Table(2, (7, 3)), ["0.weight"]),
        ("Piecewise(3, width=2) >> Categories(3) >> Dense(5)", Table(2, (7,)), ["0.weight", "1.weight"]),
        ("Periodic(2) >> Categories(3) >> Dense(5)", Table(2, (7,)), ["0.frequency", "0.weight", "1.weight"]),
        ("Turing(3, slots=5, size=2) >> Mean()", Sequence(3), ["0.first_weighting"]),
    ],
)
def test_what_is_looked_up_row_by_row_is_left_to_adamw_and_all_other_matrices_are_not(
    sentence: str, given: Kind, tables: list[str]
) -> None:
    net = copy.deepcopy(build(f"{sentence} >> Classify()", given, Label(2)))
    groups = Muon().start(net.named_parameters())
    others = {name for group in groups if "mean" in group.state for name in group.names}
    apart = {name for name, weight in net.named_parameters() if weight.dim() > 1 and name in others}
    assert apart == {*(f"body.{name}" for name in tables), "end.weight"}
