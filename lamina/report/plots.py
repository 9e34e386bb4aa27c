"""Small drawings: values with their intervals, predicted against actual values, how errors spread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from lamina.metrics import Measure
from lamina.report.axis import Axis, linear, number, tick_texts
from lamina.report.content import Output
from lamina.report.markup import Markup, tag

WIDTH, HEIGHT = 480, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 12, 44


def interval_axis(measures: Sequence[Measure], share: bool) -> Axis:
    """An axis in percent of the width: from 0 to 1 for shares, else over all values from 0 on."""
    known = [part for measure in measures for part in measure if math.isfinite(part)]
    if share and all(0 <= part <= 1 for part in known):
        known = [0.0, 1.0]
    return linear([0.0, *known], 2.0, 98.0, most_ticks=5)


def interval(measure: Measure, axis: Axis, style: str) -> Markup:
    """A dot at the value and a line over its interval; it stretches with the page."""
    marks: list[Markup] = [tag("line", x1="2%", x2="98%", y1="50%", y2="50%", class_="grid")]
    low, high = (
        end if math.isfinite(end) else other for end, other in zip(measure[1:], (axis.low, axis.high), strict=True)
    )
    if math.isfinite(measure.value):
        x1, x2, x = (f"{axis.place(part):.2f}%" for part in (low, high, measure.value))
        marks.append(tag("line", x1=x1, x2=x2, y1="50%", y2="50%", class_="interval"))
        marks.append(tag("circle", cx=x, cy="50%", r="5"))
    return tag(
        "svg", *marks, class_=f"track {style}", aria_hidden="true", xmlns="http://www.w3.org/2000/svg", height="24"
    )


def interval_scale(axis: Axis) -> Markup:
    """The numbers under intervals."""
    texts = []
    for tick, words in zip(axis.ticks, tick_texts(axis), strict=True):
        anchor = "start" if tick == axis.ticks[0] else "end" if tick == axis.ticks[-1] else "middle"
        place = {"start": 0.0, "end": 100.0}.get(anchor, axis.place(tick))
        texts.append(
            tag(
                "text",
                words,
                x=f"{place:.2f}%",
                y="13",
                text_anchor=anchor,
                class_="inner" if anchor == "middle" else None,
            )
        )
    return tag("svg", *texts, class_="track", aria_hidden="true", xmlns="http://www.w3.org/2000/svg", height="18")


def scatter(output: Output, examples: int) -> Markup:
    """Predicted against actual values; on the slanted line they agree."""
    pairs = [
        (actual, predicted)
        for actual, predicted in zip(output.actual, output.predicted, strict=True)
        if math.isfinite(actual) and math.isfinite(predicted)
    ]
    both = [value for pair in pairs for value in pair]
    across, up = linear(both, LEFT, WIDTH - RIGHT), linear(both, HEIGHT - BOTTOM, TOP)
    dots = (tag("circle", cx=f"{across.place(y):.1f}", cy=f"{up.place(f):.1f}", r="3") for y, f in pairs)
    corner = tag("line", x1=LEFT, y1=HEIGHT - BOTTOM, x2=WIDTH - RIGHT, y2=TOP, class_="agree")
    shown = f"{len(pairs):,} of {examples:,} test examples" if len(pairs) < examples else f"{examples:,} test examples"
    words = f"Predicted against actual values of {shown}; where they agree they lie on the diagonal."
    picture = _square(words, [*_grid(across, up, "actual", "predicted"), corner, tag("g", *dots, class_="dots")])
    return _figure(f"Predicted against actual {output.name}", f"{shown}; dashed: equal", picture)


def histogram(output: Output) -> Markup:
    """How the errors spread; empty if there are none."""
    if not output.histogram:
        return Markup("")
    across, up = linear(output.ends, LEFT, WIDTH - RIGHT), linear([0, *output.histogram], HEIGHT - BOTTOM, TOP)
    low, high = output.ends
    bins, width = len(output.histogram), (high - low) / len(output.histogram)
    bars = []
    for place, count in enumerate(output.histogram):
        left, right = across.place(low + place * width), across.place(low + (place + 1) * width)
        y = up.place(count)
        if count:
            bars.append(
                tag(
                    "rect",
                    x=f"{left:.1f}",
                    width=f"{max(1, right - left - 1):.1f}",
                    y=f"{y:.1f}",
                    height=f"{HEIGHT - BOTTOM - y:.1f}",
                )
            )
    middle = across.place(0.0)
    zero = tag("line", x1=f"{middle:.1f}", x2=f"{middle:.1f}", y1=TOP, y2=HEIGHT - BOTTOM, class_="agree")
    fullest = max(range(bins), key=output.histogram.__getitem__)
    peak = f"{number(low + fullest * width)} to {number(low + (fullest + 1) * width)}"
    words = f"Histogram of the errors, from {number(low)} to {number(high)}; most lie from {peak}."
    picture = _square(
        words, [*_grid(across, up, "predicted - actual", "examples"), tag("g", *bars, class_="bars"), zero]
    )
    return _figure(f"Errors {output.name}", "all test examples; right of 0 the net says too much", picture)


def _figure(title: str, about: str, picture: Markup) -> Markup:
    return tag("figure", tag("figcaption", tag("b", title.strip()), " ", tag("small", about)), picture, class_="chart")


def _square(words: str, parts: Sequence[Markup]) -> Markup:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return tag("svg", tag("title", words), *parts, viewBox=box, role="img", xmlns="http://www.w3.org/2000/svg")


def _grid(across: Axis, up: Axis, right: str, upwards: str) -> Iterator[Markup]:
    floor = HEIGHT - BOTTOM
    for tick, words in zip(up.ticks, tick_texts(up), strict=True):
        y = f"{up.place(tick):.1f}"
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        yield tag("text", words, x=LEFT - 7, y=y, dy="0.32em", text_anchor="end")
    yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=floor, y2=floor, class_="base")
    for tick, words in zip(across.ticks, tick_texts(across), strict=True):
        x = across.place(tick)
        anchor = "end" if x > WIDTH - RIGHT - 10 else "middle"
        yield tag("text", words, x=f"{x:.1f}", y=floor + 17, text_anchor=anchor)
    middle, height = (LEFT + WIDTH - RIGHT) / 2, (TOP + floor) / 2
    yield tag("text", right, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="name")
    turned = f"rotate(-90 13 {height})"
    yield tag("text", upwards, x=13, y=height, text_anchor="middle", transform=turned, class_="name")
