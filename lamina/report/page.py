"""The page: one self-contained HTML file, from plain data."""

from __future__ import annotations

from lamina.metrics import definition as definition_of
from lamina.report.content import Content
from lamina.report.curves import curves
from lamina.report.markup import Markup, table, tag
from lamina.report.plots import interval, interval_axis, interval_scale
from lamina.report.results import answers, measure
from lamina.report.style import STYLE


def page(content: Content) -> str:
    """The report as HTML: no script, nothing fetched, the same text for the same content."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{content.data}: {_headline(content)}"),
        tag("style", Markup(STYLE)),
    )
    main = tag(
        "main",
        top(content),
        again(content),
        assumed(content),
        stages(content),
        going(content),
        measures(content),
        answers(content),
        drawn(content),
        written(content),
        questioned(content),
        settings(content),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', main), lang='en')}\n"


def top(content: Content) -> Markup:
    """The title, and the headline beside every baseline."""
    about = tag("p", content.about, class_="about") if content.about else ""
    name = next(iter(content.test), "")
    facts = {f"examples {what}": f"{count:,}" for what, count in content.sizes.items()} | content.facts
    strip = tag("dl", *(tag("div", tag("dt", key), tag("dd", value)) for key, value in facts.items()), class_="facts")
    title = [tag("p", "lamina run report", class_="kicker"), tag("h1", content.data), about]
    if not name:
        return tag("header", *title, strip)
    number, _, around = str(content.test[name]).partition(" ")
    figure = tag(
        "div",
        tag("p", f"test {_spoken(name)}", class_="what"),
        tag("p", number, class_="number"),
        tag("p", around, class_="around"),
        class_="headline",
    )
    return tag("header", *title, tag("div", figure, beside(content, name), class_="hero"), strip)


def beside(content: Content, name: str) -> Markup:
    """The headline measure of the net and of each baseline: a dot with its interval."""
    rows = {"this net": content.test[name]}
    rows |= {who: values[name] for who, values in reversed(content.baseline.items()) if name in values}
    definition = definition_of(name)
    axis = interval_axis(list(rows.values()), share=definition is not None and definition.unit == "share")
    cells = []
    for number, (who, value) in enumerate(rows.items()):
        fitted = content.trained_on.get(who)
        title = f"fitted to {fitted:,} training examples" if fitted else None
        drawing = tag("td", interval(value, axis, "second" if number else "first"), class_="track")
        cells.append([tag("th", who, scope="row", title=title), drawing, measure(value)])
    better = f"; {definition.better} is better" if definition else ""
    caption = f"{_spoken(name).capitalize()} on the test part with 95 % intervals{better}"
    scale = ["", tag("td", interval_scale(axis), class_="track"), ""]
    return table(caption, ["", tag("td"), tag("td")], cells, scale, style="intervals")


def again(content: Content) -> Markup:
    """The sentence, and the commands that use or repeat the run."""
    width = max((len(line) for _, line in content.commands), default=0)
    lines = "".join(f"{line:<{width}}  # {what}\n" for what, line in content.commands)
    commands = tag("pre", tag("code", lines), tabindex="0", aria_label="commands")
    sentence = tag("pre", tag("code", content.net), class_="sentence", tabindex="0", aria_label="the net")
    return _section("The net", "net", sentence, tag("h3", "Use it, or run it again"), commands)


def assumed(content: Content) -> Markup:
    """What was assumed and decided about the data."""
    if not content.notes:
        return Markup("")
    return _section("What was decided about the data", "data", tag("ul", *(tag("li", note) for note in content.notes)))


def stages(content: Content) -> Markup:
    """The volume-to-volume table."""
    rows = [["input", content.given, "", ""]]
    rows += [[row.stage, row.gives, f"{row.parameters:,}", f"{row.multiply_adds:,}"] for row in content.stages]
    sums = [sum(row.parameters for row in content.stages), sum(row.multiply_adds for row in content.stages)]
    caption = "What each stage gives and costs; multiply-adds are for one example"
    head = ["stage", "gives", "parameters", "multiply-adds"]
    body = table(caption, head, rows, ["sum", "", *(f"{total:,}" for total in sums)], style="stages")
    return _section("Stage by stage", "stages", body)


def going(content: Content) -> Markup:
    """How training went."""
    units = {name: known.unit for name in content.test if (known := definition_of(name)) is not None}
    troubles = tag("ul", *(tag("li", trouble) for trouble in content.troubles)) if content.troubles else ""
    headline = next(iter(content.test), "")
    drawn = curves(content.log, content.chosen_by, headline, units)
    return _section("How training went", "training", troubles, before(content), drawn)


def before(content: Content) -> Markup:
    """The layers that were trained first, without labels."""
    if not content.pretrained:
        return Markup("")
    caption = "Its layers were trained first, one after another and without labels, each by a net of its own"
    rows = [[layer.layer, layer.taught, f"{layer.steps:,}", layer.loss] for layer in content.pretrained]
    return table(caption, ["layer", "taught by", "steps", "on the validation part"], rows, style="stages")


def measures(content: Content) -> Markup:
    """Every measure on the test part, of the net and of the baselines, and on the validation part."""
    others = list(reversed(content.baseline))
    rows = []
    for name, value in content.test.items():
        definition = definition_of(name)
        about = f"{definition.meaning}; {definition.unit}, {definition.better} is better" if definition else ""
        title = tag("th", _spoken(name), tag("small", about), scope="row")
        simple = [measure(content.baseline[who][name]) if name in content.baseline[who] else "" for who in others]
        valid = measure(content.valid[name]) if name in content.valid else ""
        rows.append([title, measure(value), *simple, valid])
    heads = [_fitted(who, content.trained_on.get(who)) for who in others]
    caption = "Measures with 95 % intervals: what other examples of the same kind would leave open"
    body = table(caption, ["measure", "this net, test", *heads, "this net, validation"], rows, style="measures")
    words = tag("ul", *(tag("li", f"{sentence[0].upper()}{sentence[1:]}.") for sentence in content.said))
    return _section("All measures", "measures", words if content.said else "", body)


def drawn(content: Content) -> Markup:
    """What the net learned of its inputs, in pictures."""
    if not content.drawings:
        return Markup("")
    figures = [
        tag(
            "figure",
            tag("figcaption", f"{drawing.about[0].upper()}{drawing.about[1:]}"),
            tag("img", src=drawing.picture, alt=drawing.about, width=drawing.width),
            class_="drawing",
        )
        for drawing in content.drawings
    ]
    return _section("What it has learned", "learned", *figures)


def written(content: Content) -> Markup:
    """What the net writes."""
    if not content.writing:
        return Markup("")
    head, *samples = content.writing
    if len(head) == 1:
        texts = [tag("figure", tag("figcaption", head[0]), tag("pre", sample[0], class_="page")) for sample in samples]
        return _section("What it writes", "writing", *texts)
    caption = f"Of the test part. All measures of answers are of {content.searched}"
    rows = [[tag("td", part) for part in sample] for sample in samples]
    return _section("What it writes", "writing", table(caption, list(head), rows, style="written"))


def questioned(content: Content) -> Markup:
    """How answers to questions fare."""
    tables = [
        table(sheet.caption, list(sheet.head), [[tag("td", cell) for cell in row] for row in sheet.rows])
        for sheet in content.sheets
    ]
    return _section("What it answers", "answers", *tables) if tables else Markup("")


def settings(content: Content) -> Markup:
    """The plan, the machine and the versions."""
    plan = table("Every setting, as in run.toml", ["setting", "value"], content.plan.items(), style="plan")
    about = table("What it ran on", ["what", "value"], content.machine.items(), style="plan")
    return _section("Plan and machine", "plan", tag("div", plan, about, class_="pair"))


def _fitted(who: str, examples: int | None) -> Markup:
    trained = tag("small", f"fitted to {examples:,}") if examples else ""
    return tag("th", f"{who}, test", trained, scope="col")


def _headline(content: Content) -> str:
    return next((f"{_spoken(name)} {value}" for name, value in content.test.items()), "a lamina run")


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _section(title: str, name: str, *inside: object) -> Markup:
    return tag("section", tag("h2", title, id=name), *inside, aria_labelledby=name)
