"""From text in files to a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.pictures.threads import Say
from lamina.data.split import Parts, split
from lamina.data.text.apart import PARTS, Laid, check_files, laid_out, parts_in
from lamina.data.text.encoded import Encoded, How, begun, shortened
from lamina.data.text.overlap import about_shared_lines
from lamina.data.text.pairs import Pairs, read_pairs
from lamina.data.text.pairs_apart import hashes, unread, with_files
from lamina.data.text.plain import read_plain
from lamina.data.text.ragged import Ragged, Windows
from lamina.data.text.reading import CONTEXT, PAIR_SETTINGS, RUNNING_SETTINGS, TextOrigin, TextReading, settled_by
from lamina.data.text.tokenised import Tokenised, tokens_of
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import END_TOKEN, UNKNOWN_TOKEN, Tokens

SHORT_TEXT = 5_000_000
"""Characters below which a text is read by the character where nothing is said."""

WHAT: dict[How, str] = {
    "characters": "characters",
    "bytes": "bytes",
    "words": "words and marks",
    "spaced": "what stands between blanks, and ends of lines",
    "bpe": "parts of words (bpe)",
    "unigram": "parts of words (unigram)",
    "wordpiece": "parts of words (wordpiece)",
    "bert": "parts of words (wordpiece, as BERT has them)",
    "roberta": "parts of words (bytes joined, as RoBERTa has them)",
}


class Cut(NamedTuple):
    """How the data will be split, as `lamina.data.split.split` takes it: what validates and tests teaches no tokenizer.

    Attributes:
        valid: share that validates.
        test: share that tests.
        seed: of the split; without effect on a long text, whose end validates and tests.
    """

    valid: float = 0.1
    test: float = 0.2
    seed: int = 0


USUAL = Cut()


def load_text(
    path: str | Path,
    reading: TextReading | None = None,
    cut: Cut = USUAL,
    say: Say | None = None,
    known: TextOrigin | None = None,
) -> Dataset:
    """The dataset of one long text: windows onto its tokens, and the tokens behind them.

    The text is cut at characters, and the tokenizer learns from the first part. Neither a token nor a window lies
    across a cut: each part is a text of its own, whose first token is nobody's target. The `time` of a window is its
    part (0 trains, 1 validates, 2 tests): `split` with the same shares cuts just there.

    Args:
        path: a file in UTF-8, perhaps packed.
        reading: how it is read.
        cut: how it will be split.
        say: told what takes long.
        known: that of a model, whose tokenizer is taken, and its context if no other is asked for.

    Raises:
        DataError: if it is no text; if it is too short for its parts; if a setting has no effect.
    """
    asked = _taken(str(path), reading or TextReading(), RUNNING_SETTINGS, "one text", "pairs of texts are")
    check_files(str(path), asked, 1)
    text = read_plain(Path(path))
    usual: How = "characters" if text.characters < SHORT_TEXT else "bpe"
    reading = asked.settled(usual) if known is None else settled_by(known, asked, str(path))
    laid = laid_out(text, asked, cut.valid, cut.test)
    tokenizer = learned(laid.text.pieces(0, laid.edges[0]), reading) if known is None else known.input
    found = tokens_of(laid.text, tokenizer, laid.edges, say)
    kind = Tokens(len(tokenizer))
    length, edges = reading.context or CONTEXT, found.edges
    inputs, target = (Windows(found.tokens, kind, length=length, ahead=ahead, edges=edges) for ahead in (0, 1))
    notes = [*_about_tokens(reading, tokenizer, tokenizer, known is None), _about_text(laid, found)]
    notes += about_shared_lines(laid, asked)
    return Dataset(
        str(path),
        inputs,
        target,
        time=_part_of_windows(str(path), inputs, laid.parts),
        text=TextOrigin(reading, tokenizer, None, (*notes, *found.notes)),
        about=f"A text of {laid.text.characters:,} characters, which are {len(found.tokens):,} tokens.",
    )


def load_pairs(
    source: str | Path,
    target: str | Path | None = None,
    reading: TextReading | None = None,
    cut: Cut = USUAL,
    say: Say | None = None,
    known: TextOrigin | None = None,
) -> Dataset:
    """The dataset of pairs of texts: the tokens of each, and one that ends it.

    The tokenizers learn from the pairs that `split` with the same cut will train on. Pairs of equal sources fall on one
    side.

    Args:
        source: a file of two columns, or the sources.
        target: the targets, line by line, if they are in a file of their own.
        reading: how they are read.
        cut: how they will be split.
        say: told what takes long.
        known: that of a model, whose tokenizers are taken.

    Raises:
        DataError: if lines are no pairs; if there are too few for the parts; if a setting has no effect.
    """
    name = str(source) if target is None else f"{source} and {target}"
    asked = _taken(name, reading or TextReading(), PAIR_SETTINGS, "pairs of texts", "one long text is")
    check_files(name, asked, 1 if target is None else 2)
    found = read_pairs(Path(source), None if target is None else Path(target), asked.skip_bad)
    found, time = with_files(name, found, asked, *cut)
    identity = hashes(found.sources)
    parts: Parts | None = None
    if known is None:
        parts, reading = split(unread(name, identity), *cut) if time is None else parts_in(time), asked.settled("bpe")
        given, wanted = _tokenizers(found, parts.train.tolist(), reading)
    else:
        reading, given, wanted = settled_by(known, asked, name, False), known.input, known.output
    inputs, outputs = ended(found.sources, given, identity), ended(found.targets, wanted, begins=False)
    notes = [*_about_tokens(reading, given, wanted, parts is not None), *_about_pairs(inputs, outputs, parts)]
    return Dataset(
        name,
        inputs,
        outputs,
        time=time,
        text=TextOrigin(reading, given, None if wanted is given else wanted, (*notes, *found.notes)),
        about=f"{len(inputs):,} pairs of texts.",
    )


def _taken(name: str, reading: TextReading, takes: Sequence[str], what: str, other: str) -> TextReading:
    """The reading, none of whose settings may be without effect."""
    idle = [setting for setting in reading.to_json() if setting not in takes]
    if idle:
        raise DataError(f"{', '.join(idle)} would say how {other} read, but {name} is {what}; leave it out")
    return reading


def learned(texts: Iterable[str], reading: TextReading) -> Tokenizer:
    """The tokenizer of a reading that leaves nothing open, learned from texts."""
    assert reading.tokens is not None
    return Tokenizer.train(texts, reading.tokens, reading.vocabulary, reading.least, reading.lower)


def _part_of_windows(name: str, windows: Windows, parts: Sequence[str]) -> Tensor:
    """0 for windows that train, 1 for those that validate, 2 for those that test, a byte for each."""
    counts = dict(zip(PARTS, windows.counts, strict=True))
    short = [part for part in parts if not counts[part]]
    if short:
        raise DataError(
            f"{name}: expected at least two tokens in each of {', '.join(parts)}, got fewer in {' and '.join(short)}"
            f" of {len(windows.tokens):,} in all; bring a longer text, or ask for other shares"
        )
    return torch.cat([torch.full((counts[part],), PARTS.index(part), dtype=torch.uint8) for part in PARTS])


def _tokenizers(pairs: Pairs, rows: Sequence[int], reading: TextReading) -> tuple[Tokenizer, Tokenizer]:
    """Those of the two sides, learned from these rows."""
    sources, targets = ([side[row] for row in rows] for side in (pairs.sources, pairs.targets))
    if reading.joint:
        both = learned(chain(sources, targets), reading)
        return both, both
    return learned(sources, reading), learned(targets, reading)


def ended(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    identity: Int64[Tensor, " N"] | None = None,
    longest: int | None = None,
    begins: bool = True,
) -> Ragged:
    """The tokens of texts, with `END_TOKEN` behind each, and `BEGIN_TOKEN` before it where the tokenizer begins texts.

    Args:
        texts: what becomes tokens.
        tokenizer: what makes them.
        identity: a hash of each text.
        longest: the most tokens of a text, both ends counted; what is behind them is left out. None for no limit.
        begins: whether these texts are read; what is to be written begins by itself.
    """
    flat, offsets = tokenizer.encode_all(texts)
    begins = begins and tokenizer.begins
    if longest is not None:
        flat, offsets = shortened(Encoded(flat, offsets), longest - 1 - begins)
    if begins:
        flat, offsets = begun(Encoded(flat, offsets))
    ended = np.insert(flat, offsets[1:], END_TOKEN)
    ends = torch.from_numpy(offsets + np.arange(len(offsets)))
    return Ragged(torch.from_numpy(ended), Tokens(len(tokenizer)), offsets=ends, identity=identity)


def cut_short(texts: Sequence[str], tokenizer: Tokenizer, longest: int) -> int:
    """How many texts have more tokens than so many, both ends counted."""
    return int((np.diff(tokenizer.encode_all(texts).offsets) + 1 + tokenizer.begins > longest).sum())


def _about_tokens(reading: TextReading, given: Tokenizer, wanted: Tokenizer, learned: bool) -> list[str]:
    sizes = f"{len(given):,}" if wanted is given else f"{len(given):,} and {len(wanted):,}"
    whence = "learned from the part that trains" if learned and reading.tokens != "bytes" else "as the model has them"
    return [f"tokens are {WHAT[given.how]}: a vocabulary of {sizes}, {whence}"]


def _about_text(laid: Laid, found: Tokenised) -> str:
    first, last = found.edges
    unknown = _unknown_share(found.tokens[first:last]) if "valid" in laid.parts else None
    return f"{laid.text.characters:,} characters are {len(found.tokens):,} tokens{_about_unknown(unknown)}"


def _about_pairs(inputs: Ragged, outputs: Ragged, parts: Parts | None) -> list[str]:
    longest = f"longest: {int(inputs.lengths.max()):,} and {int(outputs.lengths.max()):,} tokens, the end counted"
    if parts is None or not len(parts.valid):
        return [longest]
    shares = [side.gather(parts.valid) for side in (inputs, outputs)]
    unknown = [_unknown_share(values[visible]) for values, visible in shares]
    return [longest, f"unknown in validation: {unknown[0]:.2%} and {unknown[1]:.2%} of the tokens"]


def _about_unknown(share: float | None) -> str:
    return "" if share is None else f"; in validation {share:.2%} of them are unknown"


def _unknown_share(tokens: Shaped[Tensor, " N"]) -> float:
    return int((tokens.numpy() == UNKNOWN_TOKEN).sum()) / max(1, len(tokens))
