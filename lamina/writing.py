"""Using a net that writes: text behind a prompt, token by token, and texts about texts, such as translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from lamina.data.text.tokenizer import Tokenizer
from lamina.ends.next_token import NextToken
from lamina.ends.vocabulary_head import writable
from lamina.ends.write import Write, beginnings
from lamina.errors import DataError, did_you_mean, listed, shown
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN, Padded
from lamina.net import Net
from lamina.nets.traits import recurrent
from lamina.search import Found, drawn, greedy
from lamina.search import beam as by_beam
from lamina.stage import State

REMEMBERED = 8
"""Tokens before the newest that its text may depend on: a space between words, the other bytes of a character."""

AT_ONCE = 2**14
"""Positions of texts that are read together, hypotheses of the beam counted."""


LEAST, MOST = 1e-3, 1e3
"""Temperatures between which logits stay numbers."""


TOKENS = 300
"""The most tokens of a text that goes on, where nothing is said."""


class Draw(NamedTuple):
    """How tokens are drawn; see `lamina.search.likely`."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    @classmethod
    def said(cls, how: Mapping[str, Any]) -> Draw:
        """A draw as people say it in Python.

        Raises:
            DataError: naming every setting that there is none of, or that cannot be.

        >>> Draw.said({"temperature": 0.8, "top_k": 40})
        Draw(temperature=0.8, top_k=40, top_p=None, seed=0)
        """
        check_settings("write", how, ("tokens", *cls._fields))
        draw = cls(**how)
        draw.check()
        return draw

    def check(self) -> None:
        """See that tokens can be drawn so.

        Raises:
            DataError: if they cannot.
        """
        if not LEAST <= self.temperature <= MOST and self.temperature != 0:
            came = f"{self.temperature:g}; 1 is usual"
            raise DataError(f"expected a temperature of 0, or from {LEAST:g} to {MOST:g}, got {came}")
        if self.top_k is not None and self.top_k < 1:
            raise DataError(f"top_k must be at least 1, got top_k={self.top_k}; None draws from all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise DataError(
                f"top_p must be above 0 and at most 1, got top_p={self.top_p:g}; None draws from all tokens"
            )


def check_settings(verb: str, said: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse settings that a verb of a model has not.

    Raises:
        DataError: naming each, with what was probably meant.
    """
    unknown = [f"{verb} has no setting {name!r}{did_you_mean(name, known)}" for name in said if name not in known]
    if unknown:
        raise DataError(listed(unknown, f"{verb} cannot be done so"))


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
        read = prompt[:, :-1]
        if self.context is not None:
            read = read[:, max(0, read.shape[1] - (self.context - 1)) :]
        if not read.shape[1]:
            return None
        _, inner = self.net.carried(Padded(read, torch.ones_like(read, dtype=torch.bool)), None)
        return (read if self.context is not None else read[:, -1:]), inner


def continuation(net: Net, context: int) -> Continuation:
    """What goes on with a text as far as this net can."""
    return Continuation(net, None if recurrent(net) else context)


def continued(
    net: Net, tokenizer: Tokenizer, context: int, prompt: str, draw: Draw, tokens: int = TOKENS
) -> Iterator[str]:
    """The text that a language model writes behind a prompt, piece by piece as its tokens come.

    Raises:
        DataError: at once, if the net writes no text of its own, or tokens cannot be drawn so.
    """
    if not isinstance(net.end, NextToken):
        raise DataError(
            f"the model ends in {net.end} and does not go on with a text; one that ends in NextToken() does"
        )
    draw.check()
    return _going_on(net, tokenizer, context, prompt, draw, tokens)


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
    beam: int = 5,
    best: int = 1,
    length_penalty: float = 0.6,
    tokens: int | None = None,
) -> list[list[tuple[str, float]]]:
    """What a net that ends in `Write` writes about each text: the `best` of a beam with ln p, best first.

    Args:
        net: trained on pairs of texts.
        source, target: the tokenizers of the two sides.
        texts: what is read. An empty one is answered by an empty one.
        beam: the hypotheses that are kept; 1 takes the likeliest token at each place.
        best: how many answers each text gets.
        length_penalty: see `lamina.search.beam`.
        tokens: the most tokens of an answer; None for as many as the end says.

    Raises:
        DataError: if the net does not write about texts; if the beam is too narrow.
    """
    if not isinstance(net.end, Write):
        raise DataError(f"the model ends in {net.end} and does not write about texts; one that ends in Write(...) does")
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise DataError(f"expected a list of texts, got {shown(texts)}; put a single text into a list")
    if not 1 <= best <= beam:
        raise DataError(f"best must be at least 1 and at most beam, got best={best} and beam={beam}")
    opening = [BEGIN_TOKEN] * source.begins
    read = [[*opening, *source.encode(text), END_TOKEN] for text in texts]
    answers: list[list[tuple[str, float]]] = [[("", 0.0)] * best for _ in texts]
    # The longest first, so that what does not fit in memory shows at once.
    order = sorted(
        (place for place, row in enumerate(read) if len(row) > 1 + source.begins),
        key=lambda place: -len(read[place]),
    )
    net.eval()
    while order:
        count = max(1, AT_ONCE // (len(read[order[0]]) * beam))
        rows, order = order[:count], order[count:]
        found = searched(net, [read[row] for row in rows], beam, best, length_penalty, tokens)
        for place, row in enumerate(rows):
            answers[row] = worded(found, place, target)
    return answers


def searched(
    net: Net, rows: Sequence[Sequence[int]], beam: int, best: int, length_penalty: float, tokens: int | None
) -> Found:
    """What a net writes about rows of tokens that are read together."""
    h = net.features(padded(rows, next(net.parameters()).device))
    assert isinstance(net.end, Write)
    step, first, state, most = net.end.step, beginnings(h), net.end.begin(h), tokens or net.end.limit(h)
    if beam == 1:
        return greedy(step, first, state, most, END_TOKEN)
    return by_beam(step, first, state, most, END_TOKEN, width=beam, best=best, length_penalty=length_penalty)


def worded(found: Found, row: int, target: Tokenizer) -> list[tuple[str, float]]:
    """What was written about a row as texts, each with its ln p."""
    answers = zip(
        found.tokens[row].tolist(), found.length[row].tolist(), found.log_probability[row].tolist(), strict=True
    )
    return [(target.decode(without_end(answer[:length])), log_p) for answer, length, log_p in answers]


def check_answers(net: Net) -> None:
    """Refuse to predict of a net that writes, for what it writes is no table of answers.

    Raises:
        DataError: naming what does write.
    """
    verbs = {NextToken: "goes on with texts: model.write(prompt)", Write: "writes about texts: model.translate(texts)"}
    for end, verb in verbs.items():
        if isinstance(net.end, end):
            raise DataError(f"the model ends in {net.end} and {verb}")


def are_texts(inputs: Any) -> bool:
    """Whether these are texts: one, or a list of them."""
    several = inputs if isinstance(inputs, list | tuple) else [inputs]
    return bool(several) and all(isinstance(each, str) for each in several)


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> Padded:
    """Rows of tokens as a batch."""
    length = max(map(len, rows))
    values = torch.tensor([[*row, *[0] * (length - len(row))] for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return Padded(values, torch.arange(length, device=device) < lengths[:, None])


def without_end(tokens: list[int]) -> list[int]:
    """Tokens up to the end."""
    return tokens[: tokens.index(END_TOKEN)] if END_TOKEN in tokens else tokens
