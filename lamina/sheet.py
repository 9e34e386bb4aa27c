"""A table of texts, for people."""

from __future__ import annotations

from typing import NamedTuple


class Sheet(NamedTuple):
    """A table of texts: what it shows, a title for each column, and its rows."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
