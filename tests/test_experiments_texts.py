"""Tests of what the experiments on texts compute besides training."""

from __future__ import annotations

import pytest

from experiments.texts import RECIPES
from experiments.translated import bucket_of, by_length


@pytest.mark.parametrize(
    ("words", "bucket"), [(1, "1-8"), (8, "1-8"), (9, "9-12"), (12, "9-12"), (13, "13-16"), (16, "13-16"), (17, "17+")]
)
def test_a_bucket_holds_its_edges(words: int, bucket: str) -> None:
    assert bucket_of("wort " * words) == bucket


def test_each_bucket_compares_its_own_sentences_with_their_references() -> None:
    short, long = "ein Hund rennt", " ".join(["Hund"] * 17)
    right, wrong = "a dog runs over the grass", "not one word of it fits"
    found = by_length([long, short, long], [wrong, right, wrong], [right, right, right])
    assert list(found) == ["1-8", "17+"]
    assert [found[bucket]["sentences"] for bucket in found] == [1, 2]
    assert found["1-8"]["bleu"]["value"] == 100
    assert found["17+"]["bleu"]["value"] == 0


def test_the_commands_say_what_the_recipes_say() -> None:
    lines = RECIPES["multi30k-plain"].commands()
    assert lines[0].startswith("lamina train mt/multi30k/train.de.gz mt/multi30k/train.en.gz --joint --net 'Embed(256)")
    assert "--batch-tokens 2048" in lines[0]
    assert "--budget 2400s --checkpoint 300s" in lines[0]
    assert lines[1].endswith("| lamina translate RUN --beam 5 > answers.txt")
    (line,) = RECIPES["wikitext2-lstm"].commands()
    assert "--tokens spaced --valid text/wiki.valid.tokens.gz --test text/wiki.test.tokens.gz --context 35" in line
