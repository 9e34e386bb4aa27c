"""How well a model translates a test set: BLEU of all sentences, and of those of like length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lamina as la
from lamina.data.text.pairs import read_pairs
from lamina.metrics.translation import compared
from lamina.training.result import plain

EDGES = (8, 12, 16)
"""The most words of a source in each bucket but the last."""


def bucket_of(source: str) -> str:
    """The bucket of a source by its words, as they stand between spaces.

    >>> bucket_of("a dog runs"), bucket_of("a " * 9), bucket_of("a " * 17)
    ('1-8', '9-12', '17+')
    """
    words, least = len(source.split()), 1
    for most in EDGES:
        if words <= most:
            return f"{least}-{most}"
        least = most + 1
    return f"{least}+"


def by_length(sources: Sequence[str], answers: Sequence[str], references: Sequence[str]) -> dict[str, dict[str, Any]]:
    """BLEU of the sentences in each bucket, the shortest first; buckets without any are left out."""
    places = dict[str, list[int]]()
    for place in sorted(range(len(sources)), key=lambda place: len(sources[place].split())):
        places.setdefault(bucket_of(sources[place]), []).append(place)
    found = dict[str, dict[str, Any]]()
    for bucket, here in places.items():
        scores = compared([answers[place] for place in here], [references[place] for place in here])
        found[bucket] = {"sentences": len(here), "bleu": plain(scores.measures)["bleu"]}
    return found


def translated(model: la.Model, source: Path, target: Path, most: int | None = None) -> dict[str, Any]:
    """What the beam of five writes about a test set, measured.

    Args:
        model: trained on pairs.
        source, target: the files of the test set.
        most: only the first so many sentences; None for all.
    """
    pairs = read_pairs(source, target)
    sources, references = pairs.sources[:most], pairs.targets[:most]
    answers = model.translate(sources, beam=5)
    scores = compared(answers, references)
    return {
        "test": plain(scores.measures),
        "signatures": scores.signatures,
        "by_words_of_the_source": by_length(sources, answers, references),
        "examples": [list(each) for each in zip(sources[:5], answers[:5], references[:5], strict=True)],
    }
