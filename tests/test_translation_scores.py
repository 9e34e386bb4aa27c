"""BLEU and chrF: what sacrebleu gives, and the interval by what it gives of samples of the sentences."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from lamina.metrics.translation import RESAMPLED, SEED, compared


def sentences(seed: int, count: int = 13) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices("abcdefg", k=draw.randint(2, 7))) for _ in range(count)]


TEXTS, REFERENCES = sentences(0), sentences(1)
"""With chance alone in common: no run of four words is right."""


def test_both_scores_are_those_of_sacrebleu_with_its_signatures() -> None:
    found = compared(TEXTS, REFERENCES)
    bleu, chrf = BLEU(force=True), CHRF()
    assert found.measures["bleu"].value == bleu.corpus_score(TEXTS, [REFERENCES]).score
    assert found.measures["chrf"].value == chrf.corpus_score(TEXTS, [REFERENCES]).score
    assert found.signatures == {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}


@pytest.mark.parametrize("right", [0, 11])
def test_the_interval_is_of_the_scores_that_samples_of_the_sentences_have_near_zero_too(right: int) -> None:
    texts = REFERENCES[:right] + TEXTS[right:]
    draw, scores = np.random.default_rng(SEED), []
    for _ in range(RESAMPLED):
        rows = draw.integers(0, len(texts), len(texts)).tolist()
        some, references = [texts[row] for row in rows], [REFERENCES[row] for row in rows]
        scores.append(BLEU(force=True).corpus_score(some, [references]).score)
    measure = compared(texts, REFERENCES).measures["bleu"]
    assert (measure.low, measure.high) == pytest.approx(tuple(np.quantile(scores, (0.025, 0.975))))
    assert 0 < measure.low < measure.value < measure.high


def test_texts_that_are_their_references_have_100_and_nothing_beyond() -> None:
    measure = compared(REFERENCES, REFERENCES).measures["bleu"]
    assert tuple(measure) == pytest.approx((100, 100, 100))
    assert measure.high <= 100


def test_texts_and_references_must_be_as_many() -> None:
    with pytest.raises(ValueError, match=r"^expected a reference for each of 2 texts, got 1$"):
        compared(["a", "b"], ["a"])
