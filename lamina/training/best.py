"""The best weights so far by the validation part, and how long none were better."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina.metrics import improves


class Best:
    """What early stopping remembers. Source: Prechelt 1998, "Early stopping - but when?", section 2.

    Attributes:
        value: the measure of the best evaluation; NaN before there is one.
        step: when that was.
        weights: the net's tensors at that time, by name.
        waited: evaluations since then.
    """

    def __init__(self) -> None:
        self.value, self.step, self.waited = math.nan, 0, 0
        self.weights: dict[str, Tensor] = {}

    def judge(self, measure: str, value: float, step: int, copied: Callable[[], dict[str, Tensor]]) -> None:
        """Take in an evaluation; `copied` gives the weights if they are to be kept."""
        if math.isfinite(value) and improves(measure, value, self.value):
            self.value, self.step, self.waited = value, step, 0
            self.weights = copied()
        else:
            self.waited += 1

    def state(self) -> dict[str, Any]:
        """What a checkpoint says of it, beside the weights."""
        return {"best": [self.value if self.weights else None, self.step], "waited": self.waited}

    def restore(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """Take up what a checkpoint says."""
        value, self.step = state["best"]
        self.value, self.waited = math.nan if value is None else value, state["waited"]
        self.weights = dict(weights)
