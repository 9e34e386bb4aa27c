"""Pairs of texts with a label: one row of tokens, cut where the longer text is, asked about in any form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.named import load
from lamina.data.tables.fields import Text
from lamina.data.text.paired import fitting, rows_of, shortened_of
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN

WORDS = Tokenizer.train(["a b c d e f g"], "words")
BERT = Tokenizer.train(["a b c d e f g"], "bert", vocabulary=29)


def told(rows: torch.Tensor, tokenizer: Tokenizer) -> list[str]:
    names = {BEGIN_TOKEN: "<begin>", END_TOKEN: "<end>"}
    return [names.get(token, tokenizer.tokens()[token]) for token in rows.tolist()]


@pytest.fixture
def pairs(write: Callable[..., str]) -> str:
    rows = [f"it is {n},{'so' if n % 2 else 'but'} it is {n},{'yes' if n % 2 else 'no'}" for n in range(43)]
    return write("\n".join(["one,other,same", *rows]) + "\n")


def test_a_pair_is_one_row_that_begins_where_berts_tokens_do() -> None:
    pair = [("a b c", "d e"), ("", "f")]
    plain = rows_of(pair, WORDS)
    assert told(plain.values, WORDS) == ["a", "b", "c", "<end>", "d", "e", "<end>", "<end>", "f", "<end>"]
    assert plain.offsets.tolist() == [0, 7, 10]
    berts = rows_of(pair[:1], BERT, longest=6)
    assert told(berts.values, BERT) == ["<begin>", "a", "b", "<end>", "d", "<end>"]
    assert shortened_of(pair, BERT, 7) == 1
    assert shortened_of(pair, BERT, 8) == 0


def test_a_context_without_room_for_a_token_of_each_is_refused() -> None:
    with pytest.raises(DataError) as raised:
        rows_of([("a", "b")], BERT, longest=4)
    assert str(raised.value) == (
        "a pair of texts needs a context of at least 5 tokens, 3 of which begin and end texts, got context=4; ask for"
        " more"
    )


@given(one=st.integers(0, 19), other=st.integers(0, 19), room=st.integers(2, 23))
def test_pairs_are_cut_as_popping_from_the_longer_does(one: int, other: int, room: int) -> None:
    first, second = one, other
    while first + second > room:
        first, second = (first - 1, second) if first > second else (first, second - 1)
    kept = fitting(np.array([one]), np.array([other]), room)
    assert (kept.one.tolist(), kept.other.tolist()) == ([first], [second])


def test_two_columns_of_texts_are_read_as_pairs(pairs: str) -> None:
    dataset = load(pairs, target="same")
    assert dataset.origin is not None
    assert dataset.origin.fields == (Text("one"), Text("other"))
    assert dataset.about == "43 pairs of texts."
    assert len(dataset) == 43
