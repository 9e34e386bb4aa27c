import contextlib
import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from drawn import encoded, noise, put
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from lamina.data.pictures import decode as module
from lamina.data.pictures.decode import decode, read_picture, read_size
from lamina.data.pictures.frame import Frame, draft_size
from lamina.errors import DataError


def decoded(content, frame, grey=False):
    return decode(io.BytesIO(content), "a.png", frame, grey)


def pixels(content, height=5, width=7, fit="crop", grey=False):
    return decoded(content, Frame(height, width, fit), grey).pixels


def refused(content):
    with pytest.raises(DataError) as caught:
        pixels(content)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_picture_of_the_right_size_keeps_its_pixels(kind):
    drawn = noise(5, 7)
    np.testing.assert_array_equal(pixels(encoded(drawn, kind)), drawn)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
def test_every_kind_gives_what_pillow_gives(kind):
    content = encoded(noise(5, 7), kind)
    expected = np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_array_equal(pixels(content), expected)


def test_content_tells_the_kind_and_not_the_name():
    content = encoded(noise(5, 7), "JPEG")
    assert decode(io.BytesIO(content), "a.png", Frame(5, 7, "crop"), False).pixels.shape == (5, 7, 3)


def test_grey_has_one_channel():
    drawn = noise(5, 7, 1)
    np.testing.assert_array_equal(pixels(encoded(drawn)), drawn[:, :, None])


def test_rgb_of_equal_channels_has_no_colour():
    drawn = noise(5, 7, 1)
    np.testing.assert_array_equal(pixels(encoded(np.stack([drawn] * 3, 2))), drawn[:, :, None])


def test_colours_become_grey_by_their_luma():
    drawn = np.zeros((5, 7, 3), np.uint8)
    drawn[:] = (200, 100, 50)
    assert set(pixels(encoded(drawn), grey=True).flat) == {round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)}


def test_one_bit_is_black_and_white():
    drawn = noise(5, 7, 1) > 99
    np.testing.assert_array_equal(pixels(encoded(Pillow.fromarray(drawn)))[:, :, 0], drawn * 255)


def test_a_palette_gives_its_colours():
    image = Pillow.new("P", (7, 5), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    assert pixels(encoded(image))[2, 3].tolist() == [200, 100, 50]


def test_a_palette_may_be_transparent():
    image = Pillow.new("P", (7, 5), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.putpixel((3, 2), 0)
    found = decoded(encoded(image, transparency=0), Frame(5, 7, "crop"))
    assert found.pixels[2, 3].tolist() == [255, 255, 255]
    assert found.pixels[0, 0].tolist() == [200, 100, 50]
    assert found.traits == ("transparent",)


@pytest.mark.parametrize(("alpha", "seen"), [(0, [255, 255, 255]), (255, [200, 100, 50]), (51, [244, 224, 214])])
def test_what_shows_through_is_white(alpha, seen):
    # 0.2 * (200, 100, 50) + 0.8 * 255
    found = decoded(encoded(Pillow.new("RGBA", (7, 5), (200, 100, 50, alpha))), Frame(5, 7, "crop"))
    assert np.broadcast_to(found.pixels, (5, 7, 3))[2, 3].tolist() == seen
    assert found.traits == (("transparent",) if alpha < 255 else ())


def test_transparent_grey_stays_grey():
    found = decoded(encoded(Pillow.new("LA", (7, 5), (100, 51))), Frame(5, 7, "crop"))
    assert set(found.pixels.flat) == {224}
    assert found.pixels.shape == (5, 7, 1)


def test_what_is_hidden_does_not_bleed_into_what_is_seen():
    drawn = np.zeros((22, 26, 4), np.uint8)
    drawn[:, :13] = (255, 0, 0, 0)
    drawn[:, 13:] = (0, 0, 255, 255)
    small = pixels(encoded(Pillow.fromarray(drawn)), 11, 13).astype(int)
    assert (small[..., 0] <= small[..., 1] + 1).all()  # between blue and white there is no red


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_colour_may_be_named_transparent(mode):
    image = Pillow.new(mode, (7, 5), 0)
    content = encoded(image, transparency=(0, 0, 0) if mode == "RGB" else 0)
    assert set(pixels(content).flat) == {255}


def test_printing_inks_become_light():
    # (255 - ink) * (255 - black) / 255
    found = decoded(encoded(Pillow.new("CMYK", (7, 5), (0, 51, 102, 0)), "JPEG", quality=100), Frame(5, 7, "crop"))
    np.testing.assert_allclose(found.pixels[2, 3], [255, 204, 153], atol=2)
    assert found.traits == ("inks",)


def test_sixteen_bits_are_scaled_and_not_cut():
    drawn = np.array([[0, 256, 257, 30_000, 65_535, 128, 129]], np.uint16)
    found = decoded(encoded(Pillow.fromarray(drawn)), Frame(1, 7, "crop"))
    assert found.pixels.ravel().tolist() == [0, 1, 1, 117, 255, 0, 1]
    assert found.traits == ("deep",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_camera_may_have_been_turned(kind, orientation):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    upright = np.zeros((5, 7, 3), np.uint8)
    upright[0, 0] = 255
    content = encoded(upright, kind, exif=exif)
    # Where the upper left corner goes, by the standard: the first is (row, column) of each size.
    size, corner = {
        1: ((5, 7), (0, 0)), 2: ((5, 7), (0, 6)), 3: ((5, 7), (4, 6)), 4: ((5, 7), (4, 0)),
        5: ((7, 5), (0, 0)), 6: ((7, 5), (0, 4)), 7: ((7, 5), (6, 4)), 8: ((7, 5), (6, 0)),
    }[orientation]  # fmt: skip
    assert read_size(io.BytesIO(content), "a") == size
    found = decoded(content, Frame(*size, "crop"))
    brightness = found.pixels.astype(int).sum(2)
    assert np.unravel_index(brightness.argmax(), size) == corner
    assert found.traits == (("turned",) if orientation > 1 else ())


def test_a_turned_picture_is_cut_as_it_is_seen():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    drawn = noise(13, 29)
    np.testing.assert_allclose(
        pixels(encoded(drawn, exif=exif), 11, 7).astype(int), pixels(encoded(np.rot90(drawn, -1).copy()), 11, 7), atol=1
    )


def test_damaged_metadata_harms_no_picture():
    drawn = noise(5, 7)
    np.testing.assert_array_equal(pixels(encoded(drawn, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05broken")), drawn)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Pillow.new("RGB", (7, 5), colour) for colour in ("black", "white", "red")]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    found = decoded(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless), Frame(5, 7, "crop"))
    assert set(found.pixels.flat) == {0}
    assert found.traits == ("animated",)


def test_a_photograph_with_a_preview_does_not_move():
    content = encoded(Pillow.new("L", (7, 5)), "MPO", save_all=True, append_images=[Pillow.new("L", (3, 2))])
    assert decoded(content, Frame(5, 7, "crop")).traits == ()


def test_cropping_takes_the_middle_of_what_covers():
    drawn = np.zeros((8, 20, 3), np.uint8)
    drawn[:, 2:18] = (10, 200, 30)  # the middle square, and as much beside it as the filter looks at
    assert (pixels(encoded(drawn), 4, 4) == (10, 200, 30)).all()


def test_cropping_is_pillows_resizing_of_the_middle():
    drawn = noise(53, 31)
    expected = Pillow.fromarray(drawn).resize((11, 11), Pillow.Resampling.BICUBIC, (0, 11, 31, 42), reducing_gap=3.0)
    np.testing.assert_array_equal(pixels(encoded(drawn), 11, 11), np.asarray(expected))


def test_padding_keeps_the_whole_with_black_around():
    small = pixels(encoded(np.full((4, 8), 90, np.uint8)), 6, 6, "pad")[:, :, 0]
    assert small.tolist() == [[0] * 6, *[[90] * 6] * 3, [0] * 6, [0] * 6]


def test_padding_stays_black_under_a_transparent_picture():
    found = pixels(encoded(Pillow.new("LA", (8, 4), (0, 0))), 6, 6, "pad")[:, :, 0]
    assert found.tolist() == [[0] * 6, *[[255] * 6] * 3, [0] * 6, [0] * 6]


def test_stretching_uses_all_of_the_picture():
    drawn = noise(53, 31)
    expected = Pillow.fromarray(drawn).resize((7, 5), Pillow.Resampling.BICUBIC, reducing_gap=3.0)
    np.testing.assert_array_equal(pixels(encoded(drawn), 5, 7, "stretch"), np.asarray(expected))


def test_small_pictures_are_enlarged():
    assert (pixels(encoded(np.full((1, 1), 77, np.uint8)), 5, 7) == 77).all()


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_large_photograph_decoded_at_a_fraction_looks_the_same(fit):
    smooth = np.asarray(Pillow.fromarray(noise(7, 11)).resize((880, 560), Pillow.Resampling.BICUBIC))
    whole = pixels(encoded(smooth, "PNG"), 16, 24, fit).astype(int)
    assert np.abs(pixels(encoded(smooth, "JPEG", quality=95), 16, 24, fit) - whole).max() < 8


@pytest.mark.parametrize(("fit", "size"), [("crop", (240, 30)), ("pad", (30, 4)), ("stretch", (30, 30))])
def test_a_photograph_is_decoded_three_times_as_large_as_it_becomes(fit, size):
    assert draft_size((800, 100), Frame(10, 10, fit)) == size


@given(
    height=st.integers(1, 40), width=st.integers(1, 40), fit=st.sampled_from(["crop", "pad", "stretch"]),
    mode=st.sampled_from(["1", "L", "P", "LA", "RGB", "RGBA"]), kind=st.sampled_from(["PNG", "WEBP", "GIF"]),
)  # fmt: skip
@settings(max_examples=60)
def test_any_size_and_mode_comes_out_as_asked(height, width, fit, mode, kind):
    image = Pillow.fromarray(noise(height, width, 4)).convert(mode)
    assert pixels(encoded(image, kind), 5, 7, fit).shape[:2] == (5, 7)


def bomb(width, height):
    """A PNG of few bytes whose head promises this many pixels, all black."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    packed = zlib.compressobj(9)
    rows = packed.compress(bytes(min(2**24, (width + 1) * height))) + packed.flush()
    parts += [(b"IDAT", rows), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)) for tag, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((9_000, 8_000), "9,000 x 8,000"),
        ((10_000, 10_000), "more than Pillow's limit"),
        ((50_000, 50_000), "more than Pillow's limit"),
    ],
)
def test_a_bomb_is_refused_before_it_is_decoded(size, said):
    content = bomb(*size)
    assert len(content) < 20_000
    expected = f"a.png: expected at most 67,108,864 pixels, got {said}; it was not decoded; reduce it, or leave it out"
    assert refused(content) == expected
    with pytest.raises(DataError, match="it was not decoded"):
        read_size(io.BytesIO(content), "a.png")


def test_a_bomb_takes_no_memory(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(9_000, 8_000))
    program = f"""
import resource
from pathlib import Path
from lamina.data.pictures.decode import read_picture
from lamina.data.pictures.frame import Frame, draft_size
from lamina.errors import DataError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_picture(Path({str(path)!r}), Frame(5, 7, "crop"), 3)
except DataError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(out.stdout) < 20_000  # KiB, where decoding takes 70,000
    assert out.stderr == ""


def test_an_empty_file_is_told_as_such():
    assert refused(b"") == "a.png: expected a picture, got an empty file; get it anew, or leave it out"


def test_a_text_is_told_by_how_it_begins():
    assert refused(b"path,label\n") == (
        "a.png: expected a picture (PNG, JPEG, BMP, GIF or WebP), got something that begins with b'path,label\\n'; "
        "convert it, or leave it out"
    )


def test_kinds_that_are_not_asked_for_are_not_opened():
    assert "expected a picture (PNG, JPEG, BMP, GIF or WebP)" in refused(encoded(noise(5, 7), "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_picture_is_damaged(kind, share):
    content = encoded(noise(53, 31), kind)
    text = refused(content[: int(len(content) * share)])
    assert text.startswith("a.png: ")
    assert text.endswith(("; get it anew, or leave it out", "; convert it, or leave it out"))


def test_a_cut_photograph_says_so():
    content = encoded(noise(53, 31), "JPEG")
    text = refused(content[:-500])
    assert text.startswith("a.png: the picture is damaged (image file is truncated")


@given(data=st.data(), kind=st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "WEBP"]))
@settings(max_examples=80)
def test_whatever_a_file_holds_it_is_decoded_or_refused(data, kind):
    content = bytearray(encoded(noise(11, 13), kind))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        assert pixels(bytes(content)).shape[:2] == (5, 7)


def test_large_pictures_take_turns_and_come_out_the_same(monkeypatch):
    content = encoded(noise(53, 31))
    small = pixels(content)
    monkeypatch.setattr(module, "LARGE", 1)
    np.testing.assert_array_equal(pixels(content), small)
    refused(content[:-500])
    np.testing.assert_array_equal(pixels(content), small)  # the turn was given back


def test_a_file_is_read_as_a_tensor_of_the_models_channels(tmp_path):
    drawn = noise(5, 7, 1)
    put(tmp_path, {"a.png": encoded(drawn)})
    frame = Frame(5, 7, "crop")
    for channels in (1, 3):
        found = read_picture(tmp_path / "a.png", frame, channels)
        assert found.dtype == torch.uint8
        assert torch.equal(found, torch.from_numpy(drawn).expand(channels, 5, 7))


def test_colour_becomes_grey_for_a_model_of_grey(tmp_path):
    put(tmp_path, {"a.png": encoded(noise(5, 7))})
    expected = np.asarray(Pillow.fromarray(noise(5, 7)).convert("L"))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", Frame(5, 7, "crop"), 1)[0], expected)


def test_files_that_are_not_there_are_told(tmp_path):
    frame = Frame(5, 7, "crop")
    with pytest.raises(DataError) as caught:
        read_picture(tmp_path / "a.png", frame, 3)
    assert str(caught.value) == f"{tmp_path}/a.png: expected a picture, found nothing there; check the path"
    with pytest.raises(DataError) as caught:
        read_picture(tmp_path, frame, 3)
    assert str(caught.value) == f"{tmp_path}: expected a picture, got a folder; name a file in it"
