"""Planes asked for by rows hold the values of whole planes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.images.photo import Photo
from colorflow.images.planes import GreyLightness, resize_plane, resize_planes


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_lightness_by_rows_is_that_of_the_whole_photo(kind):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (60, 40)).astype(kind)
    plane = GreyLightness(pixels)
    assert tuple(plane.shape) == (60, 40)
    assert torch.equal(plane[13:47], Photo(pixels).lightness[13:47])


def test_known_lightness():
    found = GreyLightness(np.array([[0, 119, 255]], np.uint8))[0:1]
    torch.testing.assert_close(found, torch.tensor([[0.0, 50.0, 100.0]]), atol=0.1, rtol=0)


@pytest.mark.parametrize("size", [(64, 96), (700, 96), (64, 900), (700, 900), (1000, 1200)])
def test_resizing_by_strips_gives_the_bits_of_resizing_the_whole(size):
    # Seven strips of rows.
    whole = 100 * torch.rand(700, 900, generator=torch.Generator().manual_seed(1))
    assert torch.equal(resize_plane(whole, size), resize_planes(whole[None], size))


def test_only_strips_of_a_large_plane_are_asked_for():
    asked = []

    class Watched(GreyLightness):
        def __getitem__(self, rows):
            asked.append(rows.stop - rows.start)
            return super().__getitem__(rows)

    resize_plane(Watched(np.zeros((900, 1000), np.uint8)), (30, 30))
    assert sum(asked) == 900
    assert max(asked) < 200
