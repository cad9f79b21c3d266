"""Pictures of every common kind are read whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pictures import random_pixels, saved
from PIL import Image

from colorflow.errors import ImageError
from colorflow.images.finish import finish_photo
from colorflow.images.read import read_photo

# ---- modes ----


def test_grey_and_colour_come_as_they_are(tmp_path):
    for pixels in (random_pixels(6, 7), random_pixels(6, 7, 3)):
        photo = read_photo(saved(tmp_path, Image.fromarray(pixels)))
        assert np.array_equal(photo.pixels, pixels)
        assert photo.alpha is None
        assert photo.notes == []


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_set_aside(tmp_path, channels):
    pixels = random_pixels(6, 7, channels)
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels)))
    assert np.array_equal(photo.pixels, pixels[..., 0] if channels == 2 else pixels[..., :3])
    assert np.array_equal(photo.alpha, pixels[..., -1])


@pytest.mark.parametrize("channels", [2, 4])
def test_opaque_alpha_is_left_out(tmp_path, channels):
    pixels = random_pixels(6, 7, channels)
    pixels[..., -1] = 255
    assert read_photo(saved(tmp_path, Image.fromarray(pixels))).alpha is None


def test_palette_of_greys_is_grey(tmp_path):
    indices = random_pixels(6, 7)
    picture = Image.fromarray(indices).convert("P")
    ramp = np.arange(255, -1, -1, dtype=np.uint8)  # not the identity
    picture.putpalette(np.repeat(ramp, 3).tobytes())
    photo = read_photo(saved(tmp_path, picture))
    assert np.array_equal(photo.pixels, ramp[np.asarray(picture)])


def test_palette_of_colours_is_colour(tmp_path):
    picture = Image.fromarray(random_pixels(6, 7)).convert("P")
    palette = random_pixels(256, 3)
    picture.putpalette(palette.tobytes())
    photo = read_photo(saved(tmp_path, picture))
    assert np.array_equal(photo.pixels, palette[np.asarray(picture)])
    assert photo.alpha is None


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_transparent_palette_entry_becomes_alpha(tmp_path, suffix):
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    picture = Image.fromarray(indices).convert("P")
    picture.putpalette(bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    photo = read_photo(saved(tmp_path, picture, f"p{suffix}", transparency=1))
    assert photo.pixels.shape == (2, 3, 3)
    assert np.array_equal(photo.alpha, np.where(indices == 1, 0, 255))


def test_transparent_grey_value_becomes_alpha(tmp_path):
    pixels = np.array([[0, 100], [200, 100]], np.uint8)
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels), transparency=100))
    assert np.array_equal(photo.pixels, pixels)
    assert np.array_equal(photo.alpha, np.where(pixels == 100, 0, 255))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_bilevel_becomes_black_and_white(tmp_path, suffix):
    bits = random_pixels(6, 7) > 127
    photo = read_photo(saved(tmp_path, Image.fromarray(bits), f"bits{suffix}"))
    assert photo.pixels.dtype == np.uint8
    assert np.array_equal(photo.pixels, bits * np.uint8(255))


def test_cmyk_becomes_rgb(tmp_path):
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, 1] = (0, 255, 255, 0)  # magenta and yellow make red
    inks[0, 2] = (0, 0, 0, 255)
    picture = Image.frombytes("CMYK", (3, 1), inks.tobytes())
    photo = read_photo(saved(tmp_path, picture, "inks.tif"))
    expected = [[[255, 255, 255], [255, 0, 0], [0, 0, 0]]]
    assert np.array_equal(photo.pixels, expected)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_keeps_every_value(tmp_path, suffix):
    pixels = np.random.default_rng(3).integers(0, 65536, (9, 8)).astype(np.uint16)
    pixels[0, :2] = 0, 65535
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels), f"deep{suffix}"))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, pixels)


def test_32_bit_integers_that_fit_into_16_keep_their_values(tmp_path):
    pixels = np.array([[0, 300], [40000, 65535]], np.int32)
    photo = read_photo(saved(tmp_path, Image.fromarray(pixels), "deep.tif"))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0])
def test_float_tiff_is_brought_to_the_unit_interval(tmp_path, scale):
    unit = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    photo = read_photo(saved(tmp_path, Image.fromarray(unit * np.float32(scale)), "f.tif"))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels, unit, atol=1e-6)


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".png", ".webp"])
def test_only_the_first_of_several_frames_is_used_and_the_user_told(tmp_path, suffix):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "lime", "blue")]
    path = saved(
        tmp_path, frames[0], f"many{suffix}", save_all=True, append_images=frames[1:], lossless=True
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, np.asarray(frames[0]))
    assert len(photo.notes) == 1
    assert "3 frames" in photo.notes[0]


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".bmp", "BMP"), (".ppm", "PPM"), (".png", "PNG"), (".tif", "TIFF"), (".gif", "GIF")],
)
def test_format_source_and_resolution_are_remembered(tmp_path, suffix, kind):
    path = saved(tmp_path, Image.new("RGB", (5, 4)), f"p{suffix}", dpi=(300, 200))
    photo = read_photo(str(path))
    assert photo.format == kind
    assert photo.source == path
    if suffix in (".png", ".tif", ".bmp"):
        assert photo.metadata.dpi == pytest.approx(
            (300, 200), abs=0.1
        )  # PNG and BMP count per metre


# ---- arrays ----


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays_of_every_type_and_number_of_channels(dtype, channels):
    shape = (5, 6) if channels is None else (5, 6, channels)
    unit = np.random.default_rng(4).random(shape)
    top = 1 if dtype in (np.float32, np.float64) else np.iinfo(dtype).max
    array = (unit * top).astype(dtype)
    photo = read_photo(array)
    expected = array if array.dtype != np.float64 else array.astype(np.float32)
    if channels in (1, 2):
        expected = expected[..., 0]
    elif channels == 4:
        expected = expected[..., :3]
    assert photo.pixels.dtype == expected.dtype
    assert np.array_equal(photo.pixels, expected)
    if channels in (2, 4):
        assert photo.alpha.dtype == np.uint8
        assert np.abs(photo.alpha - unit[..., -1] * 255).max() <= 1
    else:
        assert photo.alpha is None


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("turn", [np.transpose, np.flipud, np.fliplr, np.rot90])
def test_turned_views_of_arrays_are_read_like_copies(turn, dtype):
    pixels = (np.random.default_rng(5).random((40, 50)) * 255).astype(np.uint8)
    array = pixels if dtype is np.uint8 else (pixels / 255).astype(dtype)
    chroma = torch.full((2, 4, 4), 20.0)
    view = finish_photo(read_photo(turn(array)), chroma)
    copy = finish_photo(read_photo(np.ascontiguousarray(turn(array))), chroma)
    assert np.array_equal(np.asarray(view), np.asarray(copy))


@pytest.mark.parametrize("array", [np.zeros((3, 3), np.int64), np.zeros((3, 3, 5), np.uint8)])
def test_arrays_of_other_kinds_are_refused(array):
    with pytest.raises(ImageError, match="expected uint8, uint16 or float32"):
        read_photo(array)
