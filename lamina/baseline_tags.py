"""What a tagger has to beat: of each token the tag that it had most often."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import Parts
from lamina.data.text.ragged import Ragged
from lamina.data.text.words import NO_WORD, AtWords
from lamina.kinds import Tags, Tokens
from lamina.metrics import Measure, SpanTally, TagTally, TokenTally


def commonest_tags(dataset: Dataset, parts: Parts) -> dict[str, tuple[dict[str, Measure], int]]:
    """The measures of the test part by the commonest tag of each token in the training part; of a new one, of all.

    Source: Tjong Kim Sang and De Meulder 2003, section 2.4, much the same over phrases.

    Returns:
        "commonest_tag" with the words that it was counted from; nothing where there are no tags.
    """
    inputs, target, kind = dataset.inputs, dataset.target, dataset.target.kind
    if not (isinstance(target, AtWords) and isinstance(inputs, Ragged) and len(parts.train) and len(parts.test)):
        return {}
    assert isinstance(kind, Tags)
    assert isinstance(inputs.kind, Tokens)
    tokens, tags = seen(inputs, target, parts.train)
    counts = torch.zeros(inputs.kind.vocabulary, kind.classes)
    counts.index_put_((tokens, tags), torch.ones(len(tags)), accumulate=True)
    # The share of all breaks ties, and answers for what is new.
    commonest = (counts + tags.bincount(minlength=kind.classes) / (len(tags) + 1)).argmax(1)
    told, wanted = target.gather(parts.test), inputs.gather(parts.test)
    label = commonest[wanted.values]
    right = label == told.values
    known = TokenTally.of(torch.zeros(right.shape), right, told.visible)
    tally = TagTally(known, known.count)
    if kind.roles:
        here = told.visible
        tally = SpanTally.of(known, label[here], told.values[here], here, torch.tensor(kind.roles))
    measures = {name: measure for name, measure in tally.measures().items() if name != "token_loss"}
    return {"commonest_tag": (measures, len(tags))}


def seen(inputs: Ragged, target: AtWords, rows: Int64[Tensor, " N"]) -> tuple[Tensor, Tensor]:
    """The tokens at which words of these rows begin, and their tags."""
    train = torch.zeros(len(target), dtype=torch.bool)
    train[rows] = True
    here = (target.values > NO_WORD) & train.repeat_interleave(target.lengths)
    return inputs.values[here].long(), target.values[here]
