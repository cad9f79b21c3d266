"""What training minimises, against the formulas it stands for."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from colorflow.errors import ConfigError
from colorflow.models.cinn import ConditionalINN
from colorflow.training.batches import Batch, features_of
from colorflow.training.losses import likelihood_loss, regression_loss
from colorflow.transforms.clamps import get_clamp

Split = tuple[Tensor, dict[str, Tensor], Tensor]


@pytest.fixture
def parts(batch: Batch) -> Split:
    return batch["condition"], features_of(batch), batch["target"]


def gradients(model: ConditionalINN, loss: Tensor) -> list[Tensor]:
    model.zero_grad()
    loss.backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]


def without_flow(model: ConditionalINN) -> ConditionalINN:
    """A model of the same config without an affine start."""
    config = dataclasses.replace(model.config, affine_start=False, taps=("conv3_3",))
    return ConditionalINN(config).eval()


def test_the_regression_loss_is_squared_error_plus_a_gaussian_of_the_scale(
    lively: ConditionalINN, parts: Split
):
    condition, features, target = parts
    shift, raw = lively.prepare(condition, features).terms[0].chunk(2, dim=1)
    scale = get_clamp("tanh")(raw, 4.0).exp()
    gauss = -torch.distributions.Normal(shift, scale).log_prob(target) - 0.5 * math.log(2 * math.pi)
    expected = (shift - target).square().mean() + gauss.mean()
    loss = regression_loss(lively, *parts)
    assert torch.allclose(loss, expected, rtol=1e-5)
    assert torch.allclose(shift, lively.predict(condition, features), atol=1e-5)


def test_the_shift_is_pulled_by_the_squared_error_alone(lively: ConditionalINN, parts: Split):
    condition, features, target = parts
    # The first two rows of the head make the shift, the others the scale.
    gradients(lively, regression_loss(lively, *parts))
    ours = lively.head.weight.grad.clone(), lively.head.bias.grad.clone()
    plain = (lively.predict(condition, features) - target).square().mean()
    gradients(lively, plain)
    for mine, theirs in zip(ours, (lively.head.weight.grad, lively.head.bias.grad), strict=True):
        assert theirs[:2].abs().max() > 0
        assert torch.allclose(mine[:2], theirs[:2], rtol=1e-4, atol=1e-6)
        assert mine[2:].abs().max() > 0
        assert not theirs[2:].any()


def test_a_model_without_an_affine_start_cannot_regress(lively: ConditionalINN, parts: Split):
    with pytest.raises(ConfigError, match="affine start"):
        regression_loss(without_flow(lively), *parts)


def test_the_likelihood_is_that_of_the_noisy_target(lively: ConditionalINN, parts: Split):
    condition, features, target = parts
    noise = 0.05 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    prepared = lively.prepare(condition, features)
    nll = -lively.log_prob(target + noise, prepared).mean() / (2 * 16 * 16)
    loss, plain = likelihood_loss(lively, *parts, noise, regression=0.0)
    assert torch.allclose(loss, nll, rtol=1e-5)
    assert torch.equal(plain, loss.detach())
    assert not plain.requires_grad


def test_the_regressors_error_is_added_without_the_noise(lively: ConditionalINN, parts: Split):
    condition, features, target = parts
    noise = torch.ones_like(target)
    plain, nll = likelihood_loss(lively, *parts, noise, regression=0.0)
    loss, same = likelihood_loss(lively, *parts, noise, regression=0.3)
    error = (lively.predict(condition, features) - target).square().mean()
    assert torch.allclose(loss - plain, 0.3 * error, rtol=1e-4)
    assert torch.equal(nll, same)


def test_a_model_without_an_affine_start_has_the_likelihood_alone(
    lively: ConditionalINN, parts: Split
):
    model, noise = without_flow(lively), torch.zeros_like(parts[2])
    loss, nll = likelihood_loss(model, *parts, noise, regression=1.0)
    assert torch.equal(loss.detach(), nll)


def test_a_hopeless_photo_gives_no_gradient_and_the_others_theirs(
    lively: ConditionalINN, parts: Split
):
    condition, features, target = parts
    hopeless = target.clone()
    hopeless[1] += 1e3  # far beyond what any weights explain
    noise = torch.zeros_like(target)
    loss, nll = likelihood_loss(lively, condition, features, hopeless, noise, 20.0, 0.0)
    assert nll > 1e3  # what is reported hides nothing
    ours = gradients(lively, loss)
    keep = torch.tensor([0, 2])
    rest = {name: value[keep] for name, value in features.items()}
    good, _ = likelihood_loss(lively, condition[keep], rest, target[keep], noise[keep], 20.0, 0.0)
    assert torch.allclose(loss, (2 * good + 20.0) / 3, rtol=1e-5)
    for mine, theirs in zip(ours, gradients(lively, good), strict=True):
        assert torch.allclose(mine, theirs * 2 / 3, rtol=1e-3, atol=1e-5)
    loss, _ = likelihood_loss(lively, condition, features, target + 1e3, noise, 20.0, 0.0)
    assert not any(gradient.any() for gradient in gradients(lively, loss))
