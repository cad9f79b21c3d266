"""What the phases of training minimise."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from colorflow.errors import ConfigError
from colorflow.models.cinn import ConditionalINN


def regression_loss(
    model: ConditionalINN, condition: Tensor, features: Mapping[str, Tensor], target: Tensor
) -> Tensor:
    """Squared error of the affine start's shift, plus the Gaussian NLL of its scale.

        loss = mean (shift - x)^2 + mean (0.5 ((x - shift) exp(-s))^2 + s),   s = log-scale

    The scale learns around the shift without pulling at it, so that the shift is what a plain
    least-squares regressor would be.

    Args:
        model: with an affine start.
        condition: [photos, channels, height, width].
        features: of the backbone, by tap.
        target: [photos, target channels, height / stride, width / stride].

    Returns:
        The mean over photos and values.

    Raises:
        ConfigError: the model has no affine start.
    """
    prepared = model.prepare(condition, features)
    start, term = model.flow.transforms[0], prepared.terms[0]
    if model.head is None or term is None:
        raise ConfigError("regress: this phase needs a model with an affine start")
    shift, raw = term.chunk(2, dim=1)
    residual, log_det = start(target, torch.cat([shift.detach(), raw], 1))
    scale_nll: Tensor = 0.5 * residual.square().mean() - log_det.mean() / residual[0].numel()
    return (shift - target).square().mean() + scale_nll


def likelihood_loss(
    model: ConditionalINN,
    condition: Tensor,
    features: Mapping[str, Tensor],
    target: Tensor,
    noise: Tensor,
    worst: float = 20.0,
    regression: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of the noisy target, plus a share of the regressor's error.

        loss = mean min(-log p(x + noise | photo) / dim, worst) + regression mean (shift - x)^2

    Args:
        model: to train.
        condition: [photos, channels, height, width].
        features: of the backbone, by tap.
        target: [photos, target channels, height / stride, width / stride].
        noise: of the target's shape and scale; dequantises it.
        worst: NLL in nats per dimension above which a photo gives no gradient.
        regression: weight of the squared error, which keeps the shift a regressor.

    Returns:
        The loss, and the plain mean NLL in nats per dimension, without a gradient.
    """
    prepared = model.prepare(condition, features)
    nll = -model.log_prob(target + noise, prepared) / target[0].numel()
    loss = nll.clamp(max=worst).mean()
    term = prepared.terms[0]
    if model.head is not None and term is not None and regression > 0:
        shift = term[:, : target.shape[1]]
        loss = loss + regression * (shift - target).square().mean()
    return loss, nll.detach().mean()
