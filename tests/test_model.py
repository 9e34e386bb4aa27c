"""The artifact: predictions in raw units, a round trip of every bit, and files that nobody vouches for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import equal
from torch import nn

import lamina as la
from lamina.data.sources.arrays import from_arrays
from lamina.errors import DataError, LaminaError, RunError
from lamina.kinds import Image, Label, Value, Vector
from lamina.loading import load
from lamina.model import Model
from lamina.net import build

NET = "Flatten() >> Dense(7) >> BatchNorm() >> Tanh() >> Classify()"
BYTES = torch.randint(256, (5, 1, 2, 3), generator=torch.Generator().manual_seed(0)).byte()


def pictures() -> Model:
    """A net that was trained on bytes."""
    net = build(NET, Image(1, 2, 3), Label(3))
    net.train()
    net.body(BYTES / 255)  # so that running statistics have moved
    return Model(net, ("a", "b", "c"), scale=1 / 255)


def measures() -> Model:
    return Model(build("Dense(5) >> Regress()", Vector(3), Value(2)), features=("x", "y", "z"))


def test_inputs_are_taken_as_tensors_arrays_and_lists_in_raw_units() -> None:
    model = pictures()
    with torch.inference_mode():
        expected = torch.softmax(model.net(BYTES.float() / 255), 1)
    for inputs in (BYTES, BYTES.numpy(), BYTES.tolist(), BYTES.double(), BYTES.flatten(1), BYTES.numpy()[::1].copy()):
        answer = model.predict(inputs)
        torch.testing.assert_close(answer.probabilities, expected)
        assert torch.equal(answer.label, expected.argmax(1))
    reversed_view = BYTES.numpy()[::-1]
    torch.testing.assert_close(model.predict(reversed_view).probabilities, expected.flip(0))
    frozen = BYTES.float().numpy()
    frozen.flags.writeable = False
    torch.testing.assert_close(model.predict(frozen).probabilities, expected)


@given(st.integers(1, 9), st.integers(0, 2**32))
@settings(max_examples=30)
def test_a_rows_answer_does_not_depend_on_the_others(examples: int, seed: int) -> None:
    model, x = measures(), torch.randn(examples, 3, generator=torch.Generator().manual_seed(seed))
    together = model.predict(x).value
    for row in range(examples):
        torch.testing.assert_close(model.predict(x[row : row + 1]).value[0], together[row])


def test_many_rows_are_predicted_in_pieces() -> None:
    x = torch.randn(9001, 3)
    model = measures()
    torch.testing.assert_close(model.predict(x).value, model.net.predict(x).value)


NAN, BIG = float("nan"), 1e300


@pytest.mark.parametrize(("inputs", "message"), [
    ([[1, 2, 3], [1, NAN, 3]], "inputs must be finite numbers, but row 1 has one that is not; fill it or leave it out"),
    ([[1, 2, BIG]], "inputs must be finite numbers, but row 0 has one that is not; fill it or leave it out"),
    ([[1, 2]], "inputs must be examples of Vector(3), (3,) each, got an array of shape (1, 2)"),
    ([1, 2, 3], "inputs must be examples of Vector(3), (3,) each, got an array of shape (3,)"),
    ([], "inputs must be examples of Vector(3), (3,) each, got an array of shape (0,)"),
    (torch.empty(0, 3), "inputs must be examples of Vector(3), (3,) each, got an array of shape (0, 3)"),
    (5.0, "inputs must be examples of Vector(3), (3,) each, got an array of shape ()"),
    ([[1, 2, 3], [1, 2]], "inputs must be rows of numbers, got [[1, 2, 3], [1, 2]]"),
    ([["a", "b", "c"]], "inputs must be rows of numbers, got [['a', 'b', 'c']]"),
    ({"x": 1}, "inputs must be rows of numbers, got {'x': 1}"),
    (None, "inputs must be examples of Vector(3), (3,) each, got an array of shape ()"),
])  # fmt: skip
def test_inputs_of_another_kind_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(DataError) as error:
        measures().predict(inputs)
    assert str(error.value) == message


def test_a_dataset_of_other_kinds_or_classes_is_refused() -> None:
    model = pictures()
    x = BYTES.repeat(2, 1, 1, 1).numpy()
    with pytest.raises(DataError) as error:
        model.evaluate(from_arrays(x.reshape(10, 6), ["a", "b"] * 5, name="table"))
    assert str(error.value) == ("table has Vector(6) and Label(2); the net was built for Image(1, 2, 3) and Label(3)")
    with pytest.raises(DataError) as error:
        model.evaluate(from_arrays(x, ["a", "b", "d", "a", "b"] * 2, name="letters"))
    assert str(error.value) == "letters has the classes ('a', 'b', 'd'); the net was trained on ('a', 'b', 'c')"


def test_measures_are_those_of_the_rows_asked_for() -> None:
    model = pictures()
    data = from_arrays(BYTES.repeat(2, 1, 1, 1).numpy(), ["a", "b", "c", "a", "b"] * 2)
    part = model.evaluate(data, torch.tensor([0, 3]))
    answer = model.predict(BYTES[[0, 3]])
    assert part["log_loss"].value == pytest.approx(-answer.probabilities[:, 0].log().mean().item(), rel=1e-5)


@pytest.mark.parametrize("make", [pictures, measures])
def test_a_model_makes_the_round_trip_bit_for_bit(tmp_path: Path, make: Any) -> None:
    model = make()
    model.save(tmp_path / "run" / "model")
    for folder in (tmp_path / "run", tmp_path / "run" / "model", str(tmp_path / "run")):
        again = load(folder)
        assert equal(again.net.state_dict(), model.net.state_dict())
        assert (again.classes, again.features, again.scale) == (model.classes, model.features, model.scale)
        assert again.net.sentence() == model.net.sentence()
        assert not again.net.training
    assert sorted(path.name for path in (tmp_path / "run" / "model").iterdir()) == ["model.json", "model.safetensors"]
    again.save(tmp_path / "run" / "model")  # onto the files that it was loaded from
    assert equal(load(tmp_path / "run").net.state_dict(), model.net.state_dict())


def test_a_net_with_torch_modules_needs_its_code(tmp_path: Path) -> None:
    net = la.Module(nn.Linear(3, 5), gives=Vector(5)) >> la.Regress()
    model = Model(build(net, Vector(3), Value(2)))
    model.save(tmp_path)
    with pytest.raises(RunError) as error:
        load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'model.json'}: the net holds stages of your own, so its code is needed: lamina.load(folder, net=...)"
    )
    assert equal(load(tmp_path, net).net.state_dict(), model.net.state_dict())
    with pytest.raises(RunError, match="does not fit this net"):
        load(tmp_path, la.Module(nn.Linear(3, 7), gives=Vector(7)) >> la.Regress())


def changed(folder: Path, **values: Any) -> str:
    """What `load` says of a model whose description has other values; an absent one is None here."""
    measures().save(folder)
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    modules, threads = set(sys.modules), torch.get_num_threads()
    with pytest.raises(LaminaError) as error:
        load(folder)
    assert set(sys.modules) == modules
    assert torch.get_num_threads() == threads
    return f"{type(error.value).__name__}: {error.value}".replace(str(folder), "RUN")


@pytest.mark.parametrize(("values", "message"), [
    ({"net": "popen('id') >> Regress()"},
     "SentenceError: RUN/model.json: there is no 'popen'; "),
    ({"net": "os.system('id')"}, "SentenceError: RUN/model.json: column 3: expected a word, a number or one of >> + ( ) , =, got '.' in "),
    ({"net": "Module() >> Regress()"}, "SentenceError: RUN/model.json: there is no 'Module'; "),
    ({"net": "Dense(1000000000) >> Regress()"}, "KindError: RUN/model.json: the net has 6,000,000,002 parameters; training them takes about "),
    ({"net": "Dense(5) >> " + "Repeat(10000, " * 4 + "Tanh()" + ")" * 4 + " >> Regress()"}, "KindError: RUN/model.json: the net has "),
    ({"net": "Dense(2000000000) >> Regress()", "given": "Vector(2147483647)"},
     "KindError: RUN/model.json: Dense(2000000000) after Vector(2147483647) would have 4,294,967,294,000,000,000 weights (15,999,999,993 GiB), more than "),
    ({"given": "Image(1, 1, 3)"}, "KindError: RUN/model.json: Dense(5) cannot follow Image(1, 1, 3): it takes a Vector or a Sequence; "),
    ({"target": "Label(2)"}, "KindError: RUN/model.json: Regress() cannot predict Label(2): it predicts a Value"),
    ({"target": "Value(3)"}, "RunError: RUN/model.safetensors does not fit this net; load it into the net that it was saved"),
    ({"features": ["x"]}, "RunError: RUN/model.json: expected 3 names of features, got 1; lamina did not write this"),
    ({"classes": ["x"]}, "RunError: RUN/model.json: expected 0 names of classes, got 1; lamina did not write this"),
    ({"features": [1, 2, 3]}, "RunError: RUN/model.json is not as lamina writes it: features missing or of a wrong type"),
    ({"net": None, "scale": "1"}, "RunError: RUN/model.json is not as lamina writes it: net, scale missing or of a wrong type"),
    ({"format": 5}, "RunError: RUN/model.json: format 5 is newer than this lamina knows; install a newer one"),
    ({"format": 1}, "RunError: RUN/model.json: format 1 is older than this lamina reads, from 2 on; train it again"),
    ({"table": 7}, "RunError: RUN/model.json is not as lamina writes it: table missing or of a wrong type"),
    ({"parts": [["a", [1]]]}, "RunError: RUN/model.json is not as lamina writes it: parts missing or of a wrong type"),
    ({"scale": float("nan")}, "RunError: RUN/model.json: expected a JSON object, got something else: NaN is no JSON number"),
])  # fmt: skip
def test_a_description_that_lamina_did_not_write_is_refused_and_imports_nothing(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    assert changed(tmp_path, **values).startswith(message)


@pytest.mark.parametrize(("content", "message"), [
    ("[" * 100_000, "expected a JSON object, got one nested too deeply"),
    ("[]", "expected a JSON object, got []"),
    (" " * (8 * 2**20 + 1), "expected at most 8388608 bytes, got 8388609; lamina did not write this"),
])  # fmt: skip
def test_a_file_that_is_no_description_is_refused(tmp_path: Path, content: str, message: str) -> None:
    measures().save(tmp_path)
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(RunError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path / 'model.json'}: {message}"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path} holds no model: it has no model.json; a run has one when it has ended"


def test_a_net_in_training_is_left_so_by_its_predictions() -> None:
    net = build("Dropout(0.5) >> Regress()", Vector(3), Value(1)).train()
    x = np.ones((4, 3), np.float32)
    assert torch.equal(net.predict(torch.from_numpy(x)).value, net.predict(torch.from_numpy(x)).value)
    assert net.training


def test_a_folder_of_several_seeds_says_which_runs_it_holds(tmp_path: Path) -> None:
    for seed in (0, 1):
        (tmp_path / f"seed-{seed}").mkdir()
    with pytest.raises(RunError) as error:
        load(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no model: it has no model.json; it holds runs of several seeds, name one: "
        f"{tmp_path / 'seed-0'}, {tmp_path / 'seed-1'}"
    )
