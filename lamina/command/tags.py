"""`lamina predict` with a model that tags words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamina.model import Model

SENTENCES_AT_ONCE = 1024


def tag_files(model: Model, data: tuple[str, ...], as_json: bool) -> None:
    """Print each word with its tag, and a blank line behind each sentence; or an object for each sentence.

    Args:
        model: one that tags.
        data: files of sentences; - for standard input.
        as_json: whether lines are objects with "words" and "tags".
    """
    for name in data:
        for part in sentences_of(name):
            for words, tags in zip(part, model.tag(part), strict=True):
                if as_json:
                    print(json.dumps({"words": words, "tags": tags}, ensure_ascii=False))
                else:
                    print("".join(f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)))
            sys.stdout.flush()


def sentences_of(name: str) -> Iterator[list[list[str]]]:
    """Batches of sentences: of a file of words, one a line, those in its first column; else a sentence in each line."""
    from pathlib import Path

    from lamina.command.predict import opened
    from lamina.data.sources.numbers import Lines, chunked
    from lamina.data.text.tagged import read_tagged
    from lamina.data.text.which import text_form

    if name != "-" and text_form(name) == "tagged":
        found = read_tagged(Path(name), tagged=False).words
        yield from (found[first : first + SENTENCES_AT_ONCE] for first in range(0, len(found), SENTENCES_AT_ONCE))
        return
    with opened(name) as stream:
        lines = Lines(stream, "standard input" if name == "-" else name)
        for part in chunked(lines, SENTENCES_AT_ONCE, lambda: not lines.at_hand):
            yield [words for line in part if (words := line.split())]
