"""How well a net predicts part of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import Any

import torch

from lamina.chance import drawing
from lamina.data.batches import Batch
from lamina.errors import DataError
from lamina.metrics import Tally
from lamina.net import Net


def evaluate(net: Net, batches: Iterable[Batch], see: Callable[[Batch, Any], object] | None = None) -> Tally:
    """The sum of the tallies of all batches; the net is left in the mode that it was in.

    Args:
        net: what is evaluated.
        batches: on what.
        see: takes each batch with the end's answer to it.

    Raises:
        DataError: if there are no batches.
    """
    was_training = net.training
    net.eval()
    tallies, state = list[Tally](), None
    try:
        with torch.inference_mode():
            for batch in batches:
                if batch.position is None:
                    h = None if net.draws and see is None else net.features(batch.inputs)
                    # A code that is drawn is the same for an example each time that it is looked at.
                    with drawing(0, 0, batch.examples):
                        tallies.append(net.tally(batch.inputs, batch.target, h))
                else:
                    h, state = net.carried(batch.inputs, state if batch.position else None)
                    tallies.append(net.end.tally(h, batch.target))
                if see is not None:
                    see(batch, net.end.predict(h))
    finally:
        net.train(was_training)
    if not tallies:
        raise DataError("there is nothing to evaluate: the part has no examples")
    return reduce(add, tallies)
