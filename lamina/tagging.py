"""What a model says of each word of sentences."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lamina.data.text.reading import TextOrigin
from lamina.data.text.tagged import sentences_in
from lamina.data.text.words import NO_WORD, worded
from lamina.errors import DataError
from lamina.kinds import Tags
from lamina.labelling import together
from lamina.net import Net


def tags_of(
    net: Net, text: TextOrigin | None, classes: Sequence[str], sentences: Sequence[str | Sequence[str]]
) -> list[list[str]]:
    """The likeliest tag of each word.

    Args:
        net: one that ends in `Tag`.
        text: what makes its tokens.
        classes: the names of the tags.
        sentences: as texts, cut at blanks, or as words.

    Raises:
        DataError: if the net gives no tags; if a sentence is none.
    """
    if text is None or not isinstance(net.target, Tags):
        raise DataError(f"the model ends in {net.end} and gives no tags; one that ends in Tag() does")
    asked = list(sentences_in([sentences] if isinstance(sentences, str) else sentences))
    held = [words for words in asked if words]
    label = torch.zeros(sum(map(len, held)), dtype=torch.int64)
    rows = worded(held, text.input, text.context)
    device = next(net.parameters()).device
    for part in together(rows.tokens.lengths) if held else ():
        inputs = rows.tokens.gather(part)
        moved = inputs._replace(values=inputs.values.to(device), visible=inputs.visible.to(device))
        answer = net.predict(moved).label.cpu()
        for place, row in enumerate(part.tolist()):
            word = rows.word[rows.tokens.offsets[row] : rows.tokens.offsets[row + 1]]
            here = word > NO_WORD
            label[word[here]] = answer[place, : len(word)][here]
    called = classes or [str(number) for number in range(net.target.classes)]
    names = iter([called[number] for number in label.tolist()])
    return [[next(names) for _ in words] for words in asked]
