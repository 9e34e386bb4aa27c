"""Tables whose cells have types of their own: JSON, Parquet, frames, and several files as one."""

import datetime
import gzip
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from reading_tables import read, refused, rows_of

from lamina.data.tables.arrow_cells import MOMENT, NUMBER, TEXT
from lamina.data.tables.reading import Reading
from lamina.data.tables.source import Retyped, open_source

MEGABYTE = f'{{"a": 1, "b": "{"x" * 100_000}"}}\n' * 12


def written(write, text):
    return write(text, "a.jsonl")


def test_keys_may_differ_from_line_to_line(write):
    name = written(write, '{"a":1,"b":"x","c":true}\n{"b":" y ","d":null}\n\n  \n{"a":2.5,"b":"?","c":null,"a b":"é"}')
    source, table = read(name)
    assert source.columns() == {"a": NUMBER, "b": TEXT, "c": pa.bool_(), "d": pa.null(), "a b": TEXT}
    assert table.to_pydict() == {
        "a": [1, None, 2.5],
        "b": ["x", "y", None],
        "c": [True, None, None],
        "d": [None] * 3,
        "a b": [None, None, "é"],
    }
    assert [source.where(row) for row in range(4)] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:5", "a.jsonl"]


def test_nested_values_leave_their_column_without_a_plain_type(write):
    source, table = read(written(write, '{"a":[1],"b":1,"c":{"d":2}}\n{"a":3,"b":2}\n'), as_text=["a"])
    assert pa.types.is_list(source.columns()["a"])
    assert pa.types.is_list(source.columns()["c"])
    assert table.column("b").to_pylist() == [1, 2]


def test_unlike_plain_values_are_text(write):
    name = written(write, '{"a":1}\n{"a":"x"}\n{"a":true}\n{"a":2.50}\n{"a":null}\n')
    assert rows_of(name) == [("1",), ("x",), ("true",), ("2.5",), (None,)]


def test_texts_that_are_all_numbers_are_numbers(write):
    name = written(write, '{"a":"1","zip":"02134"}\n{"a":"?","zip":"1"}\n{"a":" 2.5","zip":"2"}\n')
    source, table = read(name)
    assert table.to_pydict() == {"a": [1, None, 2.5], "zip": ["02134", "1", "2"]}
    assert source.notes == ["a.jsonl: column 'zip' is kept as text: 02134 would lose its zero"]
    assert rows_of(name, as_text=["a"], only=["a"]) == [("1",), (None,), ("2.5",)]


def test_numbers_read_as_text_have_no_needless_point(write):
    assert rows_of(written(write, '{"a":1}\n{"a":2.5}\n{"a":1234567}\n'), as_text=["a"]) == [
        ("1",),
        ("2.5",),
        ("1234567",),
    ]


@pytest.mark.parametrize(
    ("line", "column", "kind"),
    [
        ('{"c": "y"}', "c", TEXT),
        ('{"a": "y"}', "a", TEXT),
        ('{"a": [1]}', "a", pa.list_(pa.null())),
        ('{"b": 5}', "b", TEXT),
    ],
)
def test_what_comes_up_later_begins_again(write, line, column, kind):
    source = open_source(written(write, MEGABYTE + line + "\n"), Reading())
    before = source.columns()
    with pytest.raises(Retyped):
        list(source.batches())
    assert source.columns() == before | {column: kind}
    assert sum(map(len, source.batches())) == 13


def test_a_late_word_among_texts_that_are_numbers_begins_again(write):
    line = f'{{"a": "1", "b": "{"x" * 100_000}"}}\n'
    source, table = read(written(write, line * 12 + '{"a": "w"}\n'))
    assert source.columns() == {"a": TEXT, "b": TEXT}
    assert table.column("a").to_pylist()[-2:] == ["1", "w"]


def test_numbers_that_are_too_large_are_infinite(write):
    name = written(write, '{"a":1e400}\n{"a":-' + "9" * 100_000 + "}\n" + '{"a":1}\n')
    assert rows_of(name) == [(float("inf"),), (-float("inf"),), (1.0,)]


MEND = "; mend the line, or leave such rows out with --skip-bad 1"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a":NaN}', "expected a number or null, got NaN, which is no JSON; write null for a blank"),
        ('{"a":-Infinity}', "expected a number or null, got -Infinity, which is no JSON; write null for a blank"),
        ("[1]", "expected one JSON object a line, got '[1]'"),
        ("5", "expected one JSON object a line, got '5'"),
        ('{"a":', "expected one JSON object a line, got '{\"a\":' (Expecting value at character 6)"),
        ('{"a":1}{"a":2}', 'expected one JSON object a line, got \'{"a":1}{"a":2}\' (Extra data at character 8)'),
        ('{"a":1,"a":2}', "expected every key once, got 'a' several times"),
        ('{"a":"\\ud800"}', 'expected text, got half of a surrogate pair in \'{"a":"\\\\ud800"}\''),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "expected plain values, got lists or objects nested too deeply"),
        (
            '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
            "expected plain values, got lists or objects nested too deeply",
        ),
    ],
)
@pytest.mark.parametrize("before", [1, 12])
def test_lines_that_are_no_plain_object_are_refused(write, line, message, before):
    good = '{"a": 1, "b": "x"}\n' if before == 1 else MEGABYTE.splitlines(keepends=True)[0]
    name = written(write, good * before + line + "\n" + good)
    assert refused(name) == f"a.jsonl:{before + 1}: {message}{MEND}"
    if before == 1:
        source, table = read(name, Reading(skip_bad=1))
        assert (len(table), source.skipped) == (2, [f"a.jsonl:2: {message}"])
        assert source.where(1) == "a.jsonl:3"


def test_what_is_no_text_or_empty_is_refused(write):
    assert refused(written(write, "")) == "a.jsonl: expected one JSON object a line, got an empty file; check the path"
    assert refused(written(write, b'{"a":1}\n{"a":"\xe9"}\n')) == (
        "a.jsonl:2: expected utf-8, got the byte 0xe9 that is none; name its encoding"
    )
    assert (
        refused(written(write, "{}\n{}\n"))
        == "a.jsonl: expected objects with keys, found only empty ones; check the file"
    )
    assert refused(written(write, '[\n{"a":1},\n{"a":2}\n]\n')).splitlines() == [
        "a.jsonl: at least 3 rows cannot be read; mend them, or leave them out with --skip-bad 3 or more:",
        "  - a.jsonl:1: expected one JSON object a line, got '[' (Expecting value at character 2)",
        "  - a.jsonl:2: expected one JSON object a line, got '{\"a\":1},' (Extra data at character 8)",
        "  - a.jsonl:4: expected one JSON object a line, got ']' (Expecting value at character 1)",
    ]


def test_packed_json_is_read(write):
    assert rows_of(write(gzip.compress(b'{"a":1}\n'), "a.ndjson.gz")) == [(1.0,)]


@pytest.fixture
def table():
    return pa.table(
        {
            "whole": [1, 2, None],
            "float": pa.array([1.5, float("nan"), float("inf")], pa.float32()),
            "text": pa.array(["x", " ?", "y "], pa.large_string()),
            "flag": [True, None, False],
            "day": [datetime.date(2020, 1, 31)] * 3,
            "time": pa.array([datetime.datetime(2020, 1, 31, 3)] * 3, pa.timestamp("ns", "Europe/Berlin")),
            "nothing": pa.nulls(3),
            "decimal": pa.array([1, 2, 3], pa.decimal128(5, 2)),
            "category": pa.array(["u", "v", "u"]).dictionary_encode(),
            "list": [[1], [2], None],
        }
    )


DAY, TIME = datetime.datetime(2020, 1, 31), datetime.datetime(2020, 1, 31, 3)
GIVEN = {
    "whole": (NUMBER, [1, 2, None]),
    "float": (NUMBER, [1.5, None, float("inf")]),
    "text": (TEXT, ["x", None, "y"]),
    "flag": (pa.bool_(), [True, None, False]),
    "day": (MOMENT, [DAY] * 3),
    "time": (MOMENT, [TIME] * 3),
    "nothing": (pa.null(), [None] * 3),
    "decimal": (NUMBER, [1, 2, 3]),
    "category": (TEXT, ["u", "v", "u"]),
    "list": (pa.list_(pa.int64()), [[1], [2], None]),
}


def test_frames_and_parquet_give_the_types_of_a_source(within, table):
    parquet.write_table(table, "a.parquet")
    for data in (table, pa.RecordBatchReader.from_stream(table), "a.parquet"):
        source, found = read(data)
        assert {name: (kind, found.column(name).to_pylist()) for name, kind in source.columns().items()} == GIVEN
    assert open_source("a.parquet", Reading()).where(2) == "a.parquet, row 2"
    assert open_source("a.parquet", Reading()).size > 0
    assert open_source(table, Reading()).where(2) == "frame, row 2"
    assert (open_source(table, Reading()).name, open_source(table, Reading()).size) == ("frame", 0)


def test_any_plain_column_may_be_read_as_text(table):
    source, found = read(table, as_text=table.column_names)
    assert found.slice(0, 1).drop(["list"]).to_pylist() == [
        {
            "whole": "1",
            "float": "1.5",
            "text": "x",
            "flag": "true",
            "day": "2020-01-31",
            "time": "2020-01-31 03:00:00.000000",
            "nothing": None,
            "decimal": "1.00",
            "category": "u",
        }
    ]
    assert source.columns()["list"] == pa.list_(pa.int64())
    assert found.column("float").to_pylist() == ["1.5", None, "inf"]


def test_rows_of_a_frame_may_be_read_again_and_its_key_says_what_it_holds(table):
    source = open_source(pa.RecordBatchReader.from_stream(table), Reading())
    assert list(source.batches()) == list(source.batches())
    assert source.key() == open_source(table, Reading()).key()
    assert source.key() != open_source(table.slice(1), Reading()).key()


def test_blanks_that_were_named_count_in_every_kind_of_table(within):
    table = pa.table({"a": ["x", "gone"]})
    parquet.write_table(table, "a.parquet")
    for data in (table, "a.parquet"):
        assert rows_of(data, Reading(blanks=("Gone",))) == [("x",), (None,)]


def test_arrays_in_a_dict_are_columns():
    assert rows_of({"a": np.array([1, 2]), "b": ["x", None], 3: (True, False)}) == [
        (1.0, "x", True),
        (2.0, None, False),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"a": [1, 2], "b": [1]},
            "frame: cannot be read ('Column 1 named b expected length 2 but got length 1'); give every column one type "
            "and one length",
        ),
        ({"a": np.ones((2, 3))}, "frame: column 'a' must be one value a row, got shape (2, 3)"),
        ({}, "frame: expected rows, got none"),
        ({"a": []}, "frame: expected rows, got none"),
        (
            5,
            "expected a path, a table of pandas, polars or arrow, or a dict of arrays, got 5; for arrays pass a dict "
            "that names the columns",
        ),
        (
            pa.table([[1], [2]], names=["a", "a"]),
            "frame: several columns are called 'a'; give each a name of its own",
        ),
    ],
)
def test_what_is_no_frame_is_refused(data, message):
    assert refused(data) == message


def test_a_frame_names_all_columns_that_are_missing(table):
    assert refused(table.select(["whole"]), only=["hole"]) == (
        "frame: there is no column 'hole'; did you mean 'whole'?"
    )


def test_frames_of_pandas_are_read_without_their_index():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.5, None], "b": ["x", None], "c": [1, 2]}, index=[7, 9])
    frame["c"] = frame["c"].astype("category")
    assert rows_of(frame) == [(1.5, "x", 1.0), (None, None, 2.0)]


def test_frames_of_polars_are_read():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, None], "b": ["x", None], "c": [True, False], "d": [DAY, TIME]})
    assert rows_of(frame) == [(1.0, "x", True, DAY), (None, None, False, TIME)]


def test_parquet_that_is_damaged_is_refused(within, table):
    parquet.write_table(table, "a.parquet")
    content = (within / "a.parquet").read_bytes()
    start = "a.parquet: expected a Parquet file, got one that cannot be read ("
    for damaged in (b"", content[: len(content) // 2], content[:40] + b"\xff" * 400 + content[440:]):
        (within / "a.parquet").write_bytes(damaged)
        message = refused("a.parquet")
        assert message.startswith(start)
        assert message.endswith("); write it anew")
    parquet.write_table(table.slice(0, 0), "a.parquet")
    assert refused("a.parquet") == "a.parquet: expected rows, found none; check the file"


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5).map(lambda text: f"x{text}x"),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_json_parquet_and_frames_tell_the_same(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("same")
    columns = dict(zip("abc", map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table({"a": pa.array(columns["a"], pa.string()), "b": pa.array(columns["b"], NUMBER), "c": columns["c"]})
    parquet.write_table(table, folder / "a.parquet")
    lines = (json.dumps(dict(zip("abc", row, strict=True)), ensure_ascii=len(rows) % 2 == 0) for row in rows)
    (folder / "a.jsonl").write_text("\n".join(lines))
    for data in (table, folder / "a.parquet", folder / "a.jsonl"):
        assert rows_of(data) == rows


def test_several_files_are_one_table_whatever_the_order_of_their_columns(write):
    write("a,b\n1,2\n3,4\n", "part-1.csv")
    write("b,a\nx,5\n", "part-2.csv")
    write('{"a": 6, "b": "y"}\n', "more.jsonl")
    reading = Reading(files=("more.jsonl",))
    source, table = read("part-*.csv", reading)
    assert source.columns() == {"a": NUMBER, "b": TEXT}
    assert table.to_pydict() == {"a": [1, 3, 5, 6], "b": ["2", "4", "x", "y"]}
    assert [source.where(row) for row in range(4)] == ["part-1.csv:2", "part-1.csv:3", "part-2.csv:2", "more.jsonl:1"]
    assert source.name == "part-*.csv"
    assert source.size == 12 + 8 + 19
    assert len(read("part-*.csv", reading, test=True)[1]) == 3
    assert len({source.key(), open_source("part-*.csv", Reading()).key()}) == 2


def test_a_row_is_found_while_the_files_are_still_being_read(write):
    write("a,b\n1,2\n3,4\n", "part-1.csv")
    write("a,b\n5,6\n7,8\n", "part-2.csv")
    source = open_source("part-*.csv", Reading())
    rows = source.batches()
    next(rows)
    next(rows)
    assert source.where(3) == "part-2.csv:3"


def test_a_late_word_in_one_file_is_text_in_all(write):
    write("a,b\n1,2\n", "part-1.csv")
    write("a,b\n" + "1,2\n" * 300_000 + "w,2\n", "part-2.csv")
    source, table = read("part-*.csv")
    assert source.columns() == {"a": TEXT, "b": NUMBER}
    assert table.column("a").to_pylist()[:2] == ["1", "1"]


def test_notes_and_rows_left_out_of_all_files_are_kept(write):
    write("zip,b\n02134,2\n1\n", "part-1.csv")
    write("zip,b\n1,2\n2\n", "part-2.csv")
    source, _ = read("part-*.csv", Reading(skip_bad=2))
    assert source.notes == ["part-1.csv: column 'zip' is kept as text: 02134 would lose its zero"]
    assert source.skipped == [f"part-{part}.csv:3: expected 2 cells, got 1: '{part}'" for part in (1, 2)]
    assert refused("part-*.csv", Reading(skip_bad=1)) == (
        "part-*.csv: at least 2 rows cannot be read; mend them, or leave them out with --skip-bad 2 or more:\n"
        "  - part-1.csv:3: expected 2 cells, got 1: '1'\n"
        "  - part-2.csv:3: expected 2 cells, got 1: '2'"
    )


def test_files_without_a_head_are_joined_by_place(write):
    write("1,x\n2,y\n3,x\n", "part-1.csv")
    write("4,x\n5,y\n6,x\n", "part-2.csv")
    assert len(rows_of("part-*.csv")) == 6
    assert rows_of("part-*.csv", Reading(names=("n", "t")))[3] == (4.0, "x")


def test_files_with_other_columns_are_named(write):
    write("alpha,b\n1,2\n", "part-1.csv")
    write("b,alpa\nx,3\n", "part-2.csv")
    assert refused("part-*.csv") == (
        "part-*.csv: the files must have the same columns:\n"
        "  - part-2.csv: column 'alpa' is not in part-1.csv; did you mean 'alpha'?\n"
        "  - part-2.csv: there is no column 'alpha', which part-1.csv has"
    )
    assert rows_of("part-*.csv", only=["b"]) == [("2",), ("x",)]


def test_json_files_may_lack_keys_that_others_have(write):
    write('{"a": 1}\n', "part-1.jsonl")
    write('{"b": "x"}\n', "part-2.jsonl")
    assert rows_of("part-*.jsonl") == [(1.0, None), (None, "x")]


def test_files_whose_columns_cannot_be_joined_are_refused(write):
    write('{"a": 1}\n', "part-1.jsonl")
    write('{"a": [1]}\n', "part-2.jsonl")
    assert refused("part-*.jsonl") == (
        "part-2.jsonl: column 'a' holds list<item: null>, which it does not in the other files; leave it out"
    )


def test_files_that_are_not_there_are_refused(write, within):
    write("a,b\n1,2\n", "houses.csv")
    assert refused("house.csv") == "house.csv: expected a file, found nothing there; did you mean 'houses.csv'?"
    assert refused("nix/houses.csv") == "nix/houses.csv: expected a file, found nothing there; there is no folder nix"
    assert refused("part-*.csv") == "part-*.csv: expected files, found none that are called so; check the pattern"
    assert refused(within) == f"{within}: expected a file, got a folder; name its files, as in {within}/*.csv"
    assert refused("houses.csv", Reading(files=("mansions.csv",))).startswith("mansions.csv: expected a file")


def test_asking_what_is_a_table_imports_no_arrow():
    code = "import sys; from lamina.data.tables.source import is_table; assert is_table('a.csv'); print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
