"""Small pictures in rows on one page: what the drawings of learning without labels are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from PIL import Image as Picture
from torch import Tensor

from lamina.data.picture import GAP, INK, LINE, MARGIN, PALE, blank_page, font_of, thumbnails

NAME_WIDTH, CAPTION_HEIGHT = 84, 16


class Row(NamedTuple):
    """Pictures side by side, with numbers from 0 to 1.

    Attributes:
        tiles: the pictures.
        name: what they are, said at the left; empty for nothing.
        captions: a text under each; none for nothing.
    """

    tiles: Float[Tensor, "N C Y X"]
    name: str = ""
    captions: Sequence[str] = ()


def tile_sheet(title: str, bands: Sequence[Sequence[Row]], gap: int = GAP) -> Picture.Image:
    """Rows of pictures under each other, those of a band close together.

    Args:
        title: of the page.
        bands: of rows.
        gap: between pictures, in pixels; 0 also leaves out the lines around them.
    """
    rows = [row for band in bands for row in band]
    width, height = thumbnails(rows[0].tiles[:1])[0].size
    left = MARGIN + (NAME_WIDTH if any(row.name for row in rows) else 0)
    across = max(len(row.tiles) for row in rows) * (width + gap) - gap
    down = sum(height + gap + (CAPTION_HEIGHT if row.captions else 0) for row in rows) + GAP * (len(bands) - 1) - gap
    page, draw, y = blank_page(title, left - MARGIN + across, down)
    for band in bands:
        for row in band:
            draw.text((MARGIN, y + height // 2), row.name, INK, font_of(13), anchor="lm")
            for place, tile in enumerate(thumbnails(row.tiles)):
                x = left + place * (width + gap)
                page.paste(tile, (x, y))
                if gap:
                    draw.rectangle((x - 1, y - 1, x + width, y + height), outline=LINE)
                if row.captions:
                    draw.text((x + width / 2, y + height + 3), row.captions[place], PALE, font_of(12), anchor="ma")
            y += height + gap + (CAPTION_HEIGHT if row.captions else 0)
        y += GAP
    return page


def limits(given: Tensor) -> tuple[float, float]:
    """What is drawn black and what white: 0 and 1, or the least and the greatest number where some lie beyond."""
    low, high = float(given.min()), float(given.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def shaded(values: Float[Tensor, "N C Y X"], ends: tuple[float, float]) -> Float[Tensor, "N C Y X"]:
    """Pictures brought to numbers from 0 to 1; what lies beyond the ends is cut off."""
    low, high = ends
    return ((values - low) / max(high - low, 1e-12)).clamp(0, 1)
