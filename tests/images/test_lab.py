"""Lab conversions, against scikit-image (an independent implementation in float64)."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from colorflow.images import lab
from colorflow.images.lab import (
    grey_to_lightness,
    lab_planes,
    lab_to_rgb,
    lightness_plane,
    lightness_to_grey,
    rgb_to_lab,
    row_strips,
    to_unit,
)


def random_rgb(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, np.iinfo(dtype).max, (*shape, 3), dtype=dtype, endpoint=True)


def channels_first(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]


def channels_last(planes: torch.Tensor) -> np.ndarray:
    return planes.permute(1, 2, 0).numpy()


def test_rgb_to_lab_agrees_with_scikit_image():
    rgb = random_rgb(64, 64) / 255
    ours = channels_last(rgb_to_lab(channels_first(rgb))[0])
    # float32 cube roots near black, times 500
    np.testing.assert_allclose(ours, rgb2lab(rgb), atol=5e-3)


def test_lab_to_rgb_agrees_with_scikit_image():
    rgb = random_rgb(64, 64) / 255
    colours = rgb2lab(rgb)
    ours = channels_last(lab_to_rgb(channels_first(colours))[0])
    np.testing.assert_allclose(ours, lab2rgb(colours), atol=1e-4)


def test_lab_to_rgb_does_not_clip():
    vivid = torch.tensor([50.0, 120.0, 120.0]).view(1, 3, 1, 1)
    rgb = lab_to_rgb(vivid)
    assert rgb.min() < 0
    assert rgb.max() > 1


def test_round_trip_gives_every_byte_back():
    rgb = random_rgb(64, 64)
    back = lab_to_rgb(rgb_to_lab(channels_first(rgb / 255)))[0]
    assert np.array_equal(np.round(channels_last(back) * 255), rgb)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        # http://www.brucelindbloom.com, ColorCalculator, sRGB and D65
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.74, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_corners_of_srgb_have_their_published_lab_values(colour, expected):
    pixel = np.array(colour, dtype=np.uint8).reshape(1, 1, 3)
    np.testing.assert_allclose(lab_planes(pixel).flatten(), expected, atol=0.02)


def test_lightness_of_all_256_greys_agrees_with_scikit_image():
    grey = np.arange(256) / 255
    expected = rgb2lab(np.repeat(grey[None, :, None], 3, axis=2))[0, :, 0]
    ours = grey_to_lightness(torch.from_numpy(grey).float())
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_lightness_of_all_256_greys_agrees_with_rgb_to_lab():
    greys = torch.arange(256) / 255
    planes = rgb_to_lab(greys.view(1, 1, 1, 256).expand(1, 3, 1, 256))[0, :, 0]
    torch.testing.assert_close(grey_to_lightness(greys), planes[0], atol=1e-3, rtol=0)
    # A neutral grey has no chroma to speak of: a step of a byte is a hundred times larger.
    assert planes[1:].abs().max() < 0.02


def test_grey_survives_the_way_over_lightness():
    greys = torch.arange(65536, dtype=torch.float64) / 65535
    back = lightness_to_grey(grey_to_lightness(greys))
    # The two published pieces of the sRGB curve meet only to 1e-7 or so.
    torch.testing.assert_close(back, greys, atol=1e-6, rtol=0)


def test_lightness_to_grey_grows_with_lightness_from_black_to_white():
    grey = lightness_to_grey(torch.linspace(0, 100, 1001, dtype=torch.float64))
    assert (grey.diff() > 0).all()
    assert grey[0] == 0
    assert grey[-1] == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planes_of_integer_colour_agree_with_scikit_image(dtype):
    pixels = random_rgb(20, 30, dtype=dtype)
    expected = rgb2lab(pixels / np.iinfo(dtype).max)
    np.testing.assert_allclose(channels_last(lab_planes(pixels)), expected, atol=5e-3)


def test_planes_of_float_colour_agree_with_scikit_image():
    pixels = np.random.default_rng(2).random((20, 30, 3), dtype=np.float32)
    expected = rgb2lab(pixels.astype(np.float64))
    np.testing.assert_allclose(channels_last(lab_planes(pixels)), expected, atol=5e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_planes_of_grey_are_lightness_and_exactly_no_chroma(dtype):
    unit = np.linspace(0, 1, 35).reshape(5, 7)
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (unit * top).astype(dtype)
    planes = lab_planes(pixels)
    expected = rgb2lab(np.repeat((pixels / top)[..., None], 3, axis=2))[..., 0]
    np.testing.assert_allclose(planes[0], expected, atol=1e-3)
    assert not planes[1:].any()


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lightness_plane_is_the_first_of_the_lab_planes(shape, dtype):
    values = np.random.default_rng(3).random(shape)
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (values * top).astype(dtype)
    assert torch.equal(lightness_plane(pixels), lab_planes(pixels)[0])


def test_16_bit_steps_are_not_lost():
    pixels = np.arange(30000, 30100, dtype=np.uint16).reshape(10, 10)
    assert (lightness_plane(pixels).flatten().diff() > 0).all()


def test_strips_give_the_same_as_the_whole_picture(monkeypatch):
    pixels = random_rgb(37, 29)
    whole = lab_planes(pixels), lightness_plane(pixels)
    monkeypatch.setattr(lab, "row_strips", functools.partial(row_strips, pixels=60))
    # Matrix products of other shapes may round otherwise.
    torch.testing.assert_close(lab_planes(pixels), whole[0], atol=1e-3, rtol=0)
    torch.testing.assert_close(lightness_plane(pixels), whole[1], atol=1e-3, rtol=0)


def test_picture_of_more_than_one_strip_is_converted_to_its_last_row():
    width = 500
    height = lab.STRIP_PIXELS // width + 10
    pixels = random_rgb(height, width)
    planes = lab_planes(pixels)
    rows = slice(height - 10, height)  # in the second strip
    np.testing.assert_allclose(
        channels_last(planes[:, rows]), rgb2lab(pixels[rows] / 255), atol=5e-3
    )


@pytest.mark.parametrize(("height", "width", "pixels"), [(10, 3, 7), (1, 100, 7), (7, 1, 7)])
def test_row_strips_cover_every_row_once(height, width, pixels):
    rows = [row for strip in row_strips(height, width, pixels) for row in range(height)[strip]]
    assert rows == list(range(height))


def test_row_strips_are_no_larger_than_wished():
    assert all((s.stop - s.start) * 3 <= 7 for s in row_strips(10, 3, 7))


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([0, 51, 255], np.uint8),
        np.array([0, 13107, 65535], np.uint16),
        np.array([-0.5, 0.2, 1.5], np.float32),
    ],
)
def test_to_unit_scales_by_type_and_clips_floats(pixels):
    unit = to_unit(pixels)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [0, 0.2, 1], atol=1e-7)
