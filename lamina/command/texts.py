"""Texts to be predicted: a line each, or the cells of a table's column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from lamina.data.text.which import RUNNING, ending
from lamina.progress import note

if TYPE_CHECKING:
    from lamina.data.text.tokenizer import Tokenizer
    from lamina.model import Model

TEXTS_AT_ONCE = 1024


class UnknownTokens:
    """Counts those tokens of texts that a model does not know, to be said once, at the end.

    Args:
        tokenizer: the model's.
        where: what the texts are called.
    """

    def __init__(self, tokenizer: Tokenizer, where: str) -> None:
        self.tokenizer, self.where = tokenizer, where
        self.unknown, self.total = 0, 0

    def see(self, texts: Iterable[str]) -> None:
        """Count those of further texts."""
        unknown, total = self.tokenizer.unknown_of(texts)
        self.unknown, self.total = self.unknown + unknown, self.total + total

    def tell(self) -> None:
        """Say how many there were, if there were any."""
        if self.unknown:
            how_many = f"all {self.total:,}" if self.unknown == self.total else f"{self.unknown:,} of {self.total:,}"
            note(f"{self.where}: {how_many} tokens are unknown to the model, which learned none like them")


Asked = tuple[list[str], list[dict[str, Any]] | None]
"""Texts, with the cells of their rows if these are to be kept."""


def text_inputs(model: Model, data: str, keep: bool) -> Iterator[Asked]:
    """Batches of texts, with their rows if these are to be kept.

    Args:
        model: of texts.
        data: a table; - for standard input, or a file of text such as new.txt, of which each line is a text.
        keep: whether rows are kept.

    Raises:
        DataError: if it cannot be read, when what comes before has been given.
    """
    from lamina.data.text.load import cut_short

    assert model.text is not None
    where = "standard input" if data == "-" else data
    strange = UnknownTokens(model.text.input, where)
    whole, cut = lines_of if data == "-" or ending(data) in RUNNING else cells_of, 0
    for texts, rows in whole(model, data, keep):
        cut += cut_short(texts, model.text.input, model.text.context)
        strange.see(texts)
        yield texts, rows
    strange.tell()
    if cut:
        note(f"{where}: {cut:,} of the texts cut at {model.text.context:,} tokens, as in training")


def lines_of(model: Model, data: str, keep: bool) -> Iterator[Asked]:
    """The lines of a stream or a file, each a text; none waits for the next to be written."""
    from lamina.command.predict import opened
    from lamina.data.sources.numbers import Lines, chunked

    column = column_of(model)
    with opened(data) as stream:
        lines = Lines(stream, "standard input" if data == "-" else data)
        for part in chunked(lines, TEXTS_AT_ONCE, lambda: not lines.at_hand):
            texts = [line.strip() for line in part]
            yield texts, [{column: text} for text in texts] if keep else None


def cells_of(model: Model, data: str, keep: bool) -> Iterator[Asked]:
    """The cells of the column that the model reads."""
    from lamina.data.tables.fitting import headed, open_for
    from lamina.data.tables.untouched import untouched
    from lamina.data.text.told import texts_in

    assert model.origin is not None
    column, reading = column_of(model), headed(data, model.origin)
    source = open_for(data, reading, model.origin.fields)
    texts = texts_in(source, column)
    rows = untouched(data, reading, [column]) if keep else None
    for first in range(0, len(texts), TEXTS_AT_ONCE):
        part = texts[first : first + TEXTS_AT_ONCE]
        yield part, None if rows is None else list(islice(rows, len(part)))
    for text in source.notes:
        note(text)


def column_of(model: Model) -> str:
    """What the column of texts is called."""
    assert model.origin is not None
    return model.origin.fields[0].column
