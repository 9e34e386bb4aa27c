"""From pictures in files to a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.data.pictures.cache import Decoded, decoded
from lamina.data.pictures.contents import Content, contents, forget
from lamina.data.pictures.copies import about_copies
from lamina.data.pictures.decode import TRAITS
from lamina.data.pictures.folder import list_folder
from lamina.data.pictures.listed import is_picture_list, list_table
from lamina.data.pictures.listing import MOST_NAMED, Listing, counted
from lamina.data.pictures.reading import PictureOrigin, PictureReading
from lamina.data.pictures.sizes import frame_of
from lamina.data.pictures.threads import Say
from lamina.data.tables.reading import as_reading
from lamina.errors import DataError, listed
from lamina.kinds import Image, Label

__all__ = ["is_picture_list", "load_pictures"]


def load_pictures(
    path: str | Path,
    reading: PictureReading,
    target: str | Sequence[str] | None = None,
    say: Say | None = None,
    classes: tuple[str, ...] | None = None,
    table: Mapping[str, Any] | None = None,
) -> Dataset:
    """The dataset of pictures in files.

    They are decoded once, brought to one size, and kept in the cache, from where they are mapped to memory: there may
    be more of them than it holds.

    Args:
        path: a folder with a folder for each class, perhaps within train/ and test/; or a table of paths and targets.
        reading: how they are read. That of a model is `PictureOrigin.settled()`.
        target: the column of a table that is to be predicted, or several; None for the only one beside the paths.
        say: told what takes long.
        classes: those that a model knows; None to take those that are there.
        table: what else is said of a table: `kinds` of the target, `blanks`.

    Raises:
        DataError: if there are no pictures, or more that cannot be read than may be left out; if there is nothing to
            tell apart; if they can neither be kept nor held.
    """
    name = str(path)
    path = Path(path)
    if path.is_dir():
        if target:
            raise DataError(
                f"{name}: target={target!r} has no effect: the folders of pictures are their classes; leave it out"
            )
        listing = list_folder(path, name, classes, reading.inputs_only)
    else:
        listing = list_table(path, name, as_reading({**(table or {}), "target": target or ()}), classes)
    held, train = contents(listing.paths, path, say), classes is None  # only `lamina train` and `data` take --skip-bad
    _check_bad(
        listing, {place: content.problem for place, content in enumerate(held) if content.problem}, reading, train
    )
    return _dataset(path, listing, held, reading, say, train)


def _dataset(
    path: Path, listing: Listing, held: list[Content], reading: PictureReading, say: Say | None, train: bool
) -> Dataset:
    frame, sized = frame_of([content.sides for content in held if not content.problem], reading)
    found = decoded(listing.paths, held, frame, reading, say)
    if not found.lasting:
        forget(path)
    _check_bad(listing, found.bad, reading, train)
    rows = torch.tensor([place for place in range(len(listing.paths)) if place not in found.bad])
    channels = found.values.shape[3]
    target = listing.target if not found.bad else Column(listing.target.values[rows], listing.target.kind)
    inputs = Column(found.values.permute(0, 3, 1, 2), Image(channels, frame.height, frame.width), scale=1 / 255)
    if reading.inputs_only and path.is_dir() and not listing.classes:
        target = inputs
    test = _still_there(listing.test, rows) if listing.test is not None else None
    notes = [
        *listing.notes,
        sized,
        _about_colour(channels, reading),
        *_about_traits(found),
        *about_copies(
            found.hashes,
            target.values if isinstance(target.kind, Label) else None,
            test,
            lambda row: listing.short(int(rows[row])),
        ),
        *_about_bad(listing, found.bad),
        *found.notes,
    ]
    return Dataset(
        listing.name,
        inputs,
        target,
        classes=listing.classes,
        parts=listing.parts,
        test=test,
        pictures=PictureOrigin(frame.height, frame.width, frame.fit, channels, reading, tuple(notes)),
        about=_about(listing, target),
    )


def _check_bad(listing: Listing, bad: dict[int, str], reading: PictureReading, train: bool) -> None:
    """Refuse more bad pictures than may be left out; and none but bad ones."""
    if len(bad) <= reading.skip_bad and len(bad) < len(listing.paths):
        return
    mistakes = [f"{listing.paths[place]}: {problem}" for place, problem in list(bad.items())[:MOST_NAMED]]
    if len(bad) == 1:
        raise DataError(f"{mistakes[0]}; --skip-bad 1 leaves it out" if train else mistakes[0])
    if len(bad) > MOST_NAMED:
        mistakes.append(f"and {len(bad) - MOST_NAMED:,} more")
    whole = len(bad) == len(listing.paths)
    skip = f", or leave them out with --skip-bad {len(bad)}" if train else ""
    cure = "none is left" if whole else f"mend or remove them{skip}"
    of = f"{len(bad):,} of {counted(len(listing.paths), 'picture')} cannot be read"
    raise DataError(listed(mistakes, f"{listing.name}: {of}; {cure}"))


def _still_there(test: Tensor, rows: Tensor) -> Tensor:
    """The rows that test, after others were left out."""
    return torch.isin(rows, test).nonzero()[:, 0]


def _about_colour(channels: int, reading: PictureReading) -> str:
    said = {
        ("auto", 1): "no picture has colour: one channel of grey",
        ("auto", 3): "pictures have colour: three channels",
        ("grey", 1): "colours become grey, as asked (0.299 red + 0.587 green + 0.114 blue)",
        ("colour", 3): "three channels, as asked",
    }
    return said[reading.colour, channels]


def _about_traits(found: Decoded) -> list[str]:
    return [
        f"{counted(found.traits[name], 'picture is', 'pictures are')} {said}"
        for name, said in TRAITS.items()
        if name in found.traits
    ]


def _about_bad(listing: Listing, bad: dict[int, str]) -> list[str]:
    notes = [f"left out: {listing.short(place)}: {problem}" for place, problem in list(bad.items())[:MOST_NAMED]]
    return [*notes, *[f"left out: {len(bad) - MOST_NAMED:,} more that cannot be read"] * (len(bad) > MOST_NAMED)]


def _about(listing: Listing, target: Column) -> str:
    what = f" of {counted(len(listing.classes), 'class', 'classes')}" if listing.classes else ""
    return f"{counted(len(target), 'picture')}{what}."
