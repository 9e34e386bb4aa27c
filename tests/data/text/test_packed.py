"""Documents, and the examples that are cut from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lamina.data.batches import Batch
from lamina.data.dataset import Dataset
from lamina.data.text.documents import UNREADABLE, documents_in
from lamina.data.text.load import Cut
from lamina.data.text.load_documents import kind_of, load_documents
from lamina.data.text.packed import FOLLOWS, OTHER, Documents, Packed
from lamina.data.text.ragged import Ragged
from lamina.data.text.reading import TextReading
from lamina.data.text.tokenizer import Tokenizer
from lamina.errors import DataError
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Label, Targets, Tokens

SENTENCE = 5
"""Tokens of each sentence here."""


def numbered(sentences: list[int], length: int, pairs: bool) -> Dataset:
    """Documents of so many sentences, in which token k of all is the number 100 + k."""
    counts = torch.tensor(sentences)
    tokens = int(counts.sum()) * SENTENCE
    column = Documents(
        100 + torch.arange(tokens, dtype=torch.int32),
        Tokens(100 + tokens),
        offsets=torch.cat((torch.zeros(1, dtype=torch.int64), counts.cumsum(0) * SENTENCE)),
        sentences=torch.arange(0, tokens, SENTENCE),
        length=length,
        pairs=pairs,
    )
    return Dataset("numbered", column, column)


def packed(sentences: list[int], length: int = 23, pairs: bool = True, seed: int | None = 3, size: int = 7) -> Packed:
    dataset = numbered(sentences, length, pairs)
    return Packed(dataset, torch.arange(len(sentences)), size, seed)


def texts_of(batch: Batch) -> list[list[list[int]]]:
    """The texts of each example, after it was seen that what begins and ends them stands where it should."""
    found = []
    for tokens, visible in zip(batch.inputs.values, batch.inputs.visible, strict=True):
        row = tokens[visible].tolist()
        assert row[0] == BEGIN_TOKEN
        assert row[-1] == END_TOKEN
        ends = [place for place, token in enumerate(row) if token == END_TOKEN]
        found.append([row[first + 1 : last] for first, last in zip([0, *ends], ends, strict=False)])
    return found


def document_of(token: int, sentences: list[int]) -> int:
    ends = torch.tensor(sentences).cumsum(0) * SENTENCE
    return int((token - 100 >= ends).sum())


def test_windows_are_stretches_of_one_document_from_the_beginning_of_a_sentence_on() -> None:
    sentences = [11, 2, 31]
    seen = set()
    for batch in packed(sentences, pairs=False).epoch(0):
        assert batch.target is batch.inputs
        for (text,) in texts_of(batch):
            assert text == list(range(text[0], text[-1] + 1))
            assert (text[0] - 100) % SENTENCE == 0
            assert document_of(text[0], sentences) == document_of(text[-1], sentences)
            assert len(text) == (10 if document_of(text[0], sentences) == 1 else 21)
            seen.update(text)
    assert len(seen) > 0.8 * SENTENCE * sum(sentences)


def test_of_pairs_half_follow_and_half_are_from_another_document() -> None:
    sentences = [101, 53, 211]
    labels, lengths = list[int](), list[int]()
    feed = packed(sentences, length=43)
    for epoch in range(11):
        for batch in feed.epoch(epoch):
            inputs, label = batch.target
            assert inputs is batch.inputs
            for (one, other), truth in zip(texts_of(batch), label.tolist(), strict=True):
                labels.append(truth)
                lengths.append(len(one) + len(other))
                same = document_of(one[0], sentences) == document_of(other[0], sentences)
                assert same == (truth == FOLLOWS)
                assert (truth == FOLLOWS) == (other[0] == one[-1] + 1)
                for text in (one, other):
                    assert text == list(range(text[0], text[-1] + 1))
                    assert document_of(text[0], sentences) == document_of(text[-1], sentences)
    assert sum(labels) / len(labels) == pytest.approx(0.5, abs=0.05)
    assert max(lengths) == 40
    short = sum(length < 40 for length in lengths) / len(lengths)
    assert short == pytest.approx(0.1, abs=0.04)
    assert min(lengths) < 10


def test_the_one_text_ends_where_a_sentence_does() -> None:
    inner = [
        one for batch in packed([101, 103], length=43).epoch(0) for one, _ in texts_of(batch) if len(one) > SENTENCE
    ]
    assert all((text[-1] - 99) % SENTENCE == 0 for text in inner)
    assert len({len(text) for text in inner}) > 3


def test_a_sentence_as_long_as_all_of_it_is_cut_in_the_middle() -> None:
    dataset = numbered([1, 1], 7, True)
    lengths = {
        (len(one), len(other))
        for epoch in range(53)
        for batch in Packed(dataset, torch.arange(2), 3, 3).epoch(epoch)
        for one, other in texts_of(batch)
    }
    assert (2, 2) in lengths
    assert max(one + other for one, other in lengths) == 4


def test_a_document_alone_gives_its_own_other_texts() -> None:
    labels = [label for batch in packed([97]).epoch(0) for label in batch.target[1].tolist()]
    assert set(labels) == {FOLLOWS, OTHER}


def test_examples_are_cut_anew_in_each_epoch_and_any_batch_can_be_sought() -> None:
    feed = packed([31, 53, 17])
    one, two = ([batch.inputs.values.tolist() for batch in feed.epoch(number)] for number in (0, 1))
    assert one != two
    assert len(one) == len(two) == feed.count
    sought = next(feed.from_step(feed.count + 2))
    assert sought.inputs.values.tolist() == two[2]
    assert sought.epoch == 1
    assert [batch.inputs.values.tolist() for batch in feed.epoch(1, 3)] == two[3:]


def test_without_a_seed_the_same_examples_come_each_time_in_order() -> None:
    feed = packed([31, 53], seed=None)
    one, again = ([batch.inputs.values.tolist() for batch in feed.epoch(number)] for number in (0, 0))
    assert one == again
    assert torch.cat([batch.examples for batch in feed.epoch(0)]).tolist() == list(range(feed.examples))


def test_no_example_shows_a_document_of_another_part() -> None:
    sentences = [13, 17, 19, 23]
    feed = Packed(numbered(sentences, 23, True), torch.tensor([0, 2]), 5, 3)
    shown = {
        document_of(token, sentences)
        for epoch in range(5)
        for batch in feed.epoch(epoch)
        for example in texts_of(batch)
        for text in example
        for token in text
    }
    assert shown == {0, 2}


def test_too_short_a_context_is_refused() -> None:
    with pytest.raises(DataError) as raised:
        packed([3], length=4)
    assert str(raised.value) == (
        "numbered: expected room for two tokens beside those that begin and end texts, got context=4; ask for a longer"
        " one"
    )


def test_other_data_than_documents_is_refused() -> None:
    dataset = numbered([3], 23, True)
    column = Ragged(dataset.inputs.values, Tokens(3), offsets=torch.tensor([0, 3]))
    plain = Dataset("plain", column, column)
    with pytest.raises(DataError) as raised:
        Packed(plain, torch.arange(1), 3)
    assert str(raised.value) == "plain: expected documents, got Ragged"


def test_words_that_wikitext_left_out_are_unknown_and_its_marks_are_joined() -> None:
    (document,) = documents_in([" = A = \n\n The <unk> is 1 @,@ 400 well @-@ made .\n"])
    assert document.sentences == (f"The {UNREADABLE} is 1,400 well-made .",)
    tokenizer = Tokenizer.train(["The is 1,400 well-made ."], "bert", 60)
    assert tokenizer.encode(document.sentences[0]).count(0) == 1


def test_the_first_title_may_come_behind_a_blank_line_and_later_pieces_go_on() -> None:
    found = [each.sentences for each in documents_in(["\n = A = \n B . \n", " C . \n\n", " D . \n = E = \n F . \n"])]
    assert found == [("B .", "C .", "D ."), ("F .",)]


def test_a_tokenizer_says_which_token_hides_and_which_go_on() -> None:
    tokenizer = Tokenizer.train(["unable able undo"], "bert", 40)
    kind = kind_of(tokenizer)
    tokens = tokenizer.tokens()
    assert tokens[kind.mask] == "[MASK]"
    assert all(token.startswith("##") for token in tokens[kind.parts :])
    assert not tokens[kind.parts - 1].startswith("##")
    assert kind_of(Tokenizer.train(["ab"], "characters")) == Tokens(5)


def book(folder: Path, name: str = "book.txt", documents: int = 41) -> Path:
    path = folder / name
    stories = [f"The story of {name} {number} begins. It goes on.\nIt ends." for number in range(documents)]
    path.write_text("\n\n".join(stories) + "\n")
    return path


def test_documents_are_dealt_to_the_parts_by_what_they_say(tmp_path: Path) -> None:
    dataset = load_documents(book(tmp_path), TextReading(packed="pairs", vocabulary=97), Cut(0.2, 0.1))
    assert isinstance(dataset.target.kind, Targets)
    assert dataset.target.kind.parts == (dataset.inputs.kind, Label(2))
    assert isinstance(dataset.inputs, Documents)
    assert (len(dataset), len(dataset.inputs.sentences)) == (41, 3 * 41)
    assert dataset.time is None


def test_files_validate_and_test(tmp_path: Path) -> None:
    reading = TextReading(
        packed="windows",
        vocabulary=97,
        valid=(str(book(tmp_path, "v.txt", 3)),),
        test=(str(book(tmp_path, "t.txt", 5)),),
    )
    dataset = load_documents(book(tmp_path), reading, Cut(0.2, 0.1))
    assert dataset.time is not None
    assert [(dataset.time == part).sum().item() for part in range(3)] == [41, 3, 5]
    assert dataset.target is dataset.inputs


def test_too_few_documents_for_the_parts_are_said(tmp_path: Path) -> None:
    path = book(tmp_path, documents=1)
    with pytest.raises(DataError) as raised:
        load_documents(path, TextReading(packed="windows", vocabulary=97), Cut(0.2, 0.1))
    assert str(raised.value) == (
        f"{path}: expected a document for each of train, valid, test, got 1; put a blank line between documents, or name"
        " files with --valid and --test"
    )


def test_headings_alone_are_no_documents(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(" = A = \n")
    with pytest.raises(DataError) as raised:
        load_documents(path, TextReading(packed="windows"))
    assert str(raised.value) == (f"{path}: expected documents of sentences, got nothing but headings; check the path")
