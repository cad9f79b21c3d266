"""Shapes of the whole network: those of the latents, and those that are refused."""

from __future__ import annotations

import pytest
import torch
from cinns import (
    GEOMETRIES,
    TINY,
    WITH_TAIL,
    draw_latents,
    draw_photos,
    draw_target,
    each_config,
    fresh,
    largest,
    prepare,
)

from colorflow.errors import ConditionError, ShapeError
from colorflow.models.config import ModelConfig, StageConfig
from colorflow.models.latents import Latents


@pytest.mark.parametrize(("config", "height", "width"), GEOMETRIES)
def test_latent_shapes_are_those_of_real_latents(config: ModelConfig, height: int, width: int):
    model = fresh(config).requires_grad_(False)
    prepared = prepare(model, 1, height, width)
    assert prepared.size == (height // config.stride, width // config.stride)
    latents, _ = model(draw_target(prepared), prepared)
    assert model.latent_shapes(*prepared.size) == latents.shapes
    assert latents.dimensions == 2 * prepared.size[0] * prepared.size[1]
    assert model.target_size(latents) == prepared.size


def test_latents_of_a_level_are_the_details_of_its_wavelets():
    # Untrained, the only coupling does nothing: what leaves are the wavelets themselves.
    stages = (StageConfig(couplings=1, hidden=4, keep=2),)
    model = fresh(TINY.replace(stages=stages)).double().requires_grad_(False)
    prepared = prepare(model)
    flat = torch.ones(1, 2, *prepared.size, dtype=torch.float64)
    latents, _ = model(flat, prepared)
    assert largest(latents.levels[0]) < 1e-12
    assert float(latents.levels[1].norm()) == pytest.approx(float(flat.norm()))


def test_latents_of_another_model_have_no_target_size():
    tiny, with_tail = fresh(TINY), fresh(WITH_TAIL)
    real = draw_latents(tiny, prepare(tiny, 1, 32, 16), 1)
    wrong = [
        (with_tail, real),
        (tiny, draw_latents(with_tail, prepare(with_tail), 1)),
        (tiny, Latents(real.levels[:1])),
        (tiny, Latents((*real.levels, real.levels[-1]))),
        (tiny, Latents((real.levels[0][..., 1:], real.levels[1]))),
        (tiny, Latents((real.flatten(),))),
    ]
    for model, latents in wrong:
        with pytest.raises(ShapeError, match="another model"):
            model.target_size(latents)


def test_latents_of_another_geometry_are_refused():
    model = fresh(TINY)
    latents = draw_latents(model, prepare(model, 1, 32, 16), 1)
    with pytest.raises(ShapeError, match="16 x 16"):
        model.inverse(latents, prepare(model, 1, 32, 32))


@pytest.mark.parametrize("shape", [(1, 2, 16, 8), (1, 3, 16, 16), (2, 16, 16)])
def test_targets_that_do_not_fit_the_photo_are_refused(shape: tuple[int, ...]):
    model = fresh(TINY)
    with pytest.raises(ShapeError, match=r"expected targets \[batch, 2, 16, 16\]"):
        model(torch.zeros(shape), prepare(model))


@each_config
def test_samples_that_share_out_unevenly_among_photos_are_refused(config: ModelConfig):
    model = fresh(config)
    prepared = prepare(model, 2)
    with pytest.raises(ShapeError, match="multiple of the 2"):
        model.inverse(draw_latents(model, prepared, 3), prepared)
    with pytest.raises(ShapeError, match="multiple of the 2"):
        model(draw_target(prepared, 3), prepared)


@each_config
def test_photos_of_impossible_sizes_are_refused(config: ModelConfig):
    model = fresh(config)
    side = config.coarsest_stride * 3 // 2
    with pytest.raises(ConditionError, match=f"multiples of {config.coarsest_stride}"):
        model.prepare(*draw_photos(model, 1, side, side))


def test_a_model_with_a_tail_takes_its_own_size_only():
    model = fresh(WITH_TAIL)
    prepared = prepare(model, 1, 32, 48)
    with pytest.raises(ShapeError):
        model(draw_target(prepared), prepared)
    with pytest.raises(ShapeError):
        model.inverse(draw_latents(model, prepared, 1), prepared)
