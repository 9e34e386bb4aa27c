"""A table of one's own, from the first look to the prediction, as a shell would."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import digest

import lamina as la

COLUMNS = ("size", "rooms", "town", "sold", "price")


def rows(count: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    """Houses: the price follows from the size and the town; some sizes are not known."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        size, town = round(chance.uniform(30, 200), 1), chance.choice(["Ayr", "Bude", "Crail"])
        price = round(1000 * size * (1 + ("Ayr", "Bude", "Crail").index(town)) * chance.uniform(0.9, 1.1), 2)
        day = f"20{chance.randint(10, 19)}-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}"
        found.append(
            {
                "size": "" if chance.random() < 0.1 else size,
                "rooms": chance.randint(1, 7),
                "town": town,
                "sold": day,
                "price": price,
            }
        )
    return found


def written(path: Path, table: list[dict[str, Any]], columns: tuple[str, ...] = COLUMNS, head: bool = True) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        if head:
            writer.writeheader()
        writer.writerows(table)
    return path


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


NET = "Standardize() >> Categories(2) >> Dense(9) >> ReLU() >> Regress()"
QUICK = ("--net", NET, "--epochs", "3", "--threads", "1")


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with houses.csv and a run on it."""
    folder = tmp_path_factory.mktemp("houses")
    path = written(folder / "houses.csv", rows())
    la.train(NET, path, target="price", epochs=3, threads=1, out=folder / "run", display=None, say=lambda text: None)
    return folder


def test_training_on_a_file_says_what_it_decided_and_compares_with_trees(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    said = command("train", "houses.csv", "--target", "price", *QUICK)
    assert said.code == 0, said.err
    assert "target price: a value, since it holds numbers that are not whole" in said.err
    assert "Table(" in said.err
    assert [line.split()[1] for line in said.out.splitlines() if "baseline" in line] == ["mean:", "ridge:", "trees:"]
    assert Path("runs/houses-1/run.toml").read_text().endswith('[table]\ntarget = ["price"]\n')


def test_prediction_takes_columns_in_any_order_with_others_among_them(command: Any, houses: Path) -> None:
    table = rows(7, seed=1)
    straight = written(houses / "straight.csv", table)
    turned = written(
        houses / "turned.csv", [row | {"extra": 1} for row in table], ("town", "extra", "sold", "rooms", "size")
    )
    one, two = (lines(command("predict", houses / "run", path).out) for path in (straight, turned))
    assert one == two
    assert list(one[0]) == ["prediction", "low", "high"]


def test_columns_are_kept_on_request_and_a_stream_is_answered_as_the_file_is(command: Any, houses: Path) -> None:
    path = written(houses / "new.csv", rows(5, seed=2))
    kept = lines(command("predict", houses / "run", path, "--keep").out)
    assert list(kept[0]) == [*COLUMNS, "prediction", "low", "high"]
    assert [row["town"] for row in kept] == [row["town"] for row in rows(5, seed=2)]
    streamed = command("predict", houses / "run", "-", "--keep", "--json", stdin=path.read_bytes())
    answers = [json.loads(line) for line in streamed.out.splitlines()]
    assert [answer["prediction"] for answer in answers] == pytest.approx([float(row["prediction"]) for row in kept])
    objects = "\n".join(json.dumps(row) for row in rows(5, seed=2)).encode()
    assert [json.loads(line)["prediction"] for line in command("predict", houses / "run", "--json", stdin=objects).out.splitlines()] == [answer["prediction"] for answer in answers]  # fmt: skip


def test_the_model_takes_frames_from_python(houses: Path) -> None:
    model = la.load(houses / "run")
    table = rows(5, seed=2)
    columns = {name: [row[name] for row in table] for name in COLUMNS if name != "price"}
    columns["size"] = [None if size == "" else size for size in columns["size"]]
    written(houses / "same.csv", table)
    torch.testing.assert_close(model.predict(columns).value, model.predict(houses / "same.csv").value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size,rooms,sold\n1,2,2011-01-11\n", "missing columns: town; there are: size, rooms, sold"),
        ("size,rooms,twon,sold\n1,2,Ayr,2011-01-11\n", "missing columns: town; did you mean 'twon'?"),
    ],
)
def test_missing_columns_are_named(command: Any, houses: Path, text: str, message: str) -> None:
    said = command("predict", houses / "run", stdin=text.encode())
    assert (said.code, said.err) == (2, f"lamina: standard input:1: {message}\n")


def test_a_word_among_numbers_is_named_with_its_row(command: Any, houses: Path) -> None:
    text = "size,rooms,town,sold\n1,2,Ayr,2011-01-11\n1,two,Ayr,2011-01-11\n"
    Path(houses, "odd.csv").write_text(text)
    for said in (command("predict", houses / "run", houses / "odd.csv"), command("predict", houses / "run", stdin=text.encode())):  # fmt: skip
        assert said.code == 2
        assert ":3: " in said.err
        assert "'two'" in said.err


def test_a_value_that_training_never_saw_is_answered(command: Any, houses: Path) -> None:
    said = command("predict", houses / "run", stdin=b"size,rooms,town,sold\n50,2,Dull,2011-01-11\n")
    assert said.code == 0
    assert float(lines(said.out)[0]["prediction"])


def test_whoever_waits_for_an_answer_before_the_next_row_gets_it(houses: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lamina", "predict", str(houses / "run"), "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"size,rooms,town,sold\n50,2,Ayr,2011-01-11\n")
    process.stdin.flush()
    assert "prediction" in json.loads(process.stdout.readline())
    process.stdin.close()
    assert process.stdout.read() == b""
    process.stdout.close()
    assert process.wait() == 0


def test_evaluation_of_the_training_file_measures_its_test_part_and_of_another_all_of_it(
    command: Any, houses: Path
) -> None:
    result = la.Run(houses / "run").test
    own = json.loads(command("evaluate", houses / "run", houses / "houses.csv", "--json").out)
    assert own["examples"] == 80
    assert own["measures"]["r2"]["value"] == pytest.approx(result["r2"].value)
    other = written(houses / "other.csv", rows(30, seed=3))
    assert json.loads(command("evaluate", houses / "run", other, "--json").out)["examples"] == 30


def test_rows_that_trained_are_counted_in_another_file(command: Any, houses: Path) -> None:
    table = rows()
    other = written(houses / "more.csv", [*table, *rows(30, seed=5)])
    said = command("evaluate", houses / "run", other)
    trained = 400 - 80 - 40
    assert said.err.splitlines()[1] == (
        f"{other}: {trained} of its rows have the inputs of a row that trained; the measures flatter there"
    )


def test_a_run_that_is_repeated_on_other_data_says_so(command: Any, within: Path) -> None:
    path = written(within / "houses.csv", rows())
    assert command("train", "houses.csv", "--target", "price", *QUICK, "--out", "run").code == 0
    written(path, rows(300))
    said = command("train", "run/run.toml", "--out", "again")
    assert (
        f"{path.resolve()} is not what it was when run/run.toml was written: this is not the same run again" in said.err
    )


def test_the_share_of_the_test_part_that_intervals_hold_is_told(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    said = command("train", "houses.csv", "--target", "price", *QUICK, "--out", "run")
    held = json.loads(Path("run/result.json").read_text())["interval"]["held"]
    assert f"intervals for 90 % hold {held:.1%} of the test part\n" in said.out
    assert 0.7 < held <= 1


def test_a_sentence_is_shown_on_a_table(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    said = command("show", NET, "--on", "houses.csv", "--target", "price")
    assert said.code == 0, said.err
    assert "Table(" in said.out


def test_a_run_on_a_table_resumes_to_the_same_bits_and_can_be_run_again(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    said = ("train", "houses.csv", "--target", "price", "--kind", "rooms=category", "--time", "sold", *QUICK)
    assert command(*said, "--out", "whole").code == 0
    code = """
import sys
from lamina.training import job
from lamina.command import main
before = job.Job.judge
def judge(self, evaluation):
    before(self, evaluation)
    if evaluation.step >= 5:
        import os, signal
        self.save(must=True)
        os.kill(os.getpid(), signal.SIGKILL)
job.Job.judge = judge
main(sys.argv[1:])
"""
    subprocess.run([sys.executable, "-c", code, *said, "--out", "cut"], capture_output=True, check=False)
    assert not Path("cut/result.json").exists()
    assert command("resume", "cut").code == 0
    assert digest(Path("cut")) == digest(Path("whole"))
    assert command("train", "cut/run.toml", "--out", "again").code == 0
    assert digest(Path("again")) == digest(Path("whole"))


def test_a_file_without_a_head_is_predicted_with_and_without_the_target(command: Any, within: Path) -> None:
    table = rows()
    written(within / "bare.csv", table, head=False)
    assert command("train", "bare.csv", "--target", "column_5", *QUICK, "--out", "run").code == 0
    written(within / "five.csv", table[:4], head=False)
    written(within / "four.csv", table[:4], COLUMNS[:4], head=False)
    answers = [command("predict", "run", name).out for name in ("five.csv", "four.csv")]
    answers += [command("predict", "run", stdin=Path(name).read_bytes()).out for name in ("five.csv", "four.csv")]
    assert len(lines(answers[0])) == 4
    assert len(set(answers)) == 1


def test_a_look_at_a_table_tells_its_columns_and_draws_them(command: Any, within: Path) -> None:
    written(within / "houses.csv", [row | {"copy": row["price"]} for row in rows()], (*COLUMNS, "copy"))
    said = command("data", "houses.csv", "--target", "price", "--draw", "houses.png")
    assert said.code == 0, said.err
    assert "town" in said.out
    assert "column 'copy' alone tells price" in said.out
    assert Path("houses.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads(command("data", "houses.csv", "--json").out)
    assert [column["kind"] for column in told["columns"]] == [
        "number",
        "number",
        "category",
        "date",
        "number",
        "number",
    ]


def test_a_file_that_tests_is_read_as_the_one_that_trains(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    written(within / "late.csv", rows(30, seed=1))
    said = command("train", "houses.csv", "--target", "price", "--test", "late.csv", *QUICK)
    assert said.code == 0, said.err
    assert "360 train, 40 validate, 30 test" in said.err


def test_shares_can_be_said_in_one_word(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    said = command("train", "houses.csv", "--target", "price", "--split", "60/20/20", *QUICK)
    assert "240 train, 80 validate, 80 test" in said.err
    assert command("train", "houses.csv", "--target", "price", "--split", "0.6/0.6/0.2", *QUICK).code == 2


def test_what_only_tables_have_is_refused_elsewhere(command: Any, within: Path) -> None:
    assert command("train", "iris", "--target", "species") == (
        2, "", "lamina: target would say how a table is read, but iris is a named set; leave it out\n"
    )  # fmt: skip
    assert command("train", "iris", "--out", "run", "--epochs", "1").code == 0
    assert command("predict", "run", "--keep").code == 2


def test_several_values_are_predicted_together(command: Any, within: Path) -> None:
    written(within / "houses.csv", rows())
    assert command("train", "houses.csv", "--target", "price,size", *QUICK, "--out", "run").code == 0
    (first, *_) = lines(command("predict", "run", "houses.csv").out)
    assert list(first) == [f"{what}_{name}" for name in ("price", "size") for what in ("prediction", "low", "high")]


def test_targets_of_unlike_kinds_are_predicted_together(command: Any, within: Path) -> None:
    path = written(within / "houses.csv", rows())
    said = command("train", "houses.csv", "--target", "price,town", "--epochs", "2", "--threads", "1", "--out", "run")
    assert said.code == 0, said.err
    assert "(Regress() + Classify())" in said.err
    assert "root_mean_squared_error of price" in said.out
    assert "accuracy of town" in said.out
    assert "baseline mean/majority: " in said.out
    (first, *_) = lines(command("predict", "run", path, "--probabilities").out)
    assert list(first)[:5] == ["prediction_price", "low_price", "high_price", "prediction_town", "probability_town"]
    assert first["prediction_town"] in ("Ayr", "Bude", "Crail")
    own = json.loads(command("evaluate", "run", path, "--json").out)
    assert own["measures"]["accuracy of town"]["value"] == la.Run("run").test["accuracy of town"].value
    other = written(within / "other.csv", rows(30, seed=3))
    assert json.loads(command("evaluate", "run", other, "--json").out)["examples"] == 30
    several = command(
        "train", "houses.csv", "--target", "price,town", "--folds", "2", "--epochs", "1", "--threads", "1"
    )
    assert "mean accuracy of town" in several.out


def test_help_does_not_bring_pyarrow() -> None:
    code = "import sys, lamina.command as c\nfor verb in c.VERBS: c.lamina.get_command(None, verb)\nassert 'pyarrow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
