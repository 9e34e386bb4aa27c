"""A look at the pictures of each class, side by side, before anything is trained."""

from __future__ import annotations

import torch
from PIL import Image as Picture
from torch import Tensor

from lamina.chance import generator
from lamina.data.dataset import Dataset
from lamina.data.picture import GAP, INK, LINE, MARGIN, PALE, blank_page, fitting, font_of, thumbnails
from lamina.errors import DataError
from lamina.kinds import Image, Label

MOST_CLASSES = 30
ROW_WIDTH = 1100
MOST_TILES = 16
NAME_WIDTH = 130


def class_sheet(dataset: Dataset) -> Picture.Image:
    """Some pictures of each class: a row a class, with its name and how many it has.

    Which are shown is drawn by lot, the same every time. Of many classes the first thirty are shown.

    Args:
        dataset: pictures with labels.

    Raises:
        DataError: if it holds something else.
    """
    if not isinstance(dataset.inputs.kind, Image) or not isinstance(dataset.target.kind, Label):
        given = f"{dataset.inputs.kind} and {dataset.target.kind}"
        raise DataError(f"{dataset.name}: expected an Image and a Label to draw class by class, got {given}")
    names = dataset.classes or tuple(map(str, range(dataset.target.kind.classes)))
    counts = dataset.target.values.bincount(minlength=len(names)).tolist()
    shown = names[:MOST_CLASSES]
    width, height = thumbnails(dataset.inputs.gather(torch.zeros(1, dtype=torch.int64)))[0].size
    across = min(MOST_TILES, max(3, ROW_WIDTH // (width + GAP)), max(counts))
    page, draw, top = blank_page(
        _title(dataset, len(shown), len(names)),
        NAME_WIDTH + across * (width + GAP) - GAP,
        len(shown) * (height + GAP) - GAP,
    )
    for place, name in enumerate(shown):
        y = top + place * (height + GAP)
        middle = y + height // 2
        draw.text((MARGIN, middle - 9), fitting(name, font_of(14), NAME_WIDTH - GAP), INK, font_of(14), anchor="lm")
        draw.text((MARGIN, middle + 10), f"{counts[place]:,}", PALE, font_of(12), anchor="lm")
        for number, tile in enumerate(_tiles(dataset, place, across)):
            x = MARGIN + NAME_WIDTH + number * (width + GAP)
            page.paste(tile, (x, y))
            draw.rectangle((x - 1, y - 1, x + width, y + height), outline=LINE)
    return page


def _tiles(dataset: Dataset, label: int, most: int) -> list[Picture.Image]:
    """Some pictures of a class, drawn by lot."""
    rows: Tensor = (dataset.target.values == label).nonzero()[:, 0]
    if not len(rows):
        return []
    order = torch.randperm(len(rows), generator=generator("drawn", dataset.name, label))[:most]
    return thumbnails(dataset.inputs.gather(rows[order]))


def _title(dataset: Dataset, shown: int, classes: int) -> str:
    first = f", the first {shown} of them" if shown < classes else ""
    return f"{dataset.name}: {len(dataset):,} pictures, {dataset.inputs.kind}, {classes} classes{first}"
