"""Whether data is text, and in which form: told from names, before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

Form = Literal["running", "pairs", "tagged", "questions"]

RUNNING = (".txt", ".text", ".md", ".rst", ".tokens")
"""Endings of a text that runs on, packed or not."""

TAGGED = (".conll", ".bio", ".iob", ".iob2", ".bioes")
"""Endings of sentences with a tag for each word."""

PACKED = (".gz", ".zst")

QUESTIONS = (".json", ".json.gz", ".json.zip")
"""Endings of questions about passages."""

TABLES = (".csv", ".jsonl", ".ndjson", ".parquet", ".pq", ".npz", ".toml")
"""Endings of what is never taken for a text."""


def text_form(where: str, files: Sequence[str] = (), target: object = None) -> Form | None:
    """The form of the text at a path, or in two files side by side; None if this is no text.

    Args:
        where: the path.
        files: further paths.
        target: a column to predict; where one is asked for, this is a table.

    >>> text_form("book.txt"), text_form("pairs.tsv"), text_form("train.de", ["train.en"]), text_form("houses.csv")
    ('running', 'pairs', 'pairs', None)
    >>> text_form("squad.json.zip")
    'questions'
    """
    if where.lower().endswith(QUESTIONS):
        return None if files or target else "questions"
    endings = [ending(path) for path in (where, *files)]
    if target or any(not each or each in TABLES for each in endings):
        return None
    if len(endings) == 2:
        return None if {".tsv", *TAGGED} & {*endings} else "pairs"
    if len(endings) > 2:
        return None
    if endings[0] in TAGGED:
        return "tagged"
    return "pairs" if endings[0] == ".tsv" else "running" if endings[0] in RUNNING else None


def ending(path: str) -> str:
    """What a path ends in, without what packed it: .txt of book.txt.gz."""
    name = Path(path)
    while name.suffix.lower() in PACKED:
        name = name.with_suffix("")
    return name.suffix.lower()
