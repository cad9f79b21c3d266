"""Bringing colours into sRGB: what is promised is that lightness and hue stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torch import Tensor

from colorflow.images.gamut import (
    SLACK,
    chroma_limit,
    compress_chroma,
    fitted_values,
    gamma_table,
    linear_rgb,
    rgb_to_bytes,
)
from colorflow.images.lab import lab_to_rgb


def lab_grid(chroma: float, steps: int = 31) -> tuple[Tensor, Tensor, Tensor]:
    """Every lightness with every chroma, black and white among them, as a flat list of colours."""
    light = torch.linspace(0, 100, 41)
    axis = torch.linspace(-chroma, chroma, steps)
    grid = torch.meshgrid(light, axis, axis, indexing="ij")
    return grid[0].flatten(), grid[1].flatten(), grid[2].flatten()


def exact_linear_rgb(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Lab to linear RGB in float64, from the textbook formulas.

    Lab from CIE 15 (2004); the primaries' matrix, four digits, from IEC 61966-2-1 (1999).
    """
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    f_y = (lightness + 16) / 116
    f = np.stack([f_y + a / 500, f_y, f_y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    xyz *= np.array([0.95047, 1.0, 1.08883])[:, None]
    return np.linalg.inv(matrix) @ xyz


def srgb_curve(linear: Tensor) -> Tensor:
    """The transfer curve of IEC 61966-2-1, without rounding."""
    return torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )


def lightness_of_bytes(pixels: Tensor) -> np.ndarray:
    return rgb2lab(pixels.numpy(), channel_axis=0)[0]


def outside(lightness: Tensor, a: Tensor, b: Tensor) -> np.ndarray:
    rgb = exact_linear_rgb(*(v.double().numpy() for v in (lightness, a, b)))
    return (rgb.min(0) < -SLACK) | (rgb.max(0) > 1 + SLACK)


def test_linear_rgb_agrees_with_kornia_in_gamut():
    light, a, b = lab_grid(110)
    linear = linear_rgb(light, a, b)
    inside = (linear.min(0).values > 0) & (linear.max(0).values < 1)
    assert inside.sum() > 3000
    kornia = lab_to_rgb(torch.stack([light, a, b])[None, :, :, None])[0, :, :, 0]
    torch.testing.assert_close(srgb_curve(linear[:, inside]), kornia[:, inside], atol=1e-4, rtol=0)


def test_linear_rgb_agrees_with_the_textbook_far_out_of_gamut():
    light, a, b = lab_grid(150)
    ours = linear_rgb(light, a, b)
    exact = exact_linear_rgb(*(v.double().numpy() for v in (light, a, b)))
    # The matrix of the standard has four digits.
    np.testing.assert_allclose(ours, exact, atol=2e-3, rtol=2e-3)


def test_compression_brings_every_colour_into_gamut():
    light, a, b = lab_grid(150)
    new_a, new_b = compress_chroma(light, a, b)
    rgb = linear_rgb(light, new_a, new_b)
    assert rgb.min() >= -2 * SLACK
    assert rgb.max() <= 1 + 2 * SLACK


def test_compression_keeps_hue_and_never_adds_chroma():
    light, a, b = lab_grid(150)
    new_a, new_b = compress_chroma(light, a, b)
    assert (new_a.hypot(new_b) <= a.hypot(b) * (1 + 1e-6)).all()
    # Parallel, and not turned round: cross product nought, dot product not negative.
    chroma = a.hypot(b) * new_a.hypot(new_b)
    assert ((a * new_b - b * new_a).abs() <= 1e-5 * chroma + 1e-9).all()
    assert (a * new_a + b * new_b >= 0).all()


def test_compression_leaves_colours_in_gamut_untouched():
    light, a, b = lab_grid(150)
    rgb = linear_rgb(light, a, b)
    inside = (rgb.min(0).values >= 0) & (rgb.max(0).values <= 1)
    new_a, new_b = compress_chroma(light, a, b)
    assert inside.any()
    assert not inside.all()
    assert torch.equal(new_a[inside], a[inside])
    assert torch.equal(new_b[inside], b[inside])


def test_compression_takes_no_more_chroma_than_needed():
    light, a, b = lab_grid(150)
    new_a, new_b = compress_chroma(light, a, b)
    # A hundredth of the chroma is well above the bisection's step for all but near-black colours.
    reduced = (new_a.hypot(new_b) < 0.999 * a.hypot(b)) & (new_a.hypot(new_b) > 0.1 * a.hypot(b))
    assert reduced.sum() > 10000
    rgb = linear_rgb(light[reduced], 1.01 * new_a[reduced], 1.01 * new_b[reduced])
    assert ((rgb.min(0).values < -SLACK) | (rgb.max(0).values > 1 + SLACK)).all()


def test_limit_is_the_largest_factor_found_by_trying_all():
    generator = torch.Generator().manual_seed(5)
    light = 1 + 98 * torch.rand(300, generator=generator)
    a, b = 150 * (2 * torch.rand(2, 300, generator=generator) - 1)
    tried = torch.linspace(0, 1, 2001)
    fits = ~outside(
        light.repeat_interleave(2001),
        torch.outer(a, tried).flatten(),
        torch.outer(b, tried).flatten(),
    ).reshape(300, 2001)
    largest = np.where(fits, tried.numpy(), 0).max(1)
    # Steps of the trial, of the bisection, and the four digits of the standard's matrix.
    np.testing.assert_allclose(chroma_limit(light, a, b), largest, atol=4e-3)


def test_limit_is_one_for_colours_that_fit():
    light, a, b = torch.full((3,), 50.0), torch.tensor([0.0, 10, -20]), torch.tensor([0.0, 5, 20])
    assert torch.equal(chroma_limit(light, a, b), torch.ones(3))


@pytest.mark.parametrize(("lightness", "byte"), [(0.0, 0), (100.0, 255)])
def test_black_and_white_stay_black_and_white_whatever_the_chroma(lightness, byte):
    a = torch.tensor([100.0, -100.0, 70.0, -70.0])
    b = torch.tensor([0.0, 100.0, -150.0, -10.0])
    pixels = fitted_values(torch.full((4,), lightness), a, b)
    # The slack at the border of the gamut lets in up to 3 bytes of blue, which nobody can see.
    assert (pixels.int() - byte).abs().max() <= 3


def test_bytes_have_the_wanted_lightness_everywhere():
    light, a, b = lab_grid(150)
    np.testing.assert_allclose(lightness_of_bytes(fitted_values(light, a, b)), light, atol=1.0)


def test_bytes_of_greys_have_the_lightness_to_within_rounding():
    light = torch.linspace(0, 100, 2001)
    zero = torch.zeros_like(light)
    pixels = fitted_values(light, zero, zero)
    # Half a byte is 0.25 units of L where the curve is steepest.
    np.testing.assert_allclose(lightness_of_bytes(pixels), light, atol=0.26)
    spread = pixels.amax(0).int() - pixels.amin(0).int()
    # The white point and the matrix agree to four digits; that may tip a rounding, no more.
    assert spread.max() <= 1


def test_bytes_keep_the_hue_of_colours_out_of_gamut():
    light, a, b = lab_grid(150)
    chosen = (light >= 20) & (light <= 90) & (a.hypot(b) > 20)
    light, a, b = light[chosen], a[chosen], b[chosen]
    shown = torch.from_numpy(rgb2lab(fitted_values(light, a, b).numpy(), channel_axis=0))
    # How far the shown colour lies off the line of the wanted hue: rounding to bytes only.
    turned = (shown[1] * b - shown[2] * a).abs() / a.hypot(b)
    assert turned.max() < 1.5


def test_bytes_of_srgb_colours_come_back():
    rgb = np.random.default_rng(8).integers(0, 256, (3, 2500), dtype=np.uint8)
    light, a, b = torch.from_numpy(rgb2lab(rgb, channel_axis=0)).float()
    difference = fitted_values(light, a, b).int() - torch.from_numpy(rgb).int()
    assert difference.abs().max() <= 1
    assert (difference == 0).float().mean() > 0.98


@pytest.mark.parametrize("function", [linear_rgb, compress_chroma, fitted_values])
def test_arguments_are_left_alone(function):
    arguments = lab_grid(150, steps=5)
    before = [v.clone() for v in arguments]
    function(*arguments)
    assert all(torch.equal(x, y) for x, y in zip(arguments, before, strict=True))


def test_gamma_table_is_exact_rounding_of_the_curve_in_the_middle_of_its_entries():
    linear = ((torch.arange(65536, dtype=torch.float64) + 0.5) / 65535).clamp(max=1)
    assert torch.equal(gamma_table(), (srgb_curve(linear) * 255).round().to(torch.uint8))


def test_looking_up_costs_no_more_than_a_thirtieth_of_a_step():
    generator = torch.Generator().manual_seed(2)
    # Half of them in the dark, where the curve is steep.
    values = torch.rand(20000, generator=generator, dtype=torch.float64)
    linear = torch.cat([values, values * 0.01])
    found = rgb_to_bytes(linear.expand(3, -1).clone())[0].double()
    assert (found - srgb_curve(linear) * 255).abs().max() < 0.5 + 0.03


def test_gamma_table_grows_without_gaps_from_black_to_white():
    table = gamma_table()
    steps = table.int().diff()
    assert ((steps == 0) | (steps == 1)).all()
    assert table[0] == 0
    assert table[-1] == 255
