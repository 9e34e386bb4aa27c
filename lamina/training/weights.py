"""Tensors in a file: safetensors, read with caps, and compared with the net before anything is copied.

Nothing is ever unpickled: a file of weights is data, whoever made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lamina.errors import RunError, nearest, shown
from lamina.training.files import Written, settle

HEADER_BYTES = 32 * 2**20
TENSORS = 100_000
"""A file holds no more: room for 10,000 stages and what AdamW keeps of them; beyond it, parsing a header takes long."""
ENTRY_BYTES = 64  # what a tensor's entry takes in a header at most, its name and its numbers apart
NAME = re.compile(r"[A-Za-z0-9_.-]+")
RESERVED = "__metadata__"  # the one key of a safetensors header that is no tensor
SUGGESTIONS = 20  # beyond these, looking for similar names would take longer than reading the list


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> Written:
    """Write tensors, bit for bit, to a file that the disk has when this returns.

    A file that is there already is replaced as a whole. Tensors that share memory are written one by one.

    Returns:
        The size and the sha256 of the file.

    Raises:
        RunError: a name, a type or a number of tensors that such a file cannot hold; nothing was written.
        OSError: the disk fails.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = save_weights(Path(folder, "model.safetensors"), {"bias": torch.tensor([0.5])})
        ...     print(written.size, load_weights(Path(folder, "model.safetensors")))
        76 {'bias': tensor([0.5000])}
    """
    check_tensors(tensors, str(path))
    try:
        safetensors.torch.save_file(_apart(tensors), path)
    except KeyError as error:
        raise RunError(f"{path}: cannot hold tensors of type {error}; convert them before saving") from error
    except safetensors.SafetensorError as error:
        # The library hides what the disk said in its text.
        raise OSError(str(error)) from error
    # The library makes files private; this one is for whoever may use the folder.
    path.chmod(path.parent.stat().st_mode & 0o666)
    return settle(path)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors from a file. They are copies: what happens to the file later does not touch them.

    Raises:
        RunError: the file is missing, damaged, too rich, or names tensors as lamina never would.
    """
    try:
        _check_header(path)
        # Not mapped into memory: a mapped tensor changes, or dies, with its file.
        with safetensors.safe_open(path, framework="pt", backend="pread") as file:
            check_names(file.keys(), str(path))
            tensors: dict[str, Tensor] = file.get_tensors()
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from error
    except RunError:
        raise
    except (safetensors.SafetensorError, AttributeError, OverflowError, RuntimeError, TypeError) as error:
        # The last four are what the library and torch say to shapes and types that no tensor of torch has.
        raise RunError(f"{path}: expected tensors in safetensors format: {error}") from error
    return tensors


def check_tensors(tensors: Mapping[str, Tensor], where: str) -> None:
    """Check before tensors are written that `load_weights` will take the file: their names, number and header.

    Raises:
        RunError: what it would refuse.
    """
    check_names(tensors, where)
    advice = "make the net of fewer stages, or take an optimizer that keeps less, such as SGD()"
    if len(tensors) > TENSORS:
        raise RunError(f"{where}: expected at most {TENSORS} tensors in a file, got {len(tensors)}; {advice}")
    offset = len(str(sum(tensor.nbytes for tensor in tensors.values())))
    size = sum(len(name) + len(str(list(held.shape))) + 2 * offset + ENTRY_BYTES for name, held in tensors.items())
    if size > HEADER_BYTES:
        expected = f"expected names and shapes that fit into a header of {HEADER_BYTES} bytes"
        raise RunError(f"{where}: {expected}, got {size}; shorten the names, or {advice}")


def check_names(names: Iterable[str], where: str) -> None:
    """Check that tensors may be called so in a file: letters, digits, and `_ . -` alone.

    Raises:
        RunError: lists the names that may not stand there.
    """
    wrong = [name for name in names if not NAME.fullmatch(name) or name == RESERVED]
    if wrong:
        listing = ", ".join(shown(name) for name in wrong[:SUGGESTIONS])
        raise RunError(f"{where}: expected names of letters, digits and _ . - for tensors, got {listing}; rename them")


def fit_into(module_state: Mapping[str, Tensor], loaded: Mapping[str, Tensor], where: str) -> None:
    """Copy loaded tensors into a net, in place, if they are exactly those that the net has.

    Args:
        module_state: the net's own tensors by name, as `net.state_dict()` gives them.
        loaded: what is to stand in them.
        where: the file that they came from, for the message.

    Raises:
        RunError: lists every tensor that is missing, unknown, or of another shape or type. Nothing was copied.
    """
    missing = [name for name in module_state if name not in loaded]
    extra = [name for name in loaded if name not in module_state]
    mistakes = [f"{name!r} {_form(module_state[name])} is missing" for name in missing]
    for place, name in enumerate(extra):
        meant = nearest(name, missing) if place < SUGGESTIONS else None
        mistakes.append(f"{name!r} is not in the net" + (f"; did you mean {meant!r}?" if meant else ""))
    for name, tensor in module_state.items():
        if name in loaded and _form(tensor) != _form(loaded[name]):
            expected, got = _form(tensor), _form(loaded[name])
            mistakes.append(f"{name!r}: expected {expected}, got {got}")
    if mistakes:
        listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
        raise RunError(f"{where} does not fit this net; load it into the net that it was saved from:\n{listing}")
    with torch.no_grad():
        for name, tensor in module_state.items():
            tensor.copy_(loaded[name])


def _form(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each plain memory of its own: the format knows neither strides nor sharing."""
    apart: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if memory in taken else tensor
        taken.add(memory)
    return apart


def _check_header(path: Path) -> None:
    """Refuse a file by the length of its header before anything parses it."""
    if not path.is_file():
        raise RunError(f"{path}: expected a file of weights, got a folder or nothing")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(HEADER_BYTES, size - 8):
            limit = f"at most {HEADER_BYTES} bytes of header in a file of {size}"
            raise RunError(f"{path}: expected {limit}, got {length}; this is no file of weights, or it was cut")
        # Each tensor's entry opens a brace, and names hold none: an upper bound that no spelling can evade.
        entries = file.read(length).count(b"{") - 1
    if entries > TENSORS:
        raise RunError(f"{path}: expected at most {TENSORS} tensors, got {entries}; lamina did not write this")
