"""From a table with a column of texts, and what is to be predicted of each, to a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset, Part
from lamina.data.split import split
from lamina.data.tables.collect import collect
from lamina.data.tables.fields import Text
from lamina.data.tables.findings import repetitions
from lamina.data.tables.fitting import Rows, group_of, kept_rows, time_of
from lamina.data.tables.infer import profiles
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading, as_reading
from lamina.data.tables.source import Retyped, Source, open_source
from lamina.data.tables.table import TextsOnly, about_classes, as_it_was_read, load_table
from lamina.data.tables.target import Decided, target_of
from lamina.data.text.load import USUAL, WHAT, Cut, cut_short, ended, learned, text_hash, unread
from lamina.data.text.ragged import Ragged
from lamina.data.text.reading import SHARED_SETTINGS, TextOrigin, TextReading, as_text_reading
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError, did_you_mean, shown
from lamina.kinds import UNKNOWN_TOKEN

LABELLED_SETTINGS = (*SHARED_SETTINGS, "context")
"""What says how the texts of a table are read."""

WORDS: dict[str, Any] = {"tokens": "words", "vocabulary": 20_000, "least": 2}
"""How texts are read of which something is to be told: their words tell it, and one that came once tells nothing."""

LONGEST = 1024
"""Tokens of a text that are read where no context is said: what a net computes for each is kept while it learns."""

MOST_NAMED = 5


class Taught(NamedTuple):
    """What a model of texts has decided.

    Attributes:
        text: how they become tokens.
        classes: the names of the classes; empty for a target that is a value.
        parts: where targets of unlike kinds stand side by side, what each is.
    """

    text: TextOrigin
    classes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Told:
    """Texts with what is to be predicted of them.

    Attributes:
        texts: all of them, those too that have no target.
        rows: the place of each that has one among them, its target, and what it is split by.
        classes: the names of the classes.
        parts: of several targets, what each is.
    """

    texts: list[str]
    rows: Rows
    classes: tuple[str, ...]
    parts: tuple[Part, ...]

    def followed_by(self, late: Told) -> Told:
        """These texts and then others."""
        moved = replace(late.rows, inputs=late.rows.inputs + len(self.texts))
        return replace(self, texts=[*self.texts, *late.texts], rows=self.rows.followed_by(moved))


def as_labelled_reading(said: Mapping[str, Any]) -> TextReading:
    """How the texts of a table are read where not all is said.

    >>> as_labelled_reading({"lower": True})
    TextReading('words', vocabulary=20000, least=2, lower=True, context=1024)
    >>> as_labelled_reading({"tokens": "characters"})
    TextReading('characters', context=1024)
    """
    usual = WORDS if said.get("tokens", "words") == "words" else {}
    return as_text_reading({**usual, "context": LONGEST, **said})


def table_or_texts(
    data: Any, asked: Mapping[str, Any], cut: Sequence[float] | None = None, say: Callable[[str], object] | None = None
) -> Dataset:
    """The dataset of a table: of its columns; or of its texts, where that is said or nothing else is left.

    Args:
        data: a path, or a frame of pandas, polars or arrow.
        asked: the settings of `Reading`, and of `TextReading` those in `LABELLED_SETTINGS`.
        cut: how it will be split, as `Cut` says it.
        say: told what takes long.

    Raises:
        DataError: if it cannot be read; if there are several columns of texts; if a setting has no effect.
    """
    of_texts = {name: value for name, value in asked.items() if name in LABELLED_SETTINGS}
    reading = as_reading({name: value for name, value in asked.items() if name not in of_texts})
    parts = USUAL if cut is None else Cut(float(cut[0]), float(cut[1]), int(cut[2]))
    if not texts_said(reading):
        try:
            dataset = load_table(data, reading)
        except TextsOnly as only:
            reading = only.alone(reading)
        else:
            if of_texts:
                raise DataError(
                    f"{', '.join(of_texts)} would say how texts are read, but {dataset.name} is read by its other"
                    " columns; leave it out, or name the column of texts with --kind COLUMN=text"
                )
            return dataset
    return load_labelled(data, reading, as_labelled_reading(of_texts), parts, say)


def load_labelled(
    data: Any,
    reading: Reading,
    text: TextReading,
    cut: Cut = USUAL,
    say: Callable[[str], object] | None = None,
    known: Taught | None = None,
) -> Dataset:
    """The dataset of a table of texts: the tokens of each, and one that ends it; and what is to be predicted of it.

    The tokenizer learns from the rows that `split` with the same cut will train on. Equal texts fall on one side.

    Args:
        data: a path, or a frame of pandas, polars or arrow.
        reading: the targets, and the column of texts as one of its kinds: "review=text". Other columns are left out.
        text: how the texts are read; what is behind its `context` tokens of each is left out.
        cut: how it will be split.
        say: told what takes long.
        known: what a model has decided, whose tokenizer and classes are taken.

    Raises:
        DataError: if it cannot be read, or nothing can be learned from it.
    """
    reading, name = reading.anywhere(), str(data) if isinstance(data, str | Path) else "frame"
    column = column_of(name, reading)
    whole = open_source(data, reading, as_text=[column])
    origin = whole.origin((Text(column),), reading)
    check_there(name, column, origin.columns)
    told = read(data, reading, column, None if known is None else Decided(known.classes, known.parts))
    test = None
    if reading.test is not None:
        later = Reading(**{**reading.values(), "files": (), "test": None})
        late = read(reading.test, later, column, Decided(told.classes, told.parts), test=True)
        test = torch.arange(len(told.rows.inputs), len(told.rows.inputs) + len(late.rows.inputs))
        told = told.followed_by(late)
    texts = [told.texts[place] for place in told.rows.inputs.tolist()]
    identity = torch.from_numpy(np.array([text_hash(each) for each in texts], np.int64))
    dataset = replace(
        unread(name, identity),
        target=told.rows.target,
        classes=told.classes,
        parts=told.parts,
        group=told.rows.group,
        time=told.rows.time,
        test=test,
    )
    if say is not None and sum(map(len, texts)) > 2**26:
        say(f"{name}: reading {len(texts):,} texts")
    return tokenised(dataset, origin, texts, told.rows.notes, text, cut, known)


def tokenised(
    dataset: Dataset,
    origin: Origin,
    texts: Sequence[str],
    notes: Sequence[str],
    text: TextReading,
    cut: Cut,
    known: Taught | None,
) -> Dataset:
    """A dataset whose inputs are the tokens of these texts, in place of none."""
    parts = None if known is not None else split(dataset, *cut)
    text = text if known is None else known.text.reading
    tokenizer = known.text.input if known is not None else None
    if tokenizer is None:
        assert parts is not None
        tokenizer = learned([texts[row] for row in parts.train.tolist()], text)
    identity = dataset.inputs.hashes
    inputs = ended(texts, tokenizer, identity, text.context)
    dataset = replace(
        dataset,
        inputs=inputs,
        text=TextOrigin(text, tokenizer, None, (), None if known is not None else tuple(cut)),
        about=f"{len(texts):,} texts.",
    )
    (field,) = origin.fields
    apart = (field.column, *origin.reading.target, origin.reading.group, origin.reading.time)
    others = [name for name in origin.columns if name not in apart]
    said = [
        *(*notes, *about_classes(dataset.target, dataset.classes), *about_others(field.column, others)),
        *about_texts(inputs, texts, tokenizer, text.context),
        *about_tokens(inputs, text, parts.train if parts is not None else None, parts and parts.valid),
        *repetitions(dataset),
    ]
    return replace(dataset, origin=replace(origin, notes=tuple(said)))


def texts_said(reading: Reading) -> tuple[str, ...]:
    """The columns that the user calls texts, but those that are used otherwise."""
    used = (*reading.target, reading.group, reading.time)
    return tuple(name for name, kind in reading.said().items() if kind == "text" and name not in used)


def column_of(name: str, reading: Reading) -> str:
    """The one column of texts.

    Raises:
        DataError: if the reading names several, or none.
    """
    said = texts_said(reading)
    if len(said) != 1:
        raise DataError(
            f"{name}: expected one column of texts, got {', '.join(said) or 'none'}; say --kind COLUMN=text"
        )
    return said[0]


def check_there(name: str, column: str, columns: Sequence[str]) -> None:
    """Refuse a column of texts that is not there."""
    if column not in columns:
        hint = did_you_mean(column, columns)
        raise DataError(f"{name}: --kind {shown(f'{column}=text')}: there is no column {column!r}{hint}")


def read(data: Any, reading: Reading, column: str, known: Decided | None = None, test: bool = False) -> Told:
    """The texts of a table and their targets.

    Args:
        data: the table.
        reading: as the user says.
        column: that of the texts.
        known: what is decided of the target.
        test: whether this is a file beside the one that `reading` was said of.
    """
    split_by = [name for name in (reading.group, reading.time) if name is not None]
    beside = tuple(dict.fromkeys((*reading.target, *split_by)))
    kinds = tuple(said for said in reading.kinds if said.rpartition("=")[0] in beside)
    plain = Reading(**{**reading.values(), "kinds": kinds})
    labels = [] if known is None else [part.name for part in known.parts if part.classes]
    labels = list(reading.target) if known is not None and known.classes else labels
    as_text = [*labels, *filter(None, [reading.group])]
    # Who names no target is told of all columns.
    only = beside if reading.target else None
    found = collect(open_source(data, plain, as_text=as_text, only=only, test=test), plain)
    target = target_of(found, profiles(found, plain), plain, known)
    source = open_source(data, plain, as_text=[column], only=[column], test=test)
    texts = texts_in(source, column)
    if len(texts) != found.rows:
        raise DataError(f"{found.name}: expected the rows that it had, got others; it has changed while it was read")
    group, time = group_of(found, plain), time_of(found, as_it_was_read(found, plain))
    notes = list(dict.fromkeys([*found.notes, *source.notes, *found.skipped, *target.notes]))
    rows = kept_rows(torch.arange(len(texts)), target.column, group, time, target.kept, notes)
    return Told(texts, rows, target.classes, target.parts)


def texts_in(source: Source, column: str) -> list[str]:
    """The texts of a column, row by row; a blank cell is an empty text.

    Raises:
        DataError: if it holds anything else.
    """
    while True:
        held = source.columns()[column]
        held = held.value_type if pa.types.is_dictionary(held) else held
        if not (pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_null(held)):
            raise DataError(f"{source.name}: column {column!r}: expected texts, got {held}; name another column")
        try:
            return [cell or "" for batch in source.batches() for cell in batch.column(column).to_pylist()]
        except Retyped:
            continue


def about_others(column: str, others: Sequence[str]) -> list[str]:
    """What becomes of the columns beside the texts."""
    if not others:
        return []
    more = f" and {len(others) - MOST_NAMED:,} more" if len(others) > MOST_NAMED else ""
    return [f"{', '.join(others[:MOST_NAMED])}{more}: left out, since {column} is read as text, and it alone"]


def about_texts(inputs: Ragged, texts: Sequence[str], tokenizer: Tokenizer, longest: int) -> list[str]:
    """How long texts are, how many are empty, and how many are read in part."""
    lengths = inputs.lengths.double()
    notes = [f"{len(texts):,} texts of {float(lengths.mean()):.1f} tokens on average, the end counted"]
    long = (inputs.lengths == longest).nonzero()[:, 0].tolist()
    empty, cut = sum(not each for each in texts), cut_short([texts[row] for row in long], tokenizer, longest)
    if empty:
        notes.append(f"{empty:,} of the texts are empty")
    if cut:
        longer = f"are longer than {longest:,} tokens and cut there"
        notes.append(f"{cut:,} of the texts {longer}; --context N to read more of them")
    return notes


def about_tokens(
    inputs: Ragged, text: TextReading, train: Int64[Tensor, " N"] | None, valid: Int64[Tensor, " M"] | None
) -> list[str]:
    """What tokens are, and how many of them are unknown."""
    assert text.tokens is not None
    size = getattr(inputs.kind, "vocabulary", 0)
    learnt = train is not None and text.tokens != "bytes"
    whence = "learned from the part that trains" if learnt else "as the model has them"
    share = ""
    if valid is not None and len(valid):
        values, visible = inputs.gather(valid)
        unknown = float((values[visible] == UNKNOWN_TOKEN).double().mean())
        share = f"; in validation {unknown:.2%} of them are unknown"
    return [f"tokens are {WHAT[text.tokens]}: a vocabulary of {size:,}, {whence}{share}"]
