"""From sentences with a tag for each word to a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import Parts, split
from lamina.data.text.apart import apart, check_files, parts_in, times
from lamina.data.text.load import USUAL, WHAT, Cut, learned
from lamina.data.text.pairs_apart import hashes, unread
from lamina.data.text.reading import (
    FILE_SETTINGS,
    SHARED_SETTINGS,
    TextOrigin,
    TextReading,
    as_text_reading,
    settled_by,
)
from lamina.data.text.tagged import Sentences, classes_of, read_tagged, roles_of
from lamina.data.text.words import NO_WORD, AtWords, Worded, worded
from lamina.errors import DataError, shown
from lamina.kinds import UNKNOWN_TOKEN, Tags

TAGGED_SETTINGS = (*SHARED_SETTINGS, "context", *FILE_SETTINGS)
"""What says how tagged sentences are read."""

WORDS: dict[str, Any] = {"tokens": "spaced", "vocabulary": 20_000, "least": 2}
"""Words come apart already; one that came once is unknown, so that a net learns what to say of such."""

LONGEST = 1024
"""Tokens of a row where no context is said."""


def as_tagged_reading(said: Mapping[str, Any]) -> TextReading:
    """How tagged sentences are read where not all is said.

    >>> as_tagged_reading({"lower": True})
    TextReading('spaced', vocabulary=20000, least=2, lower=True, context=1024)
    """
    usual = WORDS if said.get("tokens", "spaced") == "spaced" else {}
    return as_text_reading({**usual, "context": LONGEST, **said})


def load_tagged(
    path: str | Path,
    said: Mapping[str, Any],
    cut: Cut = USUAL,
    taught: TextOrigin | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """The dataset of sentences whose words have tags: the tokens of each, and the tag of each word at its first token.

    The tokenizer learns from the sentences that `split` with the same cut will train on. Equal sentences fall on one
    side.

    Args:
        path: the file, see `read_tagged`.
        said: how it is read: some of `TAGGED_SETTINGS`.
        cut: how it will be split.
        taught: that of a model, whose tokenizer is taken.
        classes: the tags that a model knows.

    Raises:
        DataError: if lines have no tag; if one has a tag that the model does not know; if a setting has no effect.
    """
    name = str(path)
    reading = as_tagged_reading(said) if taught is None else settled_by(taught, as_text_reading(said), name)
    check_files(name, reading, 1)
    found, time, notes = with_files(name, read_tagged(Path(path)), reading, cut)
    texts = [" ".join(words) for words in found.words]
    identity, names = hashes(texts), classes_of(found.tags) if classes is None else tuple(classes)
    parts: Parts | None = None
    if taught is None:
        parts = split(unread(name, identity), *cut) if time is None else parts_in(time)
        tokenizer = learned([texts[row] for row in parts.train.tolist()], reading)
    else:
        tokenizer = taught.input
    origin = TextOrigin(reading, tokenizer)
    rows = worded(found.words, tokenizer, origin.context)
    numbers = numbers_of(name, found, names)
    marks = torch.where(rows.word > NO_WORD, numbers[rows.word.clamp(min=0)], NO_WORD)
    target = AtWords(marks, Tags(len(names), roles_of(names)), offsets=rows.tokens.offsets)
    notes = [*about(found, names, rows, origin, parts is not None), *notes]
    return Dataset(
        name,
        replace(rows.tokens, identity=identity[rows.sentence]),
        target,
        names,
        time=None if time is None else time[rows.sentence],
        text=replace(origin, notes=tuple(notes)),
        about=f"{len(texts):,} sentences of {len(numbers):,} words, with {len(names)} tags.",
    )


def numbers_of(name: str, found: Sentences, names: Sequence[str]) -> Tensor:
    """The number of each word's tag.

    Raises:
        DataError: if one is none of the names.
    """
    known = {tag: number for number, tag in enumerate(names)}
    strange = [tag for tag in classes_of(found.tags) if tag not in known]
    if strange:
        raise DataError(f"{name}: the model knows the tags {shown(tuple(names))}, got {shown(tuple(strange))}")
    return torch.tensor([known[tag] for tags in found.tags for tag in tags])


def with_files(name: str, own: Sentences, reading: TextReading, cut: Cut) -> tuple[Sentences, Tensor | None, list[str]]:
    """Sentences with those of the files that validate and test behind them, the part of each, and what is to be said.

    Where one of the two comes in a file, the share of the other is cut out of the sentences that are there.
    """
    files = {part: read_tagged(Path(apart(reading, part)[0])) for part in ("valid", "test") if apart(reading, part)}
    if not files:
        return own, None, []
    shares = (0.0 if "valid" in files else cut.valid, 0.0 if "test" in files else cut.test)
    texts = [" ".join(words) for words in own.words]
    nothing = torch.zeros(0, dtype=torch.int64)
    parts = split(unread(name, hashes(texts)), *shares, cut.seed) if any(shares) else None
    rows = (nothing, nothing) if parts is None else (parts.valid, parts.test)
    time = times(len(texts), *rows, {part: len(some.words) for part, some in files.items()})
    trained = {texts[row] for row in (time[: len(texts)] == 0).nonzero().flatten().tolist()}
    notes = []
    for part, some in files.items():
        shared = sum(" ".join(words) in trained for words in some.words)
        notes += [f"{shared:,} sentences of the {part} file also train"] if shared else []
        own = own.followed_by(some)
    return own, time, notes


def about(found: Sentences, names: Sequence[str], rows: Worded, origin: TextOrigin, taught_here: bool) -> list[str]:
    """What was found and decided, a sentence each."""
    tokenizer, words = origin.input, int((rows.word > NO_WORD).sum())
    unknown = float((rows.tokens.values == UNKNOWN_TOKEN).double().mean())
    whence = (
        "learned from the part that trains" if taught_here and tokenizer.how != "bytes" else "as the model has them"
    )
    notes = [
        f"{len(found.words):,} sentences of {words:,} words; tags: {shown(', '.join(names))}",
        f"tokens are {WHAT[tokenizer.how]}: a vocabulary of {len(tokenizer):,}, {whence}; {unknown:.2%} of them are"
        " unknown",
    ]
    cut = len(rows.sentence) - len(found.words)
    if cut:
        notes.append(f"{cut:,} times a sentence is cut in two between words, at {origin.context:,} tokens")
    return notes
