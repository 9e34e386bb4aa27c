"""One picture: from a file that nobody vouches for to bytes of the size that a model takes."""

from __future__ import annotations

import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from torch import Tensor

from lamina.data.pictures.frame import Frame, draft_size, fitted
from lamina.errors import DataError

Stream = BufferedReader | BytesIO

VERSION = 1
"""Of the pixels that come of a file: another one decodes all that is cached anew."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
MOST_PIXELS = 2**26
"""A picture beyond this is refused before it is decoded: a file of a few kilobytes may unfold to gigabytes."""

LARGE = 2**23
"""Pictures from so many pixels on are decoded one at a time, whatever the number of threads: each takes 4 bytes a pixel
and as much again where it is converted."""

ORIENTATION = 0x0112
"""The tag of EXIF that says how the camera was held (CIPA DC-008, 4.6.4)."""
TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
LYING = (5, 6, 7, 8)
"""Orientations whose rows are stored as columns."""

_opening = threading.Lock()
_large = threading.Lock()


class Size(NamedTuple):
    """The size of a picture as it is looked at, its orientation applied."""

    height: int
    width: int


class NoMemoryError(DataError):
    """A picture that this machine has no memory for just now."""


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        pixels: (Y, X, 1) if it has no colour, else (Y, X, 3).
        traits: what was done to it that people should know of, among `TRAITS`.
    """

    pixels: NDArray[np.uint8]
    traits: tuple[str, ...]


TRAITS = {
    "transparent": "transparent in places; what shows through is white",
    "animated": "animated, and only the first frame is taken",
    "inks": "in printing inks (CMYK), turned to red, green and blue",
    "deep": "of 16 bits, scaled to 8",
    "turned": "turned upright as their EXIF data says",
}
"""What may be said of pictures, in words that follow "N are"."""


def read_size(file: Stream, where: str) -> Size:
    """The size of a picture, from its header alone.

    Raises:
        DataError: if it is no picture, or too large to be decoded.
    """
    image, orientation = _opened(file, where)
    width, height = image.size
    return Size(width, height) if orientation in LYING else Size(height, width)


def read_picture(path: Path, frame: Frame, channels: int) -> UInt8[Tensor, "C Y X"]:
    """The picture in a file, of this size and so many channels.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            pixels = decode(file, str(path), frame, grey=channels == 1).pixels
    except OSError as error:
        raise DataError(f"{path}: {unreadable(error)}") from None
    return torch.from_numpy(np.repeat(pixels, channels // pixels.shape[2], 2)).permute(2, 0, 1)


def check_file(path: Path) -> None:
    """See that what is there is no pipe, which may never answer, and no device.

    Raises:
        DataError: naming it.
        OSError: if nothing is there.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise DataError(f"{path}: expected a picture, got a pipe or a device; take it out, or copy it to a file")


def unreadable(error: OSError) -> str:
    """What to say of a file that the system does not give."""
    if isinstance(error, FileNotFoundError):
        return "expected a picture, found nothing there; check the path"
    if isinstance(error, IsADirectoryError):
        return "expected a picture, got a folder; name a file in it"
    return f"cannot be read ({error.strerror}); check the file and who may read it"


def decode(file: Stream, where: str, frame: Frame, grey: bool) -> Picture:
    """Decode a picture and bring it to a size.

    Orientation by EXIF is applied; transparency shows white; 16 bits are scaled to 8; of an animation the first frame
    is taken; CMYK becomes RGB. Resizing is bicubic with antialiasing, of the stored values (no linear light).

    Args:
        file: its content, from the start.
        where: leads messages.
        frame: the size.
        grey: whether colours become grey, by the luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.

    Raises:
        DataError: if it is no picture, too large, or damaged.
    """
    image, orientation = _opened(file, where)
    with _one_if(image.width * image.height >= LARGE):
        lying = orientation in LYING
        target = Frame(frame.width, frame.height, frame.fit) if lying else frame
        with _blaming(file, where):
            traits = ["turned"] * (orientation in TURNS) + ["animated"] * _is_animated(image)
            # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, for a fraction of the work and memory.
            image.draft(None, draft_size(image.size, target))
            image.load()
        traits += ["inks"] * (image.mode == "CMYK") + ["deep"] * (image.mode in DEEP)
        image = fitted(_plain(image, where), target)
        if image.mode in ("LA", "RGBA"):
            traits += ["transparent"] * int(np.asarray(image)[..., -1].min() < 255)
            image = _on_white(image)
        if orientation in TURNS:
            image = image.transpose(TURNS[orientation])
        if grey and image.mode != "L":
            image = image.convert("L")
        return Picture(_without_needless_colour(np.array(image)), tuple(traits))


DEEP = ("I;16", "I;16B", "I;16L", "I;16N")


def _opened(file: Stream, where: str) -> tuple[Pillow.Image, int]:
    """A picture of which only the header was read, with its orientation."""
    # Filters of warnings belong to the whole process, so threads take turns; headers are short.
    with _blaming(file, where), _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, which nothing here depends on
        warnings.simplefilter("error", Pillow.DecompressionBombWarning)
        image = Pillow.open(file, formats=FORMATS)
        orientation = _orientation(image)
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(where, f"{image.width:,} x {image.height:,}")
    return image, orientation


@contextmanager
def _blaming(file: Stream, where: str) -> Iterator[None]:
    """What Pillow says within this block becomes a DataError.

    Its readers raise whatever a damaged file makes them stumble over (SyntaxError, struct.error, KeyError, ...), so
    every exception is taken for a fault of the file; nothing but Pillow's reading may stand within.
    """
    try:
        yield
    except (Pillow.DecompressionBombWarning, Pillow.DecompressionBombError):
        raise _too_large(where, "more than Pillow's limit") from None
    except UnidentifiedImageError:
        raise DataError(f"{where}: {_what_it_is(file)}") from None
    except MemoryError:
        raise NoMemoryError(f"{where}: there is not enough memory to decode it; reduce it, or leave it out") from None
    except Exception as error:
        said = str(error) or type(error).__name__
        raise DataError(f"{where}: the picture is damaged ({said[:100]}); get it anew, or leave it out") from None


def _too_large(where: str, size: str) -> DataError:
    return DataError(
        f"{where}: expected at most {MOST_PIXELS:,} pixels, got {size}; it was not decoded; reduce it, or leave it out"
    )


def _what_it_is(file: Stream) -> str:
    """What a file is that is no picture."""
    file.seek(0)
    head = file.read(32)
    if not head:
        return "expected a picture, got an empty file; get it anew, or leave it out"
    kinds = "PNG, JPEG, BMP, GIF or WebP"
    return f"expected a picture ({kinds}), got something that begins with {head[:16]!r}; convert it, or leave it out"


def _orientation(image: Pillow.Image) -> int:
    """How the picture is to be turned, 1 to 8; 1 where nothing readable is said of it."""
    try:
        # The method of the base class: that of PNG would decode the picture to look for EXIF behind it.
        value = Pillow.Image.getexif(image).get(ORIENTATION, 1)
    except Exception:  # metadata may be damaged in any way, and the picture be fine
        return 1
    return value if isinstance(value, int) and value in TURNS else 1


def _is_animated(image: Pillow.Image) -> bool:
    # A JPEG may hold a second picture (MPO: a preview, or another eye's); it does not move.
    return image.format in ("GIF", "WEBP", "PNG") and bool(getattr(image, "is_animated", False))


@contextmanager
def _one_if(large: bool) -> Iterator[None]:
    """Within this block no other thread decodes a large picture, if this is one."""
    if not large:
        yield
        return
    with _large:
        yield


def _plain(image: Pillow.Image, where: str) -> Pillow.Image:
    """The picture as L, RGB, LA or RGBA, of 8 bits a channel."""
    if image.mode in DEEP:
        return _of_8_bits(image)
    if image.mode not in ("1", "L", "P", "PA", "LA", "La", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV"):
        raise DataError(
            f"{where}: expected pixels of grey, a palette, RGB or CMYK, got mode {image.mode!r}; convert it"
        )
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _of_8_bits(image: Pillow.Image) -> Pillow.Image:
    """v -> round(v / 257), which takes 0 to 0 and 65,535 to 255. (Pillow's own conversion cuts at 255.)"""
    deep = np.asarray(image)
    pixels = np.empty(deep.shape, np.uint8)
    for y, row in enumerate(deep):  # row by row, for the numbers in between are four times as large
        pixels[y] = (row.astype(np.uint32) + 128) // 257
    return Pillow.fromarray(pixels)


def _on_white(image: Pillow.Image) -> Pillow.Image:
    """What is seen of a transparent picture that lies on white paper."""
    page = Pillow.new("RGBA", image.size, "white")
    page.alpha_composite(image.convert("RGBA"))
    return page.convert("L" if image.mode == "LA" else "RGB")


def _without_needless_colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(Y, X, 1) where the three channels are equal everywhere."""
    if pixels.ndim == 2:
        return pixels[:, :, None]
    same = (pixels[..., :1] == pixels[..., 1:]).all()
    return np.ascontiguousarray(pixels[..., :1]) if same else pixels
