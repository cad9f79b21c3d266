"""What does not arrive of files of sixteen bits is mentioned, or the file refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from scans import LAYOUTS, deep_pixels, png, saved, scan

from colorflow.errors import ImageError
from colorflow.images.read import read_photo


def test_a_further_channel_that_is_not_transparency(tmp_path):
    pixels = deep_pixels(8, 9, 4)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    for options in ({}, {"planarconfig": "separate"}):
        stored = planes if options else pixels
        photo = read_photo(scan(tmp_path, stored, extrasamples=["unspecified"], **options))
        assert np.array_equal(photo.pixels, pixels[..., :3])
        assert photo.alpha is None


def test_further_pages_are_mentioned(tmp_path):
    path = tmp_path / "scan.tif"
    with tifffile.TiffWriter(path) as tiff:
        for _ in range(2):
            tiff.write(deep_pixels(8, 9, 2), extrasamples=["unassalpha"], photometric="minisblack")
    assert read_photo(path).notes == ["has 2 frames, only the first is used"]


@pytest.mark.parametrize("kind", ["premultiplied", "inks", "grey with alpha"])
def test_what_comes_in_eight_bits_says_so(tmp_path, kind):
    if kind == "premultiplied":
        path = scan(tmp_path, deep_pixels(8, 9, 4), extrasamples=["assocalpha"])
    elif kind == "inks":
        path = scan(tmp_path, deep_pixels(8, 9, 4), photometric="separated", extrasamples=[])
    else:
        path = saved(tmp_path, png(deep_pixels(8, 9, 2)), "scan.png")
    photo = read_photo(path)
    assert photo.pixels.dtype == np.uint8
    assert photo.notes == ["has 16 bits per channel, of which only the upper 8 are used"]


def test_a_picture_object_says_that_half_of_it_is_lost(tmp_path):
    with Image.open(scan(tmp_path, deep_pixels(8, 9, 3))) as picture:
        photo = read_photo(picture)
    assert photo.pixels.dtype == np.uint8
    assert "only the upper 8" in photo.notes[0]


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("kind", ["plain", "deflate", "planar", "png"])
def test_files_that_break_off_are_refused_in_one_line(tmp_path, kind, share):
    pixels = deep_pixels(64, 64, 3)
    if kind == "png":
        path = saved(tmp_path, png(pixels), "scan.png")
    elif kind == "planar":
        path = scan(tmp_path, pixels.transpose(2, 0, 1), planarconfig="separate")
    else:
        path = scan(tmp_path, pixels, **LAYOUTS[kind])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match=path.name) as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_limit_of_size_comes_before_decoding(tmp_path, planar, monkeypatch):
    pixels = deep_pixels(20, 20, 3)
    path = scan(
        tmp_path, pixels if planar == "contig" else pixels.transpose(2, 0, 1), planarconfig=planar
    )
    assert read_photo(path, max_pixels=400).size == (20, 20)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", None)
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(ImageError, match="399 pixels"):
        read_photo(path, max_pixels=399)


def test_a_tiff_nobody_knows_is_refused(tmp_path):
    data = io.BytesIO()
    tifffile.imwrite(data, np.zeros((4, 5), np.complex64), metadata=None)
    path = saved(tmp_path, data.getvalue(), "scan.tif")
    with pytest.raises(ImageError, match=r"scan\.tif"):
        read_photo(path)
