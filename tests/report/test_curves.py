from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.report.axis import linear, logarithmic, number, tick_texts, wants_log
from lamina.report.curves import MOST_POINTS, Line, chart, curves, over_steps, smoothed, thinned, validated

SVG = "{http://www.w3.org/2000/svg}"
# A run in this process has told the processor to flush subnormal numbers; hypothesis would not draw any then.
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
values = st.lists(st.one_of(st.none(), numbers), max_size=300)


def line(known) -> list[tuple[float, float | None]]:
    return [(float(step), value) for step, value in enumerate(known, start=1)]


def picture(figure: str) -> ElementTree.Element:
    """The drawing of a figure, which must be well-formed XML."""
    start = figure.index("<svg")
    return ElementTree.fromstring(figure[start : figure.index("</svg>") + 6])


def words(figure: str) -> list[str | None]:
    return [text.text for text in picture(figure).iter(f"{SVG}text")]


@given(known=values, most=st.integers(10, 40))
def test_thinning_keeps_the_extremes_the_ends_and_the_order(known, most):
    points = line(known)
    kept = thinned(points, most)
    assert len(kept) <= max(most, 0) or kept == points
    assert sorted(kept, key=points.index) == kept
    assert set(kept) <= set(points)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    real = [value for value in known if value is not None]
    if real:
        left = [value for _, value in kept if value is not None]
        assert (min(left), max(left)) == (min(real), max(real))


def test_a_spike_of_one_step_among_a_hundred_thousand_remains():
    points = line([1.0] * 100_000)
    points[54_321] = (54_322.0, 9.0)
    kept = thinned(points)
    assert (54_322.0, 9.0) in kept
    assert len(kept) <= MOST_POINTS


def test_a_stretch_without_numbers_stays_a_gap():
    points = line([1.0] * 5000 + [None] * 5000 + [2.0] * 5000)
    assert any(value is None for _, value in thinned(points))


@given(known=st.lists(numbers, min_size=1, max_size=100))
def test_a_smoothed_line_stays_between_the_extremes(known):
    smooth = [value for _, value in smoothed(line(known))]
    room = 1e-9 * max(1.0, max(map(abs, known)))
    assert all(min(known) - room <= value <= max(known) + room for value in smooth if value is not None)


def test_a_smoothed_line_is_the_corrected_exponential_mean():
    # 12 steps: the span is 10, so 9/11 of the mean is kept.
    keep = 9 / 11
    known = [3.0, 5.0, *[0.0] * 10]
    smooth = smoothed(line(known))
    assert smooth[0] == (1.0, pytest.approx(3.0))
    assert smooth[1] == (2.0, pytest.approx((keep * 3 + 5) / (keep + 1)))


def test_a_smoothed_line_stands_still_where_there_is_no_number():
    assert smoothed(line([None, 3.0, None])) == [(1.0, None), (2.0, 3.0), (3.0, 3.0)]


@given(known=st.lists(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), min_size=1, max_size=8))
def test_every_value_has_a_place_on_a_linear_axis(known):
    axis = linear(known, 10.0, 110.0)
    assert all(9.99 <= axis.place(value) <= 110.01 for value in known)
    assert 1 <= len(axis.ticks) <= 9
    assert list(axis.ticks) == sorted(set(axis.ticks))


@pytest.mark.parametrize("known", [[0.0, 5e-324], [5e-324], [-2e-308, 2e-308], [1e-200], [1.7e308, -1.7e308]])
def test_the_smallest_and_largest_numbers_have_a_place_too(known):
    axis = linear(known, 10.0, 110.0)
    assert all(9.99 <= axis.place(value) <= 110.01 for value in known)
    assert len(tick_texts(axis)) >= 1


@given(known=st.lists(st.floats(1e-12, 1e12), min_size=2, max_size=8))
def test_every_value_has_a_place_on_a_logarithmic_axis(known):
    if not wants_log(known):
        return
    axis = logarithmic(known, 110.0, 10.0)
    assert all(9.99 <= axis.place(value) <= 110.01 for value in known)
    assert 1 <= len(axis.ticks) <= 7


def test_equal_ratios_are_equal_lengths_on_a_logarithmic_axis():
    axis = logarithmic([0.01, 100.0], 0.0, 400.0)
    assert [axis.place(value) for value in (0.01, 0.1, 1, 10, 100)] == pytest.approx([0, 100, 200, 300, 400])
    assert tick_texts(axis) == ["0.01", "0.1", "1", "10", "100"]


def test_a_linear_axis_ends_at_round_numbers():
    axis = linear([0.9667, 0.9944], 0.0, 1.0)
    assert tick_texts(axis) == ["0.96", "0.97", "0.98", "0.99", "1.00"]


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.0, 0.2, "0"),
        (1600.0, 0.0, "1,600"),
        (0.25, 0.05, "0.25"),
        (1e-5, 0.0, "1e-5"),
        (3e8, 0.0, "3e8"),
        (2e-5, 5e-6, "2.0e-5"),
        (-100.0, 50.0, "-100"),
    ],
)
def test_numbers_beside_ticks_are_short(value, step, text):
    assert number(value, step) == text


def test_a_chart_without_any_number_is_empty():
    assert chart("Loss", "nats", []) == ""
    assert chart("Loss", "nats", [Line("x", [(1.0, None)])]) == ""


def test_a_chart_of_one_step_is_a_dot():
    figure = chart("Loss", "nats", [Line("x", [(1.0, 2.5)])])
    assert len(list(picture(figure).iter(f"{SVG}circle"))) == 1
    assert not list(picture(figure).iter(f"{SVG}path"))


def test_a_gap_cuts_a_line_in_two():
    figure = chart("Loss", "nats", [Line("x", line([1.0, 2.0, None, 3.0, 4.0]))])
    assert [path.get("d", "").count("L") for path in picture(figure).iter(f"{SVG}path")] == [1, 1]


def test_a_chart_says_in_words_what_it_shows():
    figure = chart("Loss", "nats", [Line("training", line([3.0, 9.0, 0.5, 1.0]))], marks=[2])
    title = picture(figure).find(f"{SVG}title")
    said = "Loss over the steps. training: first 3, last 1, lowest 0.5, highest 9. 1 steps skipped."
    assert title is not None
    assert title.text == said


def test_skipped_steps_are_marked_and_counted():
    figure = chart("Loss", "nats", [Line("x", line([1.0] * 5000))], marks=list(range(0, 5000, 3)))
    marks = [path for path in picture(figure).iter(f"{SVG}path") if path.get("class") == "skipped"]
    assert 300 < len(marks) <= MOST_POINTS
    assert "skipped (1,667)" in figure


def test_values_that_differ_much_get_a_logarithmic_scale_if_they_are_positive():
    assert "log scale" in chart("Loss", "nats", [Line("x", line([3.0, 0.01]))])
    assert "log scale" not in chart("Loss", "nats", [Line("x", line([3.0, 2.0]))])
    assert "log scale" not in chart("Loss", "nats", [Line("x", line([3.0, 0.01, -1.0]))])
    assert "log scale" not in chart("Rate", "", [Line("x", line([3.0, 0.01]))], scale="linear")


def test_names_with_signs_are_escaped_in_a_chart():
    figure = chart('<b>&"', "<i>", [Line('"<x>&', line([1.0, 2.0]))])
    title = picture(figure).find(f"{SVG}title")
    assert title is not None
    assert (title.text or "").startswith('<b>&" over the steps. "<x>&: ')
    assert "<i>" not in figure


LOG = [
    {"step": 1, "loss": 2.0, "gradient_norm": 1.5, "rate": 0.1, "applied": True},
    {"step": 2, "loss": None, "gradient_norm": None, "rate": 0.1, "applied": False},
    {"step": 2, "valid": {"log_loss": 1.0, "accuracy": None}},
]


def test_a_log_becomes_lines_with_gaps_where_there_was_no_number():
    assert over_steps(LOG, "loss") == [(1.0, 2.0), (2.0, None)]
    assert validated(LOG, "log_loss") == [(2.0, 1.0)]
    assert validated(LOG, "accuracy") == [(2.0, None)]
    assert over_steps([{"step": 1, "loss": math.inf}], "loss") == [(1.0, None)]


def test_validation_loss_in_nats_shares_the_chart_of_the_training_loss():
    drawn = curves(LOG, "log_loss", "accuracy", {})
    assert drawn.count("<figure") == 3
    assert "skipped (1)" in drawn


def test_another_validation_loss_has_a_chart_of_its_own():
    log = [*LOG, {"step": 2, "valid": {"squared_error": 4.0, "root_mean_squared_error": 2.0}}]
    drawn = curves(log, "squared_error", "root_mean_squared_error", {"squared_error": "metres squared"})
    assert drawn.count("<figure") == 5
    assert "Validation squared error" in drawn
    assert "metres squared" in drawn


def test_an_empty_log_is_said_to_be_empty():
    assert curves([], "log_loss", "accuracy", {}) == "No step is logged."


def test_a_measure_that_is_the_headline_and_decides_is_drawn_once() -> None:
    log = [{"step": step, "loss": 5.0 - step, "valid": {"elbo": step - 7.0}} for step in (1, 2, 3)]
    assert str(curves(log, "elbo", "elbo", {})).count("<b>Validation elbo") == 1
