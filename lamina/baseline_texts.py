"""What a language model has to beat: counts of single tokens, and of what stood behind the same few."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import Parts
from lamina.data.text.ragged import Windows
from lamina.metrics import Measure, TokenTally
from lamina.ngrams import NGrams

MOST_TOKENS = 20_000_000
"""Training tokens that are counted, the latest ones: sequences behind what the test part shows take some 40 bytes."""

MOST_TESTED = 1_000_000
"""Tokens of the test part that are measured, the first ones: a perplexity of so many has two or three digits."""

FEW, LONG, SHORT = 1000, 5, 3
"""Vocabularies below the first, such as those of characters, are counted in runs of five; words in runs of three."""


def counted(dataset: Dataset, parts: Parts) -> dict[str, tuple[dict[str, Measure], int, int | None]]:
    """Perplexities of the test part by counts of the training part.

    Each comes with the tokens that it was counted from, and those that it was measured on, if these are not all.

    Returns:
        "unigram" and, by the length of its runs, "3-gram" or "5-gram"; nothing for what is no long text.
    """
    windows = dataset.inputs
    if not isinstance(windows, Windows) or not len(parts.train) or not len(parts.test):
        return {}
    first, last = span(windows, parts.train)
    train = windows.tokens[max(first, last - MOST_TOKENS) : last].numpy()
    begins, last = span(windows, parts.test)
    ends = min(last, begins + MOST_TESTED)
    measured_on = None if ends == last else ends - begins
    vocabulary = int(train.max(initial=0)) + 1 if dataset.text is None else len(dataset.text.output)
    order = LONG if vocabulary < FEW else SHORT
    # The tokens of the test part, with those before them to look back at.
    known = min(begins + 1, order - 1)
    text = windows.tokens[begins + 1 - known : ends + 1].numpy()
    model = NGrams.of(train, vocabulary, order, text)
    found = {"unigram": NGrams((), model.unigrams), f"{order}-gram": model}
    return {
        name: (_measured(counts.nats(text, known), windows.length), len(train), measured_on)
        for name, counts in found.items()
    }


def span(windows: Windows, rows: Int64[Tensor, " N"]) -> tuple[int, int]:
    """The positions that windows which follow one another show: the first, and the one behind the last."""
    return int(windows.bounds(rows[:1])[0]), int(windows.bounds(rows[-1:])[1])


def _measured(nats: np.ndarray[tuple[int], np.dtype[np.float64]], length: int) -> dict[str, Measure]:
    """The measures of a text in windows; counts say nothing of which token is likeliest."""
    rows = -(-len(nats) // length)
    padded = torch.zeros(rows * length, dtype=torch.float64)
    padded[: len(nats)] = torch.from_numpy(nats)
    scored = (torch.arange(rows * length) < len(nats)).view(rows, length)
    measures = TokenTally.of(padded.view(rows, length), torch.zeros_like(scored), scored).measures()
    return {name: measure for name, measure in measures.items() if name != "token_accuracy"}
