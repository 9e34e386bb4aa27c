"""Using a net that writes: text behind a prompt, token by token, and texts about texts, such as translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.data.text.tokenizer import Tokenizer
from lamina.ends.next_token import NextToken
from lamina.ends.vocabulary_head import writable
from lamina.ends.write import Write, beginnings
from lamina.errors import DataError, shown
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN, Padded
from lamina.net import Net, recurrent
from lamina.search import beam, drawn, greedy
from lamina.stage import State

REMEMBERED = 8
"""Tokens before the newest that its text may depend on: a space between words, the other bytes of a character."""

AT_ONCE = 2**14
"""Positions of texts that are read together, hypotheses of the beam counted."""


LEAST, MOST = 1e-3, 1e3
"""Temperatures between which logits stay numbers."""


class Draw(NamedTuple):
    """How tokens are drawn; see `lamina.search.likely`."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Continuation:
    """Goes on with a text, token by token.

    A recurrent net reads without limit. Any other has learned no more than `context` positions at once: when a text
    grows beyond, its first half is forgotten and the rest is read anew.

    Attributes:
        net: one that ends in `NextToken`.
        context: the most positions that it looks at; None for no limit.
    """

    net: Net
    context: int | None

    def further(self, newest: Int64[Tensor, " B"], state: State) -> tuple[Float[Tensor, "B V"], State]:
        """The logits behind one more token."""
        read, inner = (
            (newest[:, None], None) if state is None else (torch.cat((state[0], newest[:, None]), 1), state[1])
        )
        if self.context is not None and read.shape[1] > self.context:
            read, inner = read[:, -(self.context + 1) // 2 :], None
        fresh = read if inner is None else newest[:, None]
        h, inner = self.net.carried(Padded(fresh, torch.ones_like(fresh, dtype=torch.bool)), inner)
        assert isinstance(h, Padded)
        assert isinstance(self.net.end, NextToken)
        # What has been read is kept for the day when part of it must be read anew; a recurrent net never must.
        kept = read if self.context is not None else read[:, -1:]
        # A text that runs on has no end: none was ever learned.
        logits = writable(self.net.end.head(h.values[:, -1]), (UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN))
        return logits, (kept, inner)

    def behind(self, prompt: Int64[Tensor, "B T"]) -> State:
        """The state behind all but the last token of a prompt."""
        read = prompt[:, :-1] if self.context is None else prompt[:, :-1][:, -(self.context - 1) :]
        if not read.shape[1]:
            return None
        _, inner = self.net.carried(Padded(read, torch.ones_like(read, dtype=torch.bool)), None)
        return (read if self.context is not None else read[:, -1:]), inner


def continuation(net: Net, context: int) -> Continuation:
    """What goes on with a text as far as this net can."""
    return Continuation(net, None if recurrent(net) else context)


def continued(
    net: Net, tokenizer: Tokenizer, context: int, prompt: str, draw: Draw, longest: int = 200
) -> Iterator[str]:
    """The text that a language model writes behind a prompt, piece by piece as its tokens come.

    Raises:
        DataError: at once, if the net writes no text of its own, or the temperature is none.
    """
    if not isinstance(net.end, NextToken):
        raise DataError(
            f"the model ends in {net.end} and does not go on with a text; one that ends in NextToken() does"
        )
    if not LEAST <= draw.temperature <= MOST and draw.temperature != 0:
        raise DataError(
            f"expected a temperature of 0, or from {LEAST:g} to {MOST:g}, got {draw.temperature:g}; 1 is usual"
        )
    return _going_on(net, tokenizer, context, prompt, draw, longest)


@torch.inference_mode()
def _going_on(net: Net, tokenizer: Tokenizer, context: int, prompt: str, draw: Draw, longest: int) -> Iterator[str]:
    device = next(net.parameters()).device
    tokens = tokenizer.encode(prompt) or [BEGIN_TOKEN]
    given = torch.tensor([tokens], device=device)
    going = continuation(net.eval(), context)
    state = going.behind(given)
    words = drawn(going.further, given[:, -1], state, **draw._asdict())
    written = list[int]()
    shown = len(tokenizer.decode(tokens[-REMEMBERED:]))
    before = tokens[-REMEMBERED:]
    for _, token in zip(range(longest), words, strict=False):
        written.append(int(token))
        text = tokenizer.decode([*before, *written])
        if text.endswith("\ufffd"):  # bytes of a character that is not whole yet
            continue
        yield text[shown:]
        if len(written) >= REMEMBERED:
            before, written = written[-REMEMBERED:], []
            text = tokenizer.decode(before)
        shown = len(text)


@torch.inference_mode()
def written_about(
    net: Net,
    source: Tokenizer,
    target: Tokenizer,
    texts: Sequence[str],
    *,
    width: int = 5,
    best: int = 1,
    length_penalty: float = 0.6,
    longest: int | None = None,
) -> list[list[tuple[str, float]]]:
    """What a net that ends in `Write` writes about each text: the `best` of a beam with ln p, best first.

    Args:
        net: trained on pairs of texts.
        source, target: the tokenizers of the two sides.
        texts: what is read. An empty one is answered by an empty one.
        width: of the beam; 1 takes the likeliest token at each place.
        best: how many answers each text gets.
        length_penalty: see `lamina.search.beam`.
        longest: the most tokens of an answer; None for as many as the end says.

    Raises:
        DataError: if the net does not write about texts.
    """
    if not isinstance(net.end, Write):
        raise DataError(f"the model ends in {net.end} and does not write about texts; one that ends in Write(...) does")
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise DataError(f"expected a list of texts, got {shown(texts)}; put a single text into a list")
    net.eval()
    opening = [BEGIN_TOKEN] * source.begins
    read = [[*opening, *source.encode(text), END_TOKEN] for text in texts]
    answers: list[list[tuple[str, float]]] = [[("", 0.0)] * best for _ in texts]
    device = next(net.parameters()).device
    # The longest first, so that what does not fit in memory shows at once.
    order = sorted(
        (place for place, tokens in enumerate(read) if len(tokens) > 1 + source.begins),
        key=lambda place: -len(read[place]),
    )
    while order:
        count = max(1, AT_ONCE // (len(read[order[0]]) * width))
        rows, order = order[:count], order[count:]
        h = net.features(padded([read[row] for row in rows], device))
        first, state, most = beginnings(h), net.end.begin(h), longest or net.end.limit(h)
        if width == 1:
            found = greedy(net.end.step, first, state, most, END_TOKEN)
        else:
            found = beam(
                net.end.step, first, state, most, END_TOKEN, width=width, best=best, length_penalty=length_penalty
            )
        for place, row in enumerate(rows):
            answers[row] = [
                (target.decode(without_end(tokens[:length])), log_p)
                for tokens, length, log_p in zip(
                    found.tokens[place].tolist(),
                    found.length[place].tolist(),
                    found.log_probability[place].tolist(),
                    strict=True,
                )
            ]
    return answers


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> Padded:
    """Rows of tokens as a batch."""
    length = max(map(len, rows))
    values = torch.tensor([[*row, *[0] * (length - len(row))] for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return Padded(values, torch.arange(length, device=device) < lengths[:, None])


def without_end(tokens: list[int]) -> list[int]:
    """Tokens up to the end."""
    return tokens[: tokens.index(END_TOKEN)] if END_TOKEN in tokens else tokens
