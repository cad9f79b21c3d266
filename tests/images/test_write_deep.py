"""Results of sixteen bits per channel keep them all where the format can."""

from __future__ import annotations

import io

import numpy as np
import pytest
from blocks import camera_block, pixels_of
from pictures import LOSSLESS
from PIL import Image
from results import MADE_BY, deep

from colorflow.images.exif import ExifBlock
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.strips import Strips
from colorflow.images.write import encode_image, encode_to, read_history, write_image


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("order", "<>")
def test_png_and_tiff_keep_16_bits(suffix, channels, order):
    pixels = deep(37, 53, channels)
    pixels[0, 0] = 0
    pixels[0, 1] = 65535
    block = Metadata(exif=ExifBlock.parse(camera_block(order)).upright().to_bytes())
    data = encode_image(pixels, suffix, block, MADE_BY)
    assert np.array_equal(pixels_of(data), pixels)
    with Image.open(io.BytesIO(data)) as picture:
        assert np.array_equal(np.asarray(picture), pixels >> 8)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_large_pictures_of_16_bits(suffix):
    # More than one strip of rows.
    pixels = deep(700, 500, 3)
    assert np.array_equal(pixels_of(encode_image(pixels, suffix)), pixels)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_strips_are_written_as_the_whole_picture_is(tmp_path, suffix, metadata):
    pixels = deep(700, 500, 3)
    uneven = Strips(pixels.shape, pixels.dtype, lambda: iter(np.array_split(pixels, 9)))
    assert np.array_equal(pixels_of(encode_image(uneven, suffix)), pixels)
    whole = encode_image(pixels, suffix, metadata, MADE_BY)
    with (tmp_path / "result").open("w+b") as file:
        encode_to(file, Strips.of(pixels), suffix, metadata, MADE_BY)
    assert (tmp_path / "result").read_bytes() == whole


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_deep_results_are_read_as_they_were_written(tmp_path, suffix, metadata):
    pixels = deep(37, 53, 3)
    write_image(pixels, tmp_path / f"out{suffix}", metadata, MADE_BY)
    again = read_photo(tmp_path / f"out{suffix}")
    assert np.array_equal(again.pixels, pixels)
    assert again.notes == []
    assert read_history(tmp_path / f"out{suffix}")["seed"] == 3


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lightness_of_a_deep_scan_comes_back_to_the_last_bit(tmp_path, suffix):
    scan = np.arange(65536).astype(np.uint16).reshape(256, 256)
    write_image(np.repeat(scan[..., None], 3, axis=2), tmp_path / f"out{suffix}")
    again = read_photo(tmp_path / f"out{suffix}")
    difference = again.lightness - Photo(scan).lightness
    assert float(difference.abs().max()) < 0.01  # neighbours differ by 0.0005 to 0.014
    assert np.array_equal(again.pixels[..., 1], scan)


def test_eight_bits_of_sixteen_are_rounded():
    values = np.arange(65536).astype(np.uint16).reshape(256, 256, 1).repeat(3, axis=2)
    data = encode_image(values, ".webp", quality=100)
    expected = np.round(values / 257)
    with Image.open(io.BytesIO(data)) as picture:
        assert np.abs(np.asarray(picture) - expected).mean() < 2
    exact = encode_image(values, ".jpg", quality=100)
    with Image.open(io.BytesIO(exact)) as picture:
        found = np.asarray(picture).astype(int)
        assert np.abs(found - expected).mean() < 1
    for value, byte in ((128, 0), (129, 1), (65406, 254), (65407, 255)):
        flat = np.full((16, 16, 3), value, np.uint16)
        with Image.open(io.BytesIO(encode_image(flat, ".jpg"))) as picture:
            assert (np.asarray(picture) == byte).all()
