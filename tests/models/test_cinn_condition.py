"""The whole network and its photos: many at once as one by one, and what each part sees."""

from __future__ import annotations

import pytest
import torch
from cinns import TINY, draw_latents, draw_photos, draw_target, each_config, exact, largest, prepare
from torch.nn import functional

from colorflow.errors import ConfigError
from colorflow.models.condition import HoistedCondition
from colorflow.models.config import ModelConfig


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
