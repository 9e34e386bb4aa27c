"""Texts to be predicted: a line each, or the cells of a table's column; of pairs two with a tab between, or of two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from lamina.data.text.which import RUNNING, ending
from lamina.errors import DataError, shown
from lamina.progress import note

if TYPE_CHECKING:
    from lamina.data.text.paired import Said
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


Asked: TypeAlias = "tuple[list[Said], list[dict[str, Any]] | None]"
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
    from lamina.data.text.paired import one_by_one, shortened_of

    assert model.text is not None
    where = "standard input" if data == "-" else data
    strange = UnknownTokens(model.text.input, where)
    whole, cut = lines_of if data == "-" or ending(data) in RUNNING else cells_of, 0
    for texts, rows in whole(model, data, keep):
        cut += shortened_of(texts, model.text.input, model.text.context)
        strange.see(one_by_one(texts))
        yield texts, rows
    strange.tell()
    if cut:
        note(f"{where}: {cut:,} of the texts cut at {model.text.context:,} tokens, as in training")


def lines_of(model: Model, data: str, keep: bool) -> Iterator[Asked]:
    """The lines of a stream or a file, each a text or a pair; none waits for the next to be written."""
    from lamina.command.predict import opened
    from lamina.data.sources.numbers import Lines, chunked

    columns, where = columns_of(model), "standard input" if data == "-" else data
    with opened(data) as stream:
        lines, number = Lines(stream, where), 0
        for part in chunked(lines, TEXTS_AT_ONCE, lambda: not lines.at_hand):
            if len(columns) == 1:
                texts: list[Said] = [line.strip() for line in part]
            else:
                texts = [pair_in(line, f"{where}:{place}") for place, line in enumerate(part, start=number + 1)]
            number += len(texts)
            cells = ((text,) if isinstance(text, str) else text for text in texts)
            yield texts, [dict(zip(columns, each, strict=True)) for each in cells] if keep else None


def pair_in(line: str, where: str) -> tuple[str, str]:
    """The two texts of a line.

    Raises:
        DataError: if there is not one tab between two.
    """
    sides = line.split("\t")
    if len(sides) != 2:
        raise DataError(f"{where}: expected a pair of texts with a tab between, got {shown(line.strip())}")
    return sides[0].strip(), sides[1].strip()


def cells_of(model: Model, data: str, keep: bool) -> Iterator[Asked]:
    """The cells of the columns that the model reads."""
    from lamina.data.tables.fitting import headed, open_for
    from lamina.data.tables.untouched import untouched
    from lamina.data.text.told import texts_in

    assert model.origin is not None
    columns, reading = columns_of(model), headed(data, model.origin)
    source = open_for(data, reading, model.origin.fields)
    texts = texts_in(source, columns)
    rows = untouched(data, reading, columns) if keep else None
    for first in range(0, len(texts), TEXTS_AT_ONCE):
        part = texts[first : first + TEXTS_AT_ONCE]
        yield part, None if rows is None else list(islice(rows, len(part)))
    for text in source.notes:
        note(text)


def columns_of(model: Model) -> list[str]:
    """What the column of texts is called, or the two of pairs."""
    assert model.origin is not None
    return [field.column for field in model.origin.fields]
