"""Arrays that are already in memory, or in a .npz file."""

from __future__ import annotations

import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.errors import DataError, did_you_mean, listed, shown
from lamina.kinds import Image, Label, Value, Vector

Array = NDArray[Any]
Task = Literal["label", "value"]

UNREADABLE = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, UnicodeDecodeError),
    RuntimeError,  # an encrypted member, or a compression that is not known
)
"""What zipfile says to a file that it cannot read."""
NAMES = (("x", "y"), ("inputs", "target"))
ALONE = ("x", "inputs")
MOST_BYTES = 2**32
"""An array beyond this is refused: data is read into memory."""


def from_arrays(
    inputs: Any,
    target: Any = None,
    *,
    name: str = "arrays",
    classes: Sequence[str] | None = None,
    task: Task | None = None,
) -> Dataset:
    """A data set from numpy arrays, torch tensors or lists; arrays whose type fits are not copied.

    Args:
        inputs: (N, D) numbers become a Vector; (N, Y, X) or (N, C, Y, X) an Image, where bytes stand for [0, 1] in
            steps of 1/255 and floats stay as they are.
        target: whole numbers, bools or texts become a Label whose classes are sorted; floats, (N,) or (N, K), a Value;
            None for data of which nothing is predicted but the inputs themselves.
        name: what messages and reports call the data.
        classes: the names of the classes by number; for a target of texts, their order.
        task: "label" or "value" overrules what the type of the target says.

    Raises:
        DataError: if these are no arrays to train on: shapes, types, numbers that are not finite. All faults at once.

    >>> data = from_arrays([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]], ["cat", "dog", "cat"])
    >>> data.inputs.kind, data.target.kind, data.classes
    (Vector(2), Label(2), ('cat', 'dog'))
    """
    given: Column | None = None
    wanted: Column | None = None
    names: tuple[str, ...] = ()
    mistakes: list[str] = []
    try:
        given = _inputs(_array(inputs, "inputs"))
    except DataError as error:
        mistakes.append(str(error))
    if target is None:
        _no_classes(classes, task, name)
        if given is None:
            raise DataError(listed([f"{name}: {mistake}" for mistake in mistakes], f"{name} cannot be used"))
        return Dataset(name, given, given)
    try:
        wanted, names = _target(_array(target, "target"), classes, task)
    except DataError as error:
        mistakes.append(str(error))
    if given is not None and wanted is not None and len(given) != len(wanted):
        mistakes.append(f"inputs and target must be of one length, got {len(given)} inputs and {len(wanted)} targets")
    if given is None or wanted is None or mistakes:
        raise DataError(listed([f"{name}: {mistake}" for mistake in mistakes], f"{name} cannot be used"))
    return Dataset(name, given, wanted, classes=names)


def _no_classes(classes: Sequence[str] | None, task: Task | None, name: str) -> None:
    said = [what for what, value in (("classes", classes), ("task", task)) if value is not None]
    if said:
        raise DataError(
            f"{name}: {' and '.join(said)} would say something of a target, but there is none; leave it out"
        )


def read_npz(path: Path, name: str | None = None) -> Dataset:
    """The data set in a .npz file with the arrays x and y, or inputs and target; or with x or inputs alone.

    Raises:
        DataError: if the file cannot be read, holds other arrays or Python objects, or promises more than it holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = {item.removesuffix(".npy"): item for item in archive.namelist()}
            pair = next((pair for pair in NAMES if set(pair) <= set(held)), None)
            if pair is None and len(held) == 1 and (alone := next(iter(held))) in ALONE:
                lone = _member(archive, held[alone], f"{path}: {alone}")
                return from_arrays(lone, name=name or str(path))
            if pair is None:
                raise DataError(
                    f"{path}: expected the arrays x and y, or inputs and target, got {shown(', '.join(held))}; "
                    "write it with np.savez(path, x=..., y=...)"
                )
            inputs, target = (_member(archive, held[item], f"{path}: {item}") for item in pair)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a .npz file, found nothing there; check the path") from None
    except UNREADABLE as error:
        raise DataError(f"{path}: expected a .npz file, got one that cannot be read ({error}); write it anew") from None
    return from_arrays(inputs, target, name=name or str(path))


def _member(archive: zipfile.ZipFile, member: str, where: str) -> Array:
    """One array of a .npz file; its size is checked before it is allocated, and pickles are not opened."""
    size = archive.getinfo(member).file_size
    try:
        with archive.open(member) as stream:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(stream)
        promised = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not promised <= size <= MOST_BYTES:
            held = "Python objects" if dtype.hasobject else f"shape {shape} of {dtype} in {size:,} bytes"
            raise DataError(f"{where} must be a plain array of at most {MOST_BYTES:,} bytes, got {held}")
        with archive.open(member) as stream:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
    except (ValueError, SyntaxError, tokenize.TokenError) as error:  # the last two are of numpy's parsing a header
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where} must be an array as np.savez writes it ({error}); write it anew") from None


def _array(given: Any, what: str) -> Array:
    """`given` as an array of at least two examples, of numbers or texts."""
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = given.float() if given.dtype in (torch.bfloat16, torch.float16) else given
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} must be an array with rows of one length, got {shown(given)} ({error})") from None
    if isinstance(given, np.ma.MaskedArray):
        raise DataError(f"{what} must be a plain array, got a masked one; drop the masked rows, then pass its .data")
    if array.dtype.kind not in "biufUS":
        raise DataError(
            f"{what} must hold numbers{', bools or texts' if what == 'target' else ''}, got dtype={array.dtype}; "
            f"convert it first, as in {what}.astype({'str' if what == 'target' else 'float'})"
        )
    if array.ndim == 0 or len(array) < 2:
        raise DataError(f"{what} must have at least 2 examples, got shape {array.shape}")
    if array.size == 0:
        raise DataError(f"{what} must have something in every example, got shape {array.shape}")
    return array


def _inputs(array: Array) -> Column:
    if array.dtype.kind in "US":
        raise DataError(f"inputs must hold numbers, got texts such as {shown(str(array.flat[0]))}; number them first")
    if not 2 <= array.ndim <= 4:
        cure = "for one number an example pass inputs[:, None]" if array.ndim == 1 else "reshape them to one of these"
        raise DataError(f"inputs must have shape (N, D), (N, Y, X) or (N, C, Y, X), got {array.shape}; {cure}")
    if array.ndim == 2:
        return Column(_finite(array, "inputs"), Vector(array.shape[1]))
    if array.ndim == 4 and array.shape[3] in (1, 3, 4) and array.shape[1] not in (1, 3, 4):
        raise DataError(
            f"inputs must have their channels first, (N, C, Y, X), got {array.shape}; pass inputs.transpose(0, 3, 1, 2)"
        )
    pictures = array[:, None] if array.ndim == 3 else array
    kind = Image(*pictures.shape[1:])
    if array.dtype == np.uint8:
        return Column(_tensor(pictures, np.uint8), kind, scale=1 / 255)
    return Column(_finite(pictures, "inputs"), kind)


def _target(array: Array, classes: Sequence[str] | None, task: Task | None) -> tuple[Column, tuple[str, ...]]:
    task = task or ("value" if array.dtype.kind == "f" else "label")
    if task == "value":
        if classes is not None:
            raise DataError(
                "classes are names of labels, but this target is a value; leave them out or say task='label'"
            )
        if array.dtype.kind in "US":
            raise DataError(f"target must hold numbers for task='value', got texts such as {str(array.flat[0])!r}")
        if array.ndim > 2:
            raise DataError(f"target must have shape (N,) or (N, K), got {array.shape}")
        values = _finite(array.reshape(len(array), -1), "target")
        return Column(values, Value(values.shape[1])), ()
    if array.ndim != 1:
        raise DataError(
            f"target must have shape (N,), one class an example, got {array.shape}; "
            + ("pass target[:, 0]" if array.shape[1:] == (1,) else "for one-hot rows pass target.argmax(1)")
        )
    if array.dtype.kind == "f":
        _finite(array, "target")
        if (array != np.floor(array)).any():
            raise DataError("target must hold whole numbers for task='label'; leave task out to predict a value")
        array = array.astype(np.int64)
    numbers, names = _classes(array, classes)
    if len(names) < 2:
        raise DataError(f"target must have at least two classes, got only {names[0]!r}")
    return Column(torch.from_numpy(numbers), Label(len(names))), names


def _classes(array: Array, classes: Sequence[str] | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The class of each example by number, and the names of the classes."""
    found, numbers = np.unique(array, return_inverse=True)
    texts = [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in found.tolist()]
    numbers = numbers.astype(np.int64, copy=False)
    if classes is None:
        return numbers, tuple(texts)
    names = tuple(classes)
    if len(set(names)) < len(names):
        raise DataError(f"classes must have unlike names, got {shown(list(names))}")
    if array.dtype.kind in "US":
        strange = [text for text in texts if text not in names]
        if strange:
            raise DataError(
                f"target holds {strange[0]!r}, which is not among the classes{did_you_mean(strange[0], names)}"
            )
        return np.array([names.index(text) for text in texts], dtype=np.int64)[numbers], names
    if int(found[0]) < 0 or int(found[-1]) >= len(names):
        row = int(np.flatnonzero((array < 0) | (array >= len(names)))[0])
        raise DataError(
            f"target must lie from 0 to {len(names) - 1} for {len(names)} classes, got target[{row}]={array[row]}"
        )
    return array.astype(np.int64), names


def _finite(array: Array, what: str) -> Tensor:
    """`array` as float32, if every number of it is finite there."""
    with np.errstate(over="ignore"):
        values = _tensor(array, np.float32)
    fine = values.isfinite()
    if fine.all():
        return values
    places = (~fine).nonzero()
    first = places[0].tolist()
    count, rows = len(places), len(set(places[:, 0].tolist()))
    raise DataError(
        f"{what} must be finite, got {what}[{', '.join(map(str, first))}]={array[tuple(first)]} "
        f"(row {first[0]}{f', column {first[1]}' if len(first) == 2 else ''}; "
        f"{count} such number{'s' * (count > 1)} in {rows} row{'s' * (rows > 1)}); fill or drop them"
    )


def _tensor(array: Array, dtype: Any) -> Tensor:
    return torch.from_numpy(np.require(array, dtype, ["C", "W"]))
