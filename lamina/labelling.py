"""What a net tells of texts: classes or values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.tables.origin import Origin
from lamina.data.tables.source import is_table
from lamina.data.text.reading import TextOrigin
from lamina.errors import DataError, shown
from lamina.joined import joined
from lamina.net import Net

POSITIONS = 2**14
"""Positions of texts that are read together, padding counted."""


def texts_of(inputs: Any, origin: Origin) -> list[str]:
    """The texts that a model is asked about.

    Args:
        inputs: texts, or one of them; or a table with a column of them, as a path or a frame.
        origin: names that column.

    Raises:
        DataError: if they are none.
    """
    if isinstance(inputs, str) and not is_table(inputs):
        return [inputs]
    if isinstance(inputs, str | Path | dict) or hasattr(inputs, "__arrow_c_stream__") or hasattr(inputs, "columns"):
        from lamina.data.tables.fitting import headed, open_for
        from lamina.data.text.told import texts_in

        return texts_in(open_for(inputs, headed(inputs, origin), origin.fields), origin.fields[0].column)
    texts = list(inputs) if hasattr(inputs, "__iter__") else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"inputs must be texts, a path or a frame with {origin.fields[0].column!r}, got {shown(inputs)}"
        )
    return texts


def answers_to(net: Net, text: TextOrigin, texts: list[str]) -> Any:
    """The end's answers to texts, in their order. An empty text is one token, the end.

    Args:
        net: one that takes tokens.
        text: what makes them, and how many of each text are read.
        texts: any number but none.
    """
    from lamina.data.text.load import ended

    rows = ended(texts, text.input, longest=text.context)
    parts = list(together(rows.lengths))
    answers = joined([net.predict(rows.gather(part)) for part in parts])
    return picked(answers, torch.cat(parts).argsort())


def together(lengths: Int64[Tensor, " N"]) -> Iterator[Int64[Tensor, " B"]]:
    """Rows of like length side by side, no more than fit the budget of positions, the shortest first."""
    order, first = lengths.argsort(stable=True), 0
    sizes = lengths[order].tolist()
    for place, size in enumerate(sizes):
        if place > first and (place + 1 - first) * size > POSITIONS:
            yield order[first:place]
            first = place
    yield order[first:]


def picked(answers: Any, rows: Int64[Tensor, " N"]) -> Any:
    """These rows of an end's answers."""
    if isinstance(answers, Tensor):
        return answers[rows]
    parts = [picked(part, rows) for part in answers]
    return type(answers)(*parts) if hasattr(answers, "_fields") else tuple(parts)
