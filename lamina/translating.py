"""What a trained net writes, for its report, and how near its answers come to the references."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.ends.next_token import NextToken
from lamina.ends.write import Write
from lamina.metrics import Measure
from lamina.metrics.translation import Compared, compared
from lamina.net import Net
from lamina.sheet import Sheet
from lamina.writing import Draw, continued, written_about

SHOWN = 8
"""Texts that a report shows with their answers."""

SAMPLE_TOKENS = 400
"""Tokens of what a language model writes for a report."""

MOST_ROWS = 2000
"""Rows whose answers are searched for and compared: more of them tell little that is new, and take long."""


class Texts(NamedTuple):
    """What a net writes.

    Attributes:
        searched: how the answers were found, and how many there are; empty for a text of its own.
        compared: how near it comes to references; None where there are none.
        head: what the texts of a sample are.
        samples: some of what was written, with what it is about.
        sheets: of a net that answers questions, how its answers fare.
    """

    searched: str
    compared: Compared | None
    head: tuple[str, ...]
    samples: Sequence[tuple[str, ...]]
    sheets: Sequence[Sheet] = ()

    def measures(self) -> dict[str, Measure]:
        """BLEU and chrF, where there are references."""
        return {} if self.compared is None else self.compared.measures

    def told(self) -> dict[str, Any]:
        """What is to be stated with these measures, as `result.json` has it."""
        return {} if self.compared is None else {"signatures": self.compared.signatures, "answers": self.searched}


def texts_of(net: Net, dataset: Dataset, rows: Int64[Tensor, " N"]) -> Texts | None:
    """What a trained net writes: of pairs, answers to the sources of these rows, greedily; else a text of its own.

    Returns:
        None if it does not write.
    """
    if dataset.text is not None and isinstance(net.end, NextToken):
        found = "".join(continued(net, dataset.text.input, dataset.text.context, "", Draw(0.8), SAMPLE_TOKENS))
        return Texts("", None, ("drawn with temperature 0.8",), [(found,)])
    return texts_at(net, dataset, rows, 1, MOST_ROWS)


def texts_at(net: Net, dataset: Dataset, rows: Int64[Tensor, " N"], beam: int, most: int | None = None) -> Texts | None:
    """What a net writes, or answers, about these rows, to be measured; None if it does neither.

    Args:
        net, dataset, rows: see `translations`; of questions all rows are answered.
        beam: of a net that writes.
        most: the most rows that are written about.
    """
    if dataset.asked is not None and len(rows):
        from lamina.answers_measured import answers_measured

        found = answers_measured(net, dataset, rows)
        return Texts("", Compared(found.measures, {}), (), (), found.sheets)
    return translations(net, dataset, rows, beam, most)


def translations(
    net: Net, dataset: Dataset, rows: Int64[Tensor, " N"], beam: int, most: int | None = MOST_ROWS
) -> Texts | None:
    """BLEU and chrF of what a net writes about the sources of a dataset, against its targets as they stand in the file.

    Args:
        net: ends in `Write`.
        dataset: pairs of texts; their files are read once more, for tokens have not kept all that they say.
        rows: which of them.
        beam: the hypotheses that are kept; 1 is greedy.
        most: only the first so many of the rows; None for all.

    Returns:
        None if the net does not write about texts, or there is nothing to compare.
    """
    if not isinstance(net.end, Write) or dataset.text is None or not len(rows):
        return None
    from lamina.data.text.pairs_apart import read_all_pairs

    text = dataset.text
    target = Path(text.files[0]) if text.files else None
    pairs = read_all_pairs(Path(dataset.name), target, text.reading)
    chosen = rows[:most].tolist()
    answers = written_about(net, text.input, text.output, [pairs.sources[row] for row in chosen], beam=beam)
    written, references = [found[0][0] for found in answers], [pairs.targets[row] for row in chosen]
    samples = list(zip([pairs.sources[row] for row in chosen], references, written, strict=True))[:SHOWN]
    searched = f"{searched_by(beam)} to {counted(len(chosen), len(rows))}"
    return Texts(searched, compared(written, references), ("source", "reference", "written"), samples)


def searched_by(beam: int) -> str:
    """What answers are that so many hypotheses were kept for."""
    return "greedy answers" if beam == 1 else f"answers by a beam of {beam}"


def counted(shown: int, whole: int) -> str:
    """How many texts were answered.

    >>> counted(17, 17), counted(2000, 5000)
    ('17 texts', 'the first 2,000 of 5,000 texts')
    """
    return f"{whole:,} texts" if shown == whole else f"the first {shown:,} of {whole:,} texts"
