"""Colourfulness and PSNR against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from colorflow.evaluation.colourfulness import colourfulness, psnr


def picture(*pixels: tuple[int, int, int]) -> np.ndarray:
    """A picture of one row."""
    return np.array([pixels], dtype=np.uint8)


def test_grey_is_not_colourful():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert colourfulness(ramp) == 0


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        # rg = yb = 100 everywhere: no spread.
        ([(200, 100, 50), (200, 100, 50)], 0.3 * math.sqrt(100**2 + 100**2)),
        # rg = 60 and -60, yb = 0: no mean.
        ([(60, 0, 30), (0, 60, 30)], 60.0),
        # rg = 255 and 0, yb = 127.5 and 0: standard deviations and means are half of that.
        ([(255, 0, 0), (90, 90, 90)], 1.3 * math.sqrt(127.5**2 + 63.75**2)),
        # Blue only: rg = 0, yb = -200 and -100.
        ([(0, 0, 200), (0, 0, 100)], 50 + 0.3 * 150),
    ],
)
def test_colourfulness_by_hand(pixels, expected):
    assert colourfulness(picture(*pixels)) == pytest.approx(expected)


def test_psnr_by_hand():
    black, white = picture((0, 0, 0), (0, 0, 0)), picture((255,) * 3, (255,) * 3)
    assert psnr(black, white) == psnr(white, black) == pytest.approx(0)
    # One level off in all values; ten levels off in one value of six.
    assert psnr(black, black + 1) == pytest.approx(20 * math.log10(255))
    one_off = picture((0, 10, 0), (0, 0, 0))
    assert psnr(black, one_off) == pytest.approx(10 * math.log10(255**2 * 6 / 100))
    assert psnr(white, white) == 100


def test_psnr_agrees_with_scikit_image():
    noise = np.random.default_rng(0)
    first, second = noise.integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    assert psnr(first, second) == pytest.approx(peak_signal_noise_ratio(first, second))
