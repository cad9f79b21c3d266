"""Chroma enlarged along the edges of the lightness."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from colorflow.images import upsample
from colorflow.images.lab import row_strips
from colorflow.images.photo import Photo
from colorflow.images.upsample import DRAWN, UpsampleConfig, upsample_plane, upsample_strips

LEFT = torch.tensor([40.0, -30.0])
RIGHT = torch.tensor([-20.0, 50.0])


def enlarge(chroma: Tensor, lightness: Tensor, config: UpsampleConfig | None = None) -> Tensor:
    """Put the strips together: [2, height, width]."""
    result = torch.full((2, *lightness.shape), torch.nan)
    for rows, (a, b) in upsample_strips(chroma, lightness, config):
        result[0, rows], result[1, rows] = a, b
    return result


def noise(*shape: int, seed: int = 4) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def bilinear(chroma: Tensor, size: tuple[int, ...]) -> Tensor:
    return functional.interpolate(chroma[None], size=size, mode="bilinear")[0]


def two_halves(border: int, size: int = 256) -> tuple[Tensor, Tensor]:
    """Lightness and true chroma of a picture whose colour changes at one column."""
    left = torch.arange(size) < border
    lightness = torch.where(left, 30.0, 80.0).expand(size, size).contiguous()
    chroma = torch.where(left, LEFT[:, None, None], RIGHT[:, None, None])
    return lightness, chroma.expand(2, size, size).contiguous()


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (201, 60), (7, 5), (1, 1), (1, 300)])
def test_constant_chroma_stays_constant_on_any_lightness(size):
    chroma = torch.tensor([12.0, -34.0]).view(2, 1, 1).expand(2, 8, 8)
    result = enlarge(chroma, 100 * noise(*size))
    expected = chroma[:, :1, :1].expand(2, *size)
    torch.testing.assert_close(result, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("border", [132, 136, 140])  # of a chroma pixel of 16: none at its edge
def test_chroma_leaks_over_an_edge_far_less_than_with_bilinear_interpolation(border, turned):
    lightness, truth = two_halves(border)
    if turned:
        lightness, truth = lightness.t().contiguous(), truth.transpose(1, 2).contiguous()
    chroma = functional.avg_pool2d(truth, 16)
    ours = (enlarge(chroma, lightness) - truth).abs().mean()
    plain = (bilinear(chroma, lightness.shape) - truth).abs().mean()
    assert ours < 0.4 * plain


def test_chroma_away_from_the_edge_is_that_of_its_own_side():
    lightness, truth = two_halves(136)
    result = enlarge(functional.avg_pool2d(truth, 16), lightness)
    for columns in (slice(0, 136 - 24), slice(136 + 24, None)):
        difference = result[..., columns] - truth[..., columns]
        # Of colours 60 and 80 units apart
        assert difference.abs().max() < 4


def test_colours_change_at_the_very_column_of_the_edge():
    """Even in a photo many times larger than the guide, whose pixels are 8 wide here."""
    lightness, truth = two_halves(260, size=512)
    result = enlarge(functional.avg_pool2d(truth, 64), lightness)
    change = result[:, 256, 260] - result[:, 256, 259]
    assert (change / (RIGHT - LEFT)).min() > 0.5


def test_on_flat_lightness_chroma_is_a_smooth_enlargement():
    """Without edges there is nothing to follow: close to plain interpolation, no blocks."""
    slope = torch.linspace(-40, 40, 16).expand(16, 16)
    chroma = torch.stack([slope, slope.t()])
    result = enlarge(chroma, torch.full((256, 256), 50.0))
    inner = slice(32, -32)  # at the border the two treat what lies beyond differently
    difference = result - bilinear(chroma, (256, 256))
    assert difference[:, inner, inner].abs().max() < 1


@pytest.mark.parametrize(
    ("size", "chroma_size"),
    [
        ((255, 131), (16, 8)),  # odd
        ((130, 90), (12, 8)),  # portrait
        ((90, 130), (8, 12)),
        ((5, 7), (8, 8)),  # smaller than the chroma
        ((1, 1), (8, 8)),
        ((1, 2000), (8, 32)),  # very long
        ((2000, 3), (32, 8)),
        ((50, 50), (1, 1)),
    ],
)
def test_any_size_is_filled_with_colours_near_the_range_of_the_given_ones(size, chroma_size):
    chroma = 100 * noise(2, *chroma_size) - 50
    result = enlarge(chroma, 100 * noise(*size, seed=5))
    assert result.shape == (2, *size)
    assert result.isfinite().all()
    # Noise on noise is the worst case: sharpening overshoots the +-50 given, but never runs away.
    assert result.abs().max() < 150


@pytest.mark.parametrize("level", [0.0, 50.0, 100.0])
def test_constant_lightness_gives_finite_chroma(level):
    chroma = 100 * noise(2, 8, 8) - 50
    assert enlarge(chroma, torch.full((70, 90), level)).isfinite().all()


def test_extreme_contrast_gives_finite_chroma():
    checks = (torch.arange(96)[:, None] + torch.arange(96)) % 2 * 100.0
    assert enlarge(100 * noise(2, 8, 8) - 50, checks).isfinite().all()


@pytest.mark.parametrize("size", [(301, 64), (40, 333)])
def test_strips_give_the_same_as_the_whole_picture(monkeypatch, size):
    chroma, lightness = 100 * noise(2, 8, 8) - 50, 100 * noise(*size, seed=6)
    whole = enlarge(chroma, lightness)
    monkeypatch.setattr(upsample, "row_strips", functools.partial(row_strips, pixels=500))
    assert len(list(upsample_strips(chroma, lightness))) > 20
    torch.testing.assert_close(enlarge(chroma, lightness), whole, atol=1e-4, rtol=0)


def test_mirrored_photo_gives_mirrored_chroma():
    chroma, lightness = 100 * noise(2, 8, 12) - 50, 100 * noise(80, 120, seed=6)
    result = enlarge(chroma, lightness)
    for axis in (1, 2):
        mirrored = enlarge(chroma.flip(axis), lightness.flip(axis - 1))
        torch.testing.assert_close(mirrored.flip(axis), result, atol=1e-3, rtol=0)


def test_mean_chroma_over_a_chroma_pixel_is_nearly_the_given_one():
    """Colour is moved to the right side of edges, not lost."""
    smooth = bilinear(noise(1, 5, 5), (128, 128))[0] * 100
    chroma = 60 * bilinear(noise(2, 4, 4), (8, 8)) - 30
    back = functional.avg_pool2d(enlarge(chroma, smooth), 16)
    assert (back - chroma).abs().mean() < 0.05 * chroma.std()


def test_arguments_are_left_alone():
    chroma, lightness = noise(2, 8, 8), 100 * noise(64, 64)
    before = chroma.clone(), lightness.clone()
    enlarge(chroma, lightness)
    assert torch.equal(chroma, before[0])
    assert torch.equal(lightness, before[1])


def test_guide_factor_of_one_still_works():
    chroma = torch.full((2, 16, 16), 9.0)
    result = enlarge(chroma, 100 * noise(40, 40), UpsampleConfig(guide_factor=1))
    torch.testing.assert_close(result, torch.full((2, 40, 40), 9.0), atol=1e-3, rtol=0)


def test_enlarged_plane_has_the_photo_size_and_is_never_negative():
    plane = torch.zeros(8, 8)
    plane[3, 4] = 50
    result = upsample_plane(plane, 100 * noise(75, 101))
    assert result.shape == (75, 101)
    assert result.min() >= 0
    assert result.max() > 5


def test_enlarged_plane_follows_an_edge_like_chroma():
    lightness, truth = two_halves(136)
    truth = truth[0].clamp(min=0)  # 40 on the left, 0 on the right
    plane = functional.avg_pool2d(truth[None], 16)[0]
    ours = (upsample_plane(plane, lightness) - truth).abs().mean()
    plain = (bilinear(plane[None], lightness.shape)[0] - truth).abs().mean()
    assert ours < 0.4 * plain


def test_smoothing_keeps_areas_of_one_chroma_and_takes_what_alternates(grey_cat):
    lightness = Photo(grey_cat).lightness
    even = torch.tensor([12.0, -30.0])[:, None, None].expand(2, 16, 24)
    checks = 10 * torch.ones(2, 16, 24)
    checks[:, ::2, ::2] *= -1
    checks[:, 1::2, 1::2] *= -1
    sums = {}
    for name, config in (("plain", UpsampleConfig()), ("drawn", DRAWN)):
        for rows, enlarged in upsample_strips(even, lightness, config):
            for plane, value in zip(enlarged, (12.0, -30.0), strict=True):
                assert torch.allclose(plane, torch.full_like(plane, value), atol=1e-3), rows
        strips = upsample_strips(checks, lightness, config)
        sums[name] = sum(float(plane.square().sum()) for _, planes in strips for plane in planes)
    assert sums["drawn"] < 0.1 * sums["plain"]


def test_bands_of_the_guide_change_nothing(monkeypatch):
    chroma, lightness = 20 * noise(2, 8, 8), 100 * noise(3000, 160)
    whole = enlarge(chroma, lightness)
    monkeypatch.setattr(upsample, "BAND", 1)
    assert torch.equal(enlarge(chroma, lightness), whole)
