"""A net and a pace for those who name none: chosen from the data's kind and size, with the reasons."""

from __future__ import annotations

from typing import Any, NamedTuple

from lamina.data.dataset import Dataset
from lamina.errors import KindError
from lamina.kinds import Image, Kind, Label, Value, Vector

FEW = 10_000
"""Examples below which a net is kept small and trained long."""


class Suggestion(NamedTuple):
    """A sentence to begin with, and why."""

    net: str
    reason: str


def default_net(dataset: Dataset) -> Suggestion:
    """What to begin with on a dataset.

    Raises:
        KindError: if lamina knows no net for such data; then one must be named.
    """
    given, few = dataset.inputs.kind, len(dataset) < FEW
    end = _end(dataset.target.kind)
    size = f"{len(dataset):,} examples"
    if isinstance(given, Image):
        block = f"Dense({256 if few else 512}) >> BatchNorm() >> ReLU() >> Dropout({0.2 if few else 0.3})"
        reason = f"{size} of small pictures: two dense layers with batch norm and dropout, on standardised pixels"
        return Suggestion(f"Standardize() >> Flatten() >> {block} >> {block} >> {end}", reason)
    if isinstance(given, Vector):
        block = f"Dense({64 if few else 256}) >> ReLU() >> Dropout(0.1)"
        reason = f"{size} of {given.size} numbers: two dense layers with dropout, on standardised columns"
        return Suggestion(f"Standardize() >> {block} >> {block} >> {end}", reason)
    raise KindError(f"{dataset.name}: there is no default net for {given}; name one with --net")


def _end(target: Kind) -> str:
    if isinstance(target, Label):
        return "Classify()"
    if isinstance(target, Value):
        return "Regress()"
    raise KindError(f"there is no default end that predicts {target}; name a net with --net")


def default_optimizer(dataset: Dataset, steps: int | None = None) -> str:
    """AdamW with a cosine to zero: the rule that forgives most. It warms up over a tenth of a short run."""
    warmup = 20 if len(dataset) < FEW else 200
    if isinstance(steps, int):
        warmup = min(warmup, steps // 10)
    return f"AdamW(cosine(0.003, warmup={warmup}))"


def default_pace(dataset: Dataset) -> dict[str, Any]:
    """The settings of a plan that depend on how much data there is."""
    return {"batch": 32, "epochs": 40} if len(dataset) < FEW else {"batch": 128, "epochs": 20}
