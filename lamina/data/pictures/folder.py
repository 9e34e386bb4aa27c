"""A folder of pictures: a folder for each class, perhaps within train/ and test/."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import torch

from lamina.data.dataset import Column
from lamina.data.pictures.listing import Listing, counted, natural, some
from lamina.errors import DataError, did_you_mean, shown
from lamina.kinds import Label, Value

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp"))
"""What picture files are called. What a file holds is told by its content."""

TRAIN, VALID, TEST = ("train", "training"), ("valid", "val", "validation"), ("test", "testing")
MACHINE_MADE = frozenset(("__MACOSX", "@eaDir"))
"""Folders that a Mac or a network drive puts beside pictures, with previews of them."""
MOST_LOOKED = 100_000
"""So many names are looked at before a folder is taken for none of pictures: it may be the root of a disk."""


@dataclass
class Found:
    """The pictures of one part, and what else lay there.

    Attributes:
        classes: the pictures of each class, in order.
        loose: the pictures that lie in no class folder.
        others: how many files are no pictures, by their suffix, or as "hidden".
        empty: folders without a picture.
    """

    classes: dict[str, list[Path]] = field(default_factory=dict)
    loose: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take in what another part holds."""
        for label, files in other.classes.items():
            self.classes.setdefault(label, []).extend(files)
        self.loose += other.loose
        self.others += other.others
        self.empty += other.empty

    def files(self) -> list[Path]:
        """All pictures, in natural order."""
        return sorted(chain(self.loose, *self.classes.values()), key=lambda file: natural(str(file)))


def is_picture(name: str) -> bool:
    """Whether a file is called like a picture."""
    return Path(name).suffix.lower() in SUFFIXES


def is_idx_folder(path: Path) -> bool:
    """Whether a file of this folder is called like one of MNIST's."""
    try:
        return any("-ubyte" in file.name for file in path.iterdir())
    except OSError:
        return False


def is_picture_folder(path: Path) -> bool:
    """Whether this is a folder in which, or in a folder of which, a file is called like a picture.

    A folder with IDX files is not: what else lies there describes them.
    """
    try:  # a name may be too long for the system
        return (
            path.is_dir()
            and not is_idx_folder(path)
            and any(is_picture(name) for _, name in islice(_files(path, Counter()), MOST_LOOKED))
        )
    except OSError:
        return False


def list_folder(path: Path, name: str, classes: tuple[str, ...] | None = None, inputs_only: bool = False) -> Listing:
    """The pictures in `class/file`, or `train/class/file` and `test/class/file`.

    Folders within a class belong to it. Links are followed, wherever they lead. Hidden files, and files that are not
    called like pictures, are left out. Classes and files are in natural order: "2" before "10".

    Args:
        path: the folder.
        name: what the user called it.
        classes: the classes that a model knows; None to take those that are there, of which there must be two.
        inputs_only: whether classes may be missing, or others than a model knows: all pictures are taken then.

    Raises:
        DataError: if there are no pictures, no class folders, or only one; or a class that is not known.
    """
    train, test = Found(), Found()
    parts = _parts(path, inputs_only)
    for folder in parts:
        (test if folder.name.lower() in TEST and len(parts) > 1 else train).add(_found(folder))
    if inputs_only and not _have_classes(train, test, classes):
        return _without_classes(path, name, train, test)
    names = tuple(sorted(train.classes, key=natural)) if classes is None else classes
    _check_written(name, [*train.classes, *test.classes])
    if classes is None:
        _check(name, train)
    _check_known(name, train, test, names, model=classes is not None)
    numbers = {label: number for number, label in enumerate(names)}
    rows = [(file, numbers[label]) for part in (train, test) for label in names for file in part.classes.get(label, ())]
    if not rows:
        raise _nothing(name, train)
    training = sum(map(len, train.classes.values()))
    return Listing(
        name,
        path,
        tuple(file for file, _ in rows),
        Column(torch.tensor([label for _, label in rows]), Label(len(names))),
        names,
        torch.arange(training, len(rows)) if test.classes else None,
        tuple(_notes(parts, train, test, names)),
    )


def _have_classes(train: Found, test: Found, classes: tuple[str, ...] | None) -> bool:
    """Whether each picture is of one of at least two classes, those of a model or those that are there."""
    known = set(train.classes) if classes is None else set(classes)
    return len(known) > 1 and not (train.loose or test.loose) and {*train.classes, *test.classes} <= known


def _without_classes(path: Path, name: str, train: Found, test: Found) -> Listing:
    """All pictures, in whatever folders they lie, of nets that give back what they are given."""
    files, tested = train.files(), test.files()
    if not files:
        raise _nothing(name, train)
    note = f"no classes are looked at: {counted(len(files) + len(tested), 'picture')}"
    target = Column(torch.zeros(len(files) + len(tested), 1), Value(1))
    rows = torch.arange(len(files), len(target)) if tested else None
    return Listing(name, path, (*files, *tested), target, (), rows, (note,))


def _parts(path: Path, inputs_only: bool) -> list[Path]:
    """The folder itself; or those in it where all are called train, test and the like, and one is to train on."""
    inner = [Path(entry.path) for entry in _entries(path) if _is_folder(entry) and not _is_left_out(entry.name)]
    called = {folder.name.lower() for folder in inner}
    parted = called & {*TRAIN} and called <= {*TRAIN, *VALID, *TEST}
    # Folders of classes that happen to be called so hold pictures, not folders. What tests may hold pictures of which
    # nobody tells the class.
    training = [folder for folder in inner if folder.name.lower() in TRAIN]
    if parted and inputs_only:
        return inner
    if parted and all(any(map(_is_folder, _entries(folder))) for folder in training):
        return inner
    return [path]


def _found(folder: Path) -> Found:
    """The class folders of a part, and the files in them."""
    found = Found()
    for entry in _entries(folder):
        if _is_left_out(entry.name):
            found.others["hidden"] += 1
        elif _is_folder(entry):
            files = [Path(file) for file, name in _files(Path(entry.path), found.others) if is_picture(name)]
            if files:
                found.classes[entry.name] = sorted(files, key=lambda file: natural(str(file)))
            else:
                found.empty.append(entry.name)
        elif is_picture(entry.name):
            found.loose.append(Path(entry.path))
        else:
            found.others[_suffix(entry.name)] += 1
    return found


def _files(folder: Path, others: Counter[str]) -> Iterator[tuple[str, str]]:
    """The path and name of all files in a folder and those in it; what is no picture is counted too.

    A folder that was entered is not entered again, for links may lead in a circle.
    """
    waiting, seen = [folder], set[tuple[int, int]]()
    while waiting:
        inner = waiting.pop()
        state = inner.stat()
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        for entry in _entries(inner):
            if _is_left_out(entry.name):
                others["hidden"] += 1
            elif _is_folder(entry):
                waiting.append(Path(entry.path))
            else:
                if not is_picture(entry.name):
                    others[_suffix(entry.name)] += 1
                yield entry.path, entry.name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: natural(entry.name))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}); check who may read it") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether this is a folder, or a link to one; of a link that leads to itself the system does not tell."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in MACHINE_MADE


def _suffix(name: str) -> str:
    return Path(name).suffix.lower() or name


def _nothing(name: str, train: Found) -> DataError:
    if train.loose:
        return DataError(
            f"{name}: expected a folder for each class, got {counted(len(train.loose), 'picture')} in none; put them"
            " into folders called as their classes, or list them in a table with the columns path and label; a net that"
            " ends in Reconstruct() needs none"
        )
    held = f", but {_what(train.others)}" if train.others else ""
    return DataError(f"{name}: expected pictures in a folder for each class, found none{held}; check the path")


def _check(name: str, train: Found) -> None:
    """See that there are two classes to tell apart."""
    if not train.classes:
        raise _nothing(name, train)
    if len(train.classes) == 1:
        (label,) = train.classes
        raise DataError(
            f"{name}: expected a folder for each of at least two classes, got pictures in {shown(label)} only; "
            "add a folder of pictures that are something else"
        )


def _check_written(name: str, labels: list[str]) -> None:
    for label in labels:
        try:
            label.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{name}: expected names of folders in UTF-8, got {os.fsencode(label)!r}; rename it"
            ) from None


def _check_known(name: str, train: Found, test: Found, names: tuple[str, ...], model: bool) -> None:
    """See that no picture is of a class that is not among these: those to train on, or those of a model."""
    strange = [label for label in (*(train.classes if model else ()), *test.classes) if label not in names]
    if not strange:
        return
    first = strange[0]
    hint = did_you_mean(first, names) if len(names) <= 20 else "; rename its folder, or take it out"
    expected = "expected classes that the model knows" if model else "test/: expected the classes of train/"
    more = f" ({len(strange):,} such classes: {some(strange)})" if len(strange) > 1 else ""
    raise DataError(f"{name}: {expected}, got {shown(first)}{more}{hint}")


def _what(others: Counter[str]) -> str:
    """What lies beside pictures: '3 .txt, 1 hidden'."""
    return some([f"{count:,} {suffix}" for suffix, count in others.most_common()])


def _notes(parts: list[Path], train: Found, test: Found, names: tuple[str, ...]) -> list[str]:
    both = Found()
    both.add(train)
    both.add(test)
    notes = []
    valid = [folder.name for folder in parts if folder.name.lower() in VALID]
    if len(parts) > 1:
        tested = sum(map(len, test.classes.values()))
        notes += [f"test/ is set aside for testing: {counted(tested, 'picture')}"] * bool(tested)
        notes += [f"the pictures of {folder}/ count as training; what validates is drawn anew" for folder in valid]
    sizes = [len(train.classes.get(label, ())) for label in names]
    if train.classes and min(sizes) != max(sizes):
        notes.append(f"{counted(len(names), 'class', 'classes')} of {min(sizes):,} to {max(sizes):,} pictures")
    single = [label for label in names if len(train.classes.get(label, ())) == 1]
    if single:
        notes.append(
            f"{counted(len(single), 'class has', 'classes have')} one picture, which only trains: {some(single)}"
        )
    if both.others:
        notes.append(f"left out, being no pictures: {_what(both.others)}")
    if both.loose:
        notes.append(f"left out, lying in no class folder: {counted(len(both.loose), 'picture')}")
    if both.empty:
        notes.append(f"left out, holding no pictures: {some(both.empty)}")
    return notes
