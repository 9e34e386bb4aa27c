"""Which drawings there are of a net that learned from inputs, and which of them suit it."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from PIL import Image as Picture
from torch import Tensor

from lamina.chance import generator
from lamina.coding import coded, dataset_batches, halves, resting
from lamina.data.dataset import Dataset
from lamina.errors import DataError, KindError
from lamina.kinds import Image, Label
from lamina.net import Net
from lamina.report.filters import filter_sheet
from lamina.report.latent import map_sheet, sample_sheet, walk_sheet
from lamina.report.plane import code_sheet, variance_sheet
from lamina.report.restored import restored_sheet
from lamina.report.tiles import limits

PICTURES, PAIRS, POINTS, SAMPLES = 20, 5, 2000, 64

DRAWINGS = {
    "restored": "test pictures beside what they are given back as",
    "samples": "codes drawn from the prior, decoded",
    "map": "codes of two numbers, decoded over the plane",
    "walk": "from one test picture to another, through their codes",
    "codes": "the codes of test examples as points, by class where classes are known",
    "filters": "the first weights as pictures",
    "variance": "the variance that principal components explain",
}
"""What each drawing shows, by its name."""

WITHOUT_DATA = ("filters", "variance", "map", "samples")
"""Those that are of the net alone."""


class Subject:
    """A net, and the examples that drawings of it show.

    Args:
        net: trained.
        dataset: of the kind that it takes; None for the drawings that show no examples.
        rows: of which some are shown, by lot, the same every time.
    """

    def __init__(self, net: Net, dataset: Dataset | None, rows: Int64[Tensor, " N"]) -> None:
        self.net, self._dataset = net, dataset
        order = torch.randperm(len(rows), generator=generator("drawn", "" if dataset is None else dataset.name))
        self.rows = rows[order]

    @property
    def dataset(self) -> Dataset:
        """Whose examples are shown.

        Raises:
            DataError: if there are none.
        """
        if self._dataset is None or not len(self.rows):
            raise DataError("expected examples to draw, got none")
        return self._dataset

    def inputs(self, count: int) -> Tensor:
        """The first so many examples."""
        parts = [x for x, _ in dataset_batches(self.net, self.dataset, self.rows[:count])]
        return torch.cat([part for part in parts if isinstance(part, Tensor)])

    def labels(self, rows: Int64[Tensor, " N"]) -> Int64[Tensor, " N"] | None:
        """Their classes, where they have any."""
        labelled = isinstance(self.dataset.target.kind, Label)
        return self.dataset.target.values[rows] if labelled else None

    def ends(self) -> tuple[float, float] | None:
        """What is drawn black and what white, by the pictures there are; None where there are none."""
        return None if self._dataset is None else limits(self.inputs(PICTURES))

    def pairs(self) -> Tensor:
        """Pictures two by two, of unlike classes where they have any."""
        rows, found = self.rows[: 50 * PAIRS], list[int]()
        labels = self.labels(rows)
        left = list(range(len(rows)))
        while len(left) > 1 and len(found) < 2 * PAIRS:
            one = left.pop(0)
            unlike = [place for place in left if labels is None or labels[place] != labels[one]]
            other = (unlike or left)[0]
            left.remove(other)
            found += [one, other]
        if not found:
            raise KindError("a walk takes two pictures, got fewer")
        x = self.inputs(len(rows))[found]
        return x.view(-1, 2, *x.shape[1:])

    def codes(self) -> Picture.Image:
        """The points of their codes."""
        parts, rows = halves(self.net), self.rows[:POINTS]
        with resting(self.net):
            found = [
                coded(self.net, parts, x).flatten(1).cpu() for x, _ in dataset_batches(self.net, self.dataset, rows)
            ]
        return code_sheet(torch.cat(found).clone(), self.dataset.name, self.labels(rows), self.dataset.classes)

    def drawn(self, what: str) -> Picture.Image:
        """One of `DRAWINGS`.

        Raises:
            KindError: if there is no such drawing of this net.
        """
        if what == "filters":
            return filter_sheet(self.net)
        if what == "variance":
            return variance_sheet(self.net)
        if what == "codes":
            return self.codes()
        if not isinstance(self.net.given, Image):
            raise KindError(f"{self.net} takes {self.net.given}: only of pictures is {what} drawn")
        if what == "restored":
            return restored_sheet(self.net, self.inputs(PICTURES), self.rows[:PICTURES], self.dataset.name)
        if what == "walk":
            return walk_sheet(self.net, self.pairs(), limits(self.inputs(PICTURES)))
        if what == "samples":
            return sample_sheet(self.net, SAMPLES, 0, 1.0, self.ends())
        return map_sheet(self.net, self.ends())


def drawings(subject: Subject) -> dict[str, Picture.Image]:
    """All drawings that there are of a net, by name."""
    found = {}
    for what in DRAWINGS:
        try:
            found[what] = subject.drawn(what)
        except (KindError, DataError):
            continue  # there is none of such a net, or its numbers have run away
    return found
