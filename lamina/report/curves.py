"""Line charts as SVG: how something went over the steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from lamina.report.axis import Axis, linear, logarithmic, tick_texts, wants_log
from lamina.report.markup import Markup, joined, tag

Point: TypeAlias = tuple[float, float | None]
"""A step and a value there; None where there was no number."""

MOST_POINTS = 600
WIDTH, HEIGHT = 480, 250
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 12, 40


class Line(NamedTuple):
    """One line of a chart. `style` is its class in the page's style sheet."""

    name: str
    points: Sequence[Point]
    style: Literal["faint", "first", "second"] = "first"


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` of the points, in their order: of each stretch the lowest and the highest, so that peaks remain.

    The first and the last point remain too. A stretch without any number keeps one point without a number.
    """
    if len(points) <= most:
        return list(points)
    stretches = max(1, (most - 2) // 2)
    inner = points[1:-1]
    kept = [points[0]]
    for number in range(stretches):
        stretch = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        known = [place for place, (_, value) in enumerate(stretch) if value is not None]
        if known:
            values = [(stretch[place][1] or 0.0, place) for place in known]
            kept += [stretch[place] for place in sorted({min(values)[1], max(values)[1]})]
        else:
            kept += stretch[:1]
    return [*kept, points[-1]]


def smoothed(points: Sequence[Point]) -> list[Point]:
    """The exponential mean of a line over about a fortieth of it; where there is no number it stands still.

    Source: Kingma and Ba 2015, algorithm 1, for the correction at the beginning.
    """
    keep = 1 - 2 / (max(10.0, len(points) / 40) + 1)
    mean, weight, smooth = 0.0, 0.0, list[Point]()
    for step, value in points:
        if value is not None:
            mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        smooth.append((step, mean / weight if weight else None))
    return smooth


def chart(
    title: str,
    unit: str,
    lines: Sequence[Line],
    *,
    scale: Literal["linear", "choose"] = "choose",
    marks: Sequence[float] = (),
) -> Markup:
    """A figure with lines over the steps.

    Args:
        title: what is drawn.
        unit: of the values.
        lines: those with any number are drawn, in this order; the last lies on top.
        scale: "choose" takes a logarithmic one where all values are positive and differ much.
        marks: steps to mark at the foot, which were skipped.

    Returns:
        The figure; empty if there is no number at all.
    """
    lines = [line for line in lines if any(value is not None for _, value in line.points)]
    if not lines:
        return Markup("")
    values = [value for line in lines for _, value in line.points if value is not None]
    log = scale == "choose" and wants_log(values)
    up = (logarithmic if log else linear)(values, HEIGHT - BOTTOM, TOP)
    steps = [step for line in lines for step, _ in line.points] + list(marks)
    across = linear([0, *steps], LEFT, WIDTH - RIGHT, snug=True)
    drawn = [tag("g", *_strokes(thinned(line.points), across, up), class_=f"line {line.style}") for line in lines]
    drawn += [_mark(across.place(step)) for step in marks[:: math.ceil(len(marks) / MOST_POINTS) or 1]]
    words, box = tag("title", _summary(title, lines, marks)), f"0 0 {WIDTH} {HEIGHT}"
    parts = (words, *_frame(across, up, "step"), *drawn)
    picture = tag("svg", *parts, viewBox=box, role="img", xmlns="http://www.w3.org/2000/svg")
    caption = tag("figcaption", tag("b", title), " ", tag("small", unit + (", log scale" if log else "")))
    return tag("figure", caption, _legend(lines, len(marks)), picture, class_="chart")


def _summary(title: str, lines: Sequence[Line], marks: Sequence[float]) -> str:
    """The chart in words, for those who do not see it."""
    said = []
    for line in lines:
        known = [value for _, value in line.points if value is not None]
        ends = f"first {known[0]:.4g}, last {known[-1]:.4g}, lowest {min(known):.4g}, highest {max(known):.4g}"
        said.append(f"{line.name}: {ends}")
    return f"{title} over the steps. {'; '.join(said)}." + (f" {len(marks)} steps skipped." if marks else "")


def _legend(lines: Sequence[Line], skipped: int) -> Markup:
    entries = [tag("span", tag("i", class_=line.style), line.name) for line in lines]
    if skipped:
        entries.append(tag("span", tag("i", class_="skipped"), f"skipped ({skipped:,})"))
    return tag("div", *entries, class_="legend")


def _frame(across: Axis, up: Axis, name: str) -> Iterator[Markup]:
    """The grid with its numbers, and what is counted to the right."""
    for tick, words in zip(up.ticks, tick_texts(up), strict=True):
        y = f"{up.place(tick):.1f}"
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        yield tag("text", words, x=LEFT - 7, y=y, dy="0.32em", text_anchor="end")
    floor = HEIGHT - BOTTOM
    yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=floor, y2=floor, class_="base")
    for tick, words in zip(across.ticks, tick_texts(across), strict=True):
        x = across.place(tick)
        anchor = "end" if x > WIDTH - RIGHT - 20 else "middle"
        yield tag("text", words, x=f"{x:.1f}", y=floor + 18, text_anchor=anchor)
    yield tag("text", name, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 5, text_anchor="middle", class_="name")


def _strokes(points: Iterable[Point], across: Axis, up: Axis) -> Iterator[Markup]:
    """A path for each stretch with numbers; a dot for a lone one."""
    stretch: list[str] = []
    for step, value in [*points, (0.0, None)]:
        if value is not None and math.isfinite(value):
            stretch.append(f"{across.place(step):.1f} {up.place(value):.1f}")
            continue
        if len(stretch) == 1:
            x, _, y = stretch[0].partition(" ")
            yield tag("circle", cx=x, cy=y, r="3")
        elif stretch:
            yield tag("path", d=f"M{'L'.join(stretch)}")
        stretch = []


def _mark(x: float) -> Markup:
    floor = HEIGHT - BOTTOM
    return tag("path", d=f"M{x:.1f} {floor - 8}l4 8h-8z", class_="skipped")


def over_steps(log: Sequence[dict[str, object]], name: str) -> list[Point]:
    """The line of one entry of the log, over its steps; what is missing or no number is None."""
    return [(entry_step(entry), finite(entry[name])) for entry in log if name in entry]


def validated(log: Sequence[dict[str, object]], name: str) -> list[Point]:
    """The line of one measure on the validation part."""
    points = list[Point]()
    for entry in log:
        measures = entry.get("valid")
        if isinstance(measures, dict) and name in measures:
            points.append((entry_step(entry), finite(measures[name])))
    return points


def entry_step(entry: dict[str, object]) -> float:
    """The step of an entry of the log."""
    return finite(entry.get("step")) or 0.0


def finite(value: object) -> float | None:
    """A number, if it is one."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


IN_NATS = {"log_loss": "nats per example", "token_loss": "nats per token"}
"""Validation losses that are the same as the loss of training, and what both are counted in."""


def curves(log: Sequence[dict[str, object]], chosen_by: str, headline: str, unit_of: dict[str, str]) -> Markup:
    """All charts of a run.

    Args:
        log: what its steps and evaluations wrote.
        chosen_by: the measure that is the validation loss; in nats it shares the chart of the training loss.
        headline: the measure that people look at first.
        unit_of: the unit of each measure.
    """
    loss, skipped = over_steps(log, "loss"), [entry_step(entry) for entry in log if entry.get("applied") is False]
    valid = validated(log, chosen_by)
    shared, unit = chosen_by in IN_NATS, IN_NATS.get(chosen_by, "nats per example")
    training = [Line("each batch", loss, "faint"), Line("training, smoothed", smoothed(loss))]
    together = [*training, Line("validation", valid, "second")] if shared else training
    norms = over_steps(log, "gradient_norm")
    charts = [
        chart("Loss" if shared else "Training loss", unit, together, marks=skipped),
        _measured(headline, validated(log, headline), unit_of),
        "" if shared or chosen_by == headline else _measured(chosen_by, valid, unit_of),
        chart("Learning rate", "per step", [Line("rate", over_steps(log, "rate"))], scale="linear"),
        chart(
            "Gradient norm",
            "before clipping",
            [Line("each batch", norms, "faint"), Line("smoothed", smoothed(norms))],
            marks=skipped,
        ),
    ]
    return tag("div", *charts, class_="charts") if any(charts) else joined(["No step is logged."])


def _measured(name: str, points: Sequence[Point], unit_of: dict[str, str]) -> Markup:
    return chart(f"Validation {name.replace('_', ' ')}", unit_of.get(name, ""), [Line("validation", points, "second")])
