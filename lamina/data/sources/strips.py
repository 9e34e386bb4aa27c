"""Pictures as strips: one picture a row of a PNG file, its pixels one after the other; their labels in a JSON file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from lamina.errors import DataError

MOST_BYTES = 2**28
"""Of a strip's file: ten thousand pictures of 32 x 32 take 23 MB."""

MOST_LABEL_BYTES = 2**22


def read_strip(path: Path, examples: int, height: int, width: int) -> NDArray[np.uint8]:
    """The pictures of a strip, (N, Y, X, 3). What the head says is checked before anything is unpacked.

    Raises:
        DataError: if the file is no such strip.
    """
    expected = f"a PNG strip of {examples:,} colour pictures, {height * width} pixels wide"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: expected {expected}, got a file of {path.stat().st_size:,} bytes; fetch it again")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Picture.DecompressionBombWarning)
            with Picture.open(path, formats=["PNG"]) as strip:
                if (strip.size, strip.mode) != ((height * width, examples), "RGB"):
                    came = f"{strip.mode} {strip.width} x {strip.height}"
                    raise DataError(f"{path}: expected {expected}, got {came}; fetch it again")
                return np.array(strip).reshape(examples, height, width, 3)
    except FileNotFoundError:
        raise DataError(f"{path}: expected {expected}, found nothing there; check the path") from None
    except (
        OSError,
        SyntaxError,
        ValueError,
        Picture.DecompressionBombError,
        Picture.DecompressionBombWarning,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected {expected}, got a file that cannot be read; fetch it again") from None


def read_labels(path: Path, examples: int, classes: int) -> NDArray[np.uint8]:
    """The labels of so many pictures: a JSON list of the classes' numbers.

    Raises:
        DataError: if the file holds anything else.
    """
    expected = f"a JSON list of {examples:,} whole numbers below {classes}"
    try:
        if path.stat().st_size > MOST_LABEL_BYTES:
            raise DataError(f"{path}: expected {expected}, got {path.stat().st_size:,} bytes; fetch it again")
        written = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: expected {expected}, cannot read it ({error.strerror}); put it there") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected {expected}, got no JSON; fetch it again") from None
    fits = isinstance(written, list) and len(written) == examples
    if not fits or not all(type(label) is int and 0 <= label < classes for label in written):
        came = f"{len(written):,} items" if isinstance(written, list) else type(written).__name__
        raise DataError(f"{path}: expected {expected}, got {came}; fetch it again")
    return np.array(written, np.uint8)
