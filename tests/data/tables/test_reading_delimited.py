"""What comes out of delimited files, and what is said of those that cannot be read."""

import csv
import gzip
import io
import os

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_tables import read, read_or_refused, refused, rows_of

from lamina.data.tables.arrow_cells import NUMBER, TEXT, Blanks
from lamina.data.tables.reading import Reading
from lamina.data.tables.rows import LONGEST_ROW
from lamina.data.tables.source import Retyped, is_table, open_source

MEGABYTE = "1,2\n" * 300_000


def test_texts_come_in_a_dictionary_and_numbers_as_floats(write):
    source, table = read(write("a,b,c\n1,x,2\n3,y,\n5,x,7\n"))
    assert source.columns() == {"a": NUMBER, "b": TEXT, "c": NUMBER}
    assert table.to_pydict() == {"a": [1, 3, 5], "b": ["x", "y", "x"], "c": [2, None, 7]}
    assert (source.name, source.notes, source.skipped) == ("a.csv", [], [])


def test_dictionaries_hold_every_text_once_and_no_blank(write):
    source = open_source(write("a,b\n1, x\n2,x \n3,x\n4,?\n5,y\n"), Reading())
    (batch,) = source.batches()
    assert batch.column("b").dictionary.to_pylist() == ["x", "y"]
    assert batch.column("b").to_pylist() == ["x", "x", "x", None, "y"]


def test_rows_can_be_read_again(write):
    source = open_source(write("a,b\n1,x\n2,y\n"), Reading(skip_bad=1))
    assert list(source.batches()) == list(source.batches())


def test_only_the_columns_wanted_are_read_in_the_order_of_the_file(write):
    assert read(write("a,b,c\n1,2,x\n"), only=["c", "a"])[1].to_pydict() == {"a": [1], "c": ["x"]}


def test_all_columns_that_are_missing_are_named(write):
    assert refused(write("alpha,b\n1,2\n"), only=["alpa", "b", "zz"]) == (
        "a.csv: 2 columns are missing:\n"
        "  - a.csv: there is no column 'alpa'; did you mean 'alpha'?\n"
        "  - a.csv: there is no column 'zz'; there are: alpha, b"
    )


def test_columns_read_as_text_keep_their_spelling(write):
    assert rows_of(write("a,b\n1.50,2\n007,?\n"), as_text=["a", "b"]) == [("1.50", "2"), ("007", None)]


def test_a_late_word_makes_its_column_text_and_begins_again(write):
    source = open_source(write("a,b\n" + MEGABYTE + "x,3\n"), Reading())
    assert source.columns() == {"a": NUMBER, "b": NUMBER}
    with pytest.raises(Retyped):
        list(source.batches())
    assert source.columns() == {"a": TEXT, "b": NUMBER}
    assert sum(map(len, source.batches())) == 300_001


def test_late_blanks_begin_nothing_again_however_they_are_spelled(write):
    source = open_source(write("a,b\n" + MEGABYTE + "?, ?\nnUll,nUlL\n-NaN,n.A.\n"), Reading(blanks=("N.a.",)))
    *_, last = source.batches()
    assert [column.to_pylist()[-3:] for column in last.columns] == [[None] * 3] * 2


def test_many_late_words_cost_few_restarts(write):
    names = [f"c{number}" for number in range(8)]
    long = "x" * 100_000  # so that a block holds few rows

    def row(word: int = -1) -> str:
        return ",".join([*("w" if at == word else "1" for at in range(len(names))), long]) + "\n"

    text = ",".join([*names, "long"]) + "\n" + "".join(row() * 180 + row(word) for word in range(5))
    source, table = read(write(text), restarts=4)
    assert [name for name, kind in source.columns().items() if kind == TEXT] == [*names[:5], "long"]
    assert len(table) == 5 * 181


def test_ten_thousand_columns_are_read(write):
    names = [f"c{number}" for number in range(10_000)]
    row = ",".join(str(number) for number in range(10_000)) + "\n"
    _, table = read(write(",".join(names) + "\n" + row * 3))
    assert (table.num_columns, len(table)) == (10_000, 3)
    assert table.column("c9999").to_pylist() == [9999.0] * 3


def test_a_wide_table_knows_all_blanks(write):
    names = [f"c{number}" for number in range(600)]
    text = ",".join(names) + "\n" + "1,x," * 299 + "nUlL, ?\n" + "n/A,x," * 300
    _, table = read(write(text[:-1] + "\n"))
    assert table.column("c598").to_pylist() == [None, None]
    assert table.column("c0").to_pylist() == [1.0, None]


def test_rows_are_where_they_stand_in_the_file(write):
    text = 'a,b\r\n\r\n1,"x\ny"\r\n2,z\n\n\n3,"""\n\n"\n4,w\n\n'
    source, table = read(write(text))
    assert [source.where(row) for row in range(len(table))] == ["a.csv:3", "a.csv:5", "a.csv:8", "a.csv:11"]
    assert source.where(99) == "a.csv"


def test_rows_far_down_are_found_behind_those_left_out(write):
    source, table = read(write("a,b\n1\n" + MEGABYTE * 15 + "1\n7,8\n"), Reading(skip_bad=2))
    assert len(table) == 300_000 * 15 + 1
    assert source.where(0) == "a.csv:3"
    assert source.where(len(table) - 1) == f"a.csv:{len(table) + 3}"


def test_rows_that_cannot_be_read_are_left_out_and_listed_up_to_a_number(write):
    name = write('a,b,c\n1,2,3\n1,2\n\n4,"5\n6",6\n1,2,3,4\n7,8,9\n')
    source, table = read(name, Reading(skip_bad=2))
    assert table.column("a").to_pylist() == [1, 4, 7]
    assert source.skipped == [
        "a.csv:3: expected 3 cells, got 2: '1,2'",
        "a.csv:7: expected 3 cells, got 4: '1,2,3,4'",
    ]
    assert [source.where(row) for row in range(3)] == ["a.csv:2", "a.csv:5", "a.csv:8"]
    assert refused(name, Reading(skip_bad=1)) == (
        "a.csv: at least 2 rows cannot be read; mend them, or leave them out with --skip-bad 2 or more:\n"
        "  - a.csv:3: expected 3 cells, got 2: '1,2'\n"
        "  - a.csv:7: expected 3 cells, got 4: '1,2,3,4'\n"
        "read with ','; say --delimiter ';' if that is wrong"
    )


def test_a_single_ragged_row_is_named_with_its_line(write):
    assert refused(write("a,b,c\n1,2,3\n" + "1,2\n" + "4,5,6\n")) == (
        "a.csv:3: expected 3 cells, got 2: '1,2'; mend the line, or leave such rows out with --skip-bad 1 "
        "(read with ','; say --delimiter ';' if that is wrong)"
    )
    assert refused(write('a,b\n1,2\n1,2,"x\ny"\n4,5\n')) == (
        "a.csv:3: expected 2 cells, got 3: '1,2,\"x\\ny\"', over several lines: is a quote left open?; mend the line, "
        "or leave such rows out with --skip-bad 1 (read with ','; say --delimiter ';' if that is wrong)"
    )
    assert refused(write("a;b\n1;2\n1;2;3\n"), Reading(delimiter=";")).endswith(
        "--skip-bad 1 (read with ';', as you said)"
    )


def test_of_many_ragged_rows_the_first_few_are_shown(write):
    text = refused(write("a,b,c\n1,2,3\n" + "1,2\n" * 1000))
    assert text.splitlines()[0].startswith("a.csv: at least 5 rows cannot be read; mend them")
    assert [line.split(":")[1] for line in text.splitlines()[1:-1]] == ["3", "4", "5", "6", "7"]


def test_rows_all_of_which_are_left_out_are_refused(write):
    assert refused(write("a,b,c\n1,2\n"), Reading(skip_bad=5)) == (
        "a.csv: expected rows, found none that can be read; check the file"
    )


EMPTY = "a.csv: expected a table, got an empty file; check the path"
OPEN = "a quote opens here and is never closed; close it, or double it if it is a letter"
BINARY = (
    "expected text, got a NUL byte; is this a binary file, or is it in an encoding such as UTF-16 "
    "(say encoding='utf-16-le')?"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", EMPTY),
        (b"\n\r\n  \n", EMPTY),
        (b"\xef\xbb\xbf", EMPTY),
        (b"a,b\n", "a.csv: expected rows, found only a head; check the file"),
        (b"a,b", "a.csv: expected rows, found only a head; check the file"),
        (b'a,b\n1,x\n2,"y\n3,z\n', f"a.csv:3: {OPEN}"),
        (b'a,b\n1,x\n2,"y\n3,"z"\n4,w\n', f"a.csv:3: {OPEN}"),
        (b'a,b\n1,"x\ny"\n\n2,"y', f"a.csv:5: {OPEN}"),
        (MEGABYTE.encode() + b'2,"y\n' + MEGABYTE.encode(), f"a.csv:300001: {OPEN}"),
        (b"a,b\n1,x\n2,\0\n", f"a.csv:3: {BINARY}"),
        (MEGABYTE.encode() * 15 + b"\0", f"a.csv:4500001: {BINARY}"),
        (bytes(range(256)), f"a.csv:1: {BINARY}"),
        (
            b"\x89PNG\r\n\x1a\n\0\0",
            "a.csv: expected a text file, got a PNG picture; export the table as CSV or Parquet",
        ),
        (
            b"PK\x03\x04abc",
            "a.csv: expected a text file, got a zip archive, or an Excel workbook; export the table as CSV or Parquet",
        ),
    ],
)
def test_what_is_no_table_is_said_in_one_message(write, content, message):
    assert refused(write(content)) == message


@pytest.mark.parametrize("start", ["a,b\n1,2\n", ""])
def test_a_row_without_an_end_is_refused(write, start):
    message = "a.csv:{}: expected rows of at most 16 MB, got a longer one; is this a table, with lines that end?"
    long = "x" * (LONGEST_ROW * 2 + 100)
    assert refused(write("a,b\n" + MEGABYTE + f"1,{long}\n")) == message.format(300_002)
    assert refused(write("a,b\n1,2\n" + '1,"' + "x\n" * LONGEST_ROW)) == f"a.csv:3: {OPEN}"


def test_a_long_cell_is_read(write):
    long = "x" * 3_000_000
    assert rows_of(write(f'a,b\n1,w\n3,"{long}"\n5,v\n')) == [(1.0, "w"), (3.0, long), (5.0, "v")]


PACKED = gzip.compress(b"a,b\n" + os.urandom(600_000).hex().encode().replace(b"0", b",1\n"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PACKED[:-4], "Truncated compressed stream"),
        (PACKED[: len(PACKED) // 2], "Truncated compressed stream"),
        (b"a,b\n1,2\n", "zlib inflate failed: incorrect header check"),
    ],
)
def test_a_packed_file_that_is_damaged_is_refused(write, content, why):
    assert refused(write(content, "a.csv.gz")) == (
        f"a.csv.gz: expected a file packed by gzip, got one that is cut off or damaged ({why!r}); fetch or pack it anew"
    )


def test_a_file_that_may_not_be_read_is_refused(write, within):
    name = write("a,b\n1,2\n")
    (within / name).chmod(0)
    if os.access(name, os.R_OK):
        pytest.skip("root may read everything")
    assert refused(name) == "a.csv: cannot be read (Permission denied); check the file"


def test_the_key_changes_with_the_file_and_the_reading(write, within):
    name = write("a,b\n1,2\n")
    key = open_source(name, Reading()).key()
    assert open_source(name, Reading()).key() == key
    others = [
        open_source(name, Reading(), as_text=["a"]).key(),
        open_source(name, Reading(), only=["a"]).key(),
        open_source(name, Reading(blanks=("1",))).key(),
    ]
    os.utime(name, (0, 0))
    others.append(open_source(name, Reading()).key())
    write("a,b\n1,3\n")
    os.utime(name, (0, 0))
    others.append(open_source(name, Reading()).key())
    assert len({key, *others}) == 6


@pytest.mark.parametrize(
    ("where", "table"),
    [
        ("a.csv", True),
        ("a/b.TSV.gz", True),
        ("data/part-*.parquet", True),
        ("a.jsonl.zst", True),
        ("a.pq", True),
        ("digits", False),
        ("a.npz", False),
        ("csv", False),
        ("a.csv.d/x", False),
    ],
)
def test_tables_are_known_by_their_names(where, table):
    assert is_table(where) is table


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.text(
    alphabet='",;\t|\n\r é😀?', max_size=6
)
FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)


def quoted(cell: str, delimiter: str, always: bool) -> str:
    strange = always or any(letter in cell for letter in f'{delimiter}"\n\r') or cell != cell.strip()
    return '"' + cell.replace('"', '""') + '"' if strange else cell


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(CELLS, FLOATS, CELLS), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|~"),
    always=st.booleans(),
    comma=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    packed=st.booleans(),
    ended=st.booleans(),
)
def test_tables_are_read_as_they_were_written(
    tmp_path_factory, rows, delimiter, always, comma, line_end, encoding, packed, ended
):
    comma = comma and delimiter != ","
    places = []
    text = delimiter.join(("t", "n", "ü")) + line_end
    for left, number, right in rows:
        places.append(1 + text.count("\n"))
        spelled = "" if number is None else repr(number).replace(".", "," if comma else ".")
        cells = (quoted(left, delimiter, always), spelled, quoted(right, delimiter, always))
        text += delimiter.join(cells) + line_end
    text = text if ended else text.removesuffix(line_end)
    path = tmp_path_factory.mktemp("table") / ("a.csv.gz" if packed else "a.csv")
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    source, table = read(path, Reading(header=True, delimiter=delimiter), as_text=["t", "ü"])
    blanks = Blanks()
    for name, place in (("t", 0), ("ü", 2)):
        trimmed = pc.utf8_trim_whitespace([row[place] for row in rows]).to_pylist()
        assert table.column(name).to_pylist() == [None if text.lower() in blanks.lower else text for text in trimmed]
    assert table.column("n").to_pylist() == [row[1] for row in rows]
    assert [source.where(row) for row in range(len(rows))] == [f"{path}:{line}" for line in places]


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["red", "green", "light blue", "x, y", 'say "x"', "a;b"]),
            st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
            st.integers(-100, 100),
        ),
        min_size=2,
        max_size=30,
    ),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_the_dialects_of_pythons_writer_are_told_apart(tmp_path_factory, rows, delimiter, quoting):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows([("colour", "size", "count"), *rows])
    path = tmp_path_factory.mktemp("table") / "a.csv"
    path.write_bytes(text.getvalue().encode())
    assert rows_of(path) == rows


@given(st.binary(max_size=200))
@settings(max_examples=80)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "a.csv"
    path.write_bytes(content)
    source, table = read_or_refused(path, Reading(skip_bad=3))
    if source is None:
        assert str(path) in table
    else:
        assert len(table) > 0
        assert all(source.where(row).startswith(f"{path}:") for row in range(len(table)))


@given(st.text(alphabet='a1,;"\n\r \té?', max_size=60))
@settings(max_examples=100)
def test_any_letters_are_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("letters") / "a.csv"
    path.write_bytes(text.encode())
    source, table = read_or_refused(path, Reading(skip_bad=3))
    if source is None:
        assert str(path) in table
    else:
        assert all(source.where(row).startswith(f"{path}:") for row in range(len(table)))
