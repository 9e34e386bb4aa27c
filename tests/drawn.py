"""Pictures for tests, drawn here."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Random bytes (Y, X, C), or (Y, X) for one channel."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image: Pillow.Image | NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file of this kind would hold it."""
    stream = io.BytesIO()
    image = image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)
    image.save(stream, kind, **options)
    return stream.getvalue()


def put(root: Path, files: dict[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root
