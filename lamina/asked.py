"""What a model is asked: pictures as files, Pillow's images and arrays of bytes, as it takes them; rows of a table."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.pictures.reading import PictureOrigin
from lamina.errors import DataError, shown
from lamina.kinds import Image, Kind, Table

if TYPE_CHECKING:
    from PIL import Image as Pillow

CHANNELS = (1, 3, 4)


def origin_for(given: Image, scale: float | None, known: PictureOrigin | None) -> PictureOrigin:
    """How pictures become inputs of a model: as those it was trained on did; else they are cropped to its size.

    Raises:
        DataError: if it was trained on arrays that a picture's bytes are not like.
    """
    if known is not None:
        return known
    if scale is None or given.channels not in (1, 3):
        raise DataError(
            f"the model takes {given}, and was trained on numbers that are no bytes of grey or colour; pass arrays as"
            " it was trained on"
        )
    return PictureOrigin(given.height, given.width, "crop", given.channels)


def pictures_in(
    inputs: Any, given: Image, scale: float | None, known: PictureOrigin | None
) -> UInt8[Tensor, "B C Y X"] | None:
    """Pictures as a model takes them; None for what is none, or has its size already.

    Args:
        inputs: a path or an image of Pillow's; several; an array of bytes, or several, whatever their size.
        given: the kind that the model takes.
        scale: of the bytes that it was trained on; None where it was trained on other numbers.
        known: how the pictures were read that it was trained on.

    Raises:
        DataError: if one cannot be read, or the model was trained on no pictures.
    """
    found = _listed(inputs, given)
    if found is None:
        return None
    origin = origin_for(given, scale, known)
    return alike([_picture(each, origin, place) for place, each in enumerate(found)])


def _listed(inputs: Any, given: Image) -> list[Any] | None:
    """Pictures one by one; None if these are none, or need not be resized."""
    if isinstance(inputs, str | Path) or _is_image(inputs):
        return [inputs]
    if isinstance(inputs, list | tuple) and inputs:
        if all(isinstance(each, str | Path) or _is_image(each) for each in inputs):
            return list(inputs)
        if not all(isinstance(each, Tensor | np.ndarray) for each in inputs):
            return None
        each = [_alone(_bytes(array)) for array in inputs]
        fit = all(tuple(array.shape) == (given.channels, given.height, given.width) for array in inputs)
        return None if fit or any(array is None for array in each) else each
    array = _bytes(inputs)
    return None if array is None else _batch(array, given)


def _is_image(value: Any) -> bool:
    # Asked of Pillow only where it is loaded: no image was made without it.
    return type(value).__module__.partition(".")[0] == "PIL" and hasattr(value, "getexif")


def _bytes(value: Any) -> NDArray[np.uint8] | None:
    if isinstance(value, Tensor):
        return value.cpu().numpy() if value.dtype == torch.uint8 else None
    return value if isinstance(value, np.ndarray) and value.dtype == np.uint8 else None


def _alone(array: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """One picture as (Y, X) or (Y, X, C)."""
    if array is None or array.ndim == 2:
        return array
    if array.ndim != 3:
        return None
    if array.shape[2] in CHANNELS:
        return array
    return array.transpose(1, 2, 0) if array.shape[0] in CHANNELS else None


def _batch(array: NDArray[np.uint8], given: Image) -> list[Any] | None:
    """The pictures of an array: (B, C, Y, X), (B, Y, X, C), (B, Y, X), or a single (Y, X, C)."""
    sizes = (given.channels, given.height, given.width)
    if not array.size or array.shape[1:] in (sizes, sizes[1:] if given.channels == 1 else sizes):
        return None
    if array.ndim == 3 and array.shape[2] in (3, 4):
        return [array]
    if array.ndim not in (3, 4):
        return None
    each = [_alone(picture) for picture in array]
    return None if any(picture is None for picture in each) else each


def _picture(given: Any, origin: PictureOrigin, place: int) -> UInt8[Tensor, "C Y X"]:
    """One picture. What is in memory goes the way of a file, so that the same rules hold."""
    if isinstance(given, str | Path):
        return origin.read(given)
    from PIL import Image as Pillow

    from lamina.data.pictures.decode import decode
    from lamina.data.pictures.frame import Frame

    image = Pillow.fromarray(np.ascontiguousarray(_squeezed(given))) if isinstance(given, np.ndarray) else given
    frame = Frame(origin.height, origin.width, origin.fit)
    pixels = decode(_as_file(image), f"picture {place}", frame, grey=origin.channels == 1).pixels
    return torch.from_numpy(np.broadcast_to(pixels, (*pixels.shape[:2], origin.channels)).copy()).permute(2, 0, 1)


def _squeezed(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(Y, X, 1) as (Y, X)."""
    return array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _as_file(image: Pillow.Image) -> io.BytesIO:
    file = io.BytesIO()
    try:
        plain = image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else image.convert("RGB")
        plain.save(file, "PNG", compress_level=0, exif=image.getexif())
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(image)} cannot be read as a picture ({error}); convert it to RGB") from None
    file.seek(0)
    return file


def alike(inputs: Sequence[UInt8[Tensor, "C Y X"]]) -> UInt8[Tensor, "B C Y X"]:
    """Pictures of one size as a batch whose channels lie next to one another, as a net takes them."""
    return torch.stack([picture.permute(1, 2, 0) for picture in inputs]).permute(0, 3, 1, 2)


def check_codes(rows: Tensor, kind: Table) -> None:
    """Refuse rows that are no rows of such a table: numbers may be NaN, codes are whole and of their column.

    Raises:
        DataError: naming the first such row.
    """
    numbers, codes = rows[:, : kind.numbers], rows[:, kind.numbers :]
    wrong = numbers.isinf().any(1) | (codes != codes.trunc()).any(1) | (codes < 0).any(1)
    wrong |= (codes >= torch.tensor(kind.categories)).any(1) | codes.isnan().any(1)
    if wrong.any():
        raise DataError(
            f"inputs must be rows of {kind}, finite numbers or NaN and then the codes of categories, but row"
            f" {int(wrong.nonzero()[0, 0])} is none; pass a path or a frame, and the model encodes it"
        )


def as_inputs(inputs: Any, given: Kind, scale: float | None) -> Tensor:
    """Rows of numbers as a net takes them.

    Args:
        inputs: an array, a tensor, or lists of numbers, an example each.
        given: the kind of an example.
        scale: what raw numbers are multiplied by; None for 1.

    Raises:
        DataError: if they are not examples of that kind, or not finite.
    """
    try:
        with np.errstate(over="ignore"):  # what is too large for float32 is named below
            array = None if isinstance(inputs, Tensor) else np.require(inputs, np.float32, ["C", "W"])
        tensor = inputs if array is None else torch.from_numpy(array)
    except (TypeError, ValueError) as error:
        raise DataError(f"inputs must be rows of numbers, got {shown(inputs)}") from error
    sizes = sizes_of(given)
    # An example may come as it is, as one row of numbers, or, with one channel, without that axis.
    fitting = {sizes, (math.prod(sizes),), sizes[1:] if len(sizes) == 3 and sizes[0] == 1 else sizes}
    if not tensor.dim() or tuple(tensor.shape[1:]) not in fitting or not len(tensor):
        got = f"an array of shape {tuple(tensor.shape)}"
        raise DataError(f"inputs must be examples of {given}, {sizes} each, got {got}")
    tensor = tensor.reshape(len(tensor), *sizes).to(torch.get_default_dtype())
    if isinstance(given, Image):
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    if isinstance(given, Table):
        check_codes(tensor, given)
    elif not tensor.isfinite().all():
        row = int((~tensor.flatten(1).isfinite().all(1)).nonzero()[0, 0])
        raise DataError(f"inputs must be finite numbers, but row {row} has one that is not; fill it or leave it out")
    return tensor if scale is None else tensor * scale


def sizes_of(kind: Kind) -> tuple[int, ...]:
    """The sizes of an example's axes."""
    if isinstance(kind, Table):
        return (kind.numbers + len(kind.categories),)
    return tuple(int(size) for size in kind.values().values())
