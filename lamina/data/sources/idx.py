"""IDX files, the format of MNIST: a header with the type and the sizes, then the numbers.

Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits, "File formats".
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.sources.arrays import MOST_BYTES, from_arrays
from lamina.errors import DataError

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_DIMENSIONS = 8
GZIP = b"\x1f\x8b"
GZIP_AT_BEST = 1032
"""Deflate cannot make more bytes than this out of one, so a header that promises more is a lie."""


class Header(NamedTuple):
    """What the first bytes of an IDX file say of the others."""

    type: np.dtype[np.generic]
    shape: tuple[int, ...]
    written: bytes

    @property
    def size(self) -> int:
        """Bytes that follow the header."""
        return math.prod(self.shape) * self.type.itemsize


def read_idx(path: Path, sha256: str | None = None) -> Tensor:
    """The array in an IDX file, gzipped or not.

    Args:
        path: the file.
        sha256: what the content, unzipped, must hash to; None takes any.

    Raises:
        DataError: if there is no such file, or not all of it is as its header says. Nothing is allocated before that.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.peek(2)[:2] == GZIP:
                with gzip.open(file) as unzipped:
                    return _read(unzipped, path, size * GZIP_AT_BEST, sha256)
            return _read(file, path, size, sha256)
    except FileNotFoundError:
        raise DataError(f"{path}: expected an IDX file, found nothing there; check the path") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a whole gzip file, got a damaged one ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path}: expected an IDX file, cannot read it ({error.strerror}); check the path") from None


def _read(stream: BufferedReader | gzip.GzipFile, path: Path, possible: int, sha256: str | None) -> Tensor:
    header = _header(stream, path)
    if header.size > min(possible, MOST_BYTES):
        limit = f"this file can hold {possible:,}" if header.size > possible else f"lamina reads {MOST_BYTES:,}"
        raise DataError(f"{path}: its header promises {_told(header)}, but {limit} at most; fetch it again")
    content = stream.read(header.size + 1)  # one more than there should be, which also makes gzip check its sum
    if len(content) != header.size:
        came = f"only {len(content):,}" if len(content) < header.size else "more"
        raise DataError(f"{path}: its header promises {_told(header)}, got {came}; fetch it again")
    if sha256 is not None:
        digest = hashlib.sha256(header.written)
        digest.update(content)
        if digest.hexdigest() != sha256:
            raise DataError(
                f"{path}: expected content with sha256 {sha256[:16]}..., got {digest.hexdigest()[:16]}...; "
                "the file is damaged or another one: delete it and fetch it again"
            )
    numbers = np.frombuffer(content, header.type).reshape(header.shape)
    return torch.from_numpy(numbers.astype(header.type.newbyteorder("=")))


def _header(stream: BufferedReader | gzip.GzipFile, path: Path) -> Header:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise DataError(
            f"{path}: expected an IDX file, which begins with 00 00, a type and 1 to {MOST_DIMENSIONS} dimensions, "
            f"got {magic.hex(' ') or 'an empty file'}; check that it is the right file"
        )
    if magic[2] not in TYPES:
        known = ", ".join(f"{number:02x}" for number in TYPES)
        raise DataError(f"{path}: expected an IDX type among {known}, got {magic[2]:02x}; write it as one of these")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(
            f"{path}: its header promises {magic[3]} dimensions, got only {len(sizes) // 4}; fetch it again"
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    return Header(np.dtype(TYPES[magic[2]]), shape, magic + sizes)


def _told(header: Header) -> str:
    return f"{' x '.join(map(str, header.shape))} numbers in {header.size:,} bytes"


def find(folder: Path, name: str) -> Path | None:
    """The file of this name in a folder, gzipped or not; the `.idx3` that some unzip it to will do for `-idx3`."""
    names = (f"{name}.gz", name, name.replace("-idx", ".idx"))
    return next((folder / there for there in names if (folder / there).is_file()), None)


def read_folder(folder: Path, name: str, sha256: Mapping[str, str] | None = None) -> Dataset:
    """A data set from a folder with files as those of MNIST: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...

    The rows of the t10k files, where there are any, come last and are the test rows.

    Args:
        folder: where the files lie, gzipped or not.
        name: what the data is called.
        sha256: what the content of each file must hash to, for data that is known.

    Raises:
        DataError: if a file is missing or wrong, or images and labels do not fit together.
    """
    needed = TRAIN + TEST if sha256 or any(find(folder, file) for file in TEST) else TRAIN
    missing = [file for file in needed if find(folder, file) is None]
    if missing:
        raise DataError(
            f"{folder}: expected the files {', '.join(needed)} (.gz or not), found no {', '.join(missing)}; "
            "put them there"
        )
    tensors = [read_idx(find(folder, file) or folder / file, (sha256 or {}).get(file)) for file in needed]
    for file, images, labels in zip(needed[::2], tensors[::2], tensors[1::2], strict=True):
        if len(images) != len(labels) or images.shape[1:] != tensors[0].shape[1:]:
            expected = (len(labels), *tensors[0].shape[1:])
            raise DataError(
                f"{folder / file}: expected shape {expected} to fit the labels and the training images, "
                f"got {tuple(images.shape)}; put files there that belong together"
            )
    for file, trained, tested in zip(TEST, tensors[:2], tensors[2:], strict=False):
        if _row(tested) != _row(trained):  # torch.cat would fail, or make one type of two
            raise DataError(
                f"{folder / file}: expected {_row(trained)} as in the training file, got {_row(tested)}; "
                "put files there that belong together"
            )
    dataset = from_arrays(torch.cat(tensors[::2]), torch.cat(tensors[1::2]), name=name)
    test = torch.arange(len(tensors[0]), len(dataset)) if len(tensors) == 4 else None
    return replace(dataset, test=test)


def _row(numbers: Tensor) -> str:
    return f"rows of shape {tuple(numbers.shape[1:])} of {str(numbers.dtype).removeprefix('torch.')}"
