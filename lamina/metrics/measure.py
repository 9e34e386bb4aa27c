"""A measure with its interval, what there is to measure, and the tally that it is taken from."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple, Self

NORMAL_QUANTILE = 1.959963984540054  # 95 % of a standard normal lie between it and its negative


class Definition(NamedTuple):
    """What a measure says, in which unit, and which way is better."""

    better: Literal["higher", "lower"]
    unit: str
    meaning: str
    source: str


# y is what was to be predicted, f the prediction; D numbers of one example are averaged before the examples are.
MEASURES: dict[str, Definition] = {
    "accuracy": Definition("higher", "share", "examples whose likeliest class is right", "Wilson 1927 (interval)"),
    "log_loss": Definition("lower", "nats per example", "mean of -ln p(y)", "Good 1952, section 4"),
    "auc": Definition("higher", "share", "pairs of unlike classes in the right order; ties half", "DeLong et al. 1988"),
    "macro_f1": Definition("higher", "share", "mean over classes of 2 TP / (2 TP + FP + FN)", "Opitz and Burst 2019"),
    "root_mean_squared_error": Definition("lower", "the target's unit", "√ mean of (y - f)²", "Gauss 1809"),
    "squared_error": Definition("lower", "the target's unit, squared", "mean of (y - f)²", "Legendre 1805"),
    "absolute_error": Definition("lower", "the target's unit", "mean of |y - f|", "Willmott and Matsuura 2005"),
    "r2": Definition("higher", "share", "mean over outputs of 1 - Σ(y - f)² / Σ(y - mean y)²", "Wright 1921"),
    "scaled_squared_error": Definition(
        "lower", "variances of the target", "mean of (y - f)² / s², s the deviation in training", "Zeng et al. 2023"
    ),
    "scaled_absolute_error": Definition(
        "lower", "deviations of the target", "mean of |y - f| / s, s the deviation in training", "Zeng et al. 2023"
    ),
    "perplexity": Definition("lower", "tokens", "exp of the mean of -ln p of a token", "Jelinek et al. 1977"),
    "token_loss": Definition("lower", "nats per token", "mean of -ln p of a token", "Shannon 1951"),
    "bits_per_token": Definition("lower", "bits per token", "mean of -log2 p of a token", "Shannon 1951"),
    "bits_per_character": Definition("lower", "bits per character", "Σ -log2 p of tokens / characters", "Graves 2013"),
    "token_accuracy": Definition("higher", "share", "tokens whose likeliest guess is right", "Cochran 1977 (interval)"),
    "sentence_accuracy": Definition(
        "higher", "share", "sentences with all tokens right, each given those before", "Wilson 1927 (interval)"
    ),
    "span_f1": Definition(
        "higher",
        "share",
        "of spans, 2 TP / (2 TP + FP + FN)",
        "Tjong Kim Sang, De Meulder 2003; Cochran 1977 (interval)",
    ),
    "span_precision": Definition("higher", "share", "predicted spans that are there", "Wilson 1927 (interval)"),
    "span_recall": Definition("higher", "share", "spans that are predicted", "Wilson 1927 (interval)"),
    "bleu": Definition("higher", "of 100", "runs of 1 to 4 words alike, by sacrebleu", "Papineni et al. 2002"),
    "chrf": Definition("higher", "of 100", "F2 of runs of 1 to 6 characters, by sacrebleu", "Popovic 2015"),
    "f1": Definition(
        "higher",
        "of 100",
        "mean over questions of F1 of the words of the answer and the best of those given",
        "Rajpurkar et al. 2016",
    ),
    "exact_match": Definition(
        "higher",
        "of 100",
        "questions whose answer is one of those given, but for case, marks and articles",
        "Rajpurkar et al. 2016",
    ),
    "span_accuracy": Definition(
        "higher", "share", "rows whose likeliest first and last positions are right", "Wilson 1927 (interval)"
    ),
    "span_loss": Definition("lower", "nats per position", "mean of -ln p of first and last", "Devlin et al. 2019"),
    "elbo": Definition(
        "higher",
        "nats per example",
        "bound on ln p(x): mean of ln p(x | z) - KL(q(z | x) ‖ p(z))",
        "Kingma, Welling 2014",
    ),
    "log_probability": Definition(
        "higher", "nats per example", "mean of ln p(x), by importance sampling", "Burda, Grosse, Salakhutdinov 2016"
    ),
    "restoration_loss": Definition("lower", "nats per example", "mean of -ln p(x | code)", "Vincent et al. 2010"),
    "code_nats": Definition("lower", "nats per example", "mean of KL(q(z | x) ‖ p(z))", "Kingma and Welling 2014"),
    "squared_error_per_example": Definition(
        "lower",
        "the input's unit, squared",
        "mean of Σ (x - f)² over an example's numbers, f by a drawn code where codes are drawn",
        "Hinton, Salakhutdinov 2006",
    ),
    "explained_variance": Definition("higher", "share", "1 - Σ |x - f|² / Σ |x - mean x|²", "Pearson 1901"),
    "loss": Definition("lower", "nats per example", "mean of -ln p of all targets", "Bishop 2006, eq. 1.27"),
}

OF = " of "
"""Between a measure and the target that it is about, where there are several."""


def definition(name: str) -> Definition | None:
    """What is known of a measure, whichever target it is about."""
    return MEASURES.get(name.partition(OF)[0])


def improves(name: str, new: float, old: float) -> bool:
    """Whether `new` is a better value of this measure than `old`. Any number is better than nan, nan than nothing."""
    known = definition(name)
    sign = 1 if known is not None and known.better == "higher" else -1
    return sign * new > sign * old or (math.isnan(old) and not math.isnan(new))


ROUNDING = 1e-12
"""Half of an interval as a share of its value that is no width, but how sums were rounded."""


class Measure(NamedTuple):
    """A value with its 95 % interval; where the data say nothing about the spread, the interval is the whole range.

    >>> print(Measure(0.98611, 0.97321, 0.99409))
    0.986 [0.973, 0.994]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Two digits of the interval's half width, for all three numbers alike."""
        largest = max((abs(number) for number in self if math.isfinite(number)), default=0.0)
        half = (self.high - self.low) / 2
        if not (math.isfinite(half) and half > ROUNDING * largest):
            half = abs(self.value) / 10 if math.isfinite(self.value) and self.value else 0.01
        decimals, style = 1 - math.floor(math.log10(half)), "f"
        if largest and not 1e-3 <= largest < 1e7:
            decimals, style = decimals + math.floor(math.log10(largest)), "e"
        value, low, high = (f"{number:z.{min(max(decimals, 0), 6)}{style}}" for number in self)
        # A bound that was read back from JSON, which has no infinity, is nan.
        known = (math.isfinite(self.low) or math.isfinite(self.high)) and not math.isnan(self.low + self.high)
        return f"{value} [{low}, {high}]" if known else value


def positive(value: float, variance: float) -> Measure:
    """The interval of a mean of positive terms, normal in its logarithm: value · exp(± 1.96 √variance / value).

    Where a few large terms make the mean it covers the truth more often than value ± 1.96 √variance does (squares of
    Laplace errors, n = 53: 0.90 against 0.87), and never reaches below 0. If an argument is not finite it is [0, inf).
    """
    if not (math.isfinite(value) and math.isfinite(variance)):
        return Measure(value, 0.0, math.inf)
    factor = math.exp(min(NORMAL_QUANTILE * math.sqrt(max(variance, 0.0)) / value, 700.0)) if value > 0 else 1.0
    return Measure(value, value / factor, value * factor)


def wilson(hits: float, count: float) -> Measure:
    """A share of `count` draws: every p that a score test at 5 % would not reject. Source: Wilson 1927."""
    if count <= 0:
        return Measure(math.nan, 0.0, 1.0)
    share, prior = hits / count, NORMAL_QUANTILE**2 / count
    middle = (share + prior / 2) / (1 + prior)
    half = math.sqrt(prior * (share * (1 - share) + prior / 4)) / (1 + prior)
    return Measure(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


class Tally(ABC):
    """What a batch adds to the measures. Tallies of parts add up to the tally of the whole: `a + b`."""

    headline: ClassVar[str]  # the measure that people look at first
    chosen_by: ClassVar[str]  # decides which checkpoint is best and when to stop: the loss, which moves when others tie
    count: int  # the examples tallied

    @abstractmethod
    def __add__(self, other: Self) -> Self: ...

    @abstractmethod
    def measures(self) -> dict[str, Measure]:
        """Every measure by its name, the headline first; nan where there is nothing to measure."""
