"""Measures of how well a net predicts, as sums and counts, each with the interval that the data leave it.

A tally is made of a batch and added over batches and processes; only at the end is anything divided. However the
examples are cut into batches, the measures come out the same, up to the rounding of float64.
"""

from lamina.metrics.classes import ClassMeasures, ClassTally
from lamina.metrics.forecasts import ForecastTally
from lamina.metrics.measure import (
    MEASURES,
    NORMAL_QUANTILE,
    Definition,
    Measure,
    Tally,
    definition,
    improves,
    positive,
    wilson,
)
from lamina.metrics.pointed import PointedTally
from lamina.metrics.ranking import Margins, auc
from lamina.metrics.restored import RestoredTally
from lamina.metrics.tags import SpanTally, TagTally
from lamina.metrics.together import LossTally, TogetherTally, of_each
from lamina.metrics.tokens import SentenceTally, TokenTally
from lamina.metrics.values import ValueTally

__all__ = [
    "MEASURES",
    "NORMAL_QUANTILE",
    "ClassMeasures",
    "ClassTally",
    "Definition",
    "ForecastTally",
    "LossTally",
    "Margins",
    "Measure",
    "PointedTally",
    "RestoredTally",
    "SentenceTally",
    "SpanTally",
    "TagTally",
    "Tally",
    "TogetherTally",
    "TokenTally",
    "ValueTally",
    "auc",
    "definition",
    "improves",
    "of_each",
    "positive",
    "wilson",
]
