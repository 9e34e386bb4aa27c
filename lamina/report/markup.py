"""HTML and SVG as text: what is not marked up already is escaped, so that no name can break a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

EMPTY_TAGS = frozenset({"circle", "img", "line", "meta", "path", "rect"})
# Neither XML nor HTML has a way to write these; a name may hold them all the same.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as markup: escaped, unless it is markup."""
    return value if isinstance(value, Markup) else Markup(escape(UNWRITABLE.sub("\ufffd", str(value))))


def tag(name: str, /, *inside: object, **attributes: object) -> Markup:
    """An element. None and False leave an attribute out; `class_` is class, `aria_label` is aria-label.

    >>> tag("p", "a < b", tag("b", "!"), class_="note")
    '<p class="note">a &lt; b<b>!</b></p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in EMPTY_TAGS:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{''.join(map(text, inside))}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after another."""
    return Markup("".join(map(text, parts)))


def table(
    caption: object,
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    foot: Sequence[object] = (),
    style: str = "",
) -> Markup:
    """A table that scrolls by itself where the page is narrow. Each row is led by what it is about.

    Args:
        caption: what the table shows.
        head: a title for each column.
        rows: cells; one that is an element `td` or `th` already stands as it is.
        foot: the cells of a last row, such as sums.
        style: the table's class.
    """
    body = tag("tbody", *(tag("tr", *_cells(row)) for row in rows))
    titles = tag("thead", tag("tr", *(_cell(title, "th", scope="col") for title in head)))
    sums = tag("tfoot", tag("tr", *_cells(foot))) if foot else ""
    inner = tag("table", tag("caption", tag("span", caption)), titles, body, sums, class_=style or None)
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=plain(caption))


def plain(value: object) -> str:
    """The words of markup, without its elements."""
    return Markup(re.sub(r"<[^>]*>", "", value)) if isinstance(value, Markup) else str(value)


def _cells(row: Sequence[object]) -> list[Markup]:
    first, *rest = row
    return [_cell(first, "th", scope="row"), *(_cell(cell, "td") for cell in rest)]


def _cell(value: object, name: str, **attributes: object) -> Markup:
    if isinstance(value, Markup) and value.startswith(("<td", "<th")):
        return value
    return tag(name, value, **attributes)
