"""What a net is shown in training: pictures after its augmentation, beside the pictures as they are."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image as Picture
from torch import Tensor

from lamina.chance import drawing, generator
from lamina.data.batches import Batches
from lamina.data.dataset import Dataset
from lamina.data.picture import GAP, LINE, MARGIN, blank_page, thumbnails
from lamina.errors import KindError
from lamina.kinds import Image
from lamina.layers.augment.corruption import Corruption
from lamina.layers.augment.mix import Mixing
from lamina.layers.standardize import Standardize
from lamina.net import Net, through
from lamina.stage import Stage

PICTURES, DRAWS, ROWS = 5, 8, 1024
BESIDE = 2 * GAP
"""Between a picture as it is and what becomes of it."""


def augmented_sheet(dataset: Dataset, net: Net) -> Picture.Image:
    """Some pictures, a row each: as they are, and as the net is given them in one epoch after the other.

    Args:
        dataset: pictures.
        net: built for them; it takes its statistics of them here.

    Raises:
        KindError: if the data are no pictures, or the net's main chain changes none in training.
    """
    augmenting = augmentation(net)
    if not augmenting or not isinstance(dataset.inputs.kind, Image):
        raise KindError(f"{net.sentence()} has no stage that changes pictures in training, such as Flip() or Shift(2)")
    batches = Batches(dataset, torch.arange(len(dataset)), ROWS)
    net.learn(lambda: ((batch.inputs, batch.target) for batch in batches.epoch(0)))
    rows = torch.randperm(len(dataset), generator=generator("drawn", dataset.name))[:PICTURES]
    inputs = dataset.inputs.gather(rows)
    columns = [thumbnails(inputs)]
    for epoch in range(DRAWS):
        with drawing(0, epoch, rows, epoch), torch.no_grad():
            columns.append(thumbnails(raw(augmenting, through(augmenting, inputs)).clamp(0, 1)))
    widths, height = [column[0].width for column in columns], columns[0][0].height
    text = f"{dataset.name}: pictures as they are, and as training shows them in {DRAWS} epochs"
    page, draw, top = blank_page(text, sum(widths) + DRAWS * GAP + BESIDE, len(rows) * (height + GAP) - GAP)
    left = MARGIN
    for number, column in enumerate(columns):
        for place, tile in enumerate(column):
            y = top + place * (height + GAP) + (height - tile.height) // 2
            page.paste(tile, (left, y))
            draw.rectangle((left - 1, y - 1, left + tile.width, y + tile.height), outline=LINE)
        left += widths[number] + (GAP if number else BESIDE)
    return page


def augmentation(net: Net) -> list[Stage]:
    """The first stages of a net up to the last that changes pictures in training, in training mode; empty if none."""
    stages = net.body.stages
    ends = [place for place, stage in enumerate(stages) if isinstance(stage, Corruption | Mixing)]
    found = list(stages[: ends[-1] + 1]) if ends else []
    return [stage.train() for stage in found]


def raw(stages: list[Stage], x: Any) -> Tensor:
    """Pictures in their own units again."""
    pictures: Tensor = x
    for stage in reversed(stages):
        if isinstance(stage, Standardize):
            pictures = pictures * stage.deviation.view(-1, 1, 1) + stage.mean.view(-1, 1, 1)
    return pictures
