"""The size that pictures are brought to, and how."""

from __future__ import annotations

import math
from typing import NamedTuple

from PIL import Image as Pillow

from lamina.data.pictures.reading import Fit

GAP = 3.0
"""A picture is first reduced by a whole number to at least so many times its final size, which is quick, then exactly.
Three cannot be told from resizing at once (Pillow's documentation of `reducing_gap`)."""


class Frame(NamedTuple):
    """Height and width that pictures are brought to, and how."""

    height: int
    width: int
    fit: Fit


def draft_size(size: tuple[int, int], frame: Frame) -> tuple[int, int]:
    """The least (width, height) that a picture may be decoded at, to become as large as the frame asks."""
    width, height = size
    across, down = frame.width / width, frame.height / height
    if frame.fit != "stretch":
        across = down = max(across, down) if frame.fit == "crop" else min(across, down)
    return max(1, math.ceil(width * across * GAP)), max(1, math.ceil(height * down * GAP))


def fitted(image: Pillow.Image, frame: Frame) -> Pillow.Image:
    """The picture in the size of the frame; one that has it stays as it is."""
    width, height = image.size
    if (height, width) == (frame.height, frame.width):
        return image
    if frame.fit == "stretch":
        return _resized(image, frame.width, frame.height, (0, 0, width, height))
    if frame.fit == "crop":
        factor = max(frame.width / width, frame.height / height)
        across, down = min(width, frame.width / factor), min(height, frame.height / factor)
        left, top = (width - across) / 2, (height - down) / 2
        return _resized(image, frame.width, frame.height, (left, top, left + across, top + down))
    factor = min(frame.width / width, frame.height / height)
    across = min(frame.width, max(1, round(width * factor)))
    down = min(frame.height, max(1, round(height * factor)))
    inner = _resized(image, across, down, (0, 0, width, height))
    page = Pillow.new(image.mode, (frame.width, frame.height), (0, 255) if image.mode == "LA" else "black")
    page.paste(inner, ((frame.width - across) // 2, (frame.height - down) // 2))
    return page


def _resized(image: Pillow.Image, width: int, height: int, box: tuple[float, float, float, float]) -> Pillow.Image:
    # Pillow weighs colours by their opacity here, so that what is hidden does not bleed into what is seen.
    return image.resize((width, height), Pillow.Resampling.BICUBIC, box, reducing_gap=GAP)
