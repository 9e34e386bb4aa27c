"""A net and a pace for those who name none: chosen from the data's kind and size, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lamina.data.dataset import Column, Dataset
from lamina.data.text.packed import Documents
from lamina.errors import KindError
from lamina.kinds import Image, Label, Table, Tags, Tokens, Value, Vector

FEW = 10_000
"""Examples below which a net is kept small and trained long."""


MANY = 500
"""Columns of numbers from which on each has one number, and no code of its own."""

SKEWED = 2.0
"""Skewness from which on a positive target is learned on a log scale, if that takes most of it away."""


SMALLEST = 7
"""Places along the shorter side of a picture from which on convolutions have something to slide over."""

PHOTOGRAPH = 48
"""Places along the shorter side from which on a picture is taken for a photograph, which looks alike from nearer."""

WIDEST = 128
"""Channels of the last maps of a picture net."""


class Suggestion(NamedTuple):
    """A sentence to begin with, and why.

    Attributes:
        net: the sentence.
        reason: why this one, for people.
        optimizer: what it is trained by; empty for what suits any net.
        pace: settings of a plan that go with it, in place of those that suit any net.
    """

    net: str
    reason: str
    optimizer: str = ""
    pace: Mapping[str, Any] = MappingProxyType({})


def default_net(dataset: Dataset) -> Suggestion:
    """What to begin with on a dataset.

    Raises:
        KindError: if lamina knows no net for such data; then one must be named.
    """
    if isinstance(dataset.inputs.kind, Tokens):
        from lamina.default_texts import text_net  # needs this file's own words

        return text_net(dataset)
    if dataset.series is not None:
        from lamina.default_series import series_net

        return series_net(dataset.series, len(dataset))
    given, few, end = dataset.inputs.kind, len(dataset) < FEW, default_end(dataset)
    size = f"{len(dataset):,} examples"
    if isinstance(given, Table):
        return _table_net(given, len(dataset), end)
    if isinstance(given, Image) and min(given.height, given.width) >= SMALLEST:
        return _picture_net(given, len(dataset), end)
    if isinstance(given, Image):
        block = f"Dense({256 if few else 512}) >> BatchNorm() >> ReLU() >> Dropout({0.2 if few else 0.3})"
        reason = f"{size} of small pictures: two dense layers with batch norm and dropout, on standardised pixels"
        return Suggestion(f"Standardize() >> Flatten() >> {block} >> {block} >> {end}", reason)
    if isinstance(given, Vector):
        block = f"Dense({64 if few else 256}) >> ReLU() >> Dropout(0.1)"
        reason = f"{size} of {given.size} numbers: two dense layers with dropout, on standardised columns"
        return Suggestion(f"Standardize() >> {block} >> {block} >> {end}", reason)
    raise KindError(f"{dataset.name}: there is no default net for {given}; name one with --net")


def _picture_net(given: Image, examples: int, end: str) -> Suggestion:
    """A fast convolutional net with the augmentation that hardly ever does harm, and the recipe that goes with it."""
    side, few = min(given.height, given.width), examples < FEW
    pairs, left = 0, side - 1
    while left // 2 >= 3 and pairs < 5:
        pairs, left = pairs + 1, left // 2
    widths = tuple(min(32 * 2**pair, WIDEST) for pair in range(pairs)) if pairs > 1 else (64,)
    moves, said = [f"Shift({max(1, side // 16)})"], "shifted"
    if given.channels > 1:
        # A letter or a digit mirrored is another one; a thing in colour is mostly the same.
        moves, said = ["Flip('alternate')", *moves], "mirrored and shifted"
    if side >= PHOTOGRAPH:
        size = side if given.height == given.width else (given.height, given.width)
        moves, said = ["Flip('alternate')", f"Crop({size}, scale=(0.35, 1.0))"], "mirrored and cropped"
    end = "Classify(0.1)" if end == "Classify()" else end
    reason = f"{examples:,} pictures of {given.height} x {given.width}: a fast convolutional net on {said} pictures"
    pace = {"batch": 64, "epochs": 40 if side >= PHOTOGRAPH else 20} if few else {"batch": 250, "epochs": 10}
    body = " >> ".join(["Standardize()", *moves, f"FastNet({widths})"])
    return Suggestion(
        f"{body} >> {end}", reason, "Muon(linear(0.2), others=0.01, momentum=0.6, weight_decay=0.1)", pace
    )


def _table_net(given: Table, rows: int, end: str) -> Suggestion:
    """A residual net on encoded columns.

    Source: Gorishniy et al. 2021, "Revisiting deep learning models for tabular data", section 3.2 (ResNet), with layer
    for batch norm; Gorishniy et al. 2022 for the encoding of numbers.
    """
    width = 256 if rows >= 10 * FEW else 128
    numbers = "Standardize()" if given.numbers > MANY or not given.numbers else "Piecewise(64, width=8)"
    block = f"Residual(LayerNorm() >> Dense({2 * width}) >> ReLU() >> Dropout(0.2) >> Dense({width}))"
    body = f"Categories(8) >> Dense({width}) >> Repeat(2, {block}) >> LayerNorm() >> ReLU()"
    categories = f"{len(given.categories)} categor{'y' if len(given.categories) == 1 else 'ies'}"
    reason = (
        f"{rows:,} rows of {given.numbers} number{'s' * (given.numbers != 1)} and {categories}: two residual blocks"
    )
    log = "; the target is positive and skewed, so its logarithm is learned" if "log" in end else ""
    return Suggestion(f"{numbers} >> {body} >> {end}", f"{reason} on encoded columns{log}")


def default_end(dataset: Dataset) -> str:
    """The end that predicts what a dataset's targets are.

    Raises:
        KindError: if lamina knows none for them.
    """
    if dataset.series is not None:
        return "Forecast()"
    if dataset.asked is not None:
        return "PointTo(least='auto')" if dataset.asked.unanswerable else "PointTo()"
    seen = torch.ones(len(dataset), dtype=torch.bool)
    if dataset.test is not None:
        seen[dataset.test] = False
    ends = [_end(each.target, seen) for each in dataset.apart()]
    return ends[0] if len(ends) == 1 else f"({' + '.join(ends)})"


def _end(target: Column, seen: Tensor) -> str:
    if isinstance(target.kind, Label):
        return "Classify()"
    if isinstance(target.kind, Tags):
        return "Tag()"
    if isinstance(target.kind, Value):
        return "Regress('log')" if log_suits(target, seen) else "Regress()"
    raise KindError(f"there is no default end that predicts {target.kind}; name a net with --net")


def log_suits(target: Column, seen: Tensor) -> bool:
    """Whether a target is positive and so skewed that its logarithm is a better scale: incomes, prices, counts."""
    values = target.values[seen].double()
    if values.shape[1] > 1 or float(values.min()) <= 0:
        return False
    return _skewness(values) > SKEWED and abs(_skewness(values.log())) < _skewness(values) / 2


def _skewness(values: Tensor) -> float:
    """The mean of z³, z the standardised values."""
    centred = values - values.mean()
    deviation = centred.square().mean().sqrt()
    return float((centred / deviation).pow(3).mean()) if deviation > 0 else 0.0


def default_optimizer(dataset: Dataset, steps: int | None = None) -> str:
    """AdamW with a cosine to zero: the rule that forgives most. It warms up over a tenth of a short run."""
    if isinstance(dataset.inputs, Documents):
        from lamina.default_texts import filling_optimizer

        return filling_optimizer(steps)
    warmup = 20 if len(dataset) < FEW else 200
    if steps is not None:
        warmup = min(warmup, steps // 10)
    return f"AdamW(cosine(0.003, warmup={warmup}))"


def default_pace(dataset: Dataset, labels: int | None = None) -> dict[str, Any]:
    """The settings of a plan that depend on how much data there is; with few labels, on how many."""
    examples = labels or len(dataset)
    few = examples < FEW
    if isinstance(dataset.inputs.kind, Tokens):
        from lamina.default_texts import text_pace

        return text_pace(dataset)
    if isinstance(dataset.inputs.kind, Table):
        # About an epoch is averaged; the best evaluation is kept, as tables are soon learned by heart.
        size = 64 if few else 128 if examples < 10 * FEW else 512
        steps = examples / size
        average = min(0.998, max(0.9, 1 - 1 / steps))
        return {"batch": size, "epochs": 40 if few else 20, "average": round(average, 4), "patience": 10}
    return {"batch": 32, "epochs": 40} if few else {"batch": 128, "epochs": 20}
