"""Latent codes scaled, mixed and interpolated: the prior is kept, and lengths are."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from codes import MANY, SHAPES, assert_equal, draw

from colorflow.errors import ConfigError, ShapeError
from colorflow.models.latents import Latents


def assert_close(a: Latents, b: Latents, atol: float = 1e-5):
    assert a.shapes == b.shapes
    assert torch.allclose(a.flatten(), b.flatten(), atol=atol)


# --- scale and mix


def test_scale_multiplies_every_level():
    latents = draw()
    assert_equal(latents.scale(1.0), latents)
    assert torch.allclose(latents.scale(0.5).flatten(), latents.flatten() / 2)
    assert not latents.scale(0.0).flatten().any()


def test_scale_takes_a_factor_per_level_finest_first():
    latents = draw()
    factors = (0.0, 1, 0.5)
    expected = Latents(tuple(z * f for z, f in zip(latents.levels, factors, strict=True)))
    assert_equal(latents.scale(factors), expected)
    assert_equal(latents.scale([2.0] * 3), latents.scale(2.0))


@pytest.mark.parametrize("factors", [(), (1.0,), (1.0, 1.0), (1.0,) * 4])
def test_another_number_of_factors_than_levels_is_refused(factors: tuple[float, ...]):
    with pytest.raises(ConfigError, match="one number or one per level, 3"):
        draw().scale(factors)


@pytest.mark.parametrize("factor", [-0.1, math.nan, math.inf, (1.0, 1.0, -0.1), (math.nan, 1, 1)])
def test_scales_that_make_no_sense_are_refused(factor: float | tuple[float, ...]):
    with pytest.raises(ConfigError, match="scale of latents"):
        draw().scale(factor)


def test_mix_with_weights_of_zero_and_one_takes_levels_from_either():
    a, b = draw(first_seed=1), draw(first_seed=10)
    mixed = a.mix(b, [0, 1, 0])
    expected = Latents((a.levels[0], b.levels[1], a.levels[2]))
    assert_equal(mixed, expected)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.8])
def test_mixing_independent_codes_keeps_them_standard_normal(weight: float):
    a, b = draw(2, 1, MANY), draw(2, 10, MANY)
    values = a.mix(b, [weight, weight]).flatten().double().flatten()
    error = 1 / math.sqrt(len(values))
    assert abs(values.mean()) < 5 * error
    assert abs(values.square().mean() - 1) < 5 * math.sqrt(2) * error
    # The share of either code is the square root of its weight.
    share = (values * b.flatten().double().flatten()).mean()
    assert abs(share - math.sqrt(weight)) < 5 * error


@pytest.mark.parametrize(
    "weights", [[0.5, 0.5], [0.5] * 4, [0, 1.1, 0], [0, -0.1, 0], [math.nan] * 3]
)
def test_mix_refuses_wrong_weights(weights: list[float]):
    with pytest.raises(ConfigError, match="mix: expected 3 weights"):
        draw().mix(draw(), weights)


def test_codes_of_other_shapes_or_counts_do_not_mix():
    others = [draw(shapes=((3, 4, 6), (2, 2, 3), (6,))), draw(shapes=SHAPES[:2]), draw(3)]
    for other in others:
        with pytest.raises(ShapeError, match="same geometry"):
            draw().mix(other, [0.5] * 3)
        with pytest.raises(ShapeError, match="same geometry"):
            draw().interpolate(other, 0.5)


# --- interpolate


def test_interpolation_starts_here_and_ends_there():
    a, b = draw(first_seed=1), draw(first_seed=10)
    assert_close(a.interpolate(b, 0.0), a)
    assert_close(a.interpolate(b, 1.0), b)


def with_norms(latents: Latents, norms: list[float]) -> Latents:
    flat = torch.nn.functional.normalize(latents.flatten()) * torch.tensor(norms)[:, None]
    return Latents.unflatten(flat, latents.shapes)


@pytest.mark.parametrize("t", [0.1, 0.3, 0.5, 0.9])
def test_interpolation_keeps_or_blends_lengths(t: float):
    a = with_norms(draw(first_seed=1), [3.0, 2.0])
    b = with_norms(draw(first_seed=10), [3.0, 8.0])
    norms = a.interpolate(b, t).flatten().norm(dim=1)
    assert torch.allclose(norms, torch.tensor([3.0, 2.0 + 6.0 * t]), rtol=1e-4)


def test_interpolation_turns_at_a_constant_rate():
    a, b = (with_norms(draw(first_seed=seed), [1.0, 1.0]) for seed in (1, 10))

    def angle(t: float, u: float) -> torch.Tensor:
        x, y = a.interpolate(b, t).flatten(), a.interpolate(b, u).flatten()
        return torch.acos((x * y).sum(1))

    for t, u in ((0.0, 0.25), (0.25, 0.5), (0.75, 1.0)):
        assert torch.allclose(angle(t, u), angle(0.0, 1.0) / 4, atol=2e-3)


def identical(flat: torch.Tensor) -> torch.Tensor:
    return flat.clone()


def parallel(flat: torch.Tensor) -> torch.Tensor:
    return 3 * flat


def nearly_parallel(flat: torch.Tensor) -> torch.Tensor:
    return flat + 1e-6 * flat.flip(1)


def antiparallel(flat: torch.Tensor) -> torch.Tensor:
    return -2 * flat


def nearly_antiparallel(flat: torch.Tensor) -> torch.Tensor:
    return -flat + 1e-6 * flat.flip(1)


def zero(flat: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(flat)


@pytest.mark.parametrize(
    "other",
    [identical, parallel, nearly_parallel, antiparallel, nearly_antiparallel, zero],
    ids=lambda other: other.__name__,
)
def test_interpolation_between_extreme_codes_stays_finite(
    other: Callable[[torch.Tensor], torch.Tensor],
):
    a = draw()
    b = Latents.unflatten(other(a.flatten()), a.shapes)
    longest = torch.maximum(a.flatten().norm(dim=1), b.flatten().norm(dim=1))
    for here, there in ((a, b), (b, a)):
        assert_close(here.interpolate(there, 0.0), here, atol=1e-3)
        assert_close(here.interpolate(there, 1.0), there, atol=1e-3)
        for t in (0.25, 0.5, 0.75):
            norms = here.interpolate(there, t).flatten().norm(dim=1)
            assert torch.isfinite(norms).all()
            assert (norms <= 1.01 * longest).all()
