"""TIFF files of kinds that Pillow does not put together: read, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from pictures import refusal
from PIL import Image
from scans import deep_pixels, scan, strips_tiff
from skimage.color import rgb2lab

from colorflow.images.read import read_photo

PIXELS = deep_pixels(20, 30, 4)


SIZE = {"width": 30, "height": 20}


def test_premultiplied_planes_of_16_bits(tmp_path):
    values = np.zeros((4, 20, 30), "<u2")
    values[:3], values[3] = 10000, 32768
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, values, photometric="rgb", planarconfig="separate", extrasamples=["assocalpha"]
    )
    photo = read_photo(path)
    np.testing.assert_allclose(photo.pixels, 20000, atol=80)  # alpha has 8 bits
    assert (photo.alpha == 128).all()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_float_colours(tmp_path, kind):
    values = (PIXELS[..., :3] / 65535).astype(kind)
    photo = read_photo(scan(tmp_path, values))
    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels, values, atol=1e-6)
    assert photo.notes == []


def test_lab_of_16_bits(tmp_path):
    # Mid grey, and the red of sRGB under D50.
    red = rgb2lab([[[1.0, 0, 0]]], illuminant="D65")[0, 0]
    lab = np.array([[[50, 0, 0], [54.29, 80.81, 69.89]]])
    assert np.abs(red - lab[0, 1]).max() < 5  # D50 and D65 differ a little
    stored = np.round(lab * [655.35, 256, 256]).astype(np.int16).view(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="cielab", metadata=None)
    photo = read_photo(path)
    expected = [[[119, 119, 119], [255, 0, 0]]]  # lightness 50 is 18.4 % of light
    np.testing.assert_allclose(photo.pixels / 257, expected, atol=1.5)


def test_inks_of_16_bits_in_planes(tmp_path):
    inks = np.zeros((4, 5, 6), np.uint16)
    inks[1:3] = 65535
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, inks, photometric="separated", planarconfig="separate", metadata=None)
    photo = read_photo(path)
    assert (photo.pixels == [255, 0, 0]).all()
    assert "only the upper 8 are used" in photo.notes[0]


def test_further_channels_are_named(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, deep_pixels(20, 30, 5), photometric="minisblack", planarconfig="contig", metadata=None
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, deep_pixels(20, 30, 5)[..., 0])
    assert photo.notes == ["has 5 channels, of which 4 are not used"]


def test_camera_raw_data(tmp_path):
    path = tmp_path / "a.tif"
    tag = [(33421, "H", 2, (2, 2), True)]
    tifffile.imwrite(path, PIXELS[..., 0], photometric="cfa", metadata=None, extratags=tag)
    assert "camera raw data" in refusal(path)


def test_complex_numbers(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((4, 5), np.complex64), metadata=None)
    assert "complex64 is not supported" in refusal(path)


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_that_are_not_there_are_missed_before_decoding(tmp_path, bits, planar, monkeypatch):
    path = strips_tiff(
        tmp_path, [bytes(100)] * (1 if planar == 1 else 3), width=30000, height=6000, rows=6000,
        planar=planar, bits=(bits,) * 3, compression=1, photometric=2, samples=3,
    )  # fmt: skip
    monkeypatch.setattr(Image.Image, "load", None)
    monkeypatch.setattr(np, "zeros", None)
    assert "truncated" in refusal(path)


def test_absurd_number_of_channels_is_refused_before_decoding(tmp_path):
    path = strips_tiff(
        tmp_path, [bytes(100)], width=60000, height=1000, bits=8, compression=8, photometric=1,
        samples=60000, rows=1000,
    )  # fmt: skip
    assert "60000 channels" in refusal(path)


def test_file_that_ends_before_its_planes(tmp_path):
    planes = PIXELS[..., :3].transpose(2, 0, 1)
    path = scan(tmp_path, planes, planarconfig="separate")
    path.write_bytes(path.read_bytes()[:-500])
    assert "truncated" in refusal(path)
