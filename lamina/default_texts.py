"""Nets and paces for those who name none and bring a text, or pairs of texts."""

from __future__ import annotations

from typing import Any

from lamina.data.dataset import Dataset
from lamina.data.text.packed import Documents
from lamina.data.text.ragged import Ragged, Windows
from lamina.defaults import FEW, Suggestion, default_end
from lamina.errors import KindError
from lamina.kinds import Tags

LONG_TEXT = 5_000_000
"""Tokens from which on a net is made wider: it sees them a few times only."""

MANY_PAIRS = 100_000

ORDERED = 25_000
"""Texts from which on a net reads their words in order. A guess: of 12,000 lines of plays the mean of their vectors
was no worse than an LSTM, and more have not been tried."""


def text_net(dataset: Dataset) -> Suggestion:
    """What to begin with on a long text, on pairs, or on texts of which something is to be told.

    Raises:
        KindError: if it is neither.
    """
    if isinstance(dataset.inputs, Windows):
        return _running_net(dataset, len(dataset.inputs.tokens))
    if isinstance(dataset.target.kind, Tags):
        return _tagging_net(len(dataset))
    if isinstance(dataset.inputs, Ragged) and isinstance(dataset.target, Ragged):
        return _writing_net(len(dataset))
    if isinstance(dataset.inputs, Ragged) and dataset.origin is not None:
        if len(dataset.origin.fields) == 2:
            return _comparing_net(len(dataset), default_end(dataset))
        return _telling_net(len(dataset), default_end(dataset))
    given, target = dataset.inputs.kind, dataset.target.kind
    raise KindError(f"{dataset.name}: there is no default net from {given} to {target}; name one with --net")


def _running_net(dataset: Dataset, tokens: int) -> Suggestion:
    """A small Transformer with rotary positions that shares the vectors of its tokens with its end."""
    long = tokens >= LONG_TEXT
    width, layers, heads = (256, 6, 8) if long else (128, 4, 4)
    body = f"Embed({width}) >> Transformer({layers}, heads={heads}, causal=True, rotary=True, dropout=0.1)"
    reason = f"a text of {tokens:,} tokens: a Transformer of {layers} layers that predicts each token from those before"
    rule = "Muon(linear(0.02, warmup=20), others=0.003)"
    if long:
        rule = "AdamW(cosine(0.001, warmup=100), weight_decay=0.1)"
    return Suggestion(f"{body} >> NextToken(tied=True)", reason, rule)


def _writing_net(pairs: int) -> Suggestion:
    """A small Transformer for translation. Source: Vaswani et al. 2017, with the norm before each part."""
    layers = 4 if pairs >= MANY_PAIRS else 3
    stack = f"Positions() >> Dropout(0.1) >> Transformer({layers}, heads=8, dropout=0.1)"
    reason = f"{pairs:,} pairs of texts: a Transformer that reads the first of each pair and writes the second"
    end = f"Write({stack}, smoothing=0.1, tied=True)"
    return Suggestion(f"Embed(256) >> {stack} >> {end}", reason, "AdamW(inverse_sqrt(0.001, warmup=800))")


def _telling_net(texts: int, end: str) -> Suggestion:
    """The mean of the vectors of a text's tokens; of many texts, of what an LSTM makes of them in both directions.

    Source: Joulin et al. 2017, "Bag of tricks for efficient text classification", for the first; for the second,
    Howard and Ruder 2018, section 3.3 (pooling over all positions).
    """
    if texts < ORDERED:
        body = "Embed(128) >> Dropout(0.3) >> Mean() >> Dropout(0.3)"
        reason = f"{texts:,} texts, which are few to learn from the order of their words: the mean of their vectors"
    else:
        body = "Embed(128) >> Dropout(0.3) >> BiLSTM(128) >> Mean() >> Dropout(0.3)"
        reason = f"{texts:,} texts: an LSTM that reads them in both directions"
    return Suggestion(f"{body} >> {end}", reason)


def _comparing_net(pairs: int, end: str) -> Suggestion:
    """Two vectors, their difference and their product. Source: Mou et al. 2016, section 3.3."""
    return Suggestion(
        f"Compare(128) >> Dropout(0.3) >> {end}", f"{pairs:,} pairs of texts: a vector of each, which are compared"
    )


def _tagging_net(sentences: int) -> Suggestion:
    """An LSTM that reads the words in both directions. Source: Huang, Xu and Yu 2015, section 2.2 (BI-LSTM)."""
    reason = f"{sentences:,} sentences: an LSTM that reads them in both directions and tags each word"
    return Suggestion("Embed(128) >> Dropout(0.5) >> BiLSTM(128) >> Dropout(0.5) >> Tag()", reason)


def filling_optimizer(steps: int | None) -> str:
    """What BERT was trained by, at a rate that suits small ones.

    Source: Devlin et al. 2019, appendix A.2: Adam with decay 0.01, a warmup, and a line to zero. There the rate is
    1e-4, for 256 texts of 512 tokens and a net of 768 numbers; the warmup is a hundredth of a million steps.
    """
    return f"AdamW(linear(0.0005, warmup={100 if steps is None else steps // 10}), weight_decay=0.01)"


def text_pace(dataset: Dataset) -> dict[str, Any]:
    """The settings of a plan that suit texts: windows of one; pairs, and others, in batches by the number of tokens."""
    if isinstance(dataset.inputs, Documents):
        return {"batch": 32, "epochs": 20, "clip": 1.0}
    if isinstance(dataset.inputs, Windows):
        return {"batch": 32, "epochs": 5 if len(dataset.inputs.tokens) >= LONG_TEXT else 10, "clip": 1.0}
    if dataset.asked is not None:
        return {"batch": 32, "epochs": 2, "clip": 1.0}
    if not isinstance(dataset.target, Ragged) or isinstance(dataset.target.kind, Tags):
        few = len(dataset) < FEW
        more = {"epochs": 40, "patience": 10} if few else {"epochs": 10, "patience": 4}
        return {"batch": 32 if few else 64, "batch_tokens": 16384, "clip": 1.0, **more}
    return {"batch": 512, "batch_tokens": 4096, "epochs": 20, "clip": 1.0}
