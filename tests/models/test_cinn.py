"""The whole network: exactly invertible, with an exact density that training raises."""

from __future__ import annotations

import pytest
import torch
from cinns import (
    CONFIGS,
    GEOMETRIES,
    TINY,
    WITH_TAIL,
    draw_latents,
    draw_photos,
    draw_target,
    each_config,
    exact,
    fresh,
    largest,
    prepare,
    randomised,
)
from torch import Tensor
from torch.distributions import Normal

from colorflow.errors import ColorflowError, ConfigError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.config import ModelConfig, StageConfig
from colorflow.transforms import RandomOrthogonal

# --- invertibility and density


@pytest.mark.parametrize(("config", "height", "width"), GEOMETRIES)
def test_round_trips_are_exact_in_both_directions(config: ModelConfig, height: int, width: int):
    model = exact(config)
    prepared = prepare(model, 3, height, width)
    target = draw_target(prepared, 3)
    latents, log_det = model(target, prepared)
    back, log_det_back = model.inverse(latents, prepared)
    assert largest(back - target) < 1e-9
    assert largest(log_det + log_det_back) < 1e-9

    drawn = draw_latents(model, prepared, 3)
    decoded, log_det = model.inverse(drawn, prepared)
    again, log_det_back = model(decoded, prepared)
    assert largest(again.flatten() - drawn.flatten()) < 1e-9
    assert largest(log_det + log_det_back) < 1e-9


@each_config
def test_the_randomised_models_of_these_tests_are_far_from_the_identity(config: ModelConfig):
    model = exact(config)
    prepared = prepare(model)
    target = draw_target(prepared)
    latents, log_det = model(target, prepared)
    # All fixed parts keep lengths, so a change of length is the couplings' doing.
    assert abs(latents.flatten().norm() / target.norm() - 1) > 0.05
    assert abs(float(log_det)) > 1


@pytest.mark.parametrize(("config", "height", "width"), [(TINY, 16, 8), (WITH_TAIL, 32, 32)])
def test_log_det_is_that_of_the_full_jacobian(config: ModelConfig, height: int, width: int):
    model = exact(config)
    prepared = prepare(model, 1, height, width)
    target = draw_target(prepared)
    _, log_det = model(target, prepared)

    def flat_model(flat: Tensor) -> Tensor:
        return model(flat.view_as(target), prepared)[0].flatten()[0]

    jacobian = torch.autograd.functional.jacobian(flat_model, target.flatten())
    assert jacobian.shape == (target.numel(), target.numel())
    expected = torch.linalg.slogdet(jacobian).logabsdet
    assert float(log_det) == pytest.approx(float(expected), abs=1e-8)


@each_config
def test_log_prob_is_the_prior_of_the_latents_plus_log_det(config: ModelConfig):
    model = exact(config)
    prepared = prepare(model, 2)
    target = draw_target(prepared, 4)
    latents, log_det = model(target, prepared)
    expected = Normal(0.0, 1.0).log_prob(latents.flatten()).sum(1) + log_det
    log_prob = model.log_prob(target, prepared)
    assert tuple(log_prob.shape) == (4,)
    assert torch.allclose(log_prob, expected, rtol=1e-12)


@each_config
def test_an_untrained_model_is_a_standard_normal_of_the_target(config: ModelConfig):
    # Wavelets and mixings are orthonormal, couplings and the affine start begin as the identity.
    model = fresh(config.replace(latent_scale=())).double()
    prepared = prepare(model, 2)
    target = draw_target(prepared, 2)
    expected = Normal(0.0, 1.0).log_prob(target).flatten(1).sum(1)
    assert torch.allclose(model.log_prob(target, prepared), expected, rtol=1e-10)
    latents, _ = model(target, prepared)
    assert torch.allclose(latents.flatten().norm(dim=1), target.flatten(1).norm(dim=1))


def model_with_head_only() -> ConditionalINN:
    model = fresh(TINY).double().requires_grad_(False)
    generator = torch.Generator().manual_seed(5)
    for parameter in model.head.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def test_affine_start_alone_is_a_normal_around_the_prediction():
    model = model_with_head_only()
    photo, features = draw_photos(model, 2, 32, 32)
    prepared, prediction = model.prepare(photo, features), model.predict(photo, features)
    target = draw_target(prepared, 2)
    raw = model.head(model.pyramid(photo, features).maps[TINY.stride])[:, 2:]
    deviation = (4 * torch.tanh(raw / 4)).exp()
    expected = Normal(prediction, deviation).log_prob(target).flatten(1).sum(1)
    assert torch.allclose(model.log_prob(target, prepared), expected, rtol=1e-10)


def test_the_mode_of_affine_start_alone_is_the_prediction():
    model = model_with_head_only()
    photo, features = draw_photos(model, 2, 32, 16)
    prepared = model.prepare(photo, features)
    mode, _ = model.inverse(draw_latents(model, prepared, 2).scale(0.0), prepared)
    prediction = model.predict(photo, features)
    assert tuple(prediction.shape) == (2, 2, 16, 8)
    assert largest(mode - prediction) < 1e-12


def test_predicting_without_affine_start_is_refused():
    model = fresh(WITH_TAIL)
    with pytest.raises(ColorflowError, match="no affine start"):
        model.predict(*draw_photos(model, 1, 32, 32))


@each_config
def test_changing_to_float64_makes_the_mixings_orthogonal_again(config: ModelConfig):
    model = randomised(config).double()
    mixings = [m for m in model.modules() if isinstance(m, RandomOrthogonal)]
    assert mixings
    for mixing in mixings:
        product = mixing.matrix @ mixing.matrix.T
        assert largest(product - torch.eye(len(product), dtype=torch.float64)) < 1e-13


@each_config
def test_float32_round_trip_is_good_enough_for_pictures(config: ModelConfig):
    model = randomised(config).requires_grad_(False)
    prepared = prepare(model)
    target = draw_target(prepared)
    latents, _ = model(target, prepared)
    assert largest(model.inverse(latents, prepared)[0] - target) < 1e-3


def test_mixing_seed_draws_the_mixings():
    def first_mixing(seed: int) -> Tensor:
        model = ConditionalINN(TINY.replace(mixing_seed=seed))
        return next(m.matrix for m in model.modules() if isinstance(m, RandomOrthogonal))

    assert torch.equal(first_mixing(1), first_mixing(1))
    assert not torch.allclose(first_mixing(1), first_mixing(2), atol=0.1)


# --- training

# Without an affine start, and with a downsampling first, no coupling works at the finest stride.
COARSE_ONLY = TINY.replace(name="coarse_only", affine_start=False, taps=("conv3_3",))


@pytest.mark.parametrize("config", [*CONFIGS, COARSE_ONLY], ids=lambda config: config.name)
def test_every_parameter_gets_a_gradient_from_the_likelihood(config: ModelConfig):
    model = randomised(config)
    prepared = prepare(model, 2)
    model.log_prob(draw_target(prepared, 2), prepared).sum().backward()
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert idle == []


def test_gradient_steps_raise_the_likelihood():
    model = fresh(TINY)
    photo, features = draw_photos(model, 4, 32, 32)
    target = draw_target(model.prepare(photo, features), 4)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    values = []
    for _ in range(8):
        optimiser.zero_grad()
        log_prob = model.log_prob(target, model.prepare(photo, features)).mean()
        (-log_prob).backward()
        optimiser.step()
        values.append(float(log_prob.detach()))
    assert values[-1] > values[0] + 1


# --- configs


def test_a_tap_coarser_than_the_model_is_refused():
    with pytest.raises(ConfigError, match="conv5_3"):
        ConditionalINN(TINY.replace(taps=("conv2_2", "conv5_3")))


def test_a_stage_needs_couplings():
    with pytest.raises(ConfigError, match="couplings"):
        StageConfig(couplings=0, hidden=1)
