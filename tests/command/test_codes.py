"""`lamina encode`, `sample`, `reconstruct`, and the drawings of runs without labels."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image as Picture

import lamina as la

NET = "Flatten() >> Blankout(0.3) >> Dense(7) >> Tanh() >> Gaussian(2) >> Reconstruct(likelihood='bernoulli')"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A variational net of pictures that also learns to mend them."""
    folder = tmp_path_factory.mktemp("runs") / "digits-1"
    la.train(NET, "digits", epochs=1, threads=1, out=folder)
    return folder


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Principal components of iris."""
    folder = tmp_path_factory.mktemp("runs") / "iris-1"
    la.train("Standardize() >> PCA(2) >> Reconstruct()", "iris", threads=1, out=folder)
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A variational net of a table, and the table."""
    folder = tmp_path_factory.mktemp("table")
    numbers = np.random.default_rng(0).normal(size=(53, 3)).round(3)
    lines = [f"row {place},{x},{y},{z}" for place, (x, y, z) in enumerate(numbers.tolist())]
    (folder / "a.csv").write_text("\n".join(["name,x,y,z", *lines]) + "\n")
    net = "Standardize() >> OneHot() >> Gaussian(2) >> Reconstruct()"
    la.train(net, str(folder / "a.csv"), kinds=("name=leave",), epochs=1, threads=1, out=folder / "run")
    return folder / "run", folder / "a.csv"


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_row_of_a_set_gets_its_code_beside_its_number_and_class(command: Any, flowers: Path) -> None:
    said = command("encode", flowers, "iris", "--keep")
    rows = read(said.out)
    assert said.code == 0
    assert said.err == "iris: 150 of 150 examples\n"
    assert rows[149].keys() == {"row", "class", "code_1", "code_2"}
    assert (rows[149]["row"], rows[149]["class"]) == ("149", "virginica")
    codes = torch.tensor([[float(row["code_1"]), float(row["code_2"])] for row in rows])
    torch.testing.assert_close(codes, la.load(flowers).encode("iris"))


def test_codes_as_json_csv_parquet_and_array_are_the_same(command: Any, flowers: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in command("encode", flowers, "iris", "--json").out.splitlines()]
    expected = np.array([[line["code_1"], line["code_2"]] for line in lines])
    for name in ("codes.npy", "codes.csv", "codes.parquet"):
        said = command("encode", flowers, "iris", "--out", tmp_path / name)
        assert said.out == f"{tmp_path / name}: 150 codes of 2 numbers each\n"
    rows = read((tmp_path / "codes.csv").read_text())
    found = np.array([[float(row["code_1"]), float(row["code_2"])] for row in rows])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), expected, rtol=1e-6)
    columns = pq.read_table(tmp_path / "codes.parquet")
    np.testing.assert_allclose(np.stack([columns["code_1"], columns["code_2"]], 1), expected, rtol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["codes.csv", "codes.npy", "codes.parquet"]


def test_a_file_of_codes_is_told_about_as_json(command: Any, flowers: Path, tmp_path: Path) -> None:
    said = command("encode", flowers, "iris", "--out", tmp_path / "c.npy", "--up-to", "1", "--json")
    assert json.loads(said.out) == {"out": str(tmp_path / "c.npy"), "rows": 150, "numbers": 4, "of": "Standardize()"}


def test_rows_on_standard_input_are_encoded(command: Any, flowers: Path) -> None:
    assert command("encode", flowers, stdin=b"1,2,3,4\n5,6,7,8\n").out.count("\n") == 3


def test_the_cells_of_a_table_stand_before_its_codes_and_what_it_is_given_back_as(command: Any, table: Any) -> None:
    run, data = table
    rows = read(command("encode", run, data, "--keep").out)
    assert list(rows[0]) == ["name", "x", "y", "z", "code_1", "code_2"]
    assert rows[52]["name"] == "row 52"
    back = read(command("reconstruct", run, data).out)
    assert list(back[0]) == ["squared_error", "x", "y", "z"]
    error = sum((float(rows[0][name]) - float(back[0][name])) ** 2 for name in "xyz")
    assert float(back[0]["squared_error"]) == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize(
    ("verb", "options", "message"),
    [
        ("encode", ["iris", "--out", "c.txt"], "--out c.txt: expected a file that ends in .csv or .parquet or .npy, got '.txt'"),
        ("encode", ["iris", "--out", "no/c.csv"], "--out no/c.csv: its folder is not there; make it, or name another"),
        ("encode", ["iris", "--out", "c.npy", "--keep"], "--keep needs a file with columns: a .npy file holds numbers alone"),
        ("encode", ["-", "--keep"], "--keep keeps the columns of a table, but the model was trained on none: -"),
        ("encode", ["wine"], "wine has Vector(13); the net was built for Vector(4)"),
        ("reconstruct", ["iris", "--out", "c.png"], "--out c.png: expected a file that ends in .csv or .parquet or .npy, got '.png'"),
        ("reconstruct", ["iris", "--out", "c.npy", "--keep"], "--keep needs a file with columns: a .npy file has none"),
        ("sample", [], "Standardize() >> PCA(2) >> Reconstruct() gives back what it is given, but has no distribution of codes to draw from: train one with Gaussian(...) before Reconstruct(...)"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    command: Any, flowers: Path, within: Path, verb: str, options: list[str], message: str
) -> None:
    said = command(verb, flowers, *options)
    assert said.code == 2
    assert said.err.endswith(f"{message}\n")
    assert list(within.iterdir()) == []


def test_a_failure_on_the_way_leaves_the_old_file(command: Any, flowers: Path, write: Any) -> None:
    Path(write("old", "codes.csv"))
    said = command("encode", flowers, write("1,2,3,4\n1,2,three,4\n", "in.csv"), "--out", "codes.csv")
    assert said.code == 2
    assert Path("codes.csv").read_text() == "old"
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["codes.csv", "in.csv"]


@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_without_rows_no_file_is_written(command: Any, table: Any, within: Path, form: str) -> None:
    out = f"codes.{form}"
    said = command("encode", table[0], "-", "--out", out, stdin=b"name,x,y,z\n")
    assert (said.code, said.err) == (2, f"lamina: {out} is not written: there are no rows for it\n")
    assert list(within.iterdir()) == []


def test_what_went_wrong_before_the_first_row_is_said_of_an_array_too(
    command: Any, flowers: Path, within: Path
) -> None:
    said = command("encode", flowers, "digits", "--out", "codes.npy")
    assert said.code == 2
    assert said.err.endswith("lamina: digits has Image(1, 8, 8); the net was built for Vector(4)\n")
    assert list(within.iterdir()) == []


def test_a_folder_of_pictures_is_learned_from_without_classes(command: Any, within: Path) -> None:
    folder = within / "pictures"
    folder.mkdir()
    for place, values in enumerate(np.random.default_rng(0).integers(0, 256, (23, 5, 7, 3), np.uint8)):
        Picture.fromarray(values).save(folder / f"{place}.png")
    said = command("train", folder, "--net", "PCA(3) >> Reconstruct()", "--threads", 1, "--out", "run")
    assert said.code == 0, said.err
    assert "no classes are looked at: 23 pictures" in said.err
    assert len(read(command("reconstruct", "run", folder, "--keep").out)) == 23
    assert "squared_error_per_example" in json.loads(command("evaluate", "run", folder, "--json").out)["measures"]
    assert command("encode", "run", folder / "3.png").code == 0


def test_a_row_that_is_no_probability_is_said_before_training_even_if_it_only_tests(command: Any, within: Path) -> None:
    x = np.random.default_rng(0).uniform(size=(53, 3)).astype("f4")
    x[-1, 2] = 7.5
    np.savez("x.npz", x=x)
    said = command("train", "x.npz", "--net", "Dense(2) >> Reconstruct(likelihood='bernoulli')", "--out", "run")
    assert (said.code, said.err) == (
        2,
        "lamina: net: Reconstruct(likelihood='bernoulli') gives back numbers from 0 to 1, got 7.5; bring the data to"
        " [0, 1], or use likelihood='gaussian'\n",
    )
    assert not Path("run").exists()


def test_samples_of_pictures_are_a_sheet_or_an_array(command: Any, digits: Path, tmp_path: Path) -> None:
    said = command("sample", digits, "--count", 5, "--seed", 3, "--out", tmp_path / "s.npy", "--json")
    assert json.loads(said.out) == {"out": str(tmp_path / "s.npy"), "count": 5, "seed": 3, "temperature": 1.0}
    found = np.load(tmp_path / "s.npy")
    assert found.shape == (5, 1, 8, 8)
    np.testing.assert_allclose(found, la.load(digits).sample(5, seed=3), rtol=1e-6)
    assert command("sample", digits, "--count", 5).out == f"{digits / 'samples.png'}: 5 samples\n"
    with Picture.open(digits / "samples.png") as picture:
        assert picture.format == "PNG"
    said = command("sample", digits, "--out", tmp_path / "s.csv")
    assert said.err == f"lamina: --out {tmp_path / 's.csv'}: expected a file that ends in .png or .npy, got '.csv'\n"


def test_samples_of_a_table_are_rows_with_its_columns(command: Any, table: Any) -> None:
    rows = read(command("sample", table[0], "--count", 3).out)
    assert list(rows[0]) == ["x", "y", "z"]
    assert len(rows) == 3


def test_the_test_part_is_given_back(command: Any, digits: Path, tmp_path: Path) -> None:
    rows = read(command("reconstruct", digits, "digits", "--keep").out)
    assert list(rows[0]) == ["row", "class", "squared_error"]
    assert len(rows) == 359
    found = la.load(digits).reconstruct("digits")
    assert float(rows[0]["squared_error"]) == pytest.approx(float(found.squared_error[int(rows[0]["row"])]), rel=1e-4)
    said = command("reconstruct", digits, "digits", "--out", tmp_path / "r.npy", "--json")
    told = json.loads(said.out)
    assert told["rows"] == 359
    assert told["squared_error_per_example"] == pytest.approx(np.mean([float(row["squared_error"]) for row in rows]))
    assert np.load(tmp_path / "r.npy").shape == (359, 1, 8, 8)
    said = command("reconstruct", digits, "digits", "--out", tmp_path / "r.png", "--count", 3)
    assert said.out == f"{tmp_path / 'r.png'}: 3 pictures\n"


@pytest.mark.parametrize("what", ["restored", "samples", "map", "walk", "codes", "filters"])
def test_a_run_is_drawn(command: Any, digits: Path, tmp_path: Path, what: str) -> None:
    said = command("show", digits, "--draw", tmp_path / "a.png", "--of", what)
    assert said.out == f"drawn: {tmp_path / 'a.png'}\n"
    with Picture.open(tmp_path / "a.png") as picture:
        page = np.asarray(picture.convert("L"))
    assert len(np.unique(page)) > 20


def test_a_drawing_never_takes_the_place_of_a_table(command: Any, digits: Path, write: Any) -> None:
    said = command("show", digits, "--draw", write("x,y\n1,2\n"), "--of", "filters")
    assert (said.code, said.err) == (
        2, "lamina: a.csv: expected a file that ends in .png, got '.csv'; name another --draw\n",
    )  # fmt: skip
    assert Path("a.csv").read_text() == "x,y\n1,2\n"


def test_explained_variance_is_drawn(command: Any, flowers: Path, tmp_path: Path) -> None:
    said = command("show", flowers, "--draw", tmp_path / "a.png", "--of", "variance", "--json")
    assert json.loads(said.out) == {"run": str(flowers), "of": "variance", "drawn": str(tmp_path / "a.png")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--draw", "a.png"], "--of says what --draw draws of a run: give both with a run's folder, or neither"),
        (["--of", "map"], "--of says what --draw draws of a run: give both with a run's folder, or neither"),
        (["--draw", "a.png", "--of", "map"], "takes Vector(4): only of pictures is map drawn"),
        (["--draw", "a.png", "--of", "filters"], "has no filters to draw: that is what Conv, Dense or PCA are that stand first on pictures"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(
    command: Any, flowers: Path, within: Path, options: list[str], message: str
) -> None:
    said = command("show", flowers, *options)
    assert said.code == 2
    assert said.err.endswith(f"{message}\n")


def test_a_model_alone_is_drawn_on_data_that_is_named(command: Any, digits: Path, elsewhere: Any, within: Path) -> None:
    model = elsewhere(digits / "model")
    said = command("show", model, "--draw", "a.png", "--of", "walk")
    assert said.err.endswith("--of walk shows examples: name the data that they are taken of with --on\n")
    assert command("show", model, "--draw", "a.png", "--of", "walk", "--on", "digits").code == 0


def test_measures_are_put_into_words(command: Any, digits: Path) -> None:
    said = command("evaluate", digits, "digits").out
    assert " times that of the mean (" in said
    assert " times that of the first 2 principal components (" in said
    assert " on average: the elbo\n" in said


def test_the_report_shows_what_was_learned(digits: Path) -> None:
    page = (digits / "report.html").read_text()
    assert "What it has learned" in page
    assert page.count('class="drawing"') == 6
