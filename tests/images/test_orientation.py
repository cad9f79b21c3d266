"""Pictures are read upright, however they are stored."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import random_pixels, saved
from PIL import Image

from colorflow.images.read import read_photo

ORIENTATION = 0x0112
ARTIST = 0x013B

# Where the rows and columns of the stored picture lie in the upright one (EXIF 2.32, tag 0x0112):
# "row 0 is the visual top, column 0 the visual left side" for 1, and so on.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: lambda upright: upright[:, ::-1].T,
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: upright[::-1].T,
}


def oriented(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    exif[ARTIST] = "somebody"
    return exif


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("value", STORED)
def test_photo_is_upright_for_every_orientation(tmp_path, value, suffix):
    upright = random_pixels(3, 5)
    stored = Image.fromarray(np.ascontiguousarray(STORED[value](upright)))
    photo = read_photo(saved(tmp_path, stored, f"turned{suffix}", exif=oriented(value)))
    assert np.array_equal(photo.pixels, upright)


@pytest.mark.parametrize("value", STORED)
def test_jpeg_is_upright_for_every_orientation(tmp_path, value):
    upright = np.full((16, 24), 30, np.uint8)
    upright[:8, :8] = 220  # one light corner tells all eight apart, with the shape
    upright[:8, 8:16] = 120
    stored = Image.fromarray(np.ascontiguousarray(STORED[value](upright)))
    path = saved(tmp_path, stored, "turned.jpg", exif=oriented(value), quality=95)
    photo = read_photo(path)
    assert photo.size == (16, 24)
    assert np.abs(photo.pixels.astype(int) - upright).max() < 20


def test_alpha_and_16_bit_grey_are_turned_too(tmp_path):
    upright = random_pixels(3, 5, 4)
    stored = Image.fromarray(np.ascontiguousarray(upright[:, ::-1].transpose(1, 0, 2)))
    photo = read_photo(saved(tmp_path, stored, exif=oriented(6)))
    assert np.array_equal(photo.pixels, upright[..., :3])
    assert np.array_equal(photo.alpha, upright[..., 3])
    deep = random_pixels(3, 5).astype(np.uint16) * 257
    stored = Image.fromarray(np.ascontiguousarray(deep[::-1].T))
    photo = read_photo(saved(tmp_path, stored, exif=oriented(8)))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, deep)


def test_exif_is_kept_with_its_orientation_reset(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (4, 2)), "turned.jpg", exif=oriented(6))
    exif = Image.Exif()
    exif.load(read_photo(path).metadata.exif)
    assert exif[ARTIST] == "somebody"
    assert exif.get(ORIENTATION, 1) == 1


def test_reading_a_picture_object_leaves_it_as_it_was(tmp_path):
    path = saved(tmp_path, Image.fromarray(random_pixels(3, 5)), exif=oriented(6))
    with Image.open(path) as picture:
        first = read_photo(picture)
        assert picture.getexif()[ORIENTATION] == 6
        assert picture.size == (5, 3)
        second = read_photo(picture)
    assert np.array_equal(first.pixels, second.pixels)
