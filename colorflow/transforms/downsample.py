"""Exchanging resolution for channels: Haar wavelets and the i-RevNet reshape."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from colorflow.errors import ConfigError, ShapeError
from colorflow.transforms.base import Condition, Transform, require_map, zero_log_det
from colorflow.transforms.registry import register


class _SpaceToChannels(Transform):
    """Four neighbours become four channels; subclasses say which mixture.

    The order of the 4C channels is ``"wavelet"``: all C channels of the first component, then of
    the second …, so that a split keeps averages; or ``"channel"``: four components per channel.
    """

    def __init__(self, order: str = "wavelet") -> None:
        super().__init__()
        if order not in ("wavelet", "channel"):
            raise ConfigError(
                f"{type(self).__name__}: order must be 'wavelet' or 'channel', got '{order}'"
            )
        self.order = order

    def _stack(self, parts: list[Tensor]) -> Tensor:
        if self.order == "wavelet":
            return torch.cat(parts, dim=1)
        return torch.stack(parts, dim=2).flatten(1, 2)

    def _unstack(self, y: Tensor) -> list[Tensor]:
        require_map(y, type(self).__name__)
        if y.shape[1] % 4:
            require_map(y, type(self).__name__, channels=y.shape[1] // 4 * 4 or 4)
        if self.order == "wavelet":
            return list(y.chunk(4, dim=1))
        return list(y.unflatten(1, (-1, 4)).unbind(2))


def _neighbours(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]


def _interleave(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    top = torch.stack([a, b], dim=-1).flatten(-2)  # [..., h, 2w]
    bottom = torch.stack([c, d], dim=-1).flatten(-2)
    return torch.stack([top, bottom], dim=-2).flatten(-3, -2)  # [..., 2h, 2w]


@register("haar")
class Haar(_SpaceToChannels):
    """Orthonormal Haar downsampling: average, horizontal, vertical and diagonal detail.

    For each 2 x 2 block (p, q; r, s): y = rebalance / 2 * (p+q+r+s, p-q+r-s, p+q-r-s, p-q-r+s).
    The map is orthonormal for rebalance = 1; log_det = dimensions * log(rebalance).

    Source: Haar (1910); as a layer, Ardizzone et al. (2019), section 3.4.

    Args:
        order: ``"wavelet"`` (averages of all channels first) or ``"channel"``.
        rebalance: positive factor on all coefficients.

    Raises:
        ConfigError: an argument is out of range.
    """

    def __init__(self, order: str = "wavelet", rebalance: float = 1.0) -> None:
        super().__init__(order)
        if not rebalance > 0:
            raise ConfigError(f"Haar: rebalance must be positive, got {rebalance}")
        self.rebalance = rebalance

    def _log_det(self, x: Tensor) -> Tensor:
        return zero_log_det(x) + x[0].numel() * math.log(self.rebalance)

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Downsample [batch, C, H, W] to [batch, 4C, H/2, W/2]; H and W even."""
        require_map(x, "Haar", multiple=2)
        p, q, r, s = _neighbours(x)
        top, bottom, left, right = p + q, r + s, p - q, r - s
        parts = [top + bottom, left + right, top - bottom, left - right]
        return self._stack(parts) * (0.5 * self.rebalance), self._log_det(x)

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Upsample [batch, 4C, h, w] to [batch, C, 2h, 2w]."""
        mean, horizontal, vertical, diagonal = self._unstack(y * (0.5 / self.rebalance))
        top, bottom = mean + vertical, mean - vertical
        left, right = horizontal + diagonal, horizontal - diagonal
        x = _interleave(top + left, top - left, bottom + right, bottom - right)
        return x, -self._log_det(y)


@register("reshape")
class Reshape(_SpaceToChannels):
    """The i-RevNet reshape: the four pixels of each 2 x 2 block become four channels.

    A permutation of values: log_det = 0.

    Source: Jacobsen et al., "i-RevNet: Deep Invertible Networks" (2018).

    Args:
        order: ``"wavelet"`` (the top left pixel of all channels first) or ``"channel"``.

    Raises:
        ConfigError: the order is unknown.
    """

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Reshape [batch, C, H, W] to [batch, 4C, H/2, W/2]; H and W even."""
        require_map(x, "Reshape", multiple=2)
        return self._stack(list(_neighbours(x))), zero_log_det(x)

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Reshape [batch, 4C, h, w] to [batch, C, 2h, 2w]."""
        a, b, c, d = self._unstack(y)
        return _interleave(a, b, c, d), zero_log_det(y)


@register("flatten")
class Flatten(Transform):
    """Lay a map out as a vector; log_det = 0.

    Args:
        shape: channels, height and width of the map.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Flatten [batch, C, H, W] to [batch, C * H * W]."""
        if tuple(x.shape[1:]) != self.shape:
            raise ShapeError(f"Flatten: expected [batch, {self.shape}], got {list(x.shape)}")
        return x.flatten(1), zero_log_det(x)

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Unflatten [batch, C * H * W] to [batch, C, H, W]."""
        return y.unflatten(1, self.shape), zero_log_det(y)
