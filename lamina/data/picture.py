"""A look at the examples before anything is trained: the pictures, or how each feature spreads over the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.errors import DataError
from lamina.kinds import Image, Label, Vector

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PAPER, INK, PALE, LANE, LINE = (255, 255, 255), (32, 33, 36), (112, 117, 122), (243, 244, 246), (218, 220, 224)
# Okabe and Ito's colours (2008), which the colour-blind can tell apart, without their yellow, and three more.
COLOURS: tuple[Colour, ...] = (
    *((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233)),
    *((230, 159, 0), (90, 90, 90), (120, 60, 160), (150, 110, 60), (170, 30, 60)),
)
MARGIN, GAP = 24, 12
SMALLEST_TILE, LARGEST_TILE = 64, 160
PANEL_WIDTH, LANE_HEIGHT, SCATTER_HEIGHT, DOT = 240, 30, 150, 2
MOST_FEATURES = 12


def sheet(dataset: Dataset, rows: Sequence[int] | Tensor) -> Picture.Image:
    """A picture of some examples of a data set.

    An Image set becomes a contact sheet, each example with its class or value under it. A Vector set becomes a panel a
    feature, of the first twelve: a histogram for each class, or the value to be predicted over the feature.

    Args:
        dataset: its inputs are an Image or a Vector.
        rows: which examples.

    Raises:
        DataError: if there are no rows, or no way to draw such inputs.
    """
    chosen = torch.as_tensor(rows, dtype=torch.int64)
    if not len(chosen):
        raise DataError(f"{dataset.name}: expected rows to draw, got none")
    if isinstance(dataset.inputs.kind, Image):
        return _contact_sheet(dataset, chosen)
    if isinstance(dataset.inputs.kind, Vector):
        return _panels(dataset, chosen)
    raise DataError(f"{dataset.name}: expected inputs of kind Image or Vector to draw, got {dataset.inputs.kind}")


def _contact_sheet(dataset: Dataset, rows: Tensor) -> Picture.Image:
    tiles = thumbnails(dataset.inputs.gather(rows))
    width, height = tiles[0].size
    text = font_of(13)
    column_width = max(width, 56) + GAP
    row_height = height + 20 + GAP
    columns = _columns(len(tiles), math.sqrt(len(tiles) * 1.6 * row_height / column_width))
    lines = math.ceil(len(tiles) / columns)
    page, draw, top = blank_page(_title(dataset, len(rows)), columns * column_width - GAP, lines * row_height - GAP)
    for number, (tile, row) in enumerate(zip(tiles, rows.tolist(), strict=True)):
        left = MARGIN + number % columns * column_width
        y = top + number // columns * row_height
        x = left + (column_width - GAP - width) // 2
        page.paste(tile, (x, y))
        draw.rectangle((x - 1, y - 1, x + width, y + height), outline=LINE)
        caption = fitting(_caption(dataset, row), text, column_width - 4)
        draw.text((left + (column_width - GAP) / 2, y + height + 4), caption, INK, text, anchor="ma")
    return page


def _columns(tiles: int, ideal: float) -> int:
    """About the ideal number of columns, and such that the last line has few empty places."""
    nearby = range(max(1, math.floor(ideal) - 1), max(1, math.ceil(ideal) + 1) + 1)
    return min(tiles, min(nearby, key=lambda columns: (-tiles % columns, abs(columns - ideal))))


def thumbnails(values: Tensor) -> list[Picture.Image]:
    """The examples as pictures of a size to look at: small ones with their pixels enlarged, large ones reduced."""
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:  # not made of bytes: the lowest becomes black, the highest white
        values = (values - low) / max(high - low, 1e-12)
    if values.shape[1] != 3:
        values = values[:, :1]
    grey = values.shape[1] == 1
    pixels = values.mul(255).round().byte().permute(0, 2, 3, 1).squeeze(3 if grey else ())  # (B, Y, X) or (B, Y, X, 3)
    tiles = [Picture.fromarray(example.contiguous().numpy()) for example in pixels]
    longest = max(tiles[0].size)
    if longest < SMALLEST_TILE:
        factor = math.ceil(SMALLEST_TILE / longest)
        return [tile.resize((tile.width * factor, tile.height * factor), Picture.Resampling.NEAREST) for tile in tiles]
    for tile in tiles:
        tile.thumbnail((LARGEST_TILE, LARGEST_TILE))
    return tiles


def _caption(dataset: Dataset, row: int) -> str:
    value = dataset.target.values[row]
    if isinstance(dataset.target.kind, Label):
        return dataset.classes[int(value)] if dataset.classes else str(int(value))
    return ", ".join(f"{number:.3g}" for number in value.flatten().tolist())


def _panels(dataset: Dataset, rows: Tensor) -> Picture.Image:
    inputs, target = dataset.inputs.gather(rows), dataset.target.values[rows]
    features = min(inputs.shape[1], MOST_FEATURES)
    classes = dataset.classes[: len(COLOURS)]
    inner = len(classes) * LANE_HEIGHT if classes else SCATTER_HEIGHT
    columns = next(count for count in (4, 3, 2, 1) if features >= 2 * count or count == 1)
    width = columns * (PANEL_WIDTH + 2 * GAP) - 2 * GAP
    title = _title(dataset, len(rows))
    title += f"; the first {features} of {inputs.shape[1]} features" if inputs.shape[1] > features else ""
    title += f"; the first {len(classes)} classes" if len(dataset.classes) > len(classes) else ""
    title += "" if classes else f"; upwards the target from {float(target.min()):.4g} to {float(target.max()):.4g}"
    page, draw, top = blank_page(title, width, math.ceil(features / columns) * (inner + 52) - GAP, classes)
    for feature in range(features):
        x = MARGIN + feature % columns * (PANEL_WIDTH + 2 * GAP)
        y = top + feature // columns * (inner + 52)
        values = inputs[:, feature]
        name = dataset.features[feature] if dataset.features else f"feature {feature}"
        draw.text((x, y), fitting(name, font_of(13), PANEL_WIDTH), INK, font_of(13))
        if classes:
            for label in range(len(classes)):
                lane = (x, y + 20 + label * LANE_HEIGHT)
                _histogram(draw, lane, values[target == label], _ends(values), COLOURS[label])
        else:
            _scatter(draw, (x, y + 20), values, target.flatten(1)[:, 0])
        low, high = _ends(values)
        draw.text((x, y + 22 + inner), f"{low:.4g}", PALE, font_of(11))
        draw.text((x + PANEL_WIDTH, y + 22 + inner), f"{high:.4g}", PALE, font_of(11), anchor="ra")
    return page


def _histogram(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], values: Tensor, ends: tuple[float, float], colour: Colour
) -> None:
    """How the values of one class spread, the fullest bin as high as the lane."""
    left, top = corner
    floor = top + LANE_HEIGHT - 4
    draw.rectangle((left, top, left + PANEL_WIDTH - 1, floor), fill=LANE)
    low, high = ends
    bins = 20 if len(values) < 100 else 40  # few examples in many bins would look like a comb
    place = ((values.double() - low) / (high - low) * bins).long().clamp(0, bins - 1)
    counts = torch.bincount(place, minlength=bins)
    step = PANEL_WIDTH // bins
    for number, count in enumerate(counts.tolist()):
        if count:
            bar = max(2, round(count / int(counts.max()) * (LANE_HEIGHT - 8)))
            draw.rectangle((left + number * step, floor - bar, left + (number + 1) * step - 2, floor), fill=colour)


def _scatter(draw: ImageDraw.ImageDraw, corner: tuple[int, int], across: Tensor, up: Tensor) -> None:
    """A dot an example: the feature to the right, the value to be predicted upwards."""
    left, top = corner
    draw.rectangle((left, top, left + PANEL_WIDTH - 1, top + SCATTER_HEIGHT - 4), fill=LANE)
    room = 2 * DOT + 1
    (low, high), (least, most) = _ends(across), _ends(up)
    xs = left + room + (across.double() - low) / (high - low) * (PANEL_WIDTH - 2 * room)
    ys = top + SCATTER_HEIGHT - 4 - room - (up.double() - least) / (most - least) * (SCATTER_HEIGHT - 4 - 2 * room)
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=(*COLOURS[0], 110))


def _ends(values: Tensor) -> tuple[float, float]:
    """The lowest and the highest value, apart even where all are equal."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def blank_page(
    title: str, width: int, height: int, classes: Sequence[str] = ()
) -> tuple[Picture.Image, ImageDraw.ImageDraw, int]:
    """An empty page with a title and the colours of the classes; also the height at which its content begins."""
    font = font_of(15)
    top = MARGIN + 32
    keys: list[tuple[int, int, int]] = []  # left, top, class
    left = MARGIN
    width = max(width, int(font.getlength(title)))
    for number, name in enumerate(classes):
        needed = 16 + int(font_of(13).getlength(name)) + 20
        if left > MARGIN and left + needed > MARGIN + width:
            left, top = MARGIN, top + 22
        keys.append((left, top, number))
        left += needed
    top += 34 if classes else 0
    page = Picture.new("RGB", (width + 2 * MARGIN, top + height + MARGIN), PAPER)
    draw = ImageDraw.Draw(page, "RGBA")
    draw.text((MARGIN, MARGIN - 4), title, INK, font)
    for x, y, number in keys:
        draw.rectangle((x, y + 3, x + 10, y + 13), fill=COLOURS[number])
        draw.text((x + 16, y), classes[number], INK, font_of(13))
    return page, draw, top


def _title(dataset: Dataset, shown: int) -> str:
    what = f"{len(dataset.classes)} classes" if dataset.classes else str(dataset.target.kind)
    return f"{dataset.name}: {shown:,} of {len(dataset):,} examples, {dataset.inputs.kind}, {what}"


def font_of(size: int) -> Font:
    """The one typeface, so high in pixels."""
    return ImageFont.load_default(size)


def fitting(text: str, font: Font, room: float) -> str:
    """The text, or as much of its beginning as there is room for."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"
