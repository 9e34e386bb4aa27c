"""From texts in files to the documents that a net is pre-trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lamina.data.dataset import Dataset, Part
from lamina.data.pictures.threads import Say
from lamina.data.split import split
from lamina.data.text.apart import PARTS, apart, check_files, parts_in, times
from lamina.data.text.documents import UNREADABLE, Document, documents_in
from lamina.data.text.load import USUAL, WHAT, Cut, learned
from lamina.data.text.packed import CLASSES, Documents
from lamina.data.text.pairs_apart import hashes, unread
from lamina.data.text.pieces import Pieces
from lamina.data.text.plain import read_plain
from lamina.data.text.reading import TextOrigin, TextReading, settled_by
from lamina.data.text.subwords import GOES_ON
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import UNKNOWN_TOKEN, Label, Targets, Tokens

MASK = "[MASK]"


def load_documents(
    path: str | Path,
    reading: TextReading,
    cut: Cut = USUAL,
    say: Say | None = None,
    known: TextOrigin | None = None,
) -> Dataset:
    """The dataset of a text's documents, of which `Packed` cuts examples.

    Documents are dealt to the parts by what they say, or validate and test from files of their own; the tokenizer
    learns from those that train.

    Args:
        path: a file in UTF-8, perhaps packed.
        reading: how it is read; its `packed` says what an example is.
        cut: how it will be split.
        say: told what takes long.
        known: that of a model, whose tokenizer is taken, and its context if no other is asked for.

    Raises:
        DataError: if it is no text; if a part that is asked for has no document.
    """
    name = str(path)
    check_files(name, reading, 1)
    own = read_documents(Path(path))
    files = {part: read_documents(Path(file)) for part in PARTS[1:] for file in apart(reading, part)}
    documents = [*own, *(document for some in files.values() for document in some)]
    texts = [document.text() for document in documents]
    identity = hashes(texts)
    time = part_of_each(name, identity[: len(own)], reading, cut, {part: len(some) for part, some in files.items()})
    parts = [part for part, share in zip(PARTS, (1, cut.valid, cut.test), strict=True) if share]
    if time is None and len(documents) < len(parts):
        raise DataError(
            f"{name}: expected a document for each of {', '.join(parts)}, got {len(documents)}; put a blank line"
            " between documents, or name files with --valid and --test"
        )
    shares = split(unread(name, identity), *cut) if time is None else parts_in(time)
    reading = reading.settled("bert") if known is None else settled_by(known, reading, name)
    if say is not None and known is None:
        say(f"learning tokens from {len(shares.train):,} documents")
    tokenizer = known.input if known is not None else learned(readable(documents, shares.train), reading)
    inputs = encoded(documents, tokenizer, identity, reading)
    kind, paired = inputs.kind, reading.packed == "pairs"
    target = replace(inputs, kind=Targets((kind, Label(2)), ("filled", "next"))) if paired else inputs
    return Dataset(
        name,
        inputs,
        target,
        time=time,
        parts=(Part("filled", ()), Part("next", CLASSES)) if paired else (),
        text=TextOrigin(reading, tokenizer, None, (*about(inputs, tokenizer, known is None, shares.valid),)),
        about=f"{len(documents):,} documents.",
    )


def read_documents(path: Path) -> list[Document]:
    """The documents of a file.

    Raises:
        DataError: if it cannot be read, is no UTF-8, or is blank.
    """
    found = list(documents_in(read_plain(path).pieces()))
    if not found:
        raise DataError(f"{path}: expected documents of sentences, got nothing but headings; check the path")
    return found


def part_of_each(name: str, own: Tensor, reading: TextReading, cut: Cut, more: dict[str, int]) -> Tensor | None:
    """The part of each document where some are in files of their own; None where shares deal all of them."""
    if not more:
        return None
    shares = (0.0 if reading.valid else cut.valid, 0.0 if reading.test else cut.test)
    nothing = torch.zeros(0, dtype=torch.int64)
    dealt = split(unread(name, own), *shares, cut.seed) if any(shares) else None
    return times(len(own), *((nothing, nothing) if dealt is None else (dealt.valid, dealt.test)), more)


def readable(documents: list[Document], rows: Tensor) -> Iterable[str]:
    """What a tokenizer learns from: no word that is left out."""
    return (documents[row].text().replace(UNREADABLE, "") for row in rows.tolist())


def kind_of(tokenizer: Tokenizer) -> Tokens:
    """Tokens with the one that stands for a hidden one, and those that go on with a word, where the coder has such."""
    coder, size = tokenizer.coder, len(tokenizer)
    if not isinstance(coder, Pieces):
        return Tokens(size)
    goes_on = [token.startswith(GOES_ON) for token in tokenizer.tokens()]
    first = goes_on.index(True) if any(goes_on) else 0
    return Tokens(size, coder.number(MASK) or 0, first if all(goes_on[first:]) and first else 0)


def encoded(documents: list[Document], tokenizer: Tokenizer, identity: Tensor, reading: TextReading) -> Documents:
    """The tokens of documents."""
    flat, offsets = tokenizer.encode_all([sentence for document in documents for sentence in document.sentences])
    counts = np.array([0, *(len(document.sentences) for document in documents)]).cumsum()
    starts = offsets[:-1][np.diff(offsets) > 0]  # a sentence may be of no token that is read
    context = TextOrigin(reading, tokenizer).context
    return Documents(
        torch.from_numpy(flat),
        kind_of(tokenizer),
        offsets=torch.from_numpy(offsets[counts]),
        identity=identity,
        sentences=torch.from_numpy(starts),
        length=context,
        pairs=reading.packed == "pairs",
    )


def about(inputs: Documents, tokenizer: Tokenizer, learned_here: bool, valid: Tensor) -> list[str]:
    """What was found, a sentence each."""
    whence = "learned from the part that trains" if learned_here else "as the model has them"
    mean = float(inputs.lengths.double().mean())
    what = "pairs of texts" if inputs.pairs else "texts"
    notes = [
        f"tokens are {WHAT[tokenizer.how]}: a vocabulary of {len(tokenizer):,}, {whence}",
        f"{len(inputs):,} documents of {len(inputs.sentences) / len(inputs):,.1f} sentences and {mean:,.0f} tokens on"
        f" average, cut anew in each epoch into {what} of {inputs.length} tokens",
    ]
    if len(valid):
        values, visible = inputs.gather(valid)
        notes[0] += (
            f"; in validation {float((values[visible] == UNKNOWN_TOKEN).double().mean()):.2%} of them are unknown"
        )
    return notes
