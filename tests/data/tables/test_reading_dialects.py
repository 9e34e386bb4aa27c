"""What delimited files are taken to mean when nothing is said of them."""

import gzip

import pyarrow as pa
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from reading_tables import read, refused, rows_of

from lamina.data.tables.arrow_cells import NUMBER, TEXT
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import Marks, blocks, quotes, row_starts
from lamina.data.tables.source import open_source
from lamina.data.tables.text_file import TextFile
from lamina.errors import DataError


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "~", "!"])
def test_the_delimiter_is_what_cuts_rows_into_the_same_count(write, delimiter):
    text = 'name,x;y\n"a,;\t|:",2;3\nb,4;5\n'.replace(",", "\0").replace(";", "\0").replace("\0", delimiter)
    source, table = read(write(text.replace(f'"a{delimiter}{delimiter}', f'"a{delimiter}')))
    assert list(source.columns()) == ["name", "x", "y"]
    assert table.column("y").to_pylist() == [3.0, 5.0]


def test_a_consistent_comma_within_cells_does_not_beat_the_delimiter(write):
    assert rows_of(write("1,5;2,5;3,5\n2,5;3,5;4,25\n")) == [(1.5, 2.5, 3.5), (2.5, 3.5, 4.25)]
    assert rows_of(write("name\ttext\na\tx, y\nb\tz, w\n"), Reading(header=True))[0] == ("a", "x, y")


def test_what_does_not_cut_the_head_alike_loses_against_what_does(write):
    german = "x;g;y\n" + "62,29;b;190,22\n" * 3
    assert rows_of(write(german)) == [(62.29, "b", 190.22)] * 3
    assert rows_of(write("x;g;y\n" + "62,29;b;190,22\n" * 1500))[0] == (62.29, "b", 190.22)
    assert rows_of(write("x~y\n" + "62,29~19\n" * 9)) == [(62.29, 19.0)] * 9
    ragged = "x;y\n" + "1,5;2\n" * 30 + "1,5;2;3\n"
    assert refused(write(ragged)).startswith("a.csv:32: expected 2 cells, got 3: '1,5;2;3'")


@pytest.mark.parametrize("said", ["tab", "\\t", "\t"])
def test_a_tab_may_be_said_by_name(write, said):
    reading = Reading(delimiter=said)
    assert reading == Reading(delimiter="\t")
    assert reading.to_json() == {"delimiter": "\t"}
    assert rows_of(write("a\tb\n1,5\tx\n"), reading) == [(1.5, "x")]


def test_a_said_delimiter_that_leaves_one_column_is_named_where_others_are_missing(write):
    assert refused(write("a;b\n1;x\n"), Reading(delimiter="tab"), only=["b"]) == (
        "a.csv: there is no column 'b'; there are: a;b (read with '\\t', as you said; say another --delimiter if that is "
        "wrong)"
    )
    assert refused(write("a;b\n1;x\n"), Reading(delimiter=";"), only=["c"]) == (
        "a.csv: there is no column 'c'; there are: a, b"
    )


def test_the_delimiter_that_is_said_is_taken(write):
    assert rows_of(write("a,b;c\nx,2;3\n"), Reading(delimiter=";")) == [("x,2", 3.0)]
    for delimiter in ('"', "¦"):
        assert refused(write("a,b\n1,2\n"), Reading(delimiter=delimiter)) == (
            "a.csv: the delimiter must be an ASCII character, no quote and no end of a line, "
            f"got {delimiter!r}; use such as ',' or ';'"
        )


def test_a_tsv_is_cut_at_tabs(write):
    assert rows_of(write("a,b\tc\nx,2\t3\n", "a.tsv")) == [("x,2", 3.0)]
    assert rows_of(write(gzip.compress(b"a,b\tc\nx,2\t3\n"), "a.tsv.gz")) == [("x,2", 3.0)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,x\n2,y\n", ["a", "b"]),
        ("a,b\nx,y\nz,w\n", ["a", "b"]),
        ("country,2019,rank\nx,1,2\ny,3,4\n", ["country", "2019", "rank"]),
        (",a\n0,1\n1,2\n", ["column_1", "a"]),
        ("a\n1\n2\n", ["a"]),
        ("1,x\n2,y\n", ["column_1", "column_2"]),
        ("?,x\n2,y\n3,x\n", ["column_1", "column_2"]),
        ("p,x,s\ne,x,y\np,b,s\n", ["column_1", "column_2", "column_3"]),
        ("1\n2\n", ["column_1"]),
    ],
)
def test_a_head_has_words_above_numbers_or_words_that_never_come_again(write, text, names):
    assert list(open_source(write(text), Reading()).columns()) == names


def test_columns_without_a_head_are_numbered_which_is_said(write):
    source, table = read(write("1,x\n2,y\n"))
    assert len(table) == 2
    assert source.notes == [
        "a.csv: its first line does not look like a head (it begins '1'), so the columns are called column_1 to "
        "column_2; say --header if it is one, or --names"
    ]
    assert (
        read(write("1\n2\n"))[0]
        .notes[0]
        .endswith("so the columns are called column_1; say --header if it is one, or --names")
    )


def test_what_is_said_of_the_head_is_taken(write):
    source, table = read(write("1,2\n3,4\n"), Reading(header=True))
    assert (list(source.columns()), len(table), source.notes) == (["1", "2"], 1, [])
    source, table = read(write("a,b\n3,4\n"), Reading(header=False))
    assert (source.columns(), len(table), source.notes) == ({"column_1": TEXT, "column_2": TEXT}, 2, [])
    source, table = read(write("1,2\n3,4\n"), Reading(names=("u", "v")))
    assert (list(source.columns()), len(table), source.notes) == (["u", "v"], 2, [])


def test_a_first_row_that_holds_all_the_columns_wanted_is_a_head(write):
    source, table = read(write("a,b\na,x\n"), only=["a"])
    assert (list(source.columns()), len(table)) == (["a"], 1)


def test_names_must_fit_the_columns(write):
    assert refused(write("1,2\n3,4\n"), Reading(names=("u",))) == (
        "a.csv: expected 2 names for its 2 columns, got 1 names; name them all "
        "(read with ','; say --delimiter ';' if that is wrong)"
    )


def test_columns_without_a_name_get_one_which_is_said(write):
    source, _ = read(write("a,,c,\n1,2,3,4\n"))
    assert list(source.columns()) == ["a", "column_2", "c", "column_4"]
    assert source.notes == ["a.csv: the head leaves columns without a name; they are called column_2, column_4"]
    assert read(write("a" + "," * 8 + "\n" + "1," * 8 + "1\n"))[0].notes == [
        "a.csv: the head leaves columns without a name; they are called column_2, column_3, column_4, column_5, "
        "column_6 and 3 more"
    ]


def test_columns_of_one_name_are_refused(write):
    assert refused(write("a,b,a\n1,2,3\n")) == "a.csv: several columns are called 'a'; give each a name of its own"
    assert refused(write("a,b,a,b\n1,2,3,4\n")) == (
        "a.csv: 2 names stand for several columns:\n"
        "  - a.csv: several columns are called 'a'; give each a name of its own\n"
        "  - a.csv: several columns are called 'b'; give each a name of its own"
    )


def test_a_head_that_does_not_fit_any_row_is_refused(write):
    assert refused(write("a,b\n1,2,3\n4,5,6\n")) == (
        "a.csv:1: the head names 2 columns, but the rows have 3 cells; mend the head (read with ','; say --delimiter ';' if that is wrong)"
    )
    assert refused(write("a\tb\n1,2,3\n4,5,6\n"), Reading(header=True)).endswith(
        "mend the head (read with ','; say --delimiter tab if that is wrong)"
    )
    assert refused(write("a;b\n1;2;3\n4;5;6\n"), Reading(delimiter=";")).endswith(
        "the head (read with ';', as you said)"
    )


def test_spaces_around_cells_are_no_part_of_them(write):
    assert rows_of(write('39, State-gov, "x, ""y"", z" , ?\n50 ,  Private,  "w", 1\n')) == [
        (39.0, "State-gov", 'x, "y", z', None),
        (50.0, "Private", "w", 1.0),
    ]


def test_a_quote_within_a_cell_is_a_letter(write):
    assert rows_of(write('a,b\n1,5" pipe\n2,"6"" pipe"\n3,x"y"z\n')) == [
        (1.0, '5" pipe'),
        (2.0, '6" pipe'),
        (3.0, 'x"y"z'),
    ]


def test_whole_numbers_with_leading_zeros_are_text_which_is_said(write):
    source, table = read(write("zip,x\n02134,0.5\n12345,01.5\n"))
    assert table.to_pydict() == {"zip": ["02134", "12345"], "x": [0.5, 1.5]}
    assert source.notes == ["a.csv: column 'zip' is kept as text: 02134 would lose its zero"]


def test_numbers_are_read_however_they_are_written(write):
    cells = ["1", "+2", "-.5", "3.", "1e3", "1E-3", '"4"', " 5 ", "inf", "-Infinity", "1e400"]
    values = [1.0, 2.0, -0.5, 3.0, 1000.0, 0.001, 4.0, 5.0, float("inf"), -float("inf"), float("inf")]
    assert read(write("a,b\n" + "".join(f"{cell},x\n" for cell in cells)))[1].column("a").to_pylist() == values


@pytest.mark.parametrize("cell", ["0x10", "1_000", "1 000", "1,000", "one", "1d5", "½", "１"])
def test_other_spellings_are_text(write, cell):
    assert rows_of(write(f'a,b\n"{cell}",x\n1,y\n')) == [(cell, "x"), ("1", "y")]


def test_blanks_are_null_however_they_are_written(write):
    spellings = ["", " ", "NA", " ?", "? ", "nUlL", "N/a", "-nan", "#N/A", "n.s."]
    text = "a,b\n1,x\n" + "".join(f"{blank},{blank}\n" for blank in spellings)
    assert rows_of(write(text), Reading(blanks=("N.S.",))) == [(1.0, "x"), *[(None, None)] * len(spellings)]


def test_a_blank_may_look_like_a_number(write):
    assert rows_of(write("a,b\n1,-999\n-999,2\n"), Reading(blanks=("-999",))) == [(1.0, None), (None, 2.0)]


def test_dates_and_booleans_stay_text(write):
    assert rows_of(write("a,b\n2020-01-31,true\n12:30,false\n")) == [("2020-01-31", "true"), ("12:30", "false")]


def test_a_column_of_blanks_is_numbers(write):
    source, table = read(write("a,b\n1,\n2,NA\n"))
    assert source.columns() == {"a": NUMBER, "b": NUMBER}
    assert table.column("b").null_count == 2


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,é\n2,x\n".encode(),
        "\ufeffa,b\n1,é\n2,x\n".encode(),
        "a,b\n1,é\n2,x\n".encode("utf-16"),
        "\ufeffa,b\n1,é\n2,x\n".encode("utf-16-be"),
        b"a,b\r\n1,\xc3\xa9\r\n\r\n2,x\r\n\r\n\r\n",
        b"a,b\r1,\xc3\xa9\r2,x\r",
        b"\n\na,b\n\n1,\xc3\xa9\n2,x",
    ],
)
def test_encodings_marks_and_line_ends_are_seen(write, content):
    source, table = read(write(content))
    assert table.to_pydict() == {"a": [1.0, 2.0], "b": ["é", "x"]}
    assert source.notes == []


def test_what_is_no_utf8_is_latin_1_which_is_said(write):
    source, table = read(write("a,b\n1,x\n2,é\n".encode("latin-1")))
    assert table.column("b").to_pylist() == ["x", "é"]
    assert source.notes == ["a.csv: read as Latin-1, since byte 0xe9 at line 3 is no UTF-8"]


def test_a_late_byte_that_is_no_utf8_makes_the_whole_file_latin_1_but_keeps_the_names(write):
    source, table = read(write("ä,b\n".encode() + "1,ü\n".encode() * 300_000 + b"2,\xe9\n"))
    assert list(source.columns()) == ["ä", "b"]
    assert table.column("b").to_pylist()[-2:] == ["Ã¼", "é"]
    assert table.column("ä").to_pylist()[:2] == [1.0, 1.0]
    assert source.notes == ["a.csv: read as Latin-1, since byte 0xe9 at line 300002 is no UTF-8"]


def test_the_encoding_that_is_said_is_taken(write):
    assert rows_of(write("a,b\n1,€\n".encode("cp1252")), Reading(encoding="cp1252")) == [(1.0, "€")]
    assert rows_of(write("a,b\n1,ж\n".encode("utf-16-le")), Reading(encoding="utf-16-le")) == [(1.0, "ж")]
    assert refused(write(b"a,b\n1,\xe9\n"), Reading(encoding="utf8")) == (
        "a.csv:2: expected utf-8, got the byte 0xe9 that is none; name its encoding"
    )
    assert refused(write("a,b\n1,2\n"), Reading(encoding="utf9")) == (
        "a.csv: encoding='utf9' is not known; use such as 'utf-8' or 'latin-1'"
    )


def test_packed_files_are_read_as_if_they_were_not(write):
    assert rows_of(write(gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n"), "a.csv.gz")) == [
        (1.0, "x"),
        (2.0, "y"),
    ]
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(b"a,b\n1,x\n")
    assert rows_of(write(sink.getvalue().to_pybytes(), "a.CSV.zst")) == [(1.0, "x")]


def test_the_size_is_what_the_rows_take_unpacked(write):
    text = b"a,b\n" + b"1,x\n" * 1000
    assert open_source(write(text), Reading()).size == len(text)
    assert open_source(write(gzip.compress(text), "a.csv.gz"), Reading()).size == len(text)


LETTERS = st.text(alphabet='a",\n\r ;é', max_size=60)


@given(text=LETTERS, size=st.integers(1, 30))
def test_where_a_file_is_cut_changes_nothing(tmp_path_factory, text, size):
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    path.write_bytes(content := text.replace("\r", "\r\n").encode())
    marks = Marks(ord(","))
    found, file = quotes(content, marks), TextFile(path)
    assume(found.open_at(len(content)) is None)
    try:
        cut = list(blocks(file, marks, size=size))
    except DataError:
        reject()  # a quoted cell takes in lines and closes where no cell ends
    assert b"".join(block.text for block in cut) == content
    assert sum(len(row_starts(block.text, marks)) for block in cut) == len(row_starts(content, marks))
    lines = [1 + content[: sum(len(block.text) for block in cut[:number])].count(b"\n") for number in range(len(cut))]
    assert [block.line for block in cut] == lines


def quotes_by_hand(text: str) -> tuple[list[int], list[int]]:
    """The same, one letter after the other."""
    opening, closing, is_open, place = [], [], False, 0
    while place < len(text):
        if text[place] == '"':
            if not is_open and (place == 0 or text[place - 1] in ",\n\r"):
                opening.append(place)
                is_open = True
            elif is_open and text[place : place + 2] == '""':
                place += 1
            elif is_open:
                closing.append(place)
                is_open = False
        place += 1
    return opening, closing


@given(st.text(alphabet='a",\n\r ', max_size=40))
def test_quotes_open_and_close_as_one_reads_them(text):
    found = quotes(text.encode(), Marks(ord(",")))
    starts = [row for row in range(len(text)) if (row == 0 or text[row - 1] in "\n\r") and text[row] not in "\n\r"]
    opening, closing = quotes_by_hand(text)
    inside = [start for start in starts if sum(o < start for o in opening) > sum(c < start for c in closing)]
    assert row_starts(text.encode(), Marks(ord(","))).tolist() == [start for start in starts if start not in inside]
    for place in range(len(text) + 1):
        expected = sum(o < place for o in opening) > sum(c < place for c in closing)
        if place and text[place - 1] == '"' == text[place : place + 1]:
            continue  # within a doubled quote the cell may be said to be open or closed
        assert (found.open_at(place) is not None) == expected
