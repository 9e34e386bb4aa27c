"""Pictures decoded once: kept in the cache as a file that is mapped to memory."""

from __future__ import annotations

import errno
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any, NamedTuple

import PIL
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from lamina.data.fetch import cache
from lamina.data.pictures.contents import Content, hasher
from lamina.data.pictures.decode import TRAITS, VERSION, NoMemoryError, Picture, decode, unreadable
from lamina.data.pictures.frame import Frame
from lamina.data.pictures.reading import PictureReading
from lamina.data.pictures.sheets import PIXELS, FileSheets, MemorySheets, Sheets
from lamina.data.pictures.threads import Pace, Say, in_order
from lamina.data.tables.kept import draft_of, mapped
from lamina.errors import DataError
from lamina.training.files import publish, sync_folder, write

FILE = "pictures.json"
HASHES = "hashes"


@dataclass(frozen=True)
class Decoded:
    """Pictures that are ready for a net.

    Attributes:
        values: those that could be decoded, in order.
        hashes: of each one's pixels; equal pictures have equal hashes.
        bad: why each of the others could not, by its place among all.
        traits: how many have each of `TRAITS`.
        notes: what went another way than usual.
        lasting: whether the same files will come to the same again. Where one vanished or changed meanwhile they do
            not, and nothing of it may be kept.
    """

    values: UInt8[Tensor, "N Y X C"]
    hashes: Int64[Tensor, " N"]
    bad: dict[int, str]
    traits: dict[str, int]
    notes: tuple[str, ...] = ()
    lasting: bool = True


class Fault(NamedTuple):
    """Why a picture could not be decoded, and whether it is the file's content, so that it lasts as long as that."""

    problem: str
    lasting: bool


def decoded(
    paths: Sequence[Path],
    held: Sequence[Content],
    frame: Frame,
    reading: PictureReading,
    say: Say | None = None,
) -> Decoded:
    """The pictures of files, brought to one size: from the cache, else decoded and kept there.

    Args:
        paths: the files.
        held: what they hold.
        frame: the size.
        reading: what the user said.
        say: told how far this is.

    Raises:
        DataError: if they can neither be kept in the cache nor held in memory.
    """
    place = cache() / "pictures" / key(held, frame, reading)
    ready = kept(place, len(paths))
    if ready is not None:
        return ready
    if say is not None:
        say(f"decoding {len(paths):,} pictures, once: they are kept in {place}")
    try:
        draft = draft_of(place)
        try:
            sheets = FileSheets(draft, len(paths), frame.height, frame.width, _channels(reading))
            with closing(sheets):
                made = _filled(sheets, paths, held, frame, reading, say)
            if made.lasting:
                _write(draft, made)
                _put(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except (OSError, DataError) as error:
        return _in_memory(paths, held, frame, reading, say, _reason(error))
    return (made.lasting and kept(place, len(paths))) or made


def key(held: Sequence[Content], frame: Frame, reading: PictureReading) -> str:
    """What the pixels follow from: the bytes of all files in order, the size and colour, and what decodes them."""
    digest = blake2b(repr((VERSION, PIL.__version__, *frame, reading.colour)).encode(), digest_size=16)
    for content in held:
        digest.update(f"\x1f{content.digest}".encode())
    return digest.hexdigest()


def kept(place: Path, count: int) -> Decoded | None:
    """The pictures kept at a place, mapped to memory; None if there are none, or they are damaged."""
    try:
        said: dict[str, Any] = json.loads((place / FILE).read_bytes())
        shape = tuple(said["shape"])
        bad = {int(number): str(problem) for number, problem in said["bad"].items()}
        traits = {name: int(said["traits"][name]) for name in TRAITS if name in said["traits"]}
        if len(shape) != 4 or shape[0] + len(bad) != count:
            return None
        if not shape[0]:
            return Decoded(torch.empty(shape, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), bad, traits)
        values, hashes = mapped(place / PIXELS, "uint8", *shape), mapped(place / HASHES, "int64", shape[0])
        return Decoded(values, hashes, bad, traits)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _channels(reading: PictureReading) -> int:
    return 3 if reading.colour == "colour" else 1


def _filled(
    sheets: Sheets,
    paths: Sequence[Path],
    held: Sequence[Content],
    frame: Frame,
    reading: PictureReading,
    say: Say | None,
) -> Decoded:
    """Decode all that are pictures."""
    bad = {place: content.problem for place, content in enumerate(held) if content.problem}
    traits, hashes = Counter[str](), list[int]()
    places = [place for place in range(len(paths)) if place not in bad]
    pace = Pace("decoding pictures", len(places), say)
    grey, lasting = reading.colour == "grey", True
    for place, found in zip(
        places, in_order(lambda place: _decoded(paths[place], held[place], frame, grey), places), strict=True
    ):
        pace.step()
        if isinstance(found, Fault):
            bad[place] = found.problem
            lasting &= found.lasting
            continue
        sheets.add(found.pixels)
        traits.update(found.traits)
        hashes.append(_hash(found))
    values = sheets.ended() if hashes else torch.empty(sheets.shape, dtype=torch.uint8)
    rows = torch.tensor(hashes, dtype=torch.int64)
    return Decoded(values, rows, dict(sorted(bad.items())), dict(traits), lasting=lasting)


def _decoded(path: Path, content: Content, frame: Frame, grey: bool) -> Picture | Fault:
    """A picture, or what is wrong with it. What is kept goes by the content, so it must still be that."""
    try:
        with path.open("rb") as file:
            if file_digest(file, hasher).hexdigest() != content.digest:
                return Fault(
                    "it changed while the pictures were being read; begin again when nothing writes to it", False
                )
            file.seek(0)
            return decode(file, str(path), frame, grey)
    except DataError as error:
        return Fault(str(error).removeprefix(f"{path}: "), lasting=not isinstance(error, NoMemoryError))
    except OSError as error:
        return Fault(unreadable(error), lasting=False)


def _hash(picture: Picture) -> int:
    """64 bits of the pixels. One without colour has one channel here, whatever the others have."""
    return int.from_bytes(blake2b(picture.pixels.data, digest_size=8).digest(), "little", signed=True)


def _write(draft: Path, made: Decoded) -> None:
    """Write what belongs to the pixels, and wait for the disk."""
    write(draft / HASHES, made.hashes.numpy().tobytes())
    said = {"shape": list(made.values.shape), "bad": made.bad, "traits": made.traits}
    write(draft / FILE, json.dumps(said).encode())
    sync_folder(draft)


def _put(draft: Path, place: Path) -> None:
    """Give a draft its place. What is there is damaged, unless another process was first with the same."""
    try:
        publish(draft, place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        said = json.loads((draft / FILE).read_bytes())
        if kept(place, said["shape"][0] + len(said["bad"])) is None:
            shutil.rmtree(place, ignore_errors=True)
            publish(draft, place)


def _reason(error: Exception) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)


def _in_memory(
    paths: Sequence[Path],
    held: Sequence[Content],
    frame: Frame,
    reading: PictureReading,
    say: Say | None,
    reason: str,
) -> Decoded:
    """The same without the cache, which gave a reason for not taking it."""
    text = (
        f"the pictures cannot be kept in the cache ({reason}), so they are held in memory, and decoded at every start"
    )
    try:
        sheets = MemorySheets(len(paths), frame.height, frame.width, _channels(reading))
    except OSError as error:
        raise DataError(
            f"the pictures can neither be kept in the cache ({reason}) nor held in memory ({error.strerror}); "
            "free space, set LAMINA_CACHE to another folder, or ask for a smaller size"
        ) from None
    if say is not None:
        say(text)
    made = _filled(sheets, paths, held, frame, reading, say)
    return replace(made, notes=(text,))
