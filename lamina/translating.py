"""How well a net that writes about texts does: its answers beside the references, in their own words."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.ends.write import Write
from lamina.metrics.translation import Compared, compared
from lamina.net import Net
from lamina.writing import written_about

MOST_ROWS = 2000
"""Rows whose answers are searched for and compared: more of them tell little that is new, and take long."""


def translations(
    net: Net, dataset: Dataset, rows: Int64[Tensor, " N"], width: int, most: int | None = MOST_ROWS
) -> Compared | None:
    """BLEU and chrF of what a net writes about the sources of a dataset, against its targets as they stand in the file.

    Args:
        net: ends in `Write`.
        dataset: pairs of texts; their files are read once more, for tokens have not kept all that they say.
        rows: which of them.
        width: of the beam; 1 is greedy.
        most: only the first so many of the rows; None for all.

    Returns:
        None if the net does not write about texts, or there is nothing to compare.
    """
    if not isinstance(net.end, Write) or dataset.text is None or not len(rows):
        return None
    from lamina.data.text.pairs import read_pairs

    text = dataset.text
    target = Path(text.files[0]) if text.files else None
    pairs = read_pairs(Path(dataset.name), target, text.reading.skip_bad)
    chosen = rows[:most].tolist()
    answers = written_about(net, text.input, text.output, [pairs.sources[row] for row in chosen], width=width)
    return compared([found[0][0] for found in answers], [pairs.targets[row] for row in chosen])
