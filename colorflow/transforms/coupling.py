"""Two-sided couplings: each half of the channels is transformed given the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from colorflow.errors import ConditionError, ConfigError, ShapeError
from colorflow.transforms.base import Condition, Transform, sum_per_sample, zero_log_det
from colorflow.transforms.clamps import get_clamp
from colorflow.transforms.registry import register

# Builds a network from (in_channels, out_channels); called as network(x, condition).
SubnetFactory = Callable[[int, int], nn.Module]


class TwoSidedCoupling(Transform):
    """Transform the first half given the second, then the second given the new first.

        y1 = f(x1; subnet_1(x2)),   y2 = f(x2; subnet_2(y1))

    The Jacobian of each step is triangular, so both log-determinants are sums over the diagonal,
    and both steps invert without inverting a subnet.

    The condition is *hoisted*: the first layer of a subnet is linear, so its part that sees the
    condition is computed outside, once per photo. What arrives here is that part: the first
    layers' condition terms of both subnets, one behind the other along the channels.

    Source: Dinh et al., "Density Estimation using Real NVP" (2017); in two-sided form and with a
    condition, Ardizzone et al. (2019), section 3.1.

    Args:
        channels: channels of the input, at least 2; the first half has channels // 2.
        subnet: builds the two networks.

    Raises:
        ConfigError: fewer than two channels.
    """

    outputs_per_channel = 1

    def __init__(self, channels: int, subnet: SubnetFactory) -> None:
        super().__init__()
        if channels < 2:
            raise ConfigError(
                f"{type(self).__name__}: expected at least 2 channels to couple, got {channels}"
            )
        self.halves = (channels // 2, channels - channels // 2)
        first, second = self.halves
        self.subnet_1 = subnet(second, first * self.outputs_per_channel)
        self.subnet_2 = subnet(first, second * self.outputs_per_channel)

    @abstractmethod
    def apply_half(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Transform one half.

        Args:
            x: [batch, half, ...].
            parameters: [batch, half * outputs_per_channel, ...], of the subnet.

        Returns:
            The new half and the log-determinant [batch].
        """

    @abstractmethod
    def invert_half(self, y: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Undo :meth:`apply_half`; same arguments, with y for x."""

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.dim() < 2 or x.shape[1] != sum(self.halves):
            raise ShapeError(
                f"{type(self).__name__}: expected {sum(self.halves)} channels, got {list(x.shape)}"
            )
        first, second = x.split(self.halves, dim=1)
        return first, second

    def _conditions(self, condition: Condition) -> tuple[Tensor | None, Tensor | None]:
        if condition is None:
            return None, None
        if not isinstance(condition, Tensor) or condition.shape[1] % 2:
            raise ConditionError(
                f"{type(self).__name__}: expected the hoisted condition terms of two subnets in "
                f"one tensor, got {getattr(condition, 'shape', type(condition).__name__)}; "
                "make it with prepare()"
            )
        first, second = condition.chunk(2, dim=1)
        return first, second

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Couple [batch, channels, ...]; same shape."""
        x1, x2 = self._halves(x)
        c1, c2 = self._conditions(condition)
        y1, log_det_1 = self.apply_half(x1, self.subnet_1(x2, c1))
        y2, log_det_2 = self.apply_half(x2, self.subnet_2(y1, c2))
        return torch.cat([y1, y2], dim=1), log_det_1 + log_det_2

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Undo the coupling, last step first."""
        y1, y2 = self._halves(y)
        c1, c2 = self._conditions(condition)
        x2, log_det_2 = self.invert_half(y2, self.subnet_2(y1, c2))
        x1, log_det_1 = self.invert_half(y1, self.subnet_1(x2, c1))
        return torch.cat([x1, x2], dim=1), log_det_1 + log_det_2


@register("affine_coupling")
class AffineCoupling(TwoSidedCoupling):
    """Scale and shift each half: f(x; s, t) = x * exp(clamp(s)) + t.

    Source: Dinh et al. (2017); the soft clamp, Ardizzone et al. (2019).

    Args:
        channels: channels of the input, at least 2.
        subnet: builds the two networks; each predicts log-scale and shift together.
        limit: bound of the log-scale per half, positive.
        clamp: name of the soft clamp, see :mod:`colorflow.transforms.clamps`.

    Raises:
        ConfigError: an argument is out of range.
    """

    outputs_per_channel = 2

    def __init__(
        self, channels: int, subnet: SubnetFactory, limit: float = 1.0, clamp: str = "atan"
    ) -> None:
        super().__init__(channels, subnet)
        if not limit > 0:
            raise ConfigError(f"{type(self).__name__}: limit must be positive, got {limit}")
        self.limit = limit
        self.clamp = get_clamp(clamp)

    def _scale_shift(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = parameters.chunk(2, dim=1)
        return self.clamp(raw, self.limit), shift

    def apply_half(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Give x * exp(s) + t and the sum of s."""
        log_scale, shift = self._scale_shift(parameters)
        return x * log_scale.exp() + shift, sum_per_sample(log_scale)

    def invert_half(self, y: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Give (y - t) * exp(-s) and minus the sum of s."""
        log_scale, shift = self._scale_shift(parameters)
        return (y - shift) * (-log_scale).exp(), -sum_per_sample(log_scale)


@register("gin_coupling")
class GINCoupling(AffineCoupling):
    """An affine coupling that keeps volume: the mean log-scale of each half is taken off.

    The mean runs over all channels and positions of a sample, so the log-scales of each half add
    up to zero and log_det = 0 exactly.

    Source: Sorrenson et al., "Disentanglement by Nonlinear ICA with General Incompressible-flow
    Networks (GIN)" (2020).

    Args:
        channels: channels of the input, at least 2.
        subnet: builds the two networks.
        limit: bound of the log-scale before the mean is taken off.
        clamp: name of the soft clamp.
    """

    def _scale_shift(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = super()._scale_shift(parameters)
        mean = log_scale.mean(dim=tuple(range(1, log_scale.dim())), keepdim=True)
        return log_scale - mean, shift

    def apply_half(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Give x * exp(s) + t and zero."""
        return super().apply_half(x, parameters)[0], zero_log_det(x)

    def invert_half(self, y: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Give (y - t) * exp(-s) and zero."""
        return super().invert_half(y, parameters)[0], zero_log_det(y)


@register("additive_coupling")
class AdditiveCoupling(TwoSidedCoupling):
    """Shift each half: f(x; t) = x + t; log_det = 0.

    Source: Dinh et al., "NICE: Non-linear Independent Components Estimation" (2015).

    Args:
        channels: channels of the input, at least 2.
        subnet: builds the two networks.
    """

    def apply_half(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Give x + t and zero."""
        return x + parameters, zero_log_det(x)

    def invert_half(self, y: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Give y - t and zero."""
        return y - parameters, zero_log_det(y)
