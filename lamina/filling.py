"""What a masked language model puts in the place of what is missing."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

from lamina.data.text.load_documents import MASK
from lamina.data.text.reading import TextOrigin
from lamina.end import Sum
from lamina.ends.fill_in import FillIn
from lamina.errors import DataError, shown
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, UNKNOWN_TOKEN, Padded, Tokens
from lamina.net import Net


class Filling(NamedTuple):
    """A token that may stand in a gap, and its probability; what goes on with the word before begins with ##."""

    word: str
    probability: float


def filled(net: Net, text: TextOrigin, sentence: str, best: int = 5) -> list[list[Filling]]:
    """The likeliest tokens for each [MASK] of a text, each gap by itself.

    Args:
        net: one that ends in `FillIn`.
        text: what makes its tokens.
        sentence: with a [MASK] for each token that is missing.
        best: how many for each.

    Raises:
        DataError: if the net fills in nothing; if nothing is missing; if the text is longer than what the net has read.
    """
    end = next(
        (each for each in (net.end.ends if isinstance(net.end, Sum) else (net.end,)) if isinstance(each, FillIn)), None
    )
    if end is None or not isinstance(net.given, Tokens):
        raise DataError(f"the model fills in nothing, its net ends in {net.end}; train one that ends in FillIn()")
    parts = sentence.split(MASK)
    if len(parts) == 1:
        raise DataError(f"expected a text with {MASK} where a word is missing, got {shown(sentence)}")
    row = [BEGIN_TOKEN]
    for place, part in enumerate(parts):
        row += [*([net.given.mask] if place else []), *text.input.encode(part)]
    row.append(END_TOKEN)
    if len(row) > text.context:
        raise DataError(f"expected a text of at most {text.context:,} tokens, got {len(row):,}; shorten it")
    device = next(net.parameters()).device
    values = torch.tensor([row], device=device)
    was_training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            h = net.features(Padded(values, torch.ones_like(values, dtype=torch.bool)))
            assert isinstance(h, Padded)
            logits = end.head(end.inner(h.values[values == net.given.mask]))  # (N, V)
            never = torch.tensor([UNKNOWN_TOKEN, BEGIN_TOKEN, END_TOKEN, net.given.mask], device=device)
            found = F.softmax(logits.index_fill(1, never, -torch.inf), -1).topk(min(best, logits.shape[1] - len(never)))
    finally:
        net.train(was_training)
    words = text.input.tokens()
    each = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    return [[Filling(words[token], p) for token, p in zip(*gap, strict=True)] for gap in each]
