"""PNG files that say by gAMA and cHRM what their values mean."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from scans import chunk, deep_pixels, png, saved
from skimage.color import rgb2xyz, xyz2rgb

from colorflow.images.curves import srgb_encoded, srgb_linear
from colorflow.images.read import read_photo

SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100000)))


def primaries(values: tuple[int, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *values))


def read(folder, pixels: np.ndarray, *chunks: bytes):
    return read_photo(saved(folder, png(pixels, *chunks), "a.png"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [1.0, 1 / 1.8])
def test_gamma_is_applied(tmp_path, channels, value):
    pixels = deep_pixels(9, 11, channels)
    photo = read(tmp_path, pixels, gamma(value))
    expected = srgb_encoded((pixels / 65535) ** (1 / value)).squeeze()
    np.testing.assert_allclose(photo.pixels / 65535, expected, atol=1e-4)


def test_mid_grey_in_linear_light_is_bright(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    Image.new("L", (4, 4), 128).save(tmp_path / "a.png", pnginfo=info)
    assert read_photo(tmp_path / "a.png").pixels[0, 0] == 188  # IEC 61966-2-1 of 128 / 255


@pytest.mark.parametrize("chunks", [[gamma(0.45455)], [gamma(0.44)], [primaries(SRGB)]])
def test_what_is_nearly_srgb_stays(tmp_path, chunks):
    pixels = deep_pixels(9, 11, 3)
    assert np.array_equal(read(tmp_path, pixels, *chunks).pixels, pixels)


def test_the_chunk_that_says_srgb_wins(tmp_path):
    pixels = deep_pixels(9, 11, 3)
    photo = read(tmp_path, pixels, chunk(b"sRGB", b"\0"), gamma(1.0), primaries(ADOBE))
    assert np.array_equal(photo.pixels, pixels)


def test_primaries_are_applied(tmp_path):
    pixels = deep_pixels(9, 11, 3) // 2 + 16384
    photo = read(tmp_path, pixels, primaries(ADOBE))
    # Adobe RGB differs from sRGB in its green primary alone (Adobe RGB (1998), 4.3.1).
    adobe = np.array(
        [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
    )
    expected = xyz2rgb(srgb_linear(pixels / 65535) @ adobe.T)
    np.testing.assert_allclose(photo.pixels / 65535, expected.clip(0, 1), atol=2e-3)


def test_grey_of_other_primaries_stays_grey(tmp_path):
    pixels = np.repeat(deep_pixels(9, 11, 1), 3, axis=2)
    white = (34570, 35850, *ADOBE[2:])  # D50
    photo = read(tmp_path, pixels, primaries(white))
    np.testing.assert_allclose(photo.pixels / 65535, pixels / 65535, atol=1e-3)


@pytest.mark.parametrize("chunks", [[gamma(0.0)], [primaries((0,) * 8)]])
def test_impossible_statements_are_named(tmp_path, chunks):
    pixels = deep_pixels(9, 11, 3)
    photo = read(tmp_path, pixels, *chunks)
    assert np.array_equal(photo.pixels, pixels)
    assert "impossible" in photo.notes[0]


def test_curve_of_srgb_and_its_inverse():
    values = np.linspace(0, 1, 100)
    np.testing.assert_allclose(srgb_encoded(srgb_linear(values)), values, atol=1e-6)
    grey = np.stack([values] * 3, axis=-1)
    np.testing.assert_allclose(srgb_linear(values), rgb2xyz(grey)[..., 1], atol=1e-4)
