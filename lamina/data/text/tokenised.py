"""The tokens of a long text: in memory, or made once and mapped to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Shaped
from numpy.typing import NDArray
from torch import Tensor

from lamina.data.fetch import cache
from lamina.data.pictures.threads import Say
from lamina.data.tables.kept import draft_of, mapped
from lamina.data.text.apart import Written
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.training.files import publish, sync_folder, write

LARGE_BYTES = 2**24
"""The tokens of a larger text are kept in the cache."""

FORMAT = 1
FILE = "tokens.json"
TOKENS = "tokens"


class Tokenised(NamedTuple):
    """The tokens of a text.

    Attributes:
        tokens: of all of it.
        edges: where the parts behind the first begin among them.
        notes: what went another way than usual.
    """

    tokens: Shaped[Tensor, " N"]
    edges: tuple[int, ...]
    notes: tuple[str, ...] = ()


def tokens_of(text: Written, tokenizer: Tokenizer, edges: Sequence[int] = (), say: Say | None = None) -> Tokenised:
    """The tokens of a text; those of a large one are made once and kept in the cache, from where they are mapped.

    Args:
        text: what is encoded.
        tokenizer: what encodes it.
        edges: characters at which parts begin, ascending; no token lies across one.
        say: told what takes long.
    """
    if text.size <= LARGE_BYTES:
        return _in_memory(text, tokenizer, edges)
    key = repr((FORMAT, text.digest, tokenizer.digest, tuple(edges)))
    place = cache() / "texts" / blake2b(key.encode(), digest_size=16).hexdigest()
    ready = kept(place)
    if ready is not None:
        return ready
    if say is not None:
        say(f"encoding {text.characters:,} characters, once: their tokens are kept in {place}")
    try:
        draft = draft_of(place)
        try:
            _write(draft, text, tokenizer, edges)
            shutil.rmtree(place, ignore_errors=True)  # what is there is damaged
            publish(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        return _uncached(text, tokenizer, edges, str(error.strerror or error))
    except DataError as error:  # only the draft's: the text has been looked through
        return _uncached(text, tokenizer, edges, str(error))
    return kept(place) or _in_memory(text, tokenizer, edges)


def kept(place: Path) -> Tokenised | None:
    """The tokens kept at a place, mapped to memory; None if there are none, or they are damaged."""
    try:
        said: dict[str, Any] = json.loads((place / FILE).read_bytes())
        count, dtype, edges = int(said["count"]), said["dtype"], tuple(map(int, said["edges"]))
        if dtype not in ("uint16", "int32"):
            return None
        return Tokenised(mapped(place / TOKENS, dtype, count), edges)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _parts(text: Written, tokenizer: Tokenizer, edges: Sequence[int]) -> Iterator[Iterator[NDArray[np.int32]]]:
    """The tokens of each part, piece by piece."""
    for first, last in pairwise([0, *edges, text.characters]):
        yield (tokenizer.encode_all([piece]).flat for piece in text.pieces(first, last))


def _in_memory(text: Written, tokenizer: Tokenizer, edges: Sequence[int]) -> Tokenised:
    rows, ends = list[NDArray[np.int32]](), list[int]()
    for part in _parts(text, tokenizer, edges):
        rows.extend(part)
        ends.append(sum(map(len, rows)))
    return Tokenised(torch.from_numpy(np.concatenate(rows)), tuple(ends[:-1]))


def _write(draft: Path, text: Written, tokenizer: Tokenizer, edges: Sequence[int]) -> None:
    """Write the tokens and what belongs to them, and wait for the disk."""
    dtype = np.uint16 if len(tokenizer) <= 2**16 else np.int32
    count, ends = 0, list[int]()
    with (draft / TOKENS).open("wb") as file:
        for part in _parts(text, tokenizer, edges):
            for flat in part:
                file.write(flat.astype(dtype).tobytes())
                count += len(flat)
            ends.append(count)
    said = {"count": count, "dtype": np.dtype(dtype).name, "edges": ends[:-1]}
    write(draft / FILE, json.dumps(said).encode())
    sync_folder(draft)


def _uncached(text: Written, tokenizer: Tokenizer, edges: Sequence[int], reason: str) -> Tokenised:
    note = f"the tokens cannot be kept in the cache ({reason}), so they are held in memory, and made at every start"
    return _in_memory(text, tokenizer, edges)._replace(notes=(note,))
