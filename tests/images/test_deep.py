"""Sixteen bits per channel arrive whole, whatever the file's layout."""

from __future__ import annotations

import struct

import icc
import numpy as np
import pytest
from blocks import directory
from PIL import Image
from scans import LAYOUTS, chunk, deep_pixels, png, saved, scan

from colorflow.errors import ImageError
from colorflow.images.deep import upright
from colorflow.images.read import read_photo


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [3, 4])
def test_colour_tiff(tmp_path, order, layout, channels):
    pixels = deep_pixels(33, 47, channels)
    photo = read_photo(scan(tmp_path, pixels, byteorder=order, **LAYOUTS[layout]))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, pixels[..., :3])
    assert photo.notes == []
    if channels == 4:
        assert np.abs(photo.alpha - pixels[..., 3] / 257).max() <= 0.5


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [3, 4])
def test_colour_tiff_of_separate_planes(tmp_path, order, channels):
    pixels = deep_pixels(33, 47, channels)
    path = scan(tmp_path, pixels.transpose(2, 0, 1), planarconfig="separate", byteorder=order)
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels[..., :3])
    assert (photo.alpha is None) == (channels == 3)


def lzw(data: bytes) -> bytes:
    """TIFF's LZW in its dullest form: codes of nine bits, the table cleared before it grows."""
    codes = [256]
    for at in range(0, len(data), 200):
        codes += [*data[at : at + 200], 256]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize("order", "<>")
def test_colour_tiff_of_a_compression_that_tifffile_lacks(tmp_path, order):
    pixels = deep_pixels(9, 20, 3)
    packed = lzw(pixels.astype(f"{order}u2").tobytes())

    def numbers(*values: int) -> bytes:
        return struct.pack(f"{order}{len(values)}H", *values)

    entries = {256: (3, 1, numbers(20)), 257: (3, 1, numbers(9)), 258: (3, 3, numbers(16, 16, 16))}
    entries |= {259: (3, 1, numbers(5)), 262: (3, 1, numbers(2)), 277: (3, 1, numbers(3))}
    entries |= {273: (4, 1, struct.pack(f"{order}I", 500)), 278: (3, 1, numbers(9))}
    entries[279] = (4, 1, struct.pack(f"{order}I", len(packed)))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    path = saved(
        tmp_path, (head + directory(order, 8, entries)).ljust(500, b"\0") + packed, "z.tif"
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels)
    assert photo.notes == []


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_png(tmp_path, channels):
    pixels = deep_pixels(33, 47, channels)
    photo = read_photo(saved(tmp_path, png(pixels), "scan.png"))
    assert np.array_equal(photo.pixels, pixels[..., :3])
    assert photo.notes == []
    assert (photo.alpha is None) == (channels == 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_value_of_a_png(tmp_path, channels):
    pixels = deep_pixels(8, 9, channels)
    pixels[2, 3] = 30000
    pixels[2, 4] = 30001  # the same in the upper byte
    clear = chunk(b"tRNS", struct.pack(f">{channels}H", *[30000] * channels))
    photo = read_photo(saved(tmp_path, png(pixels, clear), "scan.png"))
    assert np.array_equal(photo.pixels, pixels.squeeze())
    expected = np.full((8, 9), 255)
    expected[2, 3] = 0
    assert np.array_equal(photo.alpha, expected)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_grey_tiff_whose_nought_is_white(tmp_path, order, compression):
    pixels = deep_pixels(8, 9, 1)[..., 0]
    path = scan(
        tmp_path, pixels[None], photometric="miniswhite", byteorder=order, compression=compression
    )
    assert np.array_equal(read_photo(path).pixels, 65535 - pixels)


def test_grey_tiff_of_twelve_bits(tmp_path):
    values = np.array([0, 1, 2048, 4095])
    bits = "".join(f"{value:012b}" for value in values)
    entries = {256: 4, 257: 1, 258: 12, 259: 1, 262: 1, 273: 200, 277: 1, 278: 1, 279: 6}
    tags = {code: (3, 1, struct.pack("<H", value)) for code, value in entries.items()}
    data = (b"II*\0\x08\0\0\0" + directory("<", 8, tags)).ljust(200, b"\0")
    path = saved(tmp_path, data + int(bits, 2).to_bytes(6, "big"), "scan.tif")
    np.testing.assert_allclose(read_photo(path).pixels[0] / 65535, values / 4095, atol=1e-5)


def test_grey_tiff_with_transparency(tmp_path):
    pixels = deep_pixels(8, 9, 2)
    path = scan(tmp_path, pixels, photometric="minisblack", extrasamples=["unassalpha"])
    photo = read_photo(path)
    assert photo.format == "TIFF"
    assert photo.notes == []
    with pytest.raises(ImageError, match="71 pixels"):
        read_photo(path, max_pixels=71)
    assert np.array_equal(photo.pixels, pixels[..., 0])
    assert np.abs(photo.alpha - pixels[..., 1] / 257).max() <= 0.5


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["tif", "planar", "png"])
def test_deep_photos_are_turned_upright(tmp_path, value, kind):
    pixels = deep_pixels(3, 5, 3)
    stored = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: pixels[:, ::-1].transpose(1, 0, 2),
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: pixels[::-1].transpose(1, 0, 2),
    }[value]
    tag = [(274, 3, 1, value, True)]
    if kind == "png":
        block = b"II*\0\x08\0\0\0" + directory("<", 8, {274: (3, 1, struct.pack("<H", value))})
        path = saved(tmp_path, png(stored, chunk(b"eXIf", block)), "scan.png")
    elif kind == "tif":
        path = scan(tmp_path, np.ascontiguousarray(stored), extratags=tag)
    else:
        planes = np.ascontiguousarray(stored.transpose(2, 0, 1))
        path = scan(tmp_path, planes, planarconfig="separate", extratags=tag)
    assert np.array_equal(read_photo(path).pixels, pixels)
    assert np.array_equal(upright(stored, value), pixels)


def test_grey_scan_with_a_profile_keeps_its_depth(tmp_path):
    pixels = np.arange(65536).astype(np.uint16).reshape(256, 256)
    profile = icc.grey(icc.gamma(563 / 256))
    Image.fromarray(pixels).save(tmp_path / "scan.tif", icc_profile=profile)
    Image.fromarray(pixels).save(tmp_path / "scan.png", icc_profile=profile)
    light = (pixels / 65535) ** (563 / 256)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    for name in ("scan.tif", "scan.png"):
        photo = read_photo(tmp_path / name)
        assert np.array_equal(photo.pixels, np.round(coded * 65535))
        assert photo.metadata.profile
        assert photo.notes == []
    # The luminance of a profile of gamma 2.2 is its value to that power.
    luminance = ((photo.lightness.numpy().astype(np.float64) + 16) / 116) ** 3
    above = luminance > 0.01
    np.testing.assert_allclose(luminance[above], light[above], rtol=2e-3)


@pytest.mark.parametrize("size", [(75, 41), (2, 2), (1, 3)])
def test_plain_ycbcr_is_read_to_its_last_row(tmp_path, size):
    # Large patches: small ones would show the rounding of the conversion.
    rng = np.random.default_rng(4)
    rgb = np.kron(rng.integers(30, 220, (2, 2, 3)), np.ones((21, 38, 1))).astype(np.uint8)
    picture = Image.fromarray(rgb[: size[1], : size[0]])
    picture.convert("YCbCr").save(tmp_path / "a.tif")
    photo = read_photo(tmp_path / "a.tif")
    assert photo.size == size[::-1]
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture)).max() <= 3
