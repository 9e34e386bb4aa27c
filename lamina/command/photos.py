"""Pictures to be predicted, file by file, in batches that fit in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lamina.errors import DataError
from lamina.progress import note

if TYPE_CHECKING:
    from torch import Tensor

    from lamina.data.pictures.reading import PictureOrigin
    from lamina.model import Model

MOST_AT_ONCE = 64
"""Pictures are decoded one by one, so a batch beyond this would keep people waiting and gain nothing."""

NO_PICTURES = (".npz", ".csv", ".tsv", ".txt")
"""Of files: data of other forms. What else a file is called does not matter, its content is looked at."""


class Photos:
    """The pictures that a model is asked about; those that cannot be read are named, and counted.

    Args:
        run: the model's run.
        model: which must take pictures.
    """

    def __init__(self, run: Path, model: Model) -> None:
        self.run, self.model = run, model
        self.read = 0
        self.bad = 0
        self._unsaid = ""

    def are(self, name: str) -> bool:
        """Whether this is a picture, or a folder of pictures, and the model takes such.

        Raises:
            DataError: if it is a list of pictures.
        """
        from lamina.data.pictures.folder import is_idx_folder, is_picture, is_picture_folder
        from lamina.data.pictures.listed import is_picture_list
        from lamina.data.sets import NAMED
        from lamina.kinds import Image

        path = Path(name)
        if not isinstance(self.model.net.given, Image) or name == "-" or name in NAMED:
            return False
        if _at(path) == "folder":
            # One of neither is asked for pictures, and said to hold none, so that others are answered.
            return is_picture_folder(path) or not is_idx_folder(path)
        if path.suffix.lower() in NO_PICTURES and is_picture_list(path):
            raise DataError(
                f"{name}: expected pictures or a folder of them, got a list of pictures; name what it lists, or measure"
                f" it with `lamina evaluate {self.run} {name}`"
            )
        return is_picture(name) or (_at(path) == "file" and path.suffix.lower() not in NO_PICTURES)

    def batches(self, name: str) -> Iterator[tuple[Tensor, list[dict[str, Any]]]]:
        """Batches of pictures as the model takes them, with their files.

        Raises:
            DataError: if the model takes no bytes of pictures.
        """
        from lamina.asked import alike, origin_for
        from lamina.data.feeding import rows_at_once
        from lamina.data.pictures.listing import written
        from lamina.data.pictures.threads import in_order
        from lamina.kinds import Image

        given = self.model.net.given
        assert isinstance(given, Image)
        origin = origin_for(given, self.model.scale, self.model.pictures)
        most = min(MOST_AT_ONCE, rows_at_once(given))
        pictures: list[Tensor] = []
        files: list[dict[str, Any]] = []
        for path, picture in in_order(partial(_read, origin), self.files(name)):
            if isinstance(picture, DataError):
                self._miss(str(picture))
                continue
            self.read += 1
            pictures.append(picture)
            files.append({"file": written(path)})
            if len(files) == most:
                self._say()
                yield alike(pictures), files
                pictures, files = [], []
        if files:
            yield alike(pictures), files

    def files(self, name: str) -> Iterator[Path]:
        """The files of a name: itself, or all pictures in a folder and in its folders, in order."""
        from lamina.data.pictures.folder import is_picture, is_picture_folder

        if _at(Path(name)) != "folder":
            yield Path(name)
            return
        if not is_picture_folder(Path(name)):
            self._miss(f"{name}: expected a folder with pictures, found none in it; check the path")
            return
        self._warn(name)
        for folder, inner, names in os.walk(name):
            inner[:] = sorted(each for each in inner if not each.startswith("."))
            yield from (Path(folder, each) for each in sorted(names) if is_picture(each) and not each.startswith("."))

    def complain(self) -> None:
        """End with an error if pictures could not be read.

        Raises:
            DataError: if there were such.
        """
        asked = self.bad + self.read
        if self.bad and asked == 1:
            raise DataError(self._unsaid)
        self._say()
        if self.bad:
            raise DataError(f"{self.bad:,} of {asked:,} pictures could not be read; the others are answered")

    def _miss(self, what: str) -> None:
        """Count what cannot be answered."""
        self._say()
        self.bad, self._unsaid = self.bad + 1, what

    def _say(self) -> None:
        """Say what was wrong with a picture, which waits until it is seen that it was not the only one."""
        if self._unsaid:
            note(self._unsaid)
        self._unsaid = ""

    def _warn(self, name: str) -> None:
        from lamina.training.data import address_of, run_of
        from lamina.training.plan import read_plan

        run = run_of(self.run)
        if run is not None and read_plan(run).data == address_of(name):
            note(f"{name}: the run was trained on part of this; `lamina evaluate {self.run} {name}` measures the rest")


def _at(path: Path) -> Literal["folder", "file", "nothing"]:
    """What is at a path; nothing where it is longer than the system takes, or a link to itself."""
    try:
        return "folder" if path.is_dir() else "file" if path.is_file() else "nothing"
    except OSError:
        return "nothing"


def _read(origin: PictureOrigin, path: Path) -> tuple[Path, Tensor | DataError]:
    """A picture, or what is wrong with it: it must not end the answers to others."""
    try:
        return path, origin.read(path)
    except DataError as error:
        return path, error
