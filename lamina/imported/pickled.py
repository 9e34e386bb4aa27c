"""A look into a pickle before anything unpickles it: which names it calls upon, without calling any.

`torch.load(weights_only=True)` refuses code by itself. That it did not always (CVE-2025-32434) is why its verdict is
not the only one here: what is not on the short list below never reaches it.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from pathlib import Path

from lamina.errors import RunError, shown

PICKLE_BYTES = 32 * 2**20
"""What describes the tensors, without their numbers, takes no more."""
ENTRIES = 100_000
LEGACY_PICKLES = 5
"""A file from before torch 1.6 begins with so many: a magic number, a version, the machine, the tensors, their keys."""

NEEDED = {
    "collections OrderedDict",
    "torch Size",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    *(f"torch {sort}Storage" for sort in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Byte", "Bool")),
}
"""The names that a file of tensors calls upon."""
HIDDEN = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
"""Instructions that make other things than those named by GLOBAL; torch writes none of them."""

INSIDE = re.compile(
    r"[^/]+/(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|\.data/serialization_id|data/\d+)"
)


def check_pickled(path: Path) -> None:
    """Refuse a file of torch's that holds more than tensors, by reading its instructions and following none.

    Raises:
        RunError: if it calls upon anything that tensors do not need, is larger than it may be, or no such file.
    """
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        data = b"" if zipped else file.read(PICKLE_BYTES)
    if zipped:
        check_instructions(io.BytesIO(_inner_pickle(path)), path)
        return
    stream = io.BytesIO(data)
    for _ in range(LEGACY_PICKLES):
        check_instructions(stream, path)


def check_instructions(stream: io.BytesIO, path: Path) -> None:
    """Read one pickle to its end.

    Raises:
        RunError: if an instruction in it would make anything but tensors and plain values.
    """
    try:
        for operation, argument, _ in pickletools.genops(stream):
            if operation.name in HIDDEN or (operation.name == "GLOBAL" and argument not in NEEDED):
                name = ".".join(str(argument).split()) if operation.name == "GLOBAL" else operation.name
                raise RunError(
                    f"{path}: expected tensors alone, got a file that calls upon {shown(name)}; nothing in it was run:"
                    " save the state dict, torch.save(net.state_dict(), ...), or better as .safetensors"
                )
    except RunError:
        raise
    except Exception as error:  # whatever a made-up file brings its reader to
        text = f"{path}: expected a file of weights, .safetensors or torch.save's"
        raise RunError(f"{text}; this one cannot be read: {shown(str(error))}") from error


def _inner_pickle(path: Path) -> bytes:
    """The pickle in an archive of torch's, whose entries are those that torch makes, each once and not packed."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            strange = [name for name in names if not INSIDE.fullmatch(name)]
            if strange:
                raise RunError(
                    f"{path}: expected an archive of tensors, got one with {shown(strange[0])} in it; save the state"
                    " dict, not the net or a TorchScript program"
                )
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            whole = sum(entry.file_size for entry in entries) <= size
            if len(entries) > ENTRIES or len(set(names)) < len(names) or packed or not whole:
                raise RunError(
                    f"{path}: expected at most {ENTRIES:,} entries, each once, not packed and together no larger than"
                    " the file; torch did not write this"
                )
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(pickles) != 1 or pickles[0].file_size > PICKLE_BYTES:
                raise RunError(f"{path}: expected one data.pkl of at most {PICKLE_BYTES:,} bytes in this archive")
            return archive.read(pickles[0])
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        raise RunError(f"{path}: expected an archive of torch's, but it is damaged: {shown(str(error))}") from error
