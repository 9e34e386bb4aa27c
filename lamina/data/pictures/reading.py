"""How pictures are read: what the user says of it, and what a model remembers of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jaxtyping import UInt8
from torch import Tensor

from lamina.data.tables.reading import Reading
from lamina.errors import DataError, SentenceError, shown
from lamina.settings import Count, Natural
from lamina.word import Saying

Fit = Literal["crop", "pad", "stretch"]
FITS = ("crop", "pad", "stretch")
MOST_SIDE = 2048
"""Pixels of a side that a model takes; a larger size is a slip rather than a wish."""


class PictureReading(Saying):
    """How pictures are read.

    Args:
        size: (height, width) that all are brought to; one number for both. None to take them as they are where all
            have one size of at most 128, else the median of their shorter sides, at most 96, in multiples of 8.
        fit: how: "crop" covers the size and cuts the middle out, "pad" stays within it and has black around, "stretch"
            bends the picture to it.
        colour: "grey" for one channel, "colour" for three; "auto" for one if no picture has colour.
        skip_bad: how many pictures that cannot be read are left out, and listed, before it is a mistake.
        inputs_only: whether nothing is predicted but the pictures themselves, so that they need no classes.
    """

    size: Count | tuple[Count, Count] | None = None
    fit: Fit = "crop"
    colour: Literal["auto", "grey", "colour"] = "auto"
    skip_bad: Natural = 0
    inputs_only: bool = False

    @classmethod
    def conflicts(cls, **values: Any) -> list[str]:
        size = values["size"]
        longest = max(size) if isinstance(size, tuple) else size or 0
        return [f"PictureReading: size must be at most {MOST_SIDE:,}, got {size=}"] if longest > MOST_SIDE else []

    def sides(self) -> tuple[int, int] | None:
        """Height and width that were asked for."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def to_json(self) -> dict[str, Any]:
        """What was said, as TOML and JSON keep it: what is as it would be anyway is left out."""
        defaults = {setting.name: setting.default for setting in self.settings()}
        said = {name: value for name, value in self.values().items() if value != defaults[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


@dataclass(frozen=True)
class PictureOrigin:
    """The pictures that a dataset came from, and how a further one becomes an input of its model.

    Attributes:
        height: of every picture, in pixels.
        width: of every picture, in pixels.
        fit: how a picture of another size is brought to this one.
        channels: 1 for grey, 3 for red, green and blue.
        reading: what the user said.
        table: what was said of a list of pictures: the target, of which there may be several, its kind, and blanks.
        notes: what was assumed, decided and found, a sentence each.
    """

    height: int
    width: int
    fit: Fit
    channels: int
    reading: PictureReading = field(default_factory=PictureReading)
    notes: tuple[str, ...] = ()
    table: Reading = field(default_factory=Reading)

    def read(self, path: str | Path) -> UInt8[Tensor, "C Y X"]:
        """One picture as the model takes it.

        Raises:
            DataError: if there is no file, or it cannot be read.
        """
        from lamina.data.pictures.decode import read_picture  # brings Pillow
        from lamina.data.pictures.frame import Frame

        return read_picture(Path(path), Frame(self.height, self.width, self.fit), self.channels)

    def settled(self) -> PictureReading:
        """The reading that brings other pictures to just this form, whatever they are."""
        colour: Literal["grey", "colour"] = "grey" if self.channels == 1 else "colour"
        return PictureReading(
            (self.height, self.width), self.fit, colour, self.reading.skip_bad, self.reading.inputs_only
        )

    def to_json(self) -> dict[str, Any]:
        """What a model keeps."""
        form = {"height": self.height, "width": self.width, "fit": self.fit, "channels": self.channels}
        return {**form, "reading": self.reading.to_json()}


def as_picture_reading(asked: Mapping[str, Any]) -> PictureReading:
    """A reading as people say it in Python.

    Raises:
        SentenceError: naming every mistake.

    >>> as_picture_reading({"size": [48, 64], "fit": "pad"})
    PictureReading((48, 64), fit='pad')
    """
    return PictureReading(**asked)


def picture_origin_in(written: Any, where: str) -> PictureOrigin:
    """What `to_json` gave, read from a file that nobody vouches for.

    Raises:
        DataError: if it is damaged.
    """
    if not isinstance(written, dict):
        raise DataError(f"{where}: pictures is not as lamina writes it: expected an object, got {shown(written)}")
    sides = [written.get(name) for name in ("height", "width")]
    wrong = [
        name
        for name, fine in {
            **{name: _is_side(side) for name, side in zip(("height", "width"), sides, strict=True)},
            "fit": written.get("fit") in FITS,
            "channels": _is_side(written.get("channels")) and written["channels"] in (1, 3),
            "reading": isinstance(written.get("reading"), dict),
        }.items()
        if not fine
    ]
    if wrong:
        came = ", ".join(f"{name}={shown(written.get(name))}" for name in wrong)
        raise DataError(f"{where}: pictures is not as lamina writes it: {came}; train the model anew")
    try:
        reading = PictureReading(**{str(name): value for name, value in written["reading"].items()})
    except SentenceError as error:
        raise DataError(f"{where}: {error}") from None
    return PictureOrigin(written["height"], written["width"], written["fit"], written["channels"], reading)


def _is_side(value: Any) -> bool:
    # A set whose pictures are taken as they are may have a side beyond what can be asked for; memory is the limit.
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_SIDE
