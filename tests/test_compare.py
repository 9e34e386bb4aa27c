"""Two texts of a row, side by side."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Padded, Tokens, Vector
from lamina.layers.compare import Compare


def stage(width: int = 2) -> Compare:
    compare: Compare = Compare(width)
    assert compare.build(Tokens(7)) == Vector(4 * width)
    return compare


def compared(compare: Compare, *rows: list[int]) -> Tensor:
    longest = max(map(len, rows))
    values = torch.tensor([row + [5] * (longest - len(row)) for row in rows])
    return compare(Padded(values, torch.arange(longest) < torch.tensor([[len(row)] for row in rows])))


@pytest.fixture
def known() -> Compare:
    compare = stage()
    with torch.no_grad():
        compare.table.copy_(torch.tensor([[9, 9], [9, 9], [9, 9], [3, 0], [0, 4], [3, 4], [0, -1]]))
    return compare


def test_two_texts_their_difference_and_their_product(known: Compare) -> None:
    # One is (3, 0) + (0, 4), of length 5; other (0, 4) + (0, -1), of length 3; both are brought to the root of two.
    one, other = math.sqrt(2) * torch.tensor([0.6, 0.8]), math.sqrt(2) * torch.tensor([0.0, 1.0])
    expected = torch.cat((one, other, (one - other).abs(), one * other))
    torch.testing.assert_close(compared(known, [3, 4, END_TOKEN, 4, 6, END_TOKEN])[0], expected)


def test_what_begins_and_ends_texts_is_no_part_of_them(known: Compare) -> None:
    plain = compared(known, [3, 4, END_TOKEN, 5, END_TOKEN])
    for row in (
        [BEGIN_TOKEN, 3, 4, END_TOKEN, 5, END_TOKEN],
        [BEGIN_TOKEN, 3, 4, END_TOKEN, END_TOKEN, 5, END_TOKEN],  # as a RoBERTa has it
        [3, 4, END_TOKEN, 5],
    ):
        torch.testing.assert_close(compared(known, row), plain)


def test_what_stands_at_padding_does_not_matter(known: Compare) -> None:
    short = [3, END_TOKEN, 5, END_TOKEN]
    torch.testing.assert_close(
        compared(known, short, [3, 4, END_TOKEN, 5, 5, 5, END_TOKEN])[:1], compared(known, short)
    )


def test_an_empty_text_is_nothing_and_learns_nothing(known: Compare) -> None:
    got = compared(known, [END_TOKEN, 5, END_TOKEN], [END_TOKEN, END_TOKEN])
    assert got[0, :2].tolist() == [0, 0]
    assert got[1].tolist() == [0] * 8
    got.sum().backward()
    assert known.table.grad is not None
    assert known.table.grad.isfinite().all()


def test_the_product_begins_as_the_cosine_of_the_two_bags() -> None:
    compare = stage(4096)
    compare.initialise(3, "linear")
    product = compared(compare, [3, 4, END_TOKEN, 4, 5, END_TOKEN])[0, 3 * 4096 :]
    assert product.mean().item() == pytest.approx(0.5, abs=0.05)  # one of two words on either side
