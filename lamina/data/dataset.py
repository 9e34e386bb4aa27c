"""A dataset: examples as columns of tensors, from which a batch is one gather."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64, UInt8
from torch import Tensor

from lamina.chance import GOLDEN, mixed, signed
from lamina.data.tables.origin import Origin
from lamina.kinds import Kind, Label, Targets, Value

if TYPE_CHECKING:
    from lamina.data.pictures.reading import PictureOrigin
    from lamina.data.questions.load import Asked
    from lamina.data.series.origin import SeriesOrigin
    from lamina.data.text.reading import TextOrigin

WORDS_AT_ONCE = 2**15
"""So many stay in the processor's cache. And torch calls in its other threads only for more, which on a busy machine
would cost more than it gains."""


@dataclass(frozen=True)
class Column:
    """One value of every example, along the first axis.

    Attributes:
        values: as stored: float32, int64, or uint8 for pictures. They are not changed once they are here.
        kind: what one example's value is.
        scale: what a stored number is multiplied by when a batch is made (1/255 turns bytes into [0, 1]); None leaves
            the values and their type alone.
    """

    values: Tensor = field(repr=False)
    kind: Kind
    scale: float | None = None

    def __len__(self) -> int:
        return len(self.values)

    def gather(self, index: Int64[Tensor, " B"]) -> Tensor:
        """The values of these examples, ready for a net."""
        rows = picked(self.values, index)
        return rows if self.scale is None else rows.to(torch.get_default_dtype()).mul_(self.scale)

    @cached_property
    def hashes(self) -> Int64[Tensor, " N"]:
        """64 bits of each example's value, the same for equal values, on any machine."""
        return _hashed(self.values if self.values.dim() > 1 else self.values[:, None])

    def hashes_in_turn(self) -> Iterator[Int64[Tensor, " P"]]:
        """The hashes, some at a time where there may be too many to be kept."""
        yield self.hashes


def picked(values: Tensor, index: Int64[Tensor, " B"]) -> Tensor:
    """Some rows; of pictures, with the channels next to one another in memory, as convolutions want them."""
    if values.dim() != 4:
        return values.index_select(0, index)
    if values.shape[1] > 1 and values.is_contiguous():
        return values.index_select(0, index).contiguous(memory_format=torch.channels_last)
    # One channel lies either way, but torch takes the way from the strides.
    return values.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2)


class Part(NamedTuple):
    """One of several targets.

    Attributes:
        name: of its column.
        classes: the names of its classes; empty for a value.
    """

    name: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """Examples with what is to be predicted of them.

    Attributes:
        name: what the user called it: a named set, a path, or "arrays".
        inputs: what is given.
        target: what is to be predicted.
        classes: the names of the classes, by number; empty for a target that is no label.
        parts: where there are several targets, what each is called, with the names of its classes.
        features: the names of the input's columns where the input is a table; else empty.
        test: rows set aside for testing by those who made the set; None where the split is left to us.
        group: what each row belongs to, by a number; rows of one number are on one side of every split. A hash of what
            the group is called keeps the split when rows are sorted anew; its place in the data would not.
        time: when each row was: the past trains, what follows validates, the future tests, and one time is on one side.
        reach: into how many of the times that follow its own what is to be predicted of a row reaches; so many times
            between two parts are in neither, so that none is trained on what another is measured by.
        origin: the table that it came from, if it did.
        pictures: how pictures of files become inputs, if it came from such.
        series: the series that its windows look at, if it came from one.
        text: how texts become tokens and back, if it came from such.
        asked: what its rows ask of passages, if they do.
        about: one sentence for people.
    """

    name: str
    inputs: Column
    target: Column
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    test: Int64[Tensor, " M"] | None = field(default=None, repr=False)
    group: Int64[Tensor, " N"] | None = field(default=None, repr=False)
    time: Float64[Tensor, " N"] | UInt8[Tensor, " N"] | None = field(default=None, repr=False)
    reach: int = 0
    origin: Origin | None = field(default=None, repr=False)
    pictures: PictureOrigin | None = field(default=None, repr=False)
    series: SeriesOrigin | None = field(default=None, repr=False)
    text: TextOrigin | None = field(default=None, repr=False)
    asked: Asked | None = field(default=None, repr=False)
    parts: tuple[Part, ...] = ()
    about: str = ""

    def __len__(self) -> int:
        return len(self.target)

    def title(self) -> str:
        """Its name for people, with what else belongs to it."""
        reading = self.origin.reading if self.origin is not None else None
        more = f" and {len(reading.files)} more" if reading is not None and reading.files else ""
        more = f" and {self.text.files[0]}" if self.text is not None and self.text.files else more
        test = f", tested on {reading.test}" if reading is not None and reading.test else ""
        return f"{self.name}{more}{test}"

    def apart(self) -> list[Dataset]:
        """A dataset for each target."""
        if not isinstance(self.target.kind, Targets):
            return [self]
        found, first = list[Dataset](), 0
        for kind, part in zip(self.target.kind.parts, self.parts, strict=True):
            width = kind.size if isinstance(kind, Value) else 1
            values = self.target.values[:, first : first + width]
            column = Column(values[:, 0].long() if isinstance(kind, Label) else values, kind)
            found.append(replace(self, target=column, classes=part.classes, parts=()))
            first += width
        return found


def _hashed(values: Tensor) -> Int64[Tensor, " N"]:
    """The bytes of each row, eight a word, mixed at their places and added up."""
    row_bytes = values[0].numel() * values.element_size() if len(values) else 0
    words = -(-row_bytes // 8)
    places = mixed(torch.arange(1, words + 1) * signed(GOLDEN))
    hashes = torch.empty(len(values), dtype=torch.int64)
    step = max(1, WORDS_AT_ONCE // max(1, words))
    for first in range(0, len(values), step):
        # Part by part, so that neither a file that is mapped nor pictures whose channels lie last are copied whole.
        part = values[first : first + step].flatten(1).numpy()
        if part.dtype.kind == "f":
            part = part + part.dtype.type(0)  # -0.0 equals 0.0 and becomes it: equal values must have equal bytes.
        padded = np.zeros((len(part), words * 8), np.uint8)
        padded[:, :row_bytes] = np.ascontiguousarray(part).view(np.uint8)
        hashes[first : first + step] = mixed(torch.from_numpy(padded.view(np.int64)) + places).sum(1)
    return mixed(hashes)
