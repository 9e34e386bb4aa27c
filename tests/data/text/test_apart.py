"""Texts that validate and test from files of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from runs import stopping_at

import lamina as la
from lamina.data.split import split
from lamina.data.text.apart import Joined, Span
from lamina.data.text.overlap import share_that_trains
from lamina.data.text.plain import read_plain
from lamina.data.text.ragged import Ragged, Windows
from lamina.errors import DataError
from lamina.training.data import data_for
from lamina.training.machine import Interrupted

Write = Callable[[str, str], str]


@pytest.fixture
def texts(write: Write) -> dict[str, str]:
    said = {"train": "abcabca", "valid": "bcbcb", "test": "cabxc"}
    return {part: str(write(f"{text}\n", f"{part}.txt")) for part, text in said.items()}


@pytest.fixture
def pairs(write: Write) -> dict[str, tuple[str, str]]:
    def both(part: str, sources: list[str]) -> tuple[str, str]:
        sides = (sources, [text.upper() for text in sources])
        return tuple(str(write("\n".join(side) + "\n", f"{part}.{end}")) for side, end in zip(sides, "ab", strict=True))

    train = [f"w{number} v" for number in range(40)]
    return {"train": both("train", train), "valid": both("valid", ["w1 u", "w2 u"]), "test": both("test", train[:3])}


def test_the_parts_follow_one_another_and_are_cut_where_the_files_end(texts: dict[str, str]) -> None:
    dataset, others = data_for(texts["train"], {"valid": texts["valid"], "test": texts["test"], "context": 2})
    assert isinstance(dataset.inputs, Windows)
    assert dataset.text is not None
    # Learned from the file that trains: its line end, a, b and c, and no x.
    assert dataset.text.input.tokens()[3:] == ["\n", "a", "b", "c"]
    ids = {"\n": 3, "a": 4, "b": 5, "c": 6, "x": 0}
    assert dataset.inputs.values.tolist() == [
        ids[letter] for letter in "abcabca\nbcbcb\ncabxc\n"[: len(dataset.inputs.values)]
    ]
    parts = split(dataset, others["valid"], others["test"])
    assert [part.tolist() for part in parts] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]


@pytest.mark.parametrize("context", [1, 3, 5, 50])
def test_no_window_and_no_target_shows_another_file(texts: dict[str, str], context: int) -> None:
    asked = {"valid": texts["valid"], "test": texts["test"], "context": context, "tokens": "bytes"}
    dataset, others = data_for(texts["train"], asked)
    assert dataset.text is not None
    for part, rows in split(dataset, others["valid"], others["test"])._asdict().items():
        text = Path(texts[part]).read_text()
        for column, expected in ((dataset.inputs, text[:-1]), (dataset.target, text[1:])):
            assert isinstance(column, Windows)
            values, visible = column.gather(rows)
            assert dataset.text.input.decode(values[visible].tolist()) == expected


@pytest.mark.parametrize("part", ["valid", "test"])
def test_where_one_comes_in_a_file_the_other_is_a_share(write: Write, part: str) -> None:
    other = "test" if part == "valid" else "valid"
    train, more = write("ab" * 50, "a.txt"), write("ba" * 10, "b.txt")
    dataset, others = data_for(train, {part: str(more), other: 0.2, "context": 4})
    parts = split(dataset, others["valid"], others["test"])._asdict()
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 20, other: 5, part: 5}


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("train.txt", ["100% of the test file are lines that also train; the test tells nothing of new text"]),
        # 4 + 4 of 4 + 4 + 8 characters; blanks and blank lines do not count.
        ("half.txt", ["50% of the test file are lines that also train; the test flatters there"]),
        ("other.txt", []),  # 1 of 11 characters: who speaks comes again in any play
    ],
)
def test_how_much_of_a_file_also_trains_is_said(write: Write, test: str, said: list[str]) -> None:
    train = write("wolf\n\nA\nbear\nA\n" + "lynx\n" * 9, "train.txt")
    write("wolf\n\nsquirrel\n lynx \n", "half.txt")
    write("A\nowlsandcat\n", "other.txt")
    dataset, _ = data_for(train, {"test": test, "valid": 0.0, "context": 2})
    assert dataset.text is not None
    assert [note for note in dataset.text.notes if "also train" in note] == said


def test_how_much_of_a_text_stands_in_lines_of_another_does_not_depend_on_its_pieces() -> None:
    late, trains = ["a\nbb\n", "ccc\n"], ["bb\nccc\n", "ccc\n"]
    assert share_that_trains(late, trains) == 5 / 6
    assert share_that_trains(["".join(late)], ["".join(trains)]) == 5 / 6
    assert share_that_trains([], trains) == share_that_trains(late, []) == 0.0


def test_the_files_of_pairs_validate_and_test(pairs: dict[str, tuple[str, str]]) -> None:
    first, second = pairs["train"]
    asked = {"files": (second,), "valid": pairs["valid"], "test": pairs["test"], "tokens": "words"}
    dataset, others = data_for(first, asked)
    assert isinstance(dataset.inputs, Ragged)
    assert dataset.text is not None
    parts = split(dataset, others["valid"], others["test"])
    assert [len(part) for part in parts] == [40, 2, 3]
    assert "u" not in dataset.text.input.tokens(), "what validates has taught the tokenizer"
    assert "all 3 sources of the test file also train; the test tells nothing of new ones" in dataset.text.notes
    values, visible = dataset.inputs.gather(parts.valid)
    assert [dataset.text.input.decode(row[seen].tolist()) for row, seen in zip(values, visible, strict=True)] == [
        "w1 \ufffd",
        "w2 \ufffd",
    ]


def test_a_share_of_the_pairs_validates_where_only_a_test_file_is_named(pairs: dict[str, tuple[str, str]]) -> None:
    first, second = pairs["train"]
    dataset, others = data_for(first, {"files": (second,), "test": pairs["test"], "valid": 0.1})
    parts = split(dataset, others["valid"], others["test"])
    assert parts.test.tolist() == [40, 41, 42]
    assert len(parts.train) + len(parts.valid) == 40
    assert 1 <= len(parts.valid) <= 9


def test_a_joined_text_is_read_between_any_two_characters(write: Write) -> None:
    one, two = read_plain(Path(write("0123456789", "a.txt"))), read_plain(Path(write("abcdefg", "b.txt")))
    joined = Joined((Span(one, 2, 7), Span(two, 0, 7), Span(one, 7, 10)))
    whole = "23456abcdefg789"
    assert (joined.characters, joined.size) == (15, 17)
    for first in range(16):
        for last in (*range(first, 16), None):
            assert "".join(joined.pieces(first, last)) == whole[first:last]


def test_a_joined_text_is_told_from_one_cut_otherwise(write: Write) -> None:
    one = read_plain(Path(write("0123456789", "a.txt")))
    assert Joined((Span(one, 0, 4), Span(one, 4, 10))).digest != Joined((Span(one, 0, 5), Span(one, 5, 10))).digest


def test_one_text_wants_one_file_and_two_files_want_two(
    texts: dict[str, str], pairs: dict[str, tuple[str, str]]
) -> None:
    with pytest.raises(DataError, match=r"is one file, but test 2: .*; name one file"):
        data_for(texts["train"], {"test": pairs["test"]})
    first, second = pairs["train"]
    with pytest.raises(DataError, match=r"is two files, but valid 1: .*; name the sources and the targets, --valid A"):
        data_for(first, {"files": (second,), "valid": texts["valid"]})


def test_of_tables_no_file_validates(write: Write) -> None:
    table = write("x,y\n" + "1,2\n3,5\n" * 20, "a.csv")
    with pytest.raises(DataError) as caught:
        data_for(table, {"valid": "b.csv", "target": "y"})
    assert str(caught.value) == (
        "only of texts a file may validate, but a.csv is read by its other columns; say a share"
    )


def test_what_is_no_path_does_not_validate(texts: dict[str, str]) -> None:
    for no_path in ({"x": [3]}, (3,)):
        with pytest.raises(DataError) as caught:
            data_for(texts["train"], {"valid": no_path})
        assert str(caught.value) == f"expected the path of a file that validates or tests, or of two, got {no_path}"


def test_a_file_that_is_not_there_is_named(texts: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"nowhere\.txt"):
        data_for(texts["train"], {"test": "nowhere.txt"})


def test_a_run_with_such_files_keeps_their_paths_and_its_model_does_not(write: Write, tmp_path: Path) -> None:
    train, more = (Path(write(*of)).resolve() for of in (("ab" * 90, "a.txt"), ("ba" * 20, "b.txt")))
    net = "Embed(3) >> RNN(3) >> NextToken()"
    settings = {"valid": str(more), "test": str(more), "context": 4, "steps": 3, "threads": 1, "display": None}
    run = la.train(net, train, out=tmp_path / "run", say=lambda text: None, **settings)
    assert f'test = ["{more}"]' in (run.folder / "run.toml").read_text()
    assert "b.txt" not in (run.folder / "model" / "model.json").read_text()
    again = la.train(net, train, out=tmp_path / "again", say=lambda text: None, **settings)
    assert again.result["test"] == run.result["test"]


def test_tokens_between_blanks_are_those_of_texts_cut_before(write: Write) -> None:
    path = write(" = Dog = \n \n a <unk> @-@ dog \n", "part.tokens")
    dataset, _ = data_for(path, {"tokens": "spaced", "context": 2, "valid": 0.25, "test": 0.25})
    assert dataset.text is not None
    tokenizer = dataset.text.input
    assert tokenizer.decode(tokenizer.encode("= Dog =\nDog")) == "= Dog =\nDog"
    assert len(tokenizer.encode(" =  Dog\t=\n\n")) == 5
    assert torch.equal(dataset.inputs.values[:5].long(), torch.tensor(tokenizer.encode("= Dog =\n\n")))


def test_another_file_than_it_was_is_refused_when_a_run_goes_on(texts: dict[str, str], tmp_path: Path) -> None:
    settings = {"test": texts["test"], "valid": 0.2, "context": 2, "batch": 1, "epochs": 9, "threads": 1}
    with pytest.raises(Interrupted):
        la.train(
            "Embed(3) >> RNN(3) >> NextToken()",
            texts["train"],
            out=tmp_path / "run",
            display=stopping_at(3),
            say=lambda text: None,
            **settings,
        )
    Path(texts["test"]).write_text("cabac\n")
    with pytest.raises(la.RunError) as caught:
        la.resume(tmp_path / "run", display=None, say=lambda text: None)
    name = texts["train"]
    assert str(caught.value).endswith(
        f"{Path(name).resolve()} is not the data that this run began with; bring that back"
    )
