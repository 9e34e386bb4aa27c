"""The parts of the page about the test examples: which classes are confused, which examples are wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lamina.metrics import Measure
from lamina.report.axis import linear
from lamina.report.content import ClassAnswers, Content, Example, ValueAnswers
from lamina.report.markup import Markup, joined, table, tag
from lamina.report.plots import histogram, interval, interval_scale, scatter

MOST_CLASS_ROWS = 50
LONGEST_CELL = 24
MOST_LETTERS, LONGEST_NAME = 80, 12
"""Of class names that are written across; others stand upright."""


def answers(content: Content) -> Markup:
    """What the net made of the test examples."""
    told = content.answers
    if isinstance(told, ClassAnswers):
        confused = confusion(told) if told.confusion else confused_pairs(told)
        parts = [
            _section("Which classes are taken for which", "confusion", confused),
            _section("Class by class", "classes", by_class(told)),
            _section("The hardest test examples", "hardest", hardest(told, content)),
        ]
        return joined(parts)
    if isinstance(told, ValueAnswers):
        left_out = f"The first {len(told.outputs)} of {told.size} outputs." if told.size > len(told.outputs) else ""
        charts = [figure for output in told.outputs for figure in (scatter(output, told.examples), histogram(output))]
        drawn = [tag("div", *charts, class_="charts"), tag("p", left_out) if left_out else ""]
        worst = worst_rows(told, content)
        return joined([_section("Predicted and actual", "values", *drawn), _section("The worst rows", "worst", worst)])
    return Markup("")


def confusion(told: ClassAnswers) -> Markup:
    """The confusion matrix, each cell shaded by its share of the actual class."""
    lengths = [max(4, len(name)) for name in told.names]
    wide = sum(lengths) > MOST_LETTERS or max(lengths) > LONGEST_NAME
    heads = [tag("th", tag("span", name), scope="col", title=name) for name in told.names]
    rows = []
    for actual, (name, counts) in enumerate(zip(told.names, told.confusion, strict=True)):
        total = sum(counts)
        cells = [_shaded(count, total, place == actual) for place, count in enumerate(counts)]
        rows.append([tag("th", name, scope="row", title=name), *cells, f"{total:,}"])
    foot = ["in all", *(f"{sum(column):,}" for column in zip(*told.confusion, strict=True)), ""]
    caption = "Test examples by actual class (row) and predicted class (column); blue is right, orange is wrong"
    head = [Markup("actual \\ predicted"), *heads, "in all"]
    return table(caption, head, rows, foot, style="confusion names" if wide else "confusion")


def _shaded(count: int, total: int, right: bool) -> Markup:
    if not count:
        return tag("td", "0" if right else "·", class_="none")
    share = count / total
    depth = 0.14 + 0.44 * (share if right else math.sqrt(share))  # the root, so that rare mistakes show
    hue = "good" if right else "bad"
    return tag("td", f"{count:,}", style=f"background:rgb(var(--{hue})/{depth:.2f})")


def confused_pairs(told: ClassAnswers) -> Markup:
    """The commonest mistakes, where a matrix would be too large."""
    if not told.mistakes:
        return tag("p", "No test example is wrong.")
    rows = [[m.actual, m.predicted, f"{m.times:,} of {m.of:,}", f"{m.times / m.of:.0%}"] for m in told.mistakes]
    caption = f"The {len(rows)} commonest mistakes among {len(told.names):,} classes"
    return table(caption, ["actual", "predicted", "examples", "share"], rows)


def by_class(told: ClassAnswers) -> Markup:
    """Precision and recall of each class; of many classes, those with the lowest recall."""
    every = list(zip(told.names, told.by_class, strict=True))
    caption = "Precision: how many of those predicted as the class are of it. Recall: how many of the class are found"
    if len(every) > MOST_CLASS_ROWS:
        every = sorted((pair for pair in every if pair[1].actual), key=lambda pair: pair[1].recall.value)
        every = every[:MOST_CLASS_ROWS]
        caption += f". The {len(every)} classes of {len(told.names):,} with the lowest recall"
    known = [end for _, one in every for value in one[:2] if not math.isnan(value.value) for end in value]
    axis = linear([*known, 1.0], 2.0, 98.0, most_ticks=4)
    rows = []
    for name, one in every:
        precision, recall = interval(one.precision, axis, "first"), interval(one.recall, axis, "second")
        counts = [f"{one.actual:,}", f"{one.predicted:,}"]
        rows.append([name, measure(one.precision), _track(precision), measure(one.recall), _track(recall), *counts])
    head = ["class", "precision", _blank(), "recall", _blank(), "actual", "predicted"]
    scale = _track(interval_scale(axis))
    foot = ["", "", scale, "", scale, "", ""]
    return table(caption + ", with 95 % intervals (Wilson)", head, rows, foot, style="classes")


def hardest(told: ClassAnswers, content: Content) -> Markup:
    """The examples whose actual class got the least probability, wrong ones first."""
    total = sum(one.actual for one in told.by_class)
    wrong = f"{told.wrong:,} of {total:,} test examples {'is' if told.wrong == 1 else 'are'} wrong."
    if not told.wrong:
        wrong = f"None of {total:,} test examples is wrong."
    right = " The others here are right, but the net was least sure of them." if told.wrong < len(told.hardest) else ""
    order = " Those whose actual class had the least probability come first; the numbers are probabilities." + right
    note = tag("p", wrong, order if told.hardest else "")
    if told.hardest and told.hardest[0].picture:
        return joined([note, tag("ul", *map(_tile, told.hardest), class_="tiles")])
    rows = [
        [f"{e.row:,}", e.actual, _verdict(e), f"{e.sure:.3f}", _probability(e.due), *_numbers(e, content)]
        for e in told.hardest
    ]
    head = ["row", "actual", "predicted", "p(predicted)", "p(actual)", *_feature_names(content, told.hardest)]
    return joined([note, table("The hardest test examples with their inputs", head, rows, style="examples")])


def worst_rows(told: ValueAnswers, content: Content) -> Markup:
    """The examples with the largest errors."""
    pictures = any(e.picture for e in told.worst)
    rows = [
        [
            f"{e.row:,}",
            *([_picture(e, "64")] if pictures else []),
            e.actual,
            e.predicted,
            f"{e.sure:.4g}",
            *_numbers(e, content),
        ]
        for e in told.worst
    ]
    error = "error" if told.size == 1 else "root mean squared error"
    head = ["row", *(["input"] if pictures else []), "actual", "predicted", error, *_feature_names(content, told.worst)]
    return table("The test examples with the largest errors, largest first", head, rows, style="numbers")


def measure(value: Measure) -> Markup:
    """A measure as text, its interval less loud."""
    number, _, interval = str(value).partition(" ")
    return tag("span", tag("b", number), " ", tag("small", interval), class_="measure")


def _tile(example: Example) -> Markup:
    said = [(tag("b", "said ", example.predicted), example.sure), (f"but is {example.actual}", example.due)]
    lines = said if example.wrong else [(f"rightly {example.predicted}", example.sure)]
    spans = [
        tag("span", tag("span", words), tag("span", _probability(p), class_="p"), class_="line") for words, p in lines
    ]
    return tag("li", _picture(example), *spans, class_="wrong" if example.wrong else "right")


def _picture(example: Example, width: str | None = None) -> Markup:
    words = f"test example, row {example.row}: actual {example.actual}, predicted {example.predicted}"
    return tag("img", src=example.picture, alt=words, width=width, loading="lazy")


def _verdict(example: Example) -> Markup:
    return tag("b", f"{example.predicted} (wrong)", class_="bad") if example.wrong else tag("span", example.predicted)


def _probability(p: float) -> str:
    return f"{p:.3f}" if not p < 0.001 else f"{p:.0e}".replace("e-0", "e-")


def _numbers(example: Example, content: Content) -> list[str]:
    return [text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…" for text in example.features]


def _feature_names(content: Content, examples: Sequence[Example]) -> list[str]:
    count = len(examples[0].features) if examples else 0
    return [content.features[place] if place < len(content.features) else f"feature {place}" for place in range(count)]


def _track(drawing: Markup) -> Markup:
    return tag("td", drawing, class_="track")


def _blank() -> Markup:
    return tag("td", class_="track")


def _section(title: str, name: str, *inside: object) -> Markup:
    return tag("section", tag("h2", title, id=name), *inside, aria_labelledby=name)
