"""Pictures in strips are the pictures as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from results import deep

from colorflow.images.strips import Strips, pixels_of


@pytest.mark.parametrize("rows", [1, 3, 131, 400, 1000])
def test_strips_of_any_height_make_up_the_picture(rows):
    # Four strips of the usual height.
    pixels = deep(400, 1000, 3)
    strips = list(Strips.of(pixels).of_rows(rows))
    assert [len(strip) for strip in strips[:-1]] == [rows] * (len(strips) - 1)
    assert 0 < len(strips[-1]) <= rows
    assert np.array_equal(np.concatenate(strips), pixels)


def test_a_picture_can_be_gone_through_again():
    pixels = deep(400, 1000, 4)
    strips = Strips.of(pixels)
    assert strips.shape == (400, 1000, 4)
    for _ in range(2):
        assert len(list(strips)) > 1
        assert np.array_equal(strips.whole(), pixels)


@pytest.mark.parametrize("channels", [3, 4])
def test_eight_bits_of_sixteen_are_the_nearest(channels):
    pixels = deep(400, 1000, channels)
    shallow = Strips.of(pixels).shallow()
    assert shallow.mode == ("RGB" if channels == 3 else "RGBA")
    assert np.array_equal(np.asarray(shallow), np.round(pixels / 257))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(9, 5), (1000, 400)])
def test_pixels_of_a_picture(mode, size):
    shape = (size[1], size[0], len(mode))[: 2 + (mode != "L")]
    pixels = (deep(*shape) >> 8).astype(np.uint8)
    picture = Image.fromarray(pixels)
    assert np.array_equal(pixels_of(picture), pixels)
    if mode != "L":
        strips = Strips.of(picture)
        assert strips.kind == np.uint8
        assert np.array_equal(strips.whole(), pixels)


def test_pixels_of_a_deep_picture():
    pixels = deep(400, 1000)
    assert np.array_equal(pixels_of(Image.fromarray(pixels), np.uint16), pixels)
