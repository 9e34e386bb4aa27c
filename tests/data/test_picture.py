import numpy as np
import pytest
import torch
from PIL import Image as Picture

from lamina.data.dataset import Column, Dataset
from lamina.data.named import load
from lamina.data.picture import COLOURS, GAP, MARGIN, sheet
from lamina.data.sources.arrays import from_arrays
from lamina.errors import DataError
from lamina.kinds import Tokens


def pictures(values: np.ndarray, target=None) -> Dataset:
    return from_arrays(values, target or ["cat", "dog"] * (len(values) // 2))


def seen(page: Picture.Image) -> np.ndarray:
    return np.asarray(page)


def test_a_sheet_shows_each_pixel_of_a_small_picture_enlarged():
    page = sheet(load("digits"), [0, 1])
    digit = load("digits").inputs.values[0, 0].numpy()
    tile = seen(page)[MARGIN + 32 :, MARGIN:][:64, :64, 0]
    np.testing.assert_array_equal(tile[4::8, 4::8], np.round(digit / 16 * 255))
    np.testing.assert_array_equal(tile, np.kron(tile[4::8, 4::8], np.ones((8, 8))))


def test_a_colour_picture_keeps_its_colours():
    values = np.zeros((2, 3, 64, 64), np.uint8)
    values[0, 0], values[1, 2] = 255, 200
    page = seen(sheet(pictures(values), [0, 1]))
    middle = MARGIN + 32 + 30
    assert page[middle, MARGIN + 30].tolist() == [255, 0, 0]
    assert page[middle, MARGIN + 30 + 64 + GAP].tolist() == [0, 0, 200]


def test_numbers_beyond_0_to_1_are_spread_over_the_greys():
    values = np.zeros((2, 64, 64))
    values[0], values[1] = -3, 5
    page = seen(sheet(pictures(values), [0, 1]))
    assert page[MARGIN + 60, MARGIN + 30].tolist() == [0, 0, 0]
    assert page[MARGIN + 60, MARGIN + 30 + 64 + GAP].tolist() == [255, 255, 255]


def test_large_pictures_are_reduced():
    page = sheet(pictures(np.zeros((4, 3, 500, 900), np.uint8)), range(4))
    assert page.width < 900
    assert page.height < 500


def test_the_caption_tells_the_class():
    values = np.full((2, 64, 64), 9, np.uint8)
    one = seen(sheet(pictures(values, ["cat", "dog"]), [0, 1]))
    other = seen(sheet(pictures(values, ["cow", "dog"]), [0, 1]))
    unlike = np.argwhere((one != other).any(2))
    assert len(unlike)
    assert unlike[:, 0].min() > MARGIN + 32 + 64  # under the picture
    assert unlike[:, 1].max() < MARGIN + 64  # the first one


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40, 100])
def test_any_number_of_examples_fits_a_sheet(count):
    page = sheet(load("digits"), range(count))
    assert 0.4 < page.width / page.height < 4
    assert (seen(page)[-MARGIN + 4 :] == 255).all()
    assert (seen(page)[:, -MARGIN + 4 :] == 255).all()


def test_a_table_with_classes_has_a_histogram_a_class_in_its_colour():
    page = seen(sheet(load("iris"), range(150)))
    found = {tuple(colour) for colour in page.reshape(-1, 3).tolist()}
    assert set(COLOURS[:3]) <= found
    assert not set(COLOURS[3:]) & found


def test_a_histogram_stands_where_its_class_lies():
    inputs = np.array([[0.0], [0.1], [0.2], [0.8], [0.9], [1.0]])
    page = seen(sheet(from_arrays(inputs, [0, 0, 0, 1, 1, 1]), range(6)))[
        MARGIN + 60 :
    ]  # below the names of the classes
    left = np.argwhere((page == COLOURS[0]).all(2))[:, 1]
    right = np.argwhere((page == COLOURS[1]).all(2))[:, 1]
    assert left.max() < right.min()


def test_a_table_with_a_value_has_a_dot_an_example():
    page = seen(sheet(from_arrays([[0.0], [1.0]], [0.0, 1.0]), [0, 1]))[MARGIN + 32 :]
    dots = np.argwhere((page[..., 2].astype(int) - page[..., 0]) > 60)
    low, high = dots[dots[:, 1] < 100], dots[dots[:, 1] > 100]
    assert low[:, 0].min() > high[:, 0].max()  # the higher value stands higher


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "diabetes"])
def test_every_embedded_table_can_be_drawn(name):
    dataset = load(name)
    page = sheet(dataset, torch.arange(len(dataset)))
    assert page.width < 1200
    assert page.height < 1200


def test_constant_features_absent_classes_and_many_classes_can_be_drawn():
    inputs = np.ones((60, 2))
    assert sheet(from_arrays(inputs, list(range(30)) * 2), range(5)).width > 200
    assert sheet(from_arrays(inputs, [1.0] * 60), [3]).width > 200


def test_no_rows_are_refused():
    with pytest.raises(DataError) as caught:
        sheet(load("digits"), [])
    assert str(caught.value) == "digits: expected rows to draw, got none"


def test_inputs_that_cannot_be_drawn_are_refused():
    iris = load("iris")
    dataset = Dataset("words", Column(torch.zeros(150, 3, dtype=torch.int64), Tokens(7)), iris.target)
    with pytest.raises(DataError) as caught:
        sheet(dataset, [0])
    assert str(caught.value) == "words: expected inputs of kind Image or Vector to draw, got Tokens(7)"
