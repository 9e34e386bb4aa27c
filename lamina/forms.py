"""Which texts a net that writes is for: one that runs on, or pairs."""

from __future__ import annotations

from lamina.data.dataset import Dataset
from lamina.data.text.ragged import Windows
from lamina.ends.next_token import NextToken
from lamina.ends.write import Write
from lamina.stage import Stage, links


def form_misfits(net: Stage, dataset: Dataset) -> list[str]:
    """Why a net, or an end, cannot write what a dataset of texts has, though their kinds may fit; empty if it can.

    Args:
        net: its words, or its end.
        dataset: any.
    """
    if dataset.text is None or dataset.origin is not None:
        return []
    end, runs_on = links(net)[-1], isinstance(dataset.target, Windows)
    if runs_on and isinstance(end, Write):
        cure = "take pairs (a .tsv, or two files), or a net that ends in NextToken()"
        return [f"{end} writes about the first text of a pair, but {dataset.name} is one text that runs on; {cure}"]
    if not runs_on and isinstance(end, NextToken):
        cure = "take a text that runs on (a .txt), or a net that ends in Write(...)"
        return [f"{end} goes on with one text, but {dataset.name} is pairs of texts; {cure}"]
    return []
