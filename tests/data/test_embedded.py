import subprocess
import sys

import numpy as np
import pytest
import torch

from lamina.data.named import load
from lamina.data.sets import NAMED
from lamina.data.sources.embedded import FILES, read_embedded
from lamina.errors import DataError
from lamina.kinds import Image, Label, Value, Vector


@pytest.mark.parametrize("name", FILES)
def test_the_embedded_sets_are_those_of_scikit_learn(name):
    from sklearn import datasets

    settings = {"scaled": False} if name == "diabetes" else {}
    theirs = getattr(datasets, f"load_{name.replace('-', '_')}")(**settings)
    ours = load(name)
    inputs = ours.inputs.values.reshape(len(ours), -1)
    np.testing.assert_array_equal(inputs.numpy(), theirs.data.astype(np.float32))
    np.testing.assert_array_equal(ours.target.values.flatten().numpy(), theirs.target)
    if name != "diabetes":
        assert ours.classes == tuple(str(item) for item in theirs.target_names)
    if name in ("iris", "breast-cancer"):
        assert ours.features == tuple(theirs.feature_names)


@pytest.mark.parametrize("name", FILES)
def test_an_embedded_set_is_as_the_list_of_named_sets_says(name):
    named, dataset = NAMED[name], load(name)
    assert (dataset.name, dataset.inputs.kind, dataset.target.kind) == (name, named.inputs, named.target)
    assert len(dataset) == len(dataset.inputs) == named.examples
    assert dataset.test is None
    assert dataset.about == named.about
    assert len(dataset.classes) == (dataset.target.kind.classes if isinstance(dataset.target.kind, Label) else 0)
    assert len(dataset.features) == (dataset.inputs.kind.size if isinstance(dataset.inputs.kind, Vector) else 0)


def test_digits_are_stored_as_bytes_and_seen_between_0_and_1():
    dataset = read_embedded("digits")
    assert (dataset.inputs.kind, dataset.inputs.values.dtype) == (Image(1, 8, 8), torch.uint8)
    seen = dataset.inputs.gather(torch.arange(len(dataset)))
    assert (float(seen.min()), float(seen.max())) == (0.0, 1.0)
    assert float(seen[0, 0, 0, 2]) == 5 / 16


def test_diabetes_is_raw_and_its_target_a_value():
    dataset = read_embedded("diabetes")
    assert (dataset.inputs.kind, dataset.target.kind) == (Vector(10), Value(1))
    torch.testing.assert_close(dataset.inputs.values[0, :4], torch.tensor([59, 2, 32.1, 101]))
    assert dataset.target.values[0].tolist() == [151.0]


def test_no_embedded_set_imports_scikit_learn():
    code = (
        "import sys; from lamina.data.named import load; "
        f"[load(name) for name in {list(FILES)}]; "
        "assert not {'sklearn', 'pooch', 'requests', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_set_that_is_not_embedded_is_refused():
    with pytest.raises(DataError) as caught:
        read_embedded("digit")
    assert str(caught.value) == "'digit' is not embedded; did you mean 'digits'?"


def test_without_scikit_learn_its_absence_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError) as caught:
        read_embedded("iris")
    assert str(caught.value) == (
        "the embedded sets are files of scikit-learn, which is not installed: pip install scikit-learn"
    )


@pytest.mark.parametrize("content", [None, b"not a gzip file", b"\x1f\x8b\x08\x00"])
def test_a_file_of_scikit_learn_that_is_gone_or_damaged_is_named(monkeypatch, tmp_path, content):
    (tmp_path / "sklearn" / "datasets" / "data").mkdir(parents=True)
    (tmp_path / "sklearn" / "__init__.py").touch()
    path = tmp_path / "sklearn" / "datasets" / "data" / "digits.csv.gz"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    for module in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(DataError) as caught:
        read_embedded("digits")
    text = str(caught.value)
    assert text.startswith(f"{path}: expected the digits data as scikit-learn ships it, cannot read it (")
    assert text.endswith("); install scikit-learn anew")
