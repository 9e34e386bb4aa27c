"""Which baselines data have that are no rows with a class or a value each: texts, tags, questions, series."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Int64
from torch import Tensor

from lamina.data.dataset import Dataset
from lamina.data.split import Parts
from lamina.data.text.packed import Documents
from lamina.kinds import Tags, Tokens
from lamina.metrics import Measure


def of_its_kind(
    dataset: Dataset, parts: Parts, rows: Int64[Tensor, " N"]
) -> Mapping[str, tuple[dict[str, Measure], int] | tuple[dict[str, Measure], int, int | None]] | None:
    """The measures of simple answers of which only such data know, and what they were fitted to; None for other data.

    Of a long text the tokens that they were measured on follow, if these are not all.

    Args:
        dataset, parts: as `baselines` takes them.
        rows: those that train, or so many of them as a linear model is fitted to.
    """
    if isinstance(dataset.inputs, Documents):
        return {}
    if dataset.asked is not None:
        from lamina.baseline_spans import lexical

        return {name: (found, 0) for name, found in lexical(dataset.asked, parts.test).items()}
    if isinstance(dataset.target.kind, Tokens):
        from lamina.baseline_texts import counted

        return counted(dataset, parts)
    if isinstance(dataset.target.kind, Tags):
        from lamina.baseline_tags import commonest_tags

        return commonest_tags(dataset, parts)
    if dataset.series is not None and len(parts.train) and len(parts.test):
        from lamina.baseline_series import simple_forecasts

        return simple_forecasts(dataset, parts, rows)
    return None
