"""How well a net predicts part of a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

import torch

from lamina.data.batches import Batch
from lamina.errors import DataError
from lamina.metrics import Tally
from lamina.net import Net


def evaluate(net: Net, batches: Iterable[Batch]) -> Tally:
    """The sum of the tallies of all batches; the net is left in the mode that it was in.

    Raises:
        DataError: if there are no batches.
    """
    was_training = net.training
    net.eval()
    with torch.inference_mode():
        tallies = [net.end.tally(net.body(batch.inputs), batch.target) for batch in batches]
    net.train(was_training)
    if not tallies:
        raise DataError("there is nothing to evaluate: the part has no examples")
    return reduce(add, tallies)
