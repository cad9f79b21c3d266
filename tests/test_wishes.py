"""What hints ask of the chroma: a colour that can be shown, for surroundings of like lightness."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colorflow.hints import Hint
from colorflow.images.lab import lab_planes
from colorflow.images.photo import Photo
from colorflow.wishes import HintConfig, Wish, wish_of

SIZE = (16, 24)


@pytest.fixture
def halves() -> Photo:
    """Dark on the left, bright on the right."""
    pixels = np.full((64, 96), 60, dtype=np.uint8)
    pixels[:, 48:] = 200
    return Photo(pixels)


def test_a_colour_that_can_be_shown_is_wished_as_it_is(halves):
    wish = wish_of(halves, [Hint(10, 10, "#4a3b35")], SIZE)
    expected = lab_planes(np.array([[[0x4A, 0x3B, 0x35]]], dtype=np.uint8))[1:, 0, 0]
    assert torch.allclose(wish.chroma[0], expected, atol=1e-3)


def test_a_colour_that_cannot_be_shown_there_keeps_its_hue_only(halves):
    wish = wish_of(halves, [Hint(80, 10, "#0000ff")], SIZE)
    full = lab_planes(np.array([[[0, 0, 255]]], dtype=np.uint8))[1:, 0, 0]
    assert 5 < float(wish.chroma[0].norm()) < 0.5 * float(full.norm())
    cosine = torch.nn.functional.cosine_similarity(wish.chroma[0], full, dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-4)


def test_a_hint_reaches_its_surroundings_but_not_over_an_edge(halves):
    config = HintConfig(reach=0.25)
    (nearness,) = wish_of(halves, [Hint(42, 32, "#aa3311")], SIZE, config).nearness
    assert float(nearness[8, 10]) > 0.9
    assert float(nearness[8, 8]) > 0.7
    assert float(nearness[8, 13]) < 0.01  # as near, but bright
    assert float(nearness[8, 0]) < float(nearness[8, 5]) < float(nearness[8, 10])


def test_hints_at_one_place_share_it(halves):
    wish = wish_of(halves, [Hint(10, 10, "#aa3311")] * 3, SIZE)
    assert float(wish.nearness.sum(0).max()) <= 1 + 1e-6
    assert torch.equal(wish.nearness[0], wish.nearness[2])


def test_places_are_those_of_a_photo_that_is_squeezed():
    # Twenty times as wide as high, shown to the model as four times as wide.
    pixels = np.full((20, 400), 128, dtype=np.uint8)
    (nearness,) = wish_of(Photo(pixels), [Hint(300, 5, "#aa3311")], (16, 64)).nearness
    row, column = divmod(int(nearness.argmax()), 64)
    assert (row, column) in {(3, 47), (3, 48), (4, 47), (4, 48)}


def test_residuals_are_differences_in_delta_e():
    shares = torch.zeros(2, 2, 2)
    shares[0, 0, 0] = shares[1, 1, 1] = 1
    wish = Wish(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), shares, torch.zeros(2, 2, 2))
    chroma = torch.zeros(1, 2, 2, 2)
    chroma[0, :, 1, 1] = torch.tensor([6.0, 8.0])
    assert torch.equal(wish.residuals(chroma), torch.tensor([[5.0, 10.0]]))
