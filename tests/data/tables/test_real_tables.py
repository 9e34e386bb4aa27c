"""Tables that people really have."""

from __future__ import annotations

import pytest

import lamina as la
from lamina.data.split import split
from lamina.kinds import Label, Table, Value

pytestmark = pytest.mark.data


def test_california_housing_is_read_as_it_is(data_folder):
    data = la.load_data(data_folder / "tabular/california_housing.csv.gz", target="median_house_value")
    assert data.inputs.kind == Table(8, (7,), blanks=1)
    assert data.target.kind == Value(1)
    assert data.features[0] == "total_bedrooms"
    assert int(data.inputs.values[:, 0].isnan().sum()) == 207
    assert len(data) == 20_640


def test_the_test_file_of_adult_spells_its_classes_otherwise_and_is_understood(data_folder):
    folder = data_folder / "tabular"
    data = la.load_data(folder / "adult-train.csv.gz", target="column_15", test=folder / "adult-test.csv.gz")
    assert data.target.kind == Label(2)
    assert data.classes == ("<=50K", ">50K")
    assert [len(part) for part in split(data)] == [29_305, 3_256, 16_281]
    assert any("16,281 rows spell their class otherwise, as in '<=50K.'" in note for note in data.origin.notes)


def test_a_short_training_on_california_housing_is_better_than_a_line(data_folder, tmp_path):
    run = la.train(
        None,
        data_folder / "tabular/california_housing.csv.gz",
        target="median_house_value",
        epochs=3,
        out=tmp_path / "run",
        display=None,
        say=lambda text: None,
    )
    name = "root_mean_squared_error"
    assert run.test[name].value < 0.9 * run.baseline["ridge"][name].value
    assert 0.85 < run.result["interval"]["held"] < 0.95
