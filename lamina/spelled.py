"""What a language model pays for each character, whatever its tokens are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.text.ragged import Windows
from lamina.metrics import Measure

ROWS = 4096
"""Windows whose text is held at once."""


def per_character(measures: Mapping[str, Measure], dataset: Dataset, rows: Int64[Tensor, " N"]) -> dict[str, Measure]:
    """Bits per character: those of all tokens of these windows, shared out among the characters that they spell.

    So models with unlike tokens compare. An unknown token counts as one character. Source: Shannon 1951; over tokens
    of any kind, Graves 2013, section 3.1.

    Returns:
        The measure by its name; nothing, if this is not one long text.
    """
    bits = measures.get("bits_per_token")
    if bits is None or dataset.text is None or not isinstance(dataset.target, Windows) or not len(rows):
        return {}
    tokens = characters = 0
    for some in torch.split(rows, ROWS):
        values, visible = dataset.target.gather(some)
        shown = values[visible].tolist()
        tokens, characters = tokens + len(shown), characters + len(dataset.text.output.decode(shown))
    share = tokens / max(1, characters)
    return {"bits_per_character": Measure(*(part * share for part in bits))}
