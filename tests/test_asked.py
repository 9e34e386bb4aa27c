"""A model of pictures is asked about files, images of Pillow's and arrays of bytes of any size."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow

from lamina.asked import alike, origin_for, pictures_in
from lamina.data.pictures.reading import PictureOrigin, PictureReading
from lamina.errors import DataError, RunError
from lamina.kinds import Image, Label
from lamina.loading import load
from lamina.model import Model, rows_at_once
from lamina.net import build
from lamina.views import Views

GIVEN = Image(3, 5, 7)
ORIGIN = PictureOrigin(5, 7, "stretch", 3, PictureReading((5, 7), "stretch"))
RANDOM = np.random.default_rng(0)
PHOTO: NDArray[np.uint8] = RANDOM.integers(0, 256, (11, 13, 3), np.uint8)


def model(given: Image = GIVEN, pictures: PictureOrigin | None = ORIGIN, scale: float | None = 1 / 255) -> Model:
    return Model(build("Flatten() >> Classify()", given, Label(2)), ("cat", "dog"), scale=scale, pictures=pictures)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Pillow.fromarray(PHOTO).save(path)
    return path


def test_a_file_an_image_and_an_array_of_one_picture_have_the_same_answer(photo: Path) -> None:
    expected = model().predict(alike([ORIGIN.read(photo)])).probabilities
    image = Pillow.open(photo)
    tensor = torch.from_numpy(PHOTO)
    for asked in (
        *(photo, str(photo), [photo], (str(photo),), image, [image]),
        *(PHOTO, PHOTO[None], [PHOTO], PHOTO.transpose(2, 0, 1)[None], tensor, tensor[None].permute(0, 3, 1, 2)),
    ):
        assert torch.equal(model().predict(asked).probabilities, expected)


def test_several_pictures_of_unlike_sizes_and_forms_are_answered_in_their_order(photo: Path) -> None:
    grey = RANDOM.integers(0, 256, (4, 9), np.uint8)
    together = model().predict([PHOTO, grey, PHOTO[:3]]).probabilities
    for place, one in enumerate((PHOTO, grey, PHOTO[:3])):
        torch.testing.assert_close(together[place], model().predict([one]).probabilities[0])
    mixed = model().predict([photo, Pillow.fromarray(grey)]).probabilities
    torch.testing.assert_close(mixed, together[:2])


def test_bytes_of_the_right_size_are_taken_as_they_are() -> None:
    exact = RANDOM.integers(0, 256, (2, 3, 5, 7), np.uint8)
    assert pictures_in(exact, GIVEN, 1 / 255, ORIGIN) is None
    found = pictures_in(exact.transpose(0, 2, 3, 1), GIVEN, 1 / 255, ORIGIN)
    np.testing.assert_array_equal(found, exact)
    assert found is not None
    assert found.stride() == (105, 1, 21, 3)  # the channels of a pixel lie side by side
    assert model().prepared(exact).is_contiguous(memory_format=torch.channels_last)


def test_a_grey_model_takes_grey_batches_and_turns_colour_to_grey() -> None:
    given, origin = Image(1, 2, 3), PictureOrigin(2, 3, "stretch", 1)
    flat = np.zeros((2, 8, 6), np.uint8)
    flat[0], flat[1] = 7, 200
    found = pictures_in(flat, given, 1 / 255, origin)
    assert found is not None
    assert found.tolist() == [[[[7] * 3] * 2], [[[200] * 3] * 2]]
    red = np.zeros((8, 6, 3), np.uint8)
    red[:, :, 0] = 255
    found = pictures_in(red, given, 1 / 255, origin)
    assert found is not None
    assert found.tolist() == [[[[76] * 3] * 2]]  # 0.299 of 255
    assert pictures_in(flat[:, :2, :3], given, 1 / 255, origin) is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"])
def test_images_of_every_mode_are_taken(mode: str) -> None:
    image = Pillow.new("L", (8, 8), 255)
    image = (
        Pillow.fromarray(np.full((8, 8), 65535, np.uint16)) if mode == "I;16" else image.convert("RGB").convert(mode)
    )
    found = pictures_in(image, GIVEN, 1 / 255, ORIGIN)
    assert found is not None
    assert found.unique().tolist() == [255]


def test_a_photo_that_was_held_upright_is_turned_as_its_file_would_be(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Pillow.fromarray(PHOTO).save(path, exif=exif)
    assert torch.equal(model().predict(Pillow.open(path)).probabilities, model().predict(path).probabilities)
    upright = model().predict(np.rot90(PHOTO, -1)).probabilities
    torch.testing.assert_close(model().predict(path).probabilities, upright, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("no.png", "no.png: expected a picture, found nothing there; check the path"),
        ([], "inputs must be examples of Image(3, 5, 7), (3, 5, 7) each, got an array of shape (0,)"),
        (np.zeros((5, 7), np.uint8), "inputs must be examples of Image(3, 5, 7), (3, 5, 7) each, got an array of shape (5, 7)"),
        (np.zeros((2, 9, 9, 2), np.uint8), "inputs must be examples of Image(3, 5, 7), (3, 5, 7) each, got an array of shape (2, 9, 9, 2)"),
        (np.zeros((1, 3, 9, 9)), "inputs must be examples of Image(3, 5, 7), (3, 5, 7) each, got an array of shape (1, 3, 9, 9)"),
        (["a", 1], "inputs must be rows of numbers, got ['a', 1]"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(asked: Any, words: str) -> None:
    with pytest.raises(DataError) as error:
        model().predict(asked)
    assert str(error.value) == words


def test_an_image_that_no_file_could_hold_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be read as a picture"):
        model().predict(Pillow.new("RGB", (0, 5)))


def test_a_model_of_other_numbers_than_bytes_takes_no_pictures(photo: Path) -> None:
    with pytest.raises(DataError) as error:
        model(pictures=None, scale=None).predict(photo)
    assert str(error.value) == (
        "the model takes Image(3, 5, 7), and was trained on numbers that are no bytes of grey or colour; pass arrays as"
        " it was trained on"
    )
    with pytest.raises(DataError, match=r"^the model takes Image\(2, 5, 7\), and was trained on"):
        origin_for(Image(2, 5, 7), 1 / 255, None)


def test_a_model_that_remembers_no_pictures_crops_them_to_its_size(photo: Path) -> None:
    cropped = PictureOrigin(5, 7, "crop", 3)
    assert origin_for(GIVEN, 1 / 255, None) == cropped
    assert origin_for(GIVEN, 1 / 255, ORIGIN) is ORIGIN
    probabilities = model(pictures=None).predict(photo).probabilities
    assert torch.equal(probabilities, model(pictures=cropped).predict(photo).probabilities)


def test_large_pictures_are_predicted_in_smaller_batches() -> None:
    assert rows_at_once(Image(1, 2, 3)) == rows_at_once(Label(2)) == 4096
    assert rows_at_once(Image(3, 224, 224)) == 27
    assert rows_at_once(Image(3, 2000, 2000)) == 1


def test_pictures_and_views_make_the_round_trip(tmp_path: Path) -> None:
    kept = model()
    kept.net.views = Views(shift=1)
    kept.save(tmp_path)
    again = load(tmp_path)
    assert again.pictures == ORIGIN
    assert again.net.views == Views(shift=1)
    assert torch.equal(again.predict(PHOTO).probabilities, kept.predict(PHOTO).probabilities)


def test_a_model_of_the_format_before_pictures_still_loads(tmp_path: Path) -> None:
    model(pictures=None).save(tmp_path)
    path = tmp_path / "model.json"
    written = json.loads(path.read_text())
    assert written.pop("format") == 4
    assert (written.pop("pictures"), written.pop("views")) == (None, None)
    path.write_text(json.dumps({"format": 2, **written}))
    again = load(tmp_path)
    assert (again.pictures, again.net.views) == (None, None)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pictures": {**ORIGIN.to_json(), "height": 6}}, "its pictures give Image(3, 6, 7), not what the net takes; lamina did not write this"),
        ({"pictures": 7}, "is not as lamina writes it: pictures missing or of a wrong type"),
        ({"views": 7}, "is not as lamina writes it: views missing or of a wrong type"),
        ({"views": "Views(9)"}, "Views: flip must be True or False, got flip=9"),
        ({"views": "Views(shift=5)"}, "Views(shift=5)"),
        ({"views": "Dense(3)"}, "Dense(3)"),
    ],
)  # fmt: skip
def test_a_description_of_other_pictures_or_views_is_refused(
    tmp_path: Path, values: dict[str, Any], words: str
) -> None:
    model().save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    with pytest.raises((RunError, ValueError, TypeError)) as error:
        load(tmp_path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_nothing_is_warned_of(photo: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model().predict(photo)
        model().predict(PHOTO[::2])
