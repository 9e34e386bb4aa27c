"""From a table with a column of texts, and what is to be predicted of each, to a dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from lamina.data.dataset import Dataset, Part
from lamina.data.split import Parts, split
from lamina.data.tables.fields import Text
from lamina.data.tables.findings import repetitions
from lamina.data.tables.origin import Origin
from lamina.data.tables.reading import Reading, as_reading
from lamina.data.tables.source import open_source
from lamina.data.tables.table import about_classes, load_table
from lamina.data.tables.target import Decided
from lamina.data.tables.texts_only import TextsOnly
from lamina.data.text.apart import parts_in
from lamina.data.text.labelled_apart import also_train, files_beside, part_of_each
from lamina.data.text.load import USUAL, WHAT, Cut, learned
from lamina.data.text.paired import Said, are_pairs, one_by_one, rows_of, shortened_of
from lamina.data.text.pairs_apart import hashes, unread
from lamina.data.text.ragged import Ragged
from lamina.data.text.reading import SHARED_SETTINGS, TextOrigin, TextReading, as_text_reading, settled_by
from lamina.data.text.told import Told, check_there, columns_of, read, texts_said, with_files
from lamina.errors import DataError
from lamina.kinds import UNKNOWN_TOKEN

LABELLED_SETTINGS = (*SHARED_SETTINGS, "context", "valid")
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
    data: Any, asked: Mapping[str, Any], cut: Sequence[float] | None = None, taught: TextOrigin | None = None
) -> Dataset:
    """The dataset of a table: of its columns; or of its texts, where that is said or nothing else is left.

    Args:
        data: a path, or a frame of pandas, polars or arrow.
        asked: the settings of `Reading`, and of `TextReading` those in `LABELLED_SETTINGS`.
        cut: how it will be split, as `Cut` says it.
        taught: tokens that are there already.

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
            check_texts(dataset.name, of_texts)
            return dataset
    text = as_labelled_reading(of_texts) if taught is None else as_text_reading(of_texts)
    return load_labelled(data, reading, text, parts, taught=taught)


def check_texts(name: str, said: Collection[str]) -> None:
    """Refuse what says how texts are read of a table of which none are.

    Raises:
        DataError: naming it.
    """
    if "valid" in said:
        raise DataError(f"only of texts a file may validate, but {name} is read by its other columns; say a share")
    if said:
        raise DataError(
            f"{', '.join(said)} would say how texts are read, but {name} is read by its other columns; leave it out, or"
            " name the column of texts with --kind COLUMN=text"
        )


def load_labelled(
    data: Any,
    reading: Reading,
    text: TextReading,
    cut: Cut = USUAL,
    known: Taught | None = None,
    taught: TextOrigin | None = None,
) -> Dataset:
    """The dataset of a table of texts: the tokens of each, and one that ends it; and what is to be predicted of it.

    Of two columns of texts a row is a pair: see `lamina.data.text.paired.rows_of`.

    The tokenizer learns from the rows that `split` with the same cut will train on. Equal texts fall on one side.

    Args:
        data: a path, or a frame of pandas, polars or arrow.
        reading: the targets, and the one or two columns of texts as its kinds: "review=text". Others are left out.
        text: how the texts are read, and the file of those that validate; what is behind its `context` tokens of each
            is left out.
        cut: how it will be split.
        known: what a model has decided, whose tokenizer and classes are taken.
        taught: of which the tokenizer is taken alone.

    Raises:
        DataError: if it cannot be read, or nothing can be learned from it.
    """
    reading, name = reading.anywhere(), str(data) if isinstance(data, str | Path) else "frame"
    columns = columns_of(name, reading)
    origin = open_source(data, reading, as_text=columns).origin(tuple(map(Text, columns)), reading)
    for column in columns:
        check_there(name, column, origin.columns)
    own = read(data, reading, columns, None if known is None else Decided(known.classes, known.parts))
    # What validated a model says nothing of other texts.
    files = files_beside(name, reading, text if known is None else TextReading())
    told, late = with_files(own, files, reading, columns)
    texts, part = told.kept(), part_of_each(name, own, late, cut.test, cut.seed) if "valid" in late else None
    identity = hashes(texts)
    dataset = untold(unread(name, identity), told, late, part)
    shares = None if known is not None else split(dataset, *cut) if part is None else parts_in(part)
    if known is not None:
        given, kept = known.text, replace(known.text, cut=None)
    else:
        assert shares is not None
        given = kept = tokens_for(name, texts, shares, text, taught, cut)
    inputs = rows_of(texts, given.input, identity, given.context)
    notes = (
        *told.rows.notes,
        *about_classes(dataset.target, dataset.classes),
        *about_others(columns, origin),
        *about_texts(inputs, texts, given),
        *about_tokens(inputs, given, shares, taught is None),
        *(repetitions(replace(dataset, inputs=inputs)) if part is None else also_train(texts, part, late)),
    )
    return replace(dataset, inputs=inputs, text=kept, origin=replace(origin, notes=notes))


def untold(texts: Dataset, told: Told, late: Mapping[str, Tensor], part: Tensor | None) -> Dataset:
    """Texts before they are tokens, with all else: their tokens are learned from those that will train."""
    rows = told.rows
    return replace(
        texts,
        target=rows.target,
        classes=told.classes,
        parts=told.parts,
        group=rows.group,
        time=rows.time if part is None else part,
        test=late.get("test") if part is None else None,
        about=f"{len(texts):,} {what_of(told.kept())}.",
    )


def tokens_for(
    name: str, texts: Sequence[Said], shares: Parts, text: TextReading, taught: TextOrigin | None, cut: Cut
) -> TextOrigin:
    """How texts become tokens: as taught elsewhere, or as learned from those that train."""
    if taught is not None:
        return TextOrigin(settled_by(taught, text, name), taught.input, cut=tuple(cut))
    training = one_by_one([texts[row] for row in shares.train.tolist()])
    return TextOrigin(text, learned(training, text), cut=tuple(cut))


def about_others(columns: Sequence[str], origin: Origin) -> list[str]:
    """What becomes of the columns beside the texts."""
    reading, notes = origin.reading, list[str]()
    others = [name for name in origin.columns if name not in (*columns, *reading.target, reading.group, reading.time)]
    if reading.group is not None and reading.group not in columns:
        notes.append(f"{reading.group}: keeps rows together and is not read; --kind {reading.group}=text reads it too")
    if others:
        more = f" and {len(others) - MOST_NAMED:,} more" if len(others) > MOST_NAMED else ""
        notes.append(f"{', '.join(others[:MOST_NAMED])}{more}: left out, since {alone(columns)}")
    return notes


def alone(columns: Sequence[str]) -> str:
    """Why a column beside these is left out.

    >>> alone(["review"]), alone(["one", "other"])
    ('review is read as text, and it alone', 'one and other are read as pairs of texts, and they alone')
    """
    if len(columns) == 1:
        return f"{columns[0]} is read as text, and it alone"
    return f"{' and '.join(columns)} are read as pairs of texts, and they alone"


def what_of(texts: Sequence[Said]) -> str:
    """What people call them."""
    return "pairs of texts" if are_pairs(texts) else "texts"


def about_texts(inputs: Ragged, texts: Sequence[Said], given: TextOrigin) -> list[str]:
    """How long texts are, how many are empty, and how many are read in part."""
    what = what_of(texts)
    notes = [f"{len(texts):,} {what} of {float(inputs.lengths.double().mean()):.1f} tokens on average, the end counted"]
    long = [text for text, length in zip(texts, inputs.lengths.tolist(), strict=True) if length == given.context]
    empty, cut = sum(not all(one_by_one([each])) for each in texts), shortened_of(long, given.input, given.context)
    if empty:
        notes.append(f"{empty:,} of the {what} {'have an empty one' if are_pairs(texts) else 'are empty'}")
    if cut:
        longer = f"are longer than {given.context:,} tokens and cut there"
        notes.append(f"{cut:,} of the {what} {longer}; --context N to read more of them")
    return notes


def about_tokens(inputs: Ragged, given: TextOrigin, shares: Parts | None, learned: bool) -> list[str]:
    """What tokens are, and how many of them are unknown where it was not the model that learned them."""
    tokenizer, share = given.input, ""
    here = shares is not None and learned and tokenizer.how != "bytes"
    whence = "learned from the part that trains" if here else "as the model has them"
    if shares is not None and len(shares.valid):
        values, visible = inputs.gather(shares.valid)
        unknown = float((values[visible] == UNKNOWN_TOKEN).double().mean())
        share = f"; in validation {unknown:.2%} of them are unknown"
    return [f"tokens are {WHAT[tokenizer.how]}: a vocabulary of {len(tokenizer):,}, {whence}{share}"]
