"""Examples for pre-training, cut anew from documents in each epoch: one stretch of a text, or two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.chance import drawing, generator, key, uniforms
from lamina.data.batches import Batch, moved
from lamina.data.dataset import Dataset
from lamina.data.text.ragged import Ragged
from lamina.errors import DataError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Padded

SHORT = 0.1
"""The share of the pairs that are shorter than there is room for, so that a net knows such too."""

ELSEWHERE = 0.5
"""The share of the pairs whose second text is from another document."""

FOLLOWS, OTHER = 0, 1
"""The labels of pairs."""

CLASSES = ("follows", "other")

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Documents(Ragged):
    """Documents: the tokens of each, and where its sentences begin among all tokens.

    Attributes:
        sentences: the token at which each sentence begins, over all documents, ascending.
        length: the most tokens of an example, those that begin and end texts counted.
        pairs: whether an example is two texts, or one.
    """

    sentences: Int64[Tensor, " S"] = field(kw_only=True, repr=False)
    length: int = field(kw_only=True)
    pairs: bool = field(kw_only=True)

    @property
    def room(self) -> int:
        """The tokens of an example that are text."""
        return self.length - (3 if self.pairs else 2)


class Pair(NamedTuple):
    """The tokens of two texts from first to before last, and whether the other follows the one."""

    one: tuple[int, int]
    other: tuple[int, int]
    label: int


@dataclass(frozen=True)
class Packed:
    """Batches of stretches of documents, `[CLS] text [SEP]`, or of pairs of them, `[CLS] one [SEP] other [SEP]`.

    N tokens give ceil(N / room) examples an epoch, one for each `room` tokens from a place on that is drawn for the
    epoch: it begins with the sentence that this place is in. (Where less than that is left of a document it begins so
    much earlier.) Which example is which follows from (seed, epoch, number) alone, so any can be sought.

    Of a pair, one ends where a sentence does, drawn among those that fit; the other follows it or, one time in two, is
    from a place drawn in all other documents of these rows. One pair in ten is shorter, of a length drawn from 2 to the
    room. Without a seed all is drawn alike each time.

    Source: Devlin et al. 2019, section 3.1 and appendix A.2, and `create_pretraining_data.py`. There a pass over the
    documents deals out examples one after another, and what a drawn text has left over goes back; here the pairs of an
    epoch overlap a little, and none depends on another.

    Attributes:
        dataset: its input is `Documents`.
        rows: which of them.
        size: the most examples in a batch.
        seed: what the draws of each epoch follow from; None for the same each time.
        device: where batches are wanted.

    Raises:
        DataError: if an example has no room for text, or the data is no documents.
    """

    dataset: Dataset
    rows: Int64[Tensor, " N"] = field(repr=False)
    size: int
    seed: int | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        if not isinstance(self.dataset.inputs, Documents):
            raise DataError(f"{self.dataset.name}: expected documents, got {type(self.dataset.inputs).__name__}")
        if self.documents.room < 2:
            raise DataError(
                f"{self.dataset.name}: expected room for two tokens beside those that begin and end texts, got"
                f" context={self.documents.length}; ask for a longer one"
            )

    @property
    def documents(self) -> Documents:
        """What examples are cut from."""
        assert isinstance(self.dataset.inputs, Documents)
        return self.dataset.inputs

    @cached_property
    def behind(self) -> Numbers:
        """Of the documents of these rows, the tokens up to the end of each, all of them counted."""
        return self.documents.lengths[self.rows].cumsum(0).numpy()

    @cached_property
    def sentences(self) -> Numbers:
        """Where sentences begin."""
        return self.documents.sentences.numpy()

    @property
    def tokens(self) -> int:
        """How many there are in these rows."""
        return int(self.behind[-1]) if len(self.rows) else 0

    @property
    def examples(self) -> int:
        """How many an epoch has."""
        return -(-self.tokens // self.documents.room)

    @property
    def count(self) -> int:
        """The batches of an epoch."""
        return -(-self.examples // self.size)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its batch `first` on."""
        if not self.count:
            return
        order, offset = torch.arange(self.examples), 0
        if self.seed is not None:
            draw = generator(self.seed, "documents", number)
            order = torch.randperm(self.examples, generator=draw)
            offset = int(torch.randint(self.documents.room, (), generator=draw))
        for numbers in order.tensor_split(self.count)[first:]:
            yield self.cut(numbers, offset, number)

    def from_step(self, step: int) -> Iterator[Batch]:
        """The batches of all epochs without end, beginning with the one that update number `step` (from 0) takes."""
        epoch, first = divmod(step, self.count)
        while True:
            yield from self.epoch(epoch, first)
            epoch, first = epoch + 1, 0

    def cut(self, numbers: Int64[Tensor, " B"], offset: int, epoch: int) -> Batch:
        """The batch of these examples of an epoch."""
        places = ((numbers * self.documents.room + offset) % self.tokens).tolist()
        if not self.documents.pairs:
            texts = [[self.stretch(place, self.documents.room)] for place in places]
            inputs = moved(self.padded(texts), self.device)
            return Batch(inputs, inputs, numbers, epoch)
        with drawing(self.seed or 0, epoch, numbers):
            drawn = uniforms(len(numbers), 6, key("pairs"), torch.device("cpu"))
        pairs = [self.pair(place, draws) for place, draws in zip(places, drawn.tolist(), strict=True)]
        inputs = moved(self.padded([[pair.one, pair.other] for pair in pairs]), self.device)
        label = torch.tensor([pair.label for pair in pairs], device=self.device)
        return Batch(inputs, (inputs, label), numbers, epoch)

    def stretch(self, place: int, length: int) -> tuple[int, int]:
        """So many tokens of the document at a place of these rows, from the beginning of a sentence on."""
        row = int(self.behind.searchsorted(place, side="right"))
        first, last = (int(self.documents.offsets[self.rows[row] + side]) for side in (0, 1))
        at = last - (int(self.behind[row]) - place)
        latest = min(at, max(first, last - length))
        start = int(self.sentences[self.sentences.searchsorted(latest, side="right") - 1])
        return start, min(start + length, last)

    def pair(self, place: int, draws: list[float]) -> Pair:
        """Two texts, of which the one begins near a place.

        Args:
            place: among the tokens of these rows.
            draws: from 0 to 1: whether it is short, how short, where one ends, whether other is from elsewhere, and
                from where.
        """
        short, shorter, inner, elsewhere, there, _ = draws
        room = self.documents.room
        length = 2 + int(shorter * (room - 1)) if short < SHORT else room
        start, stop = self.stretch(place, length)
        low = int(self.sentences.searchsorted(start, side="right"))
        high = int(self.sentences.searchsorted(stop, side="left"))
        # A sentence that is as long as all of it is cut in the middle.
        middle = int(self.sentences[low + int(inner * (high - low))]) if high > low else start + (stop - start + 1) // 2
        if elsewhere >= ELSEWHERE and middle < stop:
            return Pair((start, middle), (middle, stop), FOLLOWS)
        other = self.stretch(self.elsewhere(place, there), max(1, length - (middle - start)))
        return Pair((start, middle), other, OTHER)

    def elsewhere(self, place: int, share: float) -> int:
        """A place in another document; in the same if there is no other.

        Args:
            place: among the tokens of these rows.
            share: of all tokens of other documents, how many are before it.
        """
        row = int(self.behind.searchsorted(place, side="right"))
        last = int(self.behind[row])
        first = int(self.behind[row - 1]) if row else 0
        others = self.tokens - (last - first)
        if not others:
            return int(share * self.tokens)
        found = int(share * others)
        return found if found < first else found + last - first

    def padded(self, texts: list[list[tuple[int, int]]]) -> Padded:
        """Texts as the net is given them."""
        tokens = self.documents.values
        rows = []
        for parts in texts:
            begin, end = tokens.new_tensor([BEGIN_TOKEN]), tokens.new_tensor([END_TOKEN])
            rows.append(torch.cat([begin, *(piece for first, last in parts for piece in (tokens[first:last], end))]))
        lengths = torch.tensor([len(row) for row in rows])
        values = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).long()
        return Padded(values, torch.arange(values.shape[1]) < lengths[:, None])
