"""How near texts come to references: BLEU and chrF, as sacrebleu computes them, with its signatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lamina.metrics.measure import Measure

RESAMPLED, SEED = 1000, 12345
"""Times that sentences are drawn anew for the interval, and the seed of the draws."""


class Compared(NamedTuple):
    """Scores of texts against references, and how each was computed, in sacrebleu's words.

    Attributes:
        measures: "bleu", with its bootstrap interval (Koehn 2004), and "chrf", of 100.
        signatures: of each, to be stated with any figure (Post 2018).
    """

    measures: dict[str, Measure]
    signatures: dict[str, str]


def compared(texts: Sequence[str], references: Sequence[str]) -> Compared:
    """BLEU (Papineni et al. 2002) and chrF (Popovic 2015) of a whole set of texts, one reference each.

    Cases count, and words are split by the rule of WMT's 13a, whatever tokens the net itself has.

    Args:
        texts: what was written.
        references: what was to be written.

    Raises:
        ValueError: if their numbers differ.

    Example:
        >>> compared(["the cat sat on the mat ."], ["the cat sat on the mat ."]).measures["chrf"].value
        100.0
    """
    from sacrebleu.metrics.bleu import BLEU  # takes a while to import
    from sacrebleu.metrics.chrf import CHRF

    if len(texts) != len(references):
        raise ValueError(f"expected a reference for each of {len(texts)} texts, got {len(references)}")
    bleu, chrf = BLEU(force=True), CHRF()
    whole = min(100.0, float(bleu.corpus_score(list(texts), [list(references)]).score))
    characters = min(100.0, float(chrf.corpus_score(list(texts), [list(references)]).score))
    measures = {"bleu": _with_interval(whole, texts, references), "chrf": Measure(characters, -math.inf, math.inf)}
    return Compared(measures, {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())})


def _with_interval(value: float, texts: Sequence[str], references: Sequence[str]) -> Measure:
    """BLEU with the middle 95 % of what it is over samples of the sentences, drawn with replacement."""
    from sacrebleu.metrics.bleu import BLEU

    if len(texts) < 2:
        return Measure(value, -math.inf, math.inf)
    # Of a sentence, the runs of 1 to 4 words that are right, all of them, and the two lengths: they add up.
    single = BLEU(effective_order=True, force=True)
    scores = [single.sentence_score(text, [reference]) for text, reference in zip(texts, references, strict=True)]
    each = np.array([[*score.counts, *score.totals, score.sys_len, score.ref_len] for score in scores], np.int64)
    random, found = np.random.default_rng(SEED), list[float]()
    for _ in range(RESAMPLED):
        sums = each[random.integers(0, len(each), len(each))].sum(0).tolist()
        # Smoothed as the whole is: where few runs of four are right, most samples hold none and would count as 0.
        score = BLEU.compute_bleu(sums[:4], sums[4:8], sums[8], sums[9], smooth_method="exp")
        found.append(float(score.score))
    low, high = np.quantile(found, (0.025, 0.975))
    return Measure(value, min(float(low), value), min(100.0, max(float(high), value)))
