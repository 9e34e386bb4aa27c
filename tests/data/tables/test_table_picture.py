from dataclasses import replace

import numpy as np
import pytest

from lamina.data.picture import COLOURS, GAP, MARGIN, PANEL_WIDTH
from lamina.data.tables.fields import Category, Date, Number
from lamina.data.tables.picture import BLANK, HEAD, LANE_HEIGHT, OTHERS, PANEL_HEIGHT, profile_sheet
from lamina.data.tables.profile import Profile

TOP = MARGIN + 32 + HEAD


def number(name="age", **changes) -> Profile:
    plain = Profile(name, "number", "", 0, 200, 60, 1.0, 99.0, 38.5, 12.25, (), (10,) * 20, (), Number(name))
    return replace(plain, **changes)


def category(name="town", *counts, **changes) -> Profile:
    top = tuple((f"value {place}", count) for place, count in enumerate(counts or (120, 60)))
    plain = Profile(name, "category", "", 0, 180, len(top), top=top, field=Category(name, ("a", "b")))
    return replace(plain, **changes)


def drawn(*profiles) -> np.ndarray:
    return np.asarray(profile_sheet({profile.name: profile for profile in profiles}, "houses.csv", 200))


def bars(page, colour=COLOURS[0]) -> np.ndarray:
    """Where a colour is."""
    return (page == colour).all(2)


def test_a_histogram_is_as_high_as_its_counts():
    counts = (0, 5, 10, *(0,) * 16, 20)
    page = bars(drawn(number(histogram=counts)))
    heights = page[:, MARGIN + 5 : MARGIN + PANEL_WIDTH : PANEL_WIDTH // 20].sum(0)
    assert heights.argmax() == 19
    assert heights[0] == 0
    np.testing.assert_allclose(heights[[1, 2, 19]] / heights[19], [0.25, 0.5, 1], atol=0.02)
    assert page[TOP : TOP + LANE_HEIGHT].sum() == page.sum()


def test_a_bar_is_as_long_as_its_share():
    page = bars(drawn(category("town", 120, 60)))
    lengths = page.sum(1)
    longest = lengths.max()
    assert sorted(set(lengths.tolist())) == [0, pytest.approx(longest / 2, abs=2), longest]


def test_values_beyond_the_bars_are_one_pale_bar():
    page = drawn(category("town", *(10,) * 9, distinct=18))
    lengths = bars(page, OTHERS).sum(1)
    assert lengths.max() == pytest.approx(13 * bars(page).sum(1).max(), rel=0.2)
    assert not bars(drawn(category("town", 60, 50, 40, 10, 10, 10)), OTHERS).any()
    assert bars(drawn(category("town", 60, distinct=40)), OTHERS).any()


def test_the_share_of_blanks_is_a_bar():
    page = bars(drawn(number(blanks=50)), BLANK)
    assert page.sum(1).max() == pytest.approx(PANEL_WIDTH / 4, abs=2)
    assert not bars(drawn(number()), BLANK).any()


def test_panels_stand_in_rows_of_four():
    page = drawn(*(number(f"n{place}") for place in range(6)))
    found = bars(page)
    for place in range(6):
        left, top = MARGIN + place % 4 * (PANEL_WIDTH + 2 * GAP), TOP + place // 4 * (PANEL_HEIGHT + 2 * GAP)
        assert found[top : top + LANE_HEIGHT, left : left + PANEL_WIDTH].any()
        found[top : top + LANE_HEIGHT, left : left + PANEL_WIDTH] = False
    assert not found.any()


def test_columns_that_are_left_out_are_named_below():
    with_it, without = drawn(number(), number("id", field=None)), drawn(number())
    assert with_it.shape[0] > without.shape[0]
    assert (with_it[without.shape[0] - MARGIN :] != 255).any()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 24, 100])
def test_any_number_of_columns_fits(count):
    page = drawn(*(number(f"n{place}") for place in range(count)), number("id", field=None))
    assert page.shape[1] <= 2 * MARGIN + 4 * PANEL_WIDTH + 6 * GAP
    assert page.shape[0] <= 2 * MARGIN + 80 + 6 * (PANEL_HEIGHT + 2 * GAP)
    assert (page[-MARGIN + 4 :] == 255).all()
    assert (page[:, -MARGIN + 4 :] == 255).all()


def test_a_category_of_numbers_has_bars_and_no_histogram():
    assert (drawn(category()) == drawn(category(low=1.0, high=2.0, histogram=(10,) * 20))).all()


def test_whatever_a_table_holds_can_be_drawn():
    day = number("when", kind="date", low=0.0, high=1e9, field=Date("when", ("days",)))
    odd = category("a\nb\x1b" + "long " * 40, top=(("x\ny" * 40, 120), ("住宅", 3), ("", 2)))
    empty = [category("c", top=(), rows=0), number("d", histogram=(0,) * 20), number("e", histogram=(), low=None)]
    assert drawn(day, odd, *empty, *(number(f"left {place}", field=None) for place in range(90))).shape[1] < 1200
