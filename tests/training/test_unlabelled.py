"""Whole runs of nets that learn without labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import lamina as la
from lamina.command.evaluate import command as evaluating
from lamina.command.predict import command as predicting
from lamina.data.split import split
from lamina.errors import DataError, KindError, RunError

QUICK = {"epochs": 2, "threads": 1, "display": None, "say": lambda text: None}


def table(folder: Path, rows: int = 53) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 2))
    lines = [f"{a:.4f},{b:.4f},{a + b:.4f}" for a, b in x]
    path = folder / "three.csv"
    path.write_text("\n".join(["a,b,c", *lines]) + "\n")
    return path


@pytest.mark.parametrize(("net", "headline", "baselines"), [
    ("PCA(7) >> Reconstruct()", "squared_error_per_example", ["mean"]),
    ("Flatten() >> Dense(13) >> ReLU() >> Dense(5) >> Reconstruct(Dense(13) >> ReLU())", "squared_error_per_example",
     ["mean", "pca_5"]),
    ("Blankout(0.3) >> Flatten() >> Dense(11) >> Sigmoid() >> Reconstruct(tied=true)", "squared_error_per_example",
     ["mean", "pca_11"]),
    ("Flatten() >> Dense(13) >> ReLU() >> Gaussian(3) >> Reconstruct(Dense(13) >> ReLU())", "elbo", ["mean", "pca_3"]),
    ("Flatten() >> Dense(5) >> Reconstruct(likelihood='bernoulli')", "restoration_loss", ["mean", "pca_5"]),
    ("RBM(5) >> Reconstruct()", "squared_error_per_example", ["mean", "pca_5"]),
    ("Standardize() >> Flatten() >> Hebb(5) >> Reconstruct()", "squared_error_per_example", ["mean", "pca_5"]),
])  # fmt: skip
def test_a_labelled_set_is_learned_without_its_labels(
    tmp_path: Path, net: str, headline: str, baselines: list[str]
) -> None:
    run = la.train(net, "digits", out=tmp_path / "run", **QUICK)
    assert next(iter(run.test)) == headline
    assert list(run.baseline) == baselines
    assert (run.steps_done() == 0) == net.startswith("PCA")
    model = run.model()
    digits = la.load_data("digits")
    again = model.evaluate(digits, split(digits).test)
    assert again[headline].value == pytest.approx(run.test[headline].value, rel=1e-5)
    assert model.predict(digits.inputs.values[:3]).value.shape == (3, 1, 8, 8)
    assert (run.folder / "report.html").is_file()


def test_a_code_learned_without_labels_starts_a_classifier_on_the_same_split(tmp_path: Path) -> None:
    first = la.train("Dense(5) >> Tanh() >> Reconstruct()", "iris", out=tmp_path / "one", **QUICK)
    run = la.train("Dense(5) >> Tanh() >> Classify()", "iris", out=tmp_path / "two", start=first.folder, **QUICK)
    assert "accuracy" in run.test


def test_arrays_and_files_need_no_target(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((53, 5), dtype=np.float32)
    path = tmp_path / "x.npz"
    np.savez(path, x=x)
    for number, data in enumerate((x, torch.from_numpy(x), str(path))):
        run = la.train("Dense(2) >> Reconstruct()", data, out=tmp_path / str(number), **QUICK)
        assert "squared_error_per_example" in run.test
    said = CliRunner().invoke(evaluating, [str(run.folder), str(path), "--json"])
    assert said.exit_code == 0, said.output
    measures = json.loads(said.stdout)["measures"]
    assert measures["squared_error_per_example"]["value"] == pytest.approx(
        run.test["squared_error_per_example"].value, rel=1e-5
    )


def test_a_table_needs_no_target_for_a_net_that_gives_back_its_input(tmp_path: Path) -> None:
    path = table(tmp_path)
    run = la.train("Standardize() >> PCA(2) >> Reconstruct()", str(path), out=tmp_path / "run", **QUICK)
    assert run.test["explained_variance"].value == pytest.approx(1, abs=1e-4)
    said = CliRunner().invoke(evaluating, [str(run.folder), str(path), "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["examples"] == 11
    other = tmp_path / "other.csv"
    other.write_text("c,b,a\n3.0,1.0,2.0\n5.0,4.0,1.0\n")
    said = CliRunner().invoke(evaluating, [str(run.folder), str(other), "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["measures"]["squared_error_per_example"]["value"] < 1e-5
    codes = CliRunner().invoke(predicting, [str(run.folder), str(other)])
    assert codes.stdout.splitlines()[0] == "code_1,code_2"


def test_a_net_that_predicts_something_else_still_needs_a_target(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected the name of the column to predict"):
        la.train("Standardize() >> Categories(2) >> Classify()", str(table(tmp_path)), out=tmp_path / "run", **QUICK)
    with pytest.raises(RunError) as error:
        la.train("Dense(2) >> Classify()", torch.randn(53, 3), out=tmp_path / "run", **QUICK)
    assert str(error.value) == "net: Classify() cannot predict Vector(3): it predicts a Label"
    with pytest.raises(KindError) as default:
        la.train(None, torch.randn(53, 3), out=tmp_path / "run", **QUICK)
    assert str(default.value) == ("there is no default end that predicts Vector(3); name a net with --net")


def test_the_probability_of_the_test_part_is_measured_if_asked(tmp_path: Path) -> None:
    net = "Flatten() >> Gaussian(2) >> Reconstruct(likelihood='bernoulli')"
    run = la.train(net, "digits", out=tmp_path / "run", **QUICK)
    said = CliRunner().invoke(evaluating, [str(run.folder), "digits", "--draws", "53", "--json"])
    assert said.exit_code == 0, said.output
    measures = json.loads(said.stdout)["measures"]
    assert measures["log_probability"]["value"] > measures["elbo"]["value"]
