import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.pictures.decode import Size
from lamina.data.pictures.reading import PictureOrigin, PictureReading, as_picture_reading, picture_origin_in
from lamina.data.pictures.sizes import frame_of
from lamina.errors import DataError, SentenceError

FITS = st.sampled_from(["crop", "pad", "stretch"])
SIDES = st.integers(1, 2048)
READINGS = st.builds(
    PictureReading,
    size=st.none() | SIDES | st.tuples(SIDES, SIDES),
    fit=FITS,
    colour=st.sampled_from(["auto", "grey", "colour"]),
    skip_bad=st.integers(0, 9),
)


@given(reading=READINGS)
def test_a_reading_can_be_written_and_read(reading):
    assert PictureReading(**reading.to_json()) == reading


@given(reading=READINGS, height=SIDES, width=SIDES, fit=FITS, channels=st.sampled_from([1, 3]))
def test_an_origin_can_be_written_and_read(reading, height, width, fit, channels):
    origin = PictureOrigin(height, width, fit, channels, reading)
    assert picture_origin_in(origin.to_json(), "model.json") == origin


def test_what_is_as_usual_is_not_written():
    assert PictureReading().to_json() == {}
    assert PictureReading((5, 7)).to_json() == {"size": [5, 7]}


def test_a_size_beyond_reason_is_refused():
    with pytest.raises(SentenceError) as caught:
        as_picture_reading({"size": [48, 4096]})
    assert str(caught.value) == "PictureReading: size must be at most 2,048, got size=(48, 4096)"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"height": 0}, "height=0"),
        ({"width": True}, "width=True"),
        ({"width": "5"}, "width='5'"),
        ({"fit": "squeeze", "channels": 2}, "fit='squeeze', channels=2"),
        ({"fit": ["crop"]}, "fit=['crop']"),
        ({"channels": 3.0}, "channels=3.0"),
        ({"reading": None}, "reading=None"),
    ],
)
def test_a_damaged_origin_is_refused(change, said):
    written = PictureOrigin(5, 7, "crop", 3).to_json() | change
    with pytest.raises(DataError) as caught:
        picture_origin_in(written, "model.json")
    assert str(caught.value) == f"model.json: pictures is not as lamina writes it: {said}; train the model anew"


def test_a_damaged_reading_is_refused():
    written = PictureOrigin(5, 7, "crop", 3).to_json() | {"reading": {"fitt": "pad"}}
    with pytest.raises(DataError) as caught:
        picture_origin_in(written, "model.json")
    assert str(caught.value) == "model.json: PictureReading has no setting 'fitt'; did you mean 'fit'?"
    with pytest.raises(DataError) as caught:
        picture_origin_in([5], "model.json")
    assert str(caught.value) == "model.json: pictures is not as lamina writes it: expected an object, got [5]"


def test_the_settled_reading_asks_for_the_form_of_the_model():
    origin = PictureOrigin(5, 7, "pad", 1, PictureReading(skip_bad=2))
    assert origin.settled() == PictureReading((5, 7), "pad", "grey", 2)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(129, 129)] * 3, 96),
        ([(100, 90), (90, 100), (300, 300)], 88),
        ([(9, 500), (10, 400), (17, 300)], 8),
        ([(3, 5), (5, 3)], 8),
        ([(16, 20), (30, 23)], 16),
    ],
)
def test_the_size_is_the_median_of_the_shorter_sides(sizes, side):
    frame, _ = frame_of([Size(*size) for size in sizes], PictureReading())
    assert frame == (side, side, "crop")


def test_pictures_of_one_small_size_are_taken_as_they_are():
    frame, said = frame_of([Size(128, 37)] * 2, PictureReading())
    assert frame == (128, 37, "crop")
    assert said == "all pictures are 128 x 37 (height x width) and taken as they are"


def test_the_size_is_said_with_its_reason():
    assert frame_of([Size(100, 90), Size(200, 300)], PictureReading(fit="pad"))[1] == (
        "pictures are from 100 x 90 to 200 x 300 (height x width), and become 88 x 88 (by the median of their shorter "
        "sides, 90; --size takes another): resized to stay within that, with black around"
    )
    assert frame_of([Size(100, 90), Size(200, 300)], PictureReading((5, 7), "stretch"))[1] == (
        "pictures are from 100 x 90 to 200 x 300 (height x width), and become 5 x 7 (as asked): stretched to that"
    )
    assert frame_of([Size(200, 300)], PictureReading((200, 300)))[1] == (
        "all pictures are 200 x 300 (height x width), as asked, and taken as they are"
    )


def test_datasets_do_not_bring_pillow():
    program = "import sys, lamina.data.dataset, lamina.data.pictures.folder, lamina.data.pictures.listed; print('PIL' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"
