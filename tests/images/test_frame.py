"""The border of a scan goes around results with the values it has."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from colorflow.images.frame import Border, Frame
from colorflow.images.strips import Strips


def test_a_border_says_its_widths():
    assert str(Border(12, 3, 0, 40)) == "border of left 3, top 12, right 40, bottom 0 px"


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("colours", [False, True])
def test_the_border_keeps_its_values_around_8_and_16_bits(kind, colours):
    random = np.random.default_rng(4)
    shape = (20, 30, 3) if colours else (20, 30)
    if kind is np.float32:
        pixels = random.random(shape, dtype=np.float32)
        bytes_, words = np.rint(pixels * 255), np.rint(pixels * 65535)
    else:
        pixels = random.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
        bytes_ = pixels if kind is np.uint8 else np.rint(pixels / 257)
        words = pixels if kind is np.uint16 else pixels.astype(np.uint16) * 257
    alpha = random.integers(0, 256, (20, 30), np.uint8)
    border = Border(2, 3, 4, 5)
    rows, columns = border.inside((20, 30))
    outside = np.ones((20, 30), bool)
    outside[rows, columns] = False
    frame = Frame(pixels, alpha, border)
    inner = random.integers(0, 256, (14, 22, 4), np.uint8)
    small = frame.around(Image.fromarray(inner))
    deep = frame.around_strips(Strips.of(inner.astype(np.uint16) * 200)).whole()
    assert small.mode == "RGBA"
    assert deep.dtype == np.uint16
    for found, true, opacity in (
        (np.asarray(small), bytes_, alpha),
        (deep, words, alpha.astype(np.uint16) * 257),
    ):
        true = true if colours else np.repeat(true[..., None], 3, axis=2)
        np.testing.assert_array_equal(found[outside, :3], true[outside])
        np.testing.assert_array_equal(found[outside, 3], opacity[outside])
    np.testing.assert_array_equal(np.asarray(small)[rows, columns], inner)
    np.testing.assert_array_equal(deep[rows, columns], inner.astype(np.uint16) * 200)
