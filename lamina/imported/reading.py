"""Tensors out of a file of another system: safetensors, or, only here, what `torch.save` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lamina.errors import RunError, shown
from lamina.imported.pickled import check_pickled
from lamina.training.weights import check_names, load_weights

LARGEST_BYTES = 4 * 2**30
LEGACY = (".pth", ".pt", ".th", ".bin", ".tar", ".ckpt")
WRAPPERS = ("state_dict", "model", "model_state_dict", "net")
"""What training scripts call the tensors when they save other things beside them; the first that is there is meant."""
PREFIXES = ("module.", "_orig_mod.")
"""What `DataParallel` and `torch.compile` put before every name."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a file, by the names that they have there without prefixes, as float32.

    Counters of batches are left out: lamina's norms count none.

    Raises:
        RunError: if the file is missing, too large, damaged, or holds anything but tensors. A file with code in it is
            refused, and the code is not run.
    """
    if not path.is_file():
        raise RunError(f"{path}: expected a file of weights, got a folder or nothing; name a .safetensors or .pth file")
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise RunError(f"{path}: expected at most {LARGEST_BYTES:,} bytes, got {size:,}")
    if path.suffix == ".safetensors":
        return plain(load_weights(path), path)
    if path.suffix in LEGACY:
        check_pickled(path)
        return plain(unwrapped(_load_legacy(path), path), path)
    endings = ", ".join((".safetensors", *LEGACY))
    raise RunError(f"{path}: expected a file of weights, which ends in {endings}")


def _load_legacy(path: Path) -> Any:
    try:
        # Tensors alone, and never anything else if that fails: a file must not choose how it is read.
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a made-up file brings its reader to
        reason = str(error).partition("\n")[0]
        raise RunError(f"{path}: expected tensors as torch.save writes them, got {shown(reason)}") from error


def unwrapped(loaded: Any, path: Path) -> Mapping[Any, Any]:
    """The mapping of names to tensors in what a file holds: that itself, or one level down.

    Raises:
        RunError: if there is none.
    """
    if isinstance(loaded, dict):
        if any(isinstance(value, Tensor) for value in loaded.values()):
            return loaded
        for name in WRAPPERS:
            if isinstance(loaded.get(name), dict):
                inner: dict[Any, Any] = loaded[name]
                return inner
    came = f"one with {', '.join(map(shown, list(loaded)[:5]))}" if isinstance(loaded, dict) else type(loaded).__name__
    raise RunError(
        f"{path}: expected tensors by name, or such a dictionary as {' or '.join(map(repr, WRAPPERS))}, got {came}"
    )


def plain(held: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    """The same tensors as float32, without prefixes and counters.

    Raises:
        RunError: if something is no tensor of finite numbers, or together they are larger than a file may be.
    """
    wrong = [name for name, value in held.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if wrong:
        raise RunError(f"{path}: expected tensors by name, but {shown(wrong[0])} is none")
    tensors = {_short(name): value.detach() for name, value in held.items() if not name.endswith("num_batches_tracked")}
    check_names(tensors, str(path))
    # By their shapes: a tensor can say that one number stands for many.
    if 4 * sum(tensor.numel() for tensor in tensors.values()) > LARGEST_BYTES:
        raise RunError(f"{path}: expected tensors of at most {LARGEST_BYTES:,} bytes together")
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise RunError(f"{path}: expected finite numbers in {name!r}, got {tensor.dtype} or numbers that are none")
    return {name: tensor.float() for name, tensor in tensors.items()}


def _short(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
