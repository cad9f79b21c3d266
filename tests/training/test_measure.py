"""The quick figures of a model, against what they are meant to be."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.training.batches import Batch, features_of
from colorflow.training.measure import figures_of


def measured(model: ConditionalINN, batch: Batch, **options: object) -> dict[str, torch.Tensor]:
    return figures_of(model, batch["condition"], features_of(batch), batch["target"], **options)


def test_every_figure_has_one_finite_value_per_photo(lively: ConditionalINN, batch: Batch):
    figures = measured(lively, batch)
    assert all(values.shape == (3,) for values in figures.values())
    assert all(torch.isfinite(values).all() for values in figures.values())
    names = {"grey", "regressor", "nll", "z_std_0", "z_std_1", "round_trip"}
    assert names <= set(figures)
    assert {"best@0.7", "one@0.7", "variance@0.7", "best@1.0"} <= set(figures)


def test_an_untrained_regressor_is_as_good_as_grey(batch: Batch):
    figures = measured(ConditionalINN(preset("tiny")).eval(), batch, samples=0)
    assert set(figures) == {"grey", "regressor"}  # the flow is left out
    assert torch.allclose(figures["regressor"], figures["grey"])
    assert torch.allclose(figures["grey"], batch["target"].square().mean((1, 2, 3)))


def test_the_likelihood_and_the_latents_are_the_models_own(lively: ConditionalINN, batch: Batch):
    figures = measured(lively, batch, noise=0.0)
    with torch.inference_mode():
        prepared = lively.prepare(batch["condition"], features_of(batch))
        nll = -lively.log_prob(batch["target"], prepared) / 512
        latents, _ = lively(batch["target"], prepared)
    assert torch.allclose(figures["nll"], nll)
    for level, values in enumerate(latents.levels):
        assert torch.allclose(figures[f"z_std_{level}"], values.square().mean((1, 2, 3)).sqrt())
    assert not torch.allclose(measured(lively, batch, noise=0.5)["nll"], nll)


def test_the_round_trip_is_exact_up_to_rounding(lively: ConditionalINN, batch: Batch):
    assert measured(lively, batch)["round_trip"].max() < 1e-4


def test_without_temperature_all_samples_are_one(lively: ConditionalINN, batch: Batch):
    figures = measured(lively, batch, samples=3, temperatures=(0.0, 1.0))
    assert torch.allclose(figures["variance@0.0"], torch.zeros(3), atol=1e-10)
    assert torch.allclose(figures["best@0.0"], figures["one@0.0"])
    assert (figures["best@1.0"] < figures["one@1.0"]).all()
    assert (figures["variance@1.0"] > 0.01).all()


def test_best_is_the_best_whole_sample(lively: ConditionalINN, batch: Batch):
    # More samples of the same seeds can only do better, but for the rounding of a larger batch.
    only = {name: value[:1] for name, value in batch.items()}
    best = [measured(lively, only, samples=n)["best@1.0"] for n in (2, 4, 16)]
    assert best[0] * (1 + 1e-5) >= best[1] >= best[2] * (1 - 1e-5)
    assert best[0] > best[2]


def test_figures_repeat_with_the_seed(lively: ConditionalINN, batch: Batch):
    first, again, other = (measured(lively, batch, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["one@1.0"], other["one@1.0"])
    assert not torch.equal(first["nll"], other["nll"])


@pytest.mark.parametrize("samples", [0, 2])
def test_a_model_without_an_affine_start_has_no_regressor(
    samples: int, lively: ConditionalINN, batch: Batch
):
    config = dataclasses.replace(lively.config, affine_start=False, taps=("conv3_3",))
    figures = measured(ConditionalINN(config).eval(), batch, samples=samples)
    assert "regressor" not in figures
    assert ("nll" in figures) == bool(samples)
