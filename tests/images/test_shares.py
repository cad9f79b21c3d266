"""Shares: what they say of a place is what the finished picture has there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.images.photo import Photo
from colorflow.images.shares import chroma_shares, guide_pixel
from colorflow.images.upsample import DRAWN, UpsampleConfig, Upsampler


@pytest.fixture(params=[UpsampleConfig(), DRAWN], ids=["defaults", "drawn"])
def upsampler(request: pytest.FixtureRequest, grey_cat: np.ndarray) -> Upsampler:
    return Upsampler(Photo(grey_cat).lightness, (16, 24), request.param)


def test_places_are_found_in_photos_of_any_shape(upsampler):
    assert guide_pixel(upsampler, 0, 0) == (0, 0)
    height, width = upsampler.size
    assert guide_pixel(upsampler, 149.999, 99.999) == (height - 1, width - 1)
    assert guide_pixel(upsampler, 75, 25) == (height // 4, width // 2)


def test_shares_give_the_colour_that_enlarging_gives(upsampler, generator):
    chroma = 20 * torch.randn(2, 16, 24, generator=generator)
    slope_a, slope_b, offset_a, offset_b = upsampler.coefficients(chroma)
    lightness = upsampler.guide + 50
    enlarged = torch.stack([slope_a * lightness + offset_a, slope_b * lightness + offset_b])
    height, width = upsampler.size
    pixels = [(0, 0), (60, 90), (height - 1, width - 1), (33, 7)]
    shares = chroma_shares(upsampler, pixels)
    assert torch.allclose(shares.sum((1, 2)), torch.ones(4), atol=1e-4)
    for share, (row, column) in zip(shares, pixels, strict=True):
        got = (share * chroma).sum((1, 2))
        assert torch.allclose(got, enlarged[:, row, column], atol=1e-3)


def test_it_works_where_nothing_is_differentiated(grey_cat):
    with torch.no_grad():
        upsampler = Upsampler(Photo(grey_cat).lightness, (16, 24))
        assert chroma_shares(upsampler, [(5, 5)]).shape == (1, 16, 24)
