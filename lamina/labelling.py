"""What a net tells of texts: classes or values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.tables.origin import Origin
from lamina.data.tables.source import is_table
from lamina.data.text.reading import TextOrigin
from lamina.errors import DataError, shown
from lamina.joined import joined
from lamina.net import Net

if TYPE_CHECKING:
    from lamina.data.text.paired import Said

LONGER, ENOUGH = 1.1, 256
"""How much longer a row of a batch may be than its first, and the positions from which a batch is large enough."""

POSITIONS = 2**14
"""Positions of texts that are read together, padding counted."""


def texts_of(inputs: Any, origin: Origin) -> list[Said]:
    """The texts that a model is asked about.

    Args:
        inputs: texts, or one of them; pairs of texts, or one; or a table with columns of them, as a path or a frame.
        origin: names these columns.

    Raises:
        DataError: if they are none.
    """
    columns = [field.column for field in origin.fields]
    if isinstance(inputs, str) and not is_table(inputs) and len(columns) == 1:
        return [inputs]
    if isinstance(inputs, str | Path | dict) or hasattr(inputs, "__arrow_c_stream__") or hasattr(inputs, "columns"):
        from lamina.data.tables.fitting import headed, open_for
        from lamina.data.text.told import texts_in

        return texts_in(open_for(inputs, headed(inputs, origin), origin.fields), columns)
    texts = list(inputs) if hasattr(inputs, "__iter__") else []
    if len(columns) == 2:
        return pairs_of(inputs, texts, columns)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(f"inputs must be texts, a path or a frame with {columns[0]!r}, got {shown(inputs)}")
    return texts


def pairs_of(inputs: Any, texts: Sequence[Any], columns: Sequence[str]) -> list[Said]:
    """Pairs of texts, or one of them, as they are asked about in Python."""
    pairs = [inputs] if isinstance(inputs, tuple) and all(isinstance(text, str) for text in inputs) else texts
    found = [tuple(pair) for pair in pairs if isinstance(pair, tuple | list)]
    if not found or len(found) < len(pairs) or not all(list(map(type, pair)) == [str, str] for pair in found):
        names = " and ".join(map(repr, columns))
        raise DataError(f"inputs must be pairs of texts, a path or a frame with {names}, got {shown(inputs)}")
    return [(one, other) for one, other in found]


def answers_to(net: Net, text: TextOrigin, texts: list[Said]) -> Any:
    """The end's answers to texts or pairs of them, in their order. An empty text is one token, the end.

    Args:
        net: one that takes tokens.
        text: what makes them, and how many of each text are read.
        texts: any number but none.
    """
    from lamina.data.text.paired import rows_of

    rows = rows_of(texts, text.input, longest=text.context)
    parts = list(together(rows.lengths))
    answers = joined([net.predict(rows.gather(part)) for part in parts])
    return picked(answers, torch.cat(parts).argsort())


def together(lengths: Int64[Tensor, " N"]) -> Iterator[Int64[Tensor, " B"]]:
    """Rows of like length side by side, no more than fit the budget of positions, the shortest first.

    Where there are enough for a batch of its own, rows that are a tenth longer than its first begin another: so that
    less than that is padding.
    """
    order, first = lengths.argsort(stable=True), 0
    sizes = lengths[order].tolist()
    for place, size in enumerate(sizes):
        full = (place + 1 - first) * size > POSITIONS
        longer = size > LONGER * sizes[first] and (place - first) * sizes[first] >= ENOUGH
        if place > first and (full or longer):
            yield order[first:place]
            first = place
    yield order[first:]


def picked(answers: Any, rows: Int64[Tensor, " N"]) -> Any:
    """These rows of an end's answers."""
    if isinstance(answers, Tensor):
        return answers[rows]
    parts = [picked(part, rows) for part in answers]
    return type(answers)(*parts) if hasattr(answers, "_fields") else tuple(parts)
