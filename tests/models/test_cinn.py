"""The whole network: exactly invertible, with an exact density, for any photos and samples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn import functional

from colorflow.errors import ColorflowError, ConditionError, ConfigError, ShapeError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import HoistedCondition, PreparedCondition
from colorflow.models.config import ModelConfig, StageConfig, TailConfig
from colorflow.models.latents import Latents
from colorflow.models.presets import preset
from colorflow.transforms import RandomOrthogonal

TINY = preset("tiny")
# Like `paper` in small: couplings before any downsampling, no affine start, a tail of vectors.
WITH_TAIL = ModelConfig(
    name="with_tail",
    side=32,
    stride=4,
    taps=("conv3_3", "conv4_3"),
    pyramid_width=8,
    affine_start=False,
    stages=(
        StageConfig(couplings=1, hidden=6, downsample=False),
        StageConfig(couplings=2, hidden=8),
    ),
    tail=TailConfig(couplings=2, hidden=16, keep=8),
    kernels=(3, 3, 3),
    slope=0.05,
    clamp="atan_legacy",
    clamp_limit=1.5,
)
CONFIGS = [TINY, WITH_TAIL]
each_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)


def fresh(config: ModelConfig) -> ConditionalINN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return ConditionalINN(config).eval()


def randomised(config: ModelConfig) -> ConditionalINN:
    """Random weights everywhere: the couplings of a fresh model are the identity."""
    model = fresh(config)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise / fan_in**0.5)
    return model


def exact(config: ModelConfig) -> ConditionalINN:
    """In float64, from float32: as a user would do to get exact figures of a trained model."""
    return randomised(config).double().requires_grad_(False)


def draw_photos(
    model: ConditionalINN, photos: int, height: int, width: int, seed: int = 3
) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    photo = torch.rand(photos, 1, height, width, generator=generator).to(dtype)
    features = {}
    for tap in model.pyramid.taps:
        shape = (photos, tap.channels, height // tap.stride, width // tap.stride)
        features[tap.name] = torch.rand(shape, generator=generator).to(dtype)
    return photo, features


def prepare(
    model: ConditionalINN, photos: int = 1, height: int = 32, width: int = 32
) -> PreparedCondition:
    return model.prepare(*draw_photos(model, photos, height, width))


def draw_target(prepared: PreparedCondition, batch: int = 1, seed: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(batch, 2, *prepared.size, generator=generator, dtype=torch.float64)
    return target.to(next(term for term in prepared.terms if term is not None).dtype)


def draw_latents(model: ConditionalINN, prepared: PreparedCondition, batch: int) -> Latents:
    shapes = model.latent_shapes(*prepared.size)
    dtype = next(model.parameters()).dtype
    return Latents.sample(shapes, range(batch)).to("cpu", dtype)


def largest(difference: Tensor) -> float:
    return float(difference.detach().abs().max())


# --- invertibility and density

GEOMETRIES = [(TINY, 32, 32), (TINY, 16, 40), (TINY, 48, 8), (WITH_TAIL, 32, 32)]


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
    model = fresh(config).double()
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


# --- photos and samples


@each_config
def test_many_samples_of_many_photos_in_one_call_equal_one_by_one(config: ModelConfig):
    model, samples = exact(config), 3
    photo, features = draw_photos(model, 2, 32, 32)
    latents = draw_latents(model, model.prepare(photo, features), 2 * samples)
    together, log_dets = model.inverse(latents, model.prepare(photo, features))
    for row in range(2 * samples):
        b = row // samples
        one = model.prepare(photo[b : b + 1], {n: f[b : b + 1] for n, f in features.items()})
        alone, log_det = model.inverse(latents[row], one)
        assert largest(together[row] - alone[0]) < 1e-10
        assert largest(log_dets[row] - log_det[0]) < 1e-9


@each_config
def test_photos_prepared_together_equal_photos_prepared_alone(config: ModelConfig):
    model = exact(config)
    photo, features = draw_photos(model, 2, 32, 32)
    together = model.prepare(photo, features)
    assert len(together) == 2
    for b in range(2):
        alone = model.prepare(photo[b : b + 1], {n: f[b : b + 1] for n, f in features.items()})
        assert (len(alone), alone.size) == (1, together.size)
        for one, both in zip(alone.terms, together.terms, strict=True):
            assert (one is None) == (both is None)
            if one is not None and both is not None:
                assert largest(one[0] - both[b]) < 1e-12


@each_config
def test_targets_encoded_together_equal_targets_encoded_alone(config: ModelConfig):
    model = exact(config)
    prepared = prepare(model)
    target = draw_target(prepared, 3)
    latents, log_dets = model(target, prepared)
    for row in range(3):
        alone, log_det = model(target[row : row + 1], prepared)
        assert largest(latents[row].flatten() - alone.flatten()) < 1e-10
        assert largest(log_dets[row] - log_det[0]) < 1e-9


@each_config
def test_the_photo_matters(config: ModelConfig):
    model = exact(config)
    photo, features = draw_photos(model, 1, 32, 32)
    prepared = model.prepare(photo, features)
    latents = draw_latents(model, prepared, 1)
    target, _ = model.inverse(latents, prepared)
    changed_features = {name: 2 * value for name, value in features.items()}
    for other in (model.prepare(1 - photo, features), model.prepare(photo, changed_features)):
        assert largest(model.inverse(latents, other)[0] - target) > 1e-2


def test_hoisted_terms_equal_a_map_of_its_own_per_coupling():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        hoist = HoistedCondition(width=5, couplings=3, hidden=4, maps=True, summary=True).double()
    generator = torch.Generator().manual_seed(7)
    condition = torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64)
    summary = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    terms = hoist(condition, summary)
    assert len(terms) == 3
    for coupling, term in enumerate(terms):
        rows = slice(coupling * 8, (coupling + 1) * 8)
        of_map = functional.conv2d(
            condition, hoist.from_map.weight[rows], hoist.from_map.bias[rows]
        )
        of_summary = functional.linear(summary, hoist.from_summary.weight[rows])
        assert torch.allclose(term, of_map + of_summary[:, :, None, None], atol=1e-12)


def test_only_the_coarsest_couplings_see_the_whole_photo():
    # Without a tail, what happens at one end of a long photo reaches the other end by the global
    # vector alone; convolutions do not reach that far.
    model = exact(TINY)
    photo, features = draw_photos(model, 1, 8, 256)
    before = model.prepare(photo, features)
    for value in features.values():
        value[..., :4] += 5
    after = model.prepare(photo, features)
    changes = [
        largest(b[..., -1] - a[..., -1])
        for a, b in zip(before.terms, after.terms, strict=True)
        if a is not None and b is not None
    ]
    head, fine, coarse = changes[:1], changes[1:3], changes[3:]
    assert (len(fine), len(coarse)) == (2, 2)
    assert max(head + fine) < 1e-12
    assert min(coarse) > 1e-3


def test_a_level_conditioned_on_nothing_is_refused():
    with pytest.raises(ConfigError, match="map, the global vector"):
        HoistedCondition(width=5, couplings=1, hidden=4, maps=False, summary=False)


# --- shapes


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
