"""Getting at a named set: from scikit-learn's files, from a mirror folder, or once from the network."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from lamina.data.dataset import Column, Dataset
from lamina.data.pictures.reading import PictureOrigin
from lamina.data.sources import idx
from lamina.data.sources.embedded import read_embedded
from lamina.data.sources.idx import read_folder
from lamina.errors import DataError
from lamina.kinds import Kind


@dataclass(frozen=True)
class File:
    """One file of a set.

    Attributes:
        name: its name, without .gz.
        gzipped: sha256 of the .gz file at the official address.
        content: sha256 of the unzipped content, which is what counts: a mirror may have zipped it anew. For an archive,
            that of what is read from it: all labels, then all pictures.
    """

    name: str
    gzipped: str
    content: str


@dataclass(frozen=True)
class NamedSet:
    """What is known of a set before it is there.

    Attributes:
        name: what the user calls it.
        about: one sentence for people.
        examples: how many there are, those set aside for testing included.
        tests: how many are set aside for testing; 0 where the split is left to us.
        inputs: the kind of what is given.
        target: the kind of what is to be predicted.
        licence: what its owners allow.
        source: a page or paper that describes it.
        address: where its files lie, with a slash at the end; empty for a set that is embedded.
        files: what lies there.
        form: how they are written: as IDX files, or as CIFAR's.
        classes: the names of the classes, where the files do not tell.
    """

    name: str
    about: str
    examples: int
    tests: int
    inputs: Kind
    target: Kind
    licence: str
    source: str
    address: str = ""
    files: tuple[File, ...] = ()
    form: Literal["idx", "cifar"] = "idx"
    classes: tuple[str, ...] = ()


def found(named: NamedSet) -> str | None:
    """Where the files of a set already are: "embedded", a folder, or None if they are yet to be fetched."""
    if not named.files:
        return "embedded"
    if named.form == "cifar":
        return _found_cifar(named)
    for folder in (_mirror(named), cache() / named.name):
        if folder is not None and all(idx.find(folder, file.name) for file in named.files):
            return str(folder)
    return None


def _found_cifar(named: NamedSet) -> str | None:
    from lamina.data.sources import cifar

    mirror, fetched = _mirror(named), cache() / named.name
    if mirror is not None:
        batches = cifar.batches_in(mirror, cifar.KNOWN)
        part = "" if batches == list(cifar.KNOWN.batches) else " (part of it)"
        return f"{mirror}{part}" if batches else None
    there = (fetched / cifar.KEPT).is_file() or cifar.batches_in(fetched, cifar.KNOWN)
    return str(fetched) if there else None


def read(named: NamedSet) -> Dataset:
    """A named set: from the folder $LAMINA_DATA/<name>, else from the cache, into which it is fetched once.

    Raises:
        DataError: if it cannot be fetched, or its files are not the known ones.
    """
    if not named.files:
        return replace(read_embedded(named.name), about=named.about)
    if named.form == "cifar":
        return _cifar(named)
    folder = _mirror(named) or _fetched(named)
    dataset = read_folder(folder, named.name, sha256={file.name: file.content for file in named.files})
    return replace(dataset, classes=named.classes or dataset.classes, about=named.about)


def _cifar(named: NamedSet) -> Dataset:
    from lamina.data.sources import cifar

    place = cache() / named.name
    mirror = _mirror(named)
    rows = None if mirror is not None else cifar.kept(place, cifar.KNOWN)
    rows = rows or cifar.read_folder(mirror or _fetched(named), cifar.KNOWN, place)
    pictures = torch.from_numpy(rows.pictures).permute(0, 3, 1, 2)
    examples = len(pictures)
    part = f"Here are only {examples:,} of them, {rows.tests:,} for testing." if examples < named.examples else ""
    notes = (f"{named.name}: {mirror} holds {examples:,} of its {named.examples:,} examples",) if part else ()
    return Dataset(
        named.name,
        Column(pictures, named.inputs, scale=1 / 255),
        Column(torch.from_numpy(rows.labels).long(), named.target),
        classes=named.classes,
        test=torch.arange(examples - rows.tests, examples),
        pictures=PictureOrigin(cifar.HEIGHT, cifar.WIDTH, "crop", 3, notes=notes),
        about=f"{named.about} {part}".rstrip(),
    )


def _mirror(named: NamedSet) -> Path | None:
    """The folder of this set in $LAMINA_DATA, if there is one."""
    root = os.environ.get("LAMINA_DATA")
    if not root:
        return None
    if not Path(root).is_dir():
        raise DataError(f"LAMINA_DATA={root}: expected a folder, found none; make it or unset LAMINA_DATA")
    folder = Path(root, named.name)
    return folder if folder.is_dir() else None


def cache() -> Path:
    """The folder for what is fetched or made once: $LAMINA_CACHE, or the system's place for such things."""
    root = os.environ.get("LAMINA_CACHE")
    if root:
        return Path(root)
    from pooch.utils import os_cache  # loads what the network needs: only for data that may need it

    return Path(os_cache("lamina"))


def _fetched(named: NamedSet) -> Path:
    """The folder of this set in the cache; files that are not there yet are downloaded."""
    folder = cache() / named.name
    for file in named.files:
        if idx.find(folder, file.name) is None:
            _download(named, file, folder)
    return folder


def _download(named: NamedSet, file: File, folder: Path) -> None:
    from pooch.core import retrieve
    from requests import RequestException

    url = f"{named.address}{file.name}.gz"
    try:
        # pooch writes to a temporary file, which it deletes if the sha256 is wrong, and then moves it into place.
        retrieve(url, f"sha256:{file.gzipped}", fname=f"{file.name}.gz", path=folder)
    except RequestException as error:
        names = ", ".join(f"{each.name}.gz" for each in named.files)
        raise DataError(
            f"{named.name}: cannot fetch {url} ({_reason(error)}); try again with a network, "
            f"or set LAMINA_DATA to a folder in which {named.name}/ holds {names}"
        ) from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror}); set LAMINA_CACHE to another folder") from None
    except ValueError:
        raise DataError(
            f"{named.name}: {url} gave a file whose sha256 is not {file.gzipped[:16]}..., and it was deleted; "
            f"try again, or set LAMINA_DATA to a folder in which {named.name}/ holds the right one"
        ) from None


def _reason(error: Exception) -> str:
    """What went wrong in a few words: 'HTTP 404', else the name of the error."""
    response = getattr(error, "response", None)
    return type(error).__name__ if response is None else f"HTTP {response.status_code}"
