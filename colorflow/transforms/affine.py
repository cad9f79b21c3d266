"""Elementwise affine maps: normalisation by statistics, and by a condition alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorflow.errors import ConditionError, ConfigError, ShapeError
from colorflow.transforms.base import (
    Condition,
    Transform,
    expand_condition,
    sum_per_sample,
)
from colorflow.transforms.clamps import get_clamp
from colorflow.transforms.registry import register


@register("actnorm")
class ActNorm(Transform):
    """Normalise each channel by a learned scale and bias: y = (x + bias) * exp(log_scale).

    The first batch seen in training mode sets both so that y has mean 0 and deviation 1 per
    channel. Whether that has happened is a buffer, so a loaded model is never initialised anew.
    log_det = positions * sum(log_scale).

    Source: Kingma and Dhariwal, "Glow" (2018), section 3.1.

    Args:
        channels: channels of maps, or length of vectors.
        epsilon: the smallest deviation that is normalised.
    """

    initialised: Tensor

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.bias = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.register_buffer("initialised", torch.tensor(False))

    @torch.no_grad()
    def _initialise(self, x: Tensor) -> None:
        values = x.transpose(0, 1).flatten(1)  # [channels, batch * positions]
        if values.shape[1] < 2:
            raise ShapeError(
                f"ActNorm: expected at least two values per channel to initialise from, got "
                f"{list(x.shape)}"
            )
        self.bias.copy_(-values.mean(1))
        self.log_scale.copy_(-values.std(1).clamp(min=self.epsilon).log())
        self.initialised.fill_(True)

    def _affine(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if x.dim() < 2 or x.shape[1] != len(self.bias):
            raise ShapeError(f"ActNorm: expected {len(self.bias)} channels, got {list(x.shape)}")
        shape = (1, -1) + (1,) * (x.dim() - 2)
        positions = x[0, 0].numel()
        log_det = (positions * self.log_scale.sum()).expand(x.shape[0])
        return self.bias.view(shape), self.log_scale.view(shape), log_det

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Normalise [batch, channels, ...]; same shape."""
        if self.training and not self.initialised:
            self._initialise(x)
        bias, log_scale, log_det = self._affine(x)
        return (x + bias) * log_scale.exp(), log_det

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Undo the normalisation."""
        bias, log_scale, log_det = self._affine(y)
        return y * (-log_scale).exp() - bias, -log_det


@register("conditional_affine")
class ConditionalAffine(Transform):
    """Normalise every value by a mean and a scale that depend on the condition alone.

        y = (x - shift) * exp(-log_scale),   (shift, raw) = condition,   log_scale = clamp(raw)

    As the first transform of a flow it takes over what a deterministic regressor knows: shift is
    that regressor's prediction, and the rest of the flow models what is left.

    Args:
        channels: channels of x.
        limit: bound of the log-scale, positive.
        clamp: name of the soft clamp.

    Raises:
        ConfigError: the limit is not positive.
    """

    def __init__(self, channels: int, limit: float = 4.0, clamp: str = "tanh") -> None:
        super().__init__()
        if not limit > 0:
            raise ConfigError(f"ConditionalAffine: limit must be positive, got {limit}")
        self.channels = channels
        self.limit = limit
        self.clamp = get_clamp(clamp)

    def _shift_scale(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        if not isinstance(condition, Tensor):
            raise ConditionError(
                "ConditionalAffine: expected a condition tensor (shift, log-scale), got "
                f"{type(condition).__name__}"
            )
        expected = (2 * self.channels, *x.shape[2:])
        if x.shape[1] != self.channels or tuple(condition.shape[1:]) != expected:
            raise ConditionError(
                f"ConditionalAffine: expected x [batch, {self.channels}, ...] and a condition "
                f"[photos, {', '.join(map(str, expected))}], got {list(x.shape)} and "
                f"{list(condition.shape)}"
            )
        shift, raw = condition.chunk(2, dim=1)
        log_scale = self.clamp(raw, self.limit)
        batch = x.shape[0]
        return (
            expand_condition(shift, batch, "ConditionalAffine"),
            expand_condition(log_scale, batch, "ConditionalAffine"),
        )

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Normalise x [batch, channels, ...] given [photos, 2 * channels, ...]."""
        shift, log_scale = self._shift_scale(x, condition)
        return (x - shift) * (-log_scale).exp(), -sum_per_sample(log_scale)

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Undo the normalisation."""
        shift, log_scale = self._shift_scale(y, condition)
        return y * log_scale.exp() + shift, sum_per_sample(log_scale)
