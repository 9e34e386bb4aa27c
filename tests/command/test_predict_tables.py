"""`lamina predict` and `evaluate` on tables: cells are kept as they stand, good rows are answered before a bad one."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

import lamina as la

NET = "Standardize() >> Categories(2) >> Dense(5) >> ReLU() >> Regress()"
COLUMNS = ("size", "rooms", "town", "price")
ROW = {"size": 74.5, "rooms": 3, "town": "Ayr"}
HEAD = "size,rooms,town\n"
GOOD = "74.5,3,Ayr\n"


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Houses, of which some sizes are not known."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        size, rooms, town = round(chance.uniform(30, 200), 1), chance.randint(1, 7), chance.choice(["Ayr", "Bude"])
        price = round(size * (1 + (town == "Bude")) * chance.uniform(0.9, 1.1), 2)
        known = size if chance.random() < 0.9 else ""
        found.append({"size": known, "rooms": rooms, "town": town, "price": price})
    return found


def written(path: Path, table: list[dict[str, Any]], head: bool = True) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        if head:
            writer.writeheader()
        writer.writerows(table)
    return path


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def trained(path: Path, run: Path, **settings: Any) -> Path:
    la.train(NET, path, **{"target": "price", "epochs": 2, "threads": 1, "display": None, "out": run} | settings)
    return run


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on houses, beside its file."""
    folder = tmp_path_factory.mktemp("houses")
    return trained(written(folder / "houses.csv", rows(200)), folder / "run")


SPELLED = (
    "id;size;rooms;town;note\n"
    '12345678901234567;74,5;03;Málaga;"a;\nb"\n'
    "\n"
    " 0012 ;NA; 4;Ayr;NA\n"
    "1e3;120;5;Bude;\n"
)  # fmt: skip
CELLS = [
    {"id": "12345678901234567", "size": "74,5", "rooms": "03", "town": "Málaga", "note": "a;\nb"},
    {"id": " 0012 ", "size": "NA", "rooms": " 4", "town": "Ayr", "note": "NA"},
    {"id": "1e3", "size": "120", "rooms": "5", "town": "Bude", "note": ""},
]


def without_answer(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if name not in ("prediction", "low", "high")}


def answers(found: list[dict[str, Any]]) -> list[list[Any]]:
    return [[row[name] for name in ("prediction", "low", "high")] for row in found]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("new.csv", SPELLED.encode()),
        ("new.csv.gz", gzip.compress(SPELLED.encode())),
        ("wide.csv", SPELLED.encode("utf-16")),
        ("latin.csv", SPELLED.encode("latin-1")),
        ("marked.csv", SPELLED.encode("utf-8-sig")),
        ("windows.csv", SPELLED.replace("\n", "\r\n").replace("a;\r\n", "a;\n").encode()),
    ],
)
def test_cells_of_delimited_text_are_kept_as_they_stand(
    command: Any, houses: Path, within: Path, name: str, content: bytes
) -> None:
    Path(name).write_bytes(content)
    for options, read in (((), lines), (("--json",), objects)):
        kept = command("predict", houses, name, "--keep", *options)
        plain = command("predict", houses, name, *options)
        assert (kept.code, plain.code) == (0, 0), kept.err
        assert [without_answer(row) for row in read(kept.out)] == CELLS
        assert answers(read(kept.out)) == answers(read(plain.out))
    assert "predicted with 1 value of 'town' that training never had\n" in plain.err


def test_values_of_json_are_kept_with_their_types(command: Any, houses: Path, within: Path) -> None:
    table = [
        ROW | {"id": 12345678901234567, "tags": ["a", {"b": 1}], "old": True, "note": None, "size": 74},
        ROW | {"id": 7, "tags": [], "old": False, "note": "é", "size": 248.2},
    ]
    text = "\n\n".join(json.dumps(row) for row in table)
    Path("new.jsonl").write_text(text)
    Path("new.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    plain = objects(command("predict", houses, "new.jsonl", "--json").out)
    for name in ("new.jsonl", "new.jsonl.gz"):
        kept = objects(command("predict", houses, name, "--json", "--keep").out)
        assert [without_answer(row) for row in kept] == table
        assert [str(row["size"]) for row in kept] == ["74", "248.2"]
        assert answers(kept) == answers(plain)
    first, second = lines(command("predict", houses, "new.jsonl", "--keep").out)
    assert (first["tags"], first["old"], first["note"], first["id"]) == ('["a", {"b": 1}]', "true", "", str(table[0]["id"]))  # fmt: skip
    assert (second["tags"], second["old"], second["note"]) == ("[]", "false", "é")


def test_values_of_parquet_are_kept_with_their_types(command: Any, houses: Path, within: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([12345678901234567, None], pa.int64()),
            "size": pa.array([248.2, None], pa.float32()),
            "rooms": pa.array([3, 4], pa.int8()),
            "town": pa.array(["Ayr", "Bude"]).dictionary_encode(),
            "when": pa.array([1, 1_500_000_000_123_456_789], pa.timestamp("ns")),
            "paid": pa.array([Decimal("1.10"), None]),
            "odd": pa.array([float("nan"), 0.1]),
            "tags": pa.array([["a"], None]),
        }
    )
    parquet.write_table(table, "new.parquet")
    kept = objects(command("predict", houses, "new.parquet", "--keep", "--json").out)
    assert [without_answer(row) for row in kept] == [
        {
            "id": 12345678901234567, "size": 248.2, "rooms": 3, "town": "Ayr", "when": "1970-01-01 00:00:00.000000001",
            "paid": "1.10", "odd": None, "tags": ["a"],
        },
        {
            "id": None, "size": None, "rooms": 4, "town": "Bude", "when": "2017-07-14 02:40:00.123456789",
            "paid": None, "odd": 0.1, "tags": None,
        },
    ]  # fmt: skip
    assert answers(kept) == answers(objects(command("predict", houses, "new.parquet", "--json").out))
    assert lines(command("predict", houses, "new.parquet", "--keep").out)[0]["id"] == "12345678901234567"


def test_cells_stay_beside_their_answers_over_many_batches(command: Any, houses: Path, within: Path) -> None:
    count = 3000
    Path("long.csv").write_text("id,size,rooms,town\n" + "".join(f"{row},{row},3,Ayr\n" for row in range(count)))
    kept = lines(command("predict", houses, "long.csv", "--keep").out)
    assert [row["id"] for row in kept] == [row["size"] for row in kept] == [str(row) for row in range(count)]
    assert answers(kept) == answers(lines(command("predict", houses, "long.csv").out))


@pytest.mark.parametrize("late", [3, 1_000, 9_000])
def test_a_file_that_turns_out_to_be_latin_is_kept_row_by_row(
    command: Any, houses: Path, within: Path, late: int
) -> None:
    """The source begins again then, and cuts batches in other places."""
    count = late + 5
    with Path("latin.csv").open("w", encoding="latin-1") as stream:
        stream.write("id,size,rooms,town,note\n")
        stream.writelines(f"{row:08},7,3,Ayr,{'é' if row >= late else 2000 * 'x'}\n" for row in range(count))
    kept = lines(command("predict", houses, "latin.csv", "--keep").out)
    assert [row["id"] for row in kept] == [f"{row:08}" for row in range(count)]
    assert [row["note"] for row in kept[late:]] == 5 * ["é"]


def test_a_pattern_stands_for_files_whose_cells_are_kept_in_turn(command: Any, houses: Path, within: Path) -> None:
    Path("part-1.csv").write_text("id,size,rooms,town\n001,74,3,Ayr\n")
    Path("part-2.csv").write_text("town,id,size,rooms\nBude,002,30,1\n")
    kept = lines(command("predict", houses, "part-*.csv", "--keep").out)
    assert [(row["id"], row["town"]) for row in kept] == [("001", "Ayr"), ("002", "Bude")]


@pytest.mark.parametrize("bad", [0, 1, 1023, 1024, 1025, 2500])
def test_a_bad_row_anywhere_in_a_stream_leaves_those_before_it(command: Any, houses: Path, bad: int) -> None:
    table = [GOOD] * 3000
    table[bad] = "x,3,Ayr\n"
    table[-1] = "y,3,Ayr\n"
    said = command("predict", houses, stdin=(HEAD + "".join(table)).encode())
    assert said.code == 2
    assert len(lines(said.out)) == bad
    assert said.err == (
        f"lamina: standard input:{bad + 2}: column 'size': expected a number, got 'x'; mend it, or leave the cell empty\n"
    )


OBJECT = json.dumps(ROW) + "\n"


@pytest.mark.parametrize(("text", "message"), [
    (HEAD + 3 * GOOD + "1,two,Ayr\n" + GOOD,
     ":5: column 'rooms': expected a number, got 'two'; mend it, or leave the cell empty"),
    (HEAD + 3 * GOOD + "1,two,Ayr\none,2,Ayr\n",
     ":5: column 'rooms': expected a number, got 'two'; mend it, or leave the cell empty"),
    (HEAD + 3 * GOOD + "1,2\n" + GOOD, ":5: expected 3 cells, got 2"),
    (3 * OBJECT + "no\n", ":4: expected a JSON object, got 'no'"),
    (3 * OBJECT + "[1]\n", ":4: expected a JSON object, got [1]"),
    (3 * OBJECT + '{"size": NaN, "rooms": 1, "town": "Ayr"}\n',
     ":4: expected a JSON object, got NaN, which is no number of JSON; write null"),
    (3 * OBJECT + '{"rooms": 1, "town": "\\ud800"}\n',
     """:4: expected texts, got half of a surrogate pair in '{"rooms": 1, "town": "\\\\ud800"}'"""),
    (3 * OBJECT + '{"size": 1, "town": "Ayr"}\n', ":4: missing columns: rooms; there are: size, town"),
    (3 * OBJECT + '{"price": 1}\n', ":4: missing columns: size, rooms, town; there are: price"),
], ids=["word", "first of two", "ragged", "no JSON", "no object", "NaN", "half a pair", "needed key", "no key"])  # fmt: skip
def test_rows_of_a_stream_before_a_bad_one_are_answered(command: Any, houses: Path, text: str, message: str) -> None:
    said = command("predict", houses, stdin=text.encode())
    assert (said.code, said.err) == (2, f"lamina: standard input{message}\n")
    good = command("predict", houses, stdin=(HEAD + 3 * GOOD).encode())
    assert (good.code, said.out) == (0, good.out)


def test_a_head_with_a_name_twice_is_refused(command: Any, houses: Path) -> None:
    said = command("predict", houses, stdin=b"size,rooms,town,note,note\n1,2,Ayr,a,b\n")
    text = "standard input:1: several columns are called 'note'; give each a name of its own"
    assert said == (2, "", f"lamina: {text}\n")


def test_an_absent_key_is_a_blank_where_training_had_blanks_and_in_categories(
    command: Any, houses: Path, within: Path
) -> None:
    blank = [{**ROW, "size": None, "town": None}, ROW]
    absent = [{"rooms": 3}, ROW]
    texts = ["\n".join(map(json.dumps, table)) for table in (blank, absent)]
    streamed = [command("predict", houses, stdin=text.encode()) for text in texts]
    assert streamed[0] == streamed[1]
    assert streamed[0].code == 0
    for name, text in zip(("blank.jsonl", "absent.jsonl", "bare.jsonl"), [*texts, '{"rooms": 3}'], strict=True):
        Path(name).write_text(text)
    assert command("predict", houses, "absent.jsonl") == command("predict", houses, "blank.jsonl") == streamed[0]
    # Here no row has the keys.
    assert lines(command("predict", houses, "bare.jsonl").out) == lines(streamed[0].out)[:1]
    kept = objects(command("predict", houses, "bare.jsonl", "--keep", "--json").out)
    assert [without_answer(row) for row in kept] == [{"rooms": 3}]
    Path("lacking.jsonl").write_text('{"size": 3}')
    said = command("predict", houses, "lacking.jsonl")
    assert said.code == 2
    assert "lacking.jsonl: there is no column 'rooms'" in said.err


def test_keys_that_come_later_are_refused_in_csv_and_given_in_json(command: Any, houses: Path) -> None:
    text = f"{json.dumps(ROW)}\n{json.dumps(ROW | {'note': 1})}\n".encode()
    said = command("predict", houses, "--keep", stdin=text)
    message = (
        "expected rows with the columns of the first, which the head names, got one that also has 'note'; use --json,"
        " or leave out --keep"
    )
    assert (said.code, said.err) == (2, f"lamina: {message}\n")
    assert len(lines(said.out)) == 1
    assert objects(command("predict", houses, "--keep", "--json", stdin=text).out)[1]["note"] == 1


@pytest.mark.parametrize("names", [None, COLUMNS])
def test_a_model_of_a_table_without_a_head_takes_one_that_has_it(
    command: Any, within: Path, names: tuple[str, ...] | None
) -> None:
    bare = written(Path("bare.csv"), rows(100), head=False)
    own = names or ("column_1", "column_2", "column_3", "column_4")
    run = trained(bare, Path("run"), target=own[3], **({"names": names} if names else {}))
    body = GOOD + "30,1,Bude\n"
    forms = {"bare": body, "headed": f"{','.join(own[:3])}\n{body}", "more": f"{', '.join(own)}\n" + body.replace("\n", ",\n")}  # fmt: skip
    forms["turned"] = f"{own[2]},{own[0]},{own[1]}\nAyr,74.5,3\nBude,30,1\n"
    said = []
    for name, text in forms.items():
        Path(f"{name}.csv").write_text(text)
        said += [command("predict", run, f"{name}.csv"), command("predict", run, stdin=text.encode())]
    assert [one.code for one in said] == 8 * [0]
    assert len({one.out for one in said}) == 1
    assert len(lines(said[0].out)) == 2
    Path("new.jsonl").write_text(json.dumps(dict(zip(own, (74.5, 3, "Ayr"), strict=False))))
    assert lines(command("predict", run, "new.jsonl").out) == lines(said[0].out)[:1]
    headed = written(Path("headed.csv"), rows(30, seed=1)) if names else written(Path("h.csv"), rows(30, 1), head=False)
    assert json.loads(command("evaluate", run, headed, "--json").out)["examples"] == 30


def test_a_model_of_text_with_a_delimiter_of_its_own_takes_json(command: Any, within: Path) -> None:
    text = written(Path("houses.csv"), rows(100)).read_text()
    Path("houses.csv").write_text(text.replace(",", ";"))
    run = trained(Path("houses.csv"), Path("run"), delimiter=";", header=True)
    Path("new.jsonl").write_text(json.dumps(ROW))
    assert len(lines(command("predict", run, "new.jsonl").out)) == 1


@pytest.mark.parametrize("keep", [(), ("--keep",)])
def test_what_training_never_had_is_counted_at_the_end(command: Any, houses: Path, within: Path, keep: Any) -> None:
    text = HEAD + 1500 * "74.5,,Crail\n" + "1,2,Deal\n,3,\n" + GOOD
    Path("new.csv").write_text(text)
    expected = (
        "predicted with 1,501 values of 'town' that training never had\n"
        "predicted with 1,500 blanks in 'rooms', which had none in training\n"
    )
    assert command("predict", houses, "new.csv", *keep).err == expected
    assert command("predict", houses, *keep, stdin=text.encode()).err == expected
    one = (HEAD + "1,,Deal\n").encode()
    assert command("predict", houses, *keep, stdin=one).err == (
        "predicted with 1 value of 'town' that training never had\n"
        "predicted with 1 blank in 'rooms', which had none in training\n"
    )
    assert command("predict", houses, *keep, stdin=(HEAD + GOOD + ",3,\n").encode()).err == ""


def test_a_blank_date_counts_once(command: Any, within: Path) -> None:
    table = "".join(
        f"20{row % 20 + 10}-0{row % 9 + 1}-1{row % 7},{row % 13}.5,{'Ayr' if row % 2 else 'Bude'}\n"
        for row in range(100)
    )
    Path("days.csv").write_text("day,price,town\n" + table)
    run = trained(Path("days.csv"), Path("run"))
    said = command("predict", run, stdin=b"day,town\n,Ayr\n2011-01-01,Ayr\n")
    assert said.err == "predicted with 1 blank in 'day', which had none in training\n"


def test_files_are_predicted_one_after_the_other_under_one_head(command: Any, houses: Path, within: Path) -> None:
    for name, seed, count in (("a.csv", 1, 3), ("b.csv", 2, 4)):
        written(Path(name), rows(count, seed))
    apart = [lines(command("predict", houses, name, "--keep").out) for name in ("a.csv", "b.csv")]
    both = command("predict", houses, "a.csv", "b.csv", "--keep")
    assert lines(both.out) == [*apart[0], *apart[1]]
    assert len(both.out.splitlines()) == 8
    assert len(objects(command("predict", houses, "a.csv", "-", "b.csv", "--json", stdin=(HEAD + GOOD).encode()).out)) == 8  # fmt: skip
    said = command("predict", houses, "a.csv", "no.csv")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("lamina: no.csv: expected a file, found nothing there")


def test_files_are_measured_together(command: Any, houses: Path, within: Path) -> None:
    for name, seed, count in (("a.csv", 1, 30), ("b.csv", 2, 50)):
        written(Path(name), rows(count, seed))
    written(Path("whole.csv"), [*rows(30, 1), *rows(50, 2)])
    both = json.loads(command("evaluate", houses, "a.csv", "b.csv", "--json").out)
    whole = json.loads(command("evaluate", houses, "whole.csv", "--json").out)
    assert both["data"] == ["a.csv", "b.csv"]
    assert both["examples"] == 80
    for name, measure in whole["measures"].items():
        assert both["measures"][name]["value"] == pytest.approx(measure["value"])
    said = command("evaluate", houses, "a.csv", "b.csv").err.splitlines()
    assert [line for line in said if "trained" not in line] == ["a.csv: 30 of 30 examples", "b.csv: 50 of 50 examples"]


def test_the_files_of_training_named_one_by_one_are_measured_on_their_test_part(command: Any, within: Path) -> None:
    for name, seed in (("a.csv", 1), ("b.csv", 2)):
        written(Path(name), rows(60, seed))
    run = trained(Path("a.csv"), Path("run"), files=("b.csv",))
    said = json.loads(command("evaluate", run, "a.csv", "b.csv", "--json").out)
    assert said["examples"] == 24
    assert said["measures"]["r2"]["value"] == pytest.approx(la.Run(run).test["r2"].value)
    assert set(said["baseline"]) == {"mean", "ridge", "trees"}


@pytest.mark.parametrize("end", ["Regress()", "Regress('log')"])
def test_bounds_that_are_not_known_are_blank_and_it_says_why(command: Any, within: Path, end: str) -> None:
    path = written(Path("few.csv"), rows(20))
    la.train(NET.replace("Regress()", end), path, target="price", epochs=1, threads=1, display=None, out="run")
    said = command("predict", "run", "few.csv", "few.csv")
    assert said.err == "no interval: the validation part was too small to tell\n"
    assert {(row["low"], row["high"]) for row in lines(said.out)} == {("", "")}


def test_the_help_says_what_an_interval_is(command: Any) -> None:
    text = " ".join(command("predict", "--help").out.split())
    assert "a value with the interval that held 90 % of the errors on the validation part." in text


def test_rows_are_never_left_out_of_a_prediction_whatever_training_left_out(command: Any, within: Path) -> None:
    text = "x,c,y\n" + "".join(f"0.{n},{'ab'[n % 2]},{n}.5\n" for n in range(60))
    Path("bad.csv").write_text(f"{text}0.5\n")
    said = ("--target", "y", "--skip-bad", "1", "--epochs", "1", "--threads", "1", "--out", "run")
    assert command("train", "bad.csv", *said).code == 0
    Path("new.csv").write_text("x,c\n0.1,a\n0.2\n0.3,b\n")
    refused = command("predict", "run", "new.csv")
    assert refused.code == 2
    assert refused.err.startswith("lamina: new.csv:3: expected 2 cells, got 1")


def test_what_a_file_was_taken_for_is_said(command: Any, within: Path) -> None:
    Path("a.csv").write_text("x,c,y\n" + "".join(f"0.{n},{'ab'[n % 2]},{n}.5\n" for n in range(60)))
    assert command("train", "a.csv", "--target", "y", "--epochs", "1", "--threads", "1", "--out", "run").code == 0
    Path("b.csv").write_bytes("x;c\n0,5;café\n".encode("latin-1"))
    said = command("predict", "run", "b.csv")
    assert said.code == 0, said.err
    assert "b.csv: read as Latin-1, since byte 0xe9 at line 2 is no UTF-8" in said.err
    assert "b.csv: read with a decimal comma, since column 'x' holds '0,5'" in said.err


@pytest.mark.parametrize(
    ("stdin", "message", "answered"),
    [
        (b'74.5,2,"Bude\n1,2,Ayr\n', "standard input:2: cannot be read as CSV: a quote opens here and is never closed; mend the line", 0),
        (b'74.5,2,Bude\n1,2,"Ayr\n', "standard input:3: cannot be read as CSV: a quote opens here and is never closed; mend the line", 1),
    ],
)  # fmt: skip
def test_a_quote_that_is_never_closed_swallows_no_rows_of_a_stream(
    command: Any, houses: Path, stdin: bytes, message: str, answered: int
) -> None:
    said = command("predict", houses, stdin=HEAD.encode() + stdin)
    assert said.code == 2
    assert message in said.err
    assert len(lines(said.out)) == answered


def test_a_quote_after_a_space_is_one_in_a_stream_too(command: Any, houses: Path) -> None:
    plain, quoted = (command("predict", houses, stdin=f"{HEAD}74.5, 2, {town}\n".encode()) for town in ("Ayr", '"Ayr"'))
    assert plain.code == 0, plain.err
    assert plain.out == quoted.out


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"size,rooms,town\r1,2,Ayr\r", "standard input:1: expected lines that end in a line feed, got carriage returns only"),
        (b'{"size": NaN}\n', "standard input:1: expected a JSON object, got NaN, which is no number of JSON; write null"),
        (b'{"size": 1, "town": "\\ud800"}\n', "standard input:1: expected texts, got half of a surrogate pair in"),
    ],
)  # fmt: skip
def test_what_a_stream_cannot_hold_is_named(command: Any, houses: Path, stdin: bytes, message: str) -> None:
    said = command("predict", houses, stdin=stdin)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_a_true_date_is_taken_by_a_model_whose_dates_were_written(command: Any, within: Path) -> None:
    text = "".join(f"{1 + n % 28:02}/{1 + n % 12:02}/20{10 + n % 9},{n % 7}.5\n" for n in range(60))
    Path("a.csv").write_text(f"d,y\n{text}")
    run = la.train(None, "a.csv", target="y", epochs=1, out="run", display=None, say=lambda text: None)
    day = datetime.date(2013, 7, 5)
    Path("b.csv").write_text("d\n05/07/2013\n")
    expected = run.model().predict("b.csv").value
    assert torch.equal(run.model().predict({"d": [day]}).value, expected)
    parquet.write_table(pa.table({"d": [day]}), "b.parquet")
    assert torch.equal(run.model().predict("b.parquet").value, expected)
