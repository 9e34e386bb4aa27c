"""Muon: what it does to a matrix, and which parameters it leaves to AdamW."""

from __future__ import annotations

import torch
from torch import nn

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
