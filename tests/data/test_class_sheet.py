"""The sheet of pictures class by class."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina.data.class_sheet import MOST_CLASSES, class_sheet
from lamina.data.dataset import Column, Dataset
from lamina.data.sources.arrays import from_arrays
from lamina.errors import DataError
from lamina.kinds import Image, Label


def squares(labels: list[int], classes: int, side: int = 5) -> Dataset:
    """Pictures whose grey is ten times their class."""
    pictures = torch.tensor(labels, dtype=torch.uint8)[:, None, None, None].mul(10).expand(-1, 1, side, side)
    names = tuple(f"class {number}" for number in range(classes))
    return Dataset(
        "squares",
        Column(pictures, Image(1, side, side), scale=1 / 255),
        Column(torch.tensor(labels), Label(classes)),
        classes=names,
    )


def tiles(page: np.ndarray, grey: int) -> int:
    """How many tiles of 65 x 65 have this grey."""
    return round(int((page == grey).all(2).sum()) / 65**2)


def test_a_class_has_a_row_of_its_own_with_no_more_tiles_than_it_has_pictures() -> None:
    page = np.array(class_sheet(squares([0] * 3 + [2] * 40, classes=3)))
    # 14 tiles of 65 pixels, each with its gap of 12, go into the width of 1,100.
    assert (tiles(page, 0), tiles(page, 20)) == (3, 14)
    rows = [np.flatnonzero((page == grey).all(2).sum(1) > 100) for grey in (0, 20)]
    assert rows[0].max() < rows[1].min()
    assert rows[1].min() - rows[0].max() > 65  # the class without pictures stands between


def test_the_same_pictures_are_drawn_every_time() -> None:
    data = from_arrays(np.arange(90 * 16, dtype=np.int64).reshape(90, 4, 4).astype(np.uint8), [0, 1, 1] * 30)
    assert class_sheet(data).tobytes() == class_sheet(data).tobytes()


def test_of_many_classes_the_first_are_drawn_and_large_pictures_are_reduced() -> None:
    many = class_sheet(squares(list(range(35)) * 2, classes=35, side=3))
    assert many.height < 100 + MOST_CLASSES * (66 + 12)
    large = class_sheet(squares([0, 1, 1] * 20, classes=2, side=400))
    assert large.width < 1400
    assert large.height < 100 + 2 * (160 + 12)


def test_what_is_no_set_of_labelled_pictures_is_refused() -> None:
    with pytest.raises(DataError) as error:
        class_sheet(from_arrays([[1.0], [2.0]], [1.0, 2.0]))
    assert str(error.value) == (
        "arrays: expected an Image and a Label to draw class by class, got Vector(1) and Value(1)"
    )
