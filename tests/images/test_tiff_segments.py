"""Strips of TIFF files of every compression, predictor and number of bits."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pictures import refusal
from PIL import Image, features
from scans import by_libtiff, deep_pixels, strips_tiff

from colorflow.images.read import read_photo

PIXELS = deep_pixels(20, 30, 4)


SIZE = {"width": 30, "height": 20}


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("channels", [3, 4])
def test_separate_planes_of_16_bits(tmp_path, compression, channels):
    planes = PIXELS[..., :channels].transpose(2, 0, 1).astype("<u2")
    strips = [
        by_libtiff(plane[rows : rows + 10].tobytes(), compression, 60, 10)
        for plane in planes
        for rows in (0, 10)
    ]
    code = {"tiff_lzw": 5, "packbits": 32773, "tiff_adobe_deflate": 8}[compression]
    more = {"extra": 2} if channels == 4 else {}
    photo = read_photo(
        strips_tiff(
            tmp_path, strips, **SIZE, bits=(16,) * channels, compression=code, photometric=2,
            samples=channels, rows=10, planar=2, **more,
        )
    )  # fmt: skip
    assert np.array_equal(photo.pixels, PIXELS[..., :3])
    assert photo.notes == []
    if channels == 4:
        np.testing.assert_allclose(photo.alpha, PIXELS[..., 3] / 257, atol=0.51)


def test_differences_of_separate_planes(tmp_path):
    planes = PIXELS[..., :3].transpose(2, 0, 1)
    apart = np.diff(planes, axis=2, prepend=np.uint16(0)).astype("<u2")
    strips = [by_libtiff(plane.tobytes(), "tiff_lzw", 60, 20) for plane in apart]
    path = strips_tiff(
        tmp_path, strips, **SIZE, bits=(16,) * 3, compression=5, photometric=2, samples=3, rows=20,
        planar=2, predictor=2,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, PIXELS[..., :3])


@pytest.mark.parametrize("compressed", [False, True])
def test_colours_of_32_bits(tmp_path, compressed):
    values = PIXELS[..., :3].astype("<u4") * 65537
    strip = values.tobytes()
    if compressed:
        strip = by_libtiff(strip, "tiff_lzw", 360, 20)
    path = strips_tiff(
        tmp_path, [strip], **SIZE, bits=(32,) * 3, compression=5 if compressed else 1,
        photometric=2, samples=3, rows=20, sample_format=(1,) * 3,
    )  # fmt: skip
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, PIXELS[..., :3])
    assert "4294967295 was taken" in photo.notes[0]


def test_float_colours_stored_as_differences_of_bytes(tmp_path):
    values = (PIXELS[..., :3] / 65535).astype(np.float32)
    # Adobe Photoshop TIFF Technical Note 3: bytes of equal weight together, then differences.
    rows = values.astype(">f4").view(np.uint8).reshape(20, 90, 4).transpose(0, 2, 1)
    rows = rows.reshape(20, 120, 3)
    apart = np.diff(rows, axis=1, prepend=np.uint8(0)).tobytes()
    path = strips_tiff(
        tmp_path, [by_libtiff(apart, "tiff_lzw", 360, 20)], **SIZE, bits=(32,) * 3, compression=5,
        photometric=2, samples=3, rows=20, sample_format=(3,) * 3, predictor=3,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, values)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_stated_bits(tmp_path, bits, packed, channels):
    values = (PIXELS[..., :channels] >> (16 - bits)).reshape(20, -1)
    strip = values.astype("<u2").tobytes()
    if packed:
        rows = ["".join(f"{value:0{bits}b}" for value in row) for row in values]
        size = -(-len(rows[0]) // 8)
        strip = b"".join(int(row.ljust(8 * size, "0"), 2).to_bytes(size, "big") for row in rows)
    path = strips_tiff(
        tmp_path, [strip], **SIZE, bits=(bits,) * channels, compression=1,
        photometric=2 if channels == 3 else 1, samples=channels, rows=20,
    )  # fmt: skip
    photo = read_photo(path)
    expected = values.reshape(20, 30, channels).squeeze() / (2**bits - 1)
    np.testing.assert_allclose(photo.pixels / 65535, expected, atol=1e-3 if bits == 10 else 1e-4)
    assert photo.notes == []


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow has no JPEG 2000")
def test_jpeg_2000_inside(tmp_path):
    pixels = (PIXELS[..., :3] >> 8).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", no_jp2=True, mct=0)
    path = strips_tiff(
        tmp_path, [file.getvalue()], **SIZE, bits=(8, 8, 8), compression=34712, photometric=2,
        samples=3, rows=20,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, pixels)


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_webp_inside(tmp_path, capfd):
    pixels = (PIXELS[..., :3] >> 8).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True)
    path = strips_tiff(
        tmp_path, [file.getvalue()], **SIZE, bits=(8, 8, 8), compression=50001, photometric=2,
        samples=3, rows=20,
    )  # fmt: skip
    assert np.array_equal(read_photo(path).pixels, pixels)
    assert capfd.readouterr().err == ""


def test_unknown_compression_is_named_with_a_way_out(tmp_path):
    path = strips_tiff(
        tmp_path, [bytes(600)], **SIZE, bits=8, compression=34887, photometric=1, samples=1, rows=20
    )
    message = refusal(path)
    assert "LERC" in message
    assert "magick in.tif" in message
    assert "damaged" not in message


def test_damaged_compression(tmp_path):
    path = strips_tiff(
        tmp_path, [b"x" * 600] * 3, **SIZE, bits=(16,) * 3, compression=8, photometric=2,
        samples=3, rows=20, planar=2,
    )  # fmt: skip
    assert "compressed data are damaged" in refusal(path)


@pytest.mark.parametrize("steps", [(1, 1), (2, 1), (2, 2), (4, 2)])
def test_plain_ycbcr_whose_pixels_share_colours(tmp_path, steps):
    across, down = steps
    height, width = 7, 10  # not a multiple of the blocks
    y, x = np.mgrid[:height, :width]
    ycc = np.stack([20 * y + 5 * x, 90 + 0 * x, 160 + 0 * x], axis=2).astype(np.uint8)
    whole = np.pad(ycc, ((0, -height % down), (0, -width % across), (0, 0)), "edge")
    units = [
        [*whole[v : v + down, u : u + across, 0].ravel(), 90, 160]
        for v in range(0, height, down)
        for u in range(0, width, across)
    ]
    path = strips_tiff(
        tmp_path, [np.array(units, np.uint8).tobytes()], width=width, height=height, rows=height,
        bits=(8, 8, 8), compression=1, photometric=6, samples=3, subsampling=steps,
    )  # fmt: skip
    expected = np.asarray(Image.fromarray(ycc, "YCbCr").convert("RGB"))
    assert np.array_equal(read_photo(path).pixels, expected)
