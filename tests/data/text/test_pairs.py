from pathlib import Path

import pytest

from lamina.data.text.pairs import read_pairs
from lamina.errors import DataError


def refusal(*files: str, **how: int) -> str:
    with pytest.raises(DataError) as raised:
        read_pairs(*map(Path, files), **how)
    return str(raised.value)


def test_a_file_of_two_columns(write):
    write("\ufeffDie Eule.\tThe owl.\r\nEin Boot.\tA  boat. \n", "a.tsv")
    assert read_pairs(Path("a.tsv")) == (["Die Eule.", "Ein Boot."], ["The owl.", "A  boat. "], ())


def test_two_files_side_by_side(write):
    write("Die Eule.\nEin\u2028Boot.", "a.de")
    write("The owl.\nA boat.\n", "a.en")
    assert read_pairs(Path("a.de"), Path("a.en")) == (["Die Eule.", "Ein\u2028Boot."], ["The owl.", "A boat."], ())


def test_nothing_is_normalised(write):
    write("e\u0301te\u0301\té\n", "a.tsv")
    assert read_pairs(Path("a.tsv"))[:2] == (["e\u0301te\u0301"], ["é"])


def test_further_columns_are_noted(write):
    write("Hund\tdog\tby Tom\nEule\towl\tby Mary\n", "a.tsv")
    assert read_pairs(Path("a.tsv")) == (["Hund", "Eule"], ["dog", "owl"], ("a.tsv: 1 of 3 columns are not looked at",))


def test_unequal_numbers_of_lines_are_told(write):
    write("Hund\nEule\nKatze\n", "a.de")
    write("dog\nowl\n", "a.en")
    assert refusal("a.de", "a.en", skip_bad=9) == (
        "a.de and a.en: expected as many lines in both, got 3 and 2; line by line one must be the translation of the other"
    )
    assert "got 2 and 3;" in refusal("a.en", "a.de")


def test_each_bad_line_is_named(write):
    write("Hund\tdog\nEule\n\towl\nKatze\t \na\tb\tc\n", "a.tsv")
    assert refusal("a.tsv", skip_bad=3) == (
        "a.tsv: 4 of 5 lines are no pair of texts; mend them, or leave them out with --skip-bad 4:\n"
        "  - a.tsv:2: expected '<source><TAB><target>', got 'Eule'\n"
        "  - a.tsv:3: expected a source, got an empty one\n"
        "  - a.tsv:4: expected a target, got an empty one\n"
        "  - a.tsv:5: expected 1 tabs as in the lines before, got 2"
    )


def test_bad_lines_are_left_out_and_noted_where_that_is_asked_for(write):
    write("Hund\tdog\nEule\nKatze\tcat\n", "a.tsv")
    expected = ("left out: a.tsv:2: expected '<source><TAB><target>', got 'Eule'",)
    assert read_pairs(Path("a.tsv"), skip_bad=1) == (["Hund", "Katze"], ["dog", "cat"], expected)
    assert refusal("a.tsv") == (
        "a.tsv:2: expected '<source><TAB><target>', got 'Eule'; mend it, or leave it out with --skip-bad 1"
    )


def test_of_many_bad_lines_some_are_named(write):
    write("Hund\tdog\n" + "Eule\n" * 8, "a.tsv")
    notes = read_pairs(Path("a.tsv"), skip_bad=8).notes
    assert len(notes) == 6
    assert notes[-1] == "left out: 3 more lines that are no pair"


def test_an_empty_side_of_two_files_is_named_by_its_file(write):
    write("Hund\n\nKatze\nMaus\n", "a.de")
    write("dog\nowl\n\nmouse\n", "a.en")
    message = refusal("a.de", "a.en")
    assert "  - a.de:2: expected a source, got an empty one\n  - a.en:3: expected a target, got an empty one" in message


def test_a_line_that_is_no_utf_8_is_named(write):
    write(b"Hund\nK\xe4se\n", "a.de")
    write("dog\ncheese\n", "a.en")
    expected = "a.de:2: expected UTF-8, got 0xe4, which is none"
    assert refusal("a.de", "a.en") == f"{expected}; mend it, or leave it out with --skip-bad 1"
    assert read_pairs(Path("a.de"), Path("a.en"), skip_bad=1).sources == ["Hund"]
    write(b"Hund\tdog\nK\xe4se\tcheese\n", "a.tsv")
    assert read_pairs(Path("a.tsv"), skip_bad=1).notes == (
        "left out: a.tsv:2: expected UTF-8, got 0xe4, which is none",
    )


def test_files_without_a_pair_are_refused(write):
    write("", "a.tsv")
    assert refusal("a.tsv") == "a.tsv: expected pairs of texts, got an empty file; check the path"
    write("Hund\n", "a.tsv")
    assert refusal("a.tsv", skip_bad=5) == "a.tsv:1: expected '<source><TAB><target>', got 'Hund'"
    write("Hund\nEule\n" * 50, "a.tsv")
    assert refusal("a.tsv", skip_bad=500) == (
        "a.tsv: none of 100 lines is a pair of texts; a.tsv:1: expected '<source><TAB><target>', got 'Hund'; a pair is two"
        " columns with a tab between, or a line of each of two files; a text that runs on is a .txt"
    )
