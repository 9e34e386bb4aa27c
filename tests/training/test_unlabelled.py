"""Whole runs of nets that learn without labels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from command.conftest import called
from runs import dies, digest, entries, equal, final

import lamina as la
from lamina.command.evaluate import command as evaluating
from lamina.command.predict import command as predicting
from lamina.data.split import split
from lamina.errors import DataError, KindError, RunError
from lamina.kinds import Label, Vector
from lamina.layers.gaussian import Gaussian
from lamina.nets.activity import Activity, activities

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


# --- going on ----------------------------------------------------------------------------------------------------------

INPUTS = torch.rand(53, 5, generator=torch.Generator().manual_seed(0))
KILLED = {
    "variational": "Dense(7) >> ReLU() >> Gaussian(3, warmup_steps=5, draws=2) >> Reconstruct(Dense(7) >> ReLU())",
    "machine": "RBM(7, sweeps=2) >> Reconstruct(likelihood='bernoulli')",
    "masking": "Blankout(0.3) >> Dense(7) >> Sigmoid() >> Reconstruct(tied=true)",
    "gaussian noise": "GaussianNoise(0.3) >> Dense(7) >> Tanh() >> Reconstruct()",
    "salt and pepper": "SaltAndPepper(0.2) >> Contract(0.1, Dense(7) >> Sigmoid()) >> Reconstruct()",
    "Hebb": "Standardize() >> Hebb(3) >> Sparse(0.1) >> Reconstruct()",
}


@pytest.mark.parametrize("net", KILLED.values(), ids=KILLED)
@pytest.mark.parametrize("seconds", [1e-9, 100.0], ids=["with checkpoints", "without"])
def test_a_killed_run_without_labels_goes_on_to_the_same_bits(tmp_path: Path, net: str, seconds: float) -> None:
    settings = {"epochs": 3, "batch": 10, "threads": 1, "checkpoint_seconds": seconds, "say": lambda text: None}
    whole = la.train(net, INPUTS, out=tmp_path / "whole", display=None, **settings).folder
    folder = tmp_path / "run"
    dies(lambda display: la.train(net, INPUTS, out=folder, display=display, **settings), "", 3)
    dies(lambda display: la.resume(folder, INPUTS, display=display), "", 7)
    la.resume(folder, INPUTS, display=None, say=lambda text: None)
    assert digest(folder) == digest(whole)
    assert equal(final(folder), final(whole))
    assert entries(folder) == entries(whole)


# --- what is said ------------------------------------------------------------------------------------------------------


def test_a_run_that_takes_no_steps_says_so_in_place_of_a_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    la.train("PCA(2) >> Reconstruct()", INPUTS, out=tmp_path / "run", threads=1, epochs=1)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("nothing is trained by steps: all was taken from the data  in 0:0")


def test_a_run_that_fails_at_once_shows_no_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError):
        la.train("RBM(2) >> Reconstruct()", INPUTS * 3, out=tmp_path / "run", threads=1, epochs=1)
    assert "nan" not in capsys.readouterr().err


def test_units_are_active_whose_mean_varies_by_more_than_a_hundredth() -> None:
    net = la.build("Gaussian(3) >> Reconstruct()", Vector(2), Label(2)).eval()
    stage = net.body[0]
    assert isinstance(stage, Gaussian)
    # The means are a x, x having variance 1: their variances are 0.0121, 0.0081 and 1.
    stage.weights.data.zero_()[:3, 0] = torch.tensor([0.11, 0.09, -1.0])
    x = torch.tensor([[-1.0, 5.0], [1.0, 7.0], [-1.0, 2.0], [1.0, 3.0]])
    assert activities(net, lambda: x.split(3)) == [Activity("Gaussian(3)", 2, 3)]
    assert str(Activity("Gaussian(3)", 2, 3)) == "Gaussian(3): 2 of 3 units are active"
    assert str(Activity("Gaussian(7)", 3, 7)) == (
        "Gaussian(7): 3 of 7 units are active; the means of the others hardly depend on the input (variance at most"
        " 0.01): the KL outweighs what they tell. Train longer, set warmup_steps or free, lower weight, or take fewer"
        " units"
    )


def test_a_run_tells_how_many_units_of_its_code_are_active(tmp_path: Path) -> None:
    said: list[str] = []
    net = "Gaussian(3, weight=1000.0) >> Reconstruct()"
    settings = {**QUICK, "epochs": 60, "batch": 10, "optimizer": "Adam(0.05)", "say": said.append}
    run = la.train(net, INPUTS, out=tmp_path / "run", **settings)
    assert run.result["active_units"] == [{"stage": "Gaussian(3, weight=1000.0)", "active": 0, "units": 3}]
    assert said[-1].startswith("Gaussian(3, weight=1000.0): 0 of 3 units are active; the means of the others")


def test_stages_that_no_error_reaches_are_named_where_something_is_predicted(tmp_path: Path) -> None:
    x, y = INPUTS, torch.arange(53) % 3
    start = la.train("RBM(3) >> Reconstruct()", (x, y), out=tmp_path / "machine", **QUICK).folder
    said: list[str] = []
    settings = {**QUICK, "start": start, "say": said.append}
    la.train("RBM(3) >> Classify()", (x, y), out=tmp_path / "going on", **settings)
    assert said[0] == (
        "RBM(3) learns by its own rule: no error of Classify() reaches it; Dense(3) >> Sigmoid() with"
        ' pretrain="layerwise" and pretrain_with="rbm" is fine-tuned by it'
    )
    said.clear()
    la.train("RBM(3) >> Classify()", (x, y), out=tmp_path / "frozen", freeze="body", **settings)
    assert not [text for text in said if "own rule" in text]
    la.train("Hebb(3) >> Classify()", (x, y), out=tmp_path / "hebb", **{**QUICK, "say": said.append})
    assert "Hebb(3) learns by its own rule: no error of Classify() reaches it; Dense(...) in its place is" in said[-1]


REFUSED: list[tuple[str, str]] = [
    ("PCA(6) >> Reconstruct()",
     "net: PCA(6) cannot follow Vector(5): it has 5 numbers, fewer than the components; take at most 5"),
    ("Blankout(0) >> Dense(3) >> Reconstruct()",
     "net: Blankout: share must be a number above 0 and below 1, got share=0"),
    ("Blankout(1) >> Dense(3) >> Reconstruct()",
     "net: Blankout: share must be a number above 0 and below 1, got share=1"),
    ("SaltAndPepper(1.0) >> Dense(3) >> Reconstruct()",
     "net: SaltAndPepper: share must be a number above 0 and below 1, got share=1.0"),
    ("GaussianNoise(0) >> Dense(3) >> Reconstruct()",
     "net: GaussianNoise: deviation must be a number above 0, got deviation=0"),
    ("Gaussian(0) >> Reconstruct()",
     "net: Gaussian: latent must be a whole number at least 1 and at most 2,147,483,647, got latent=0"),
]  # fmt: skip


@pytest.mark.parametrize(("net", "text"), REFUSED, ids=[net for net, _ in REFUSED])
def test_a_net_that_cannot_be_is_refused_with_one_message(tmp_path: Path, net: str, text: str) -> None:
    np.savez(tmp_path / "x.npz", x=INPUTS.numpy())
    said = called("train", tmp_path / "x.npz", "--net", net, "--epochs", 1, "--out", tmp_path / "run")
    assert (said.code, said.err) == (2, f"lamina: {text}\n")
    assert not (tmp_path / "run").exists()


def test_more_components_than_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        la.train("PCA(17) >> Reconstruct()", torch.rand(20, 31), out=tmp_path / "run", **QUICK)
    assert str(error.value) == (
        "PCA(17) needs more training examples than components, got 14; take at most 13 components, or add examples"
    )


def test_data_without_a_target_that_is_not_finite_is_refused_for_that_alone(tmp_path: Path) -> None:
    x = INPUTS.clone()
    x[3, 1] = math.nan
    with pytest.raises(DataError) as error:
        la.train("Dense(3) >> Reconstruct()", x, out=tmp_path / "run", **QUICK)
    assert str(error.value) == (
        "arrays: inputs must be finite, got inputs[3, 1]=nan (row 3, column 1; 1 such number in 1 row); fill or drop"
        " them"
    )


def test_a_constant_column_is_given_back_as_it_is(tmp_path: Path) -> None:
    x = INPUTS.clone()
    x[:, 2] = 0.5
    for number, net in enumerate(
        (
            "PCA(3, whiten=True) >> Reconstruct()",
            "Standardize() >> PCA(5, whiten=True) >> Reconstruct()",
            "Dense(3) >> Reconstruct(deviation='each')",
            "Dense(3) >> Reconstruct(likelihood='bernoulli')",
        )
    ):
        run = la.train(net, x, out=tmp_path / str(number), **QUICK)
        assert all(math.isfinite(measure.value) for measure in run.test.values())
        if "PCA" in net:
            torch.testing.assert_close(run.model().predict(x).value[:, 2], x[:, 2], atol=1e-4, rtol=0)


def test_pictures_given_to_a_dense_layer_need_to_be_flattened(tmp_path: Path) -> None:
    for net, layer in (("Dense(3) >> Reconstruct()", "Dense(3)"), ("Gaussian(3) >> Reconstruct()", "Gaussian(3)")):
        with pytest.raises(RunError) as error:
            la.train(net, torch.rand(53, 1, 6, 5), out=tmp_path / "run", **QUICK)
        assert str(error.value).startswith(f"net: {layer} cannot follow Image(1, 6, 5): it takes a Vector")
        assert str(error.value).endswith("; put Flatten() before it")
