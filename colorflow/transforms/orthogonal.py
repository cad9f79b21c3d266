"""Fixed random orthogonal mixing of channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from colorflow.errors import ShapeError
from colorflow.transforms.base import Condition, Transform, zero_log_det
from colorflow.transforms.registry import register


def random_orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """Draw an orthogonal matrix from the uniform (Haar) measure.

    The Q of a QR decomposition of a Gaussian matrix is uniform once the signs of R's diagonal are
    moved into it.

    Source: Mezzadri, "How to Generate Random Matrices from the Classical Compact Groups" (2007).

    Args:
        size: rows and columns.
        generator: source of randomness, on the CPU.

    Returns:
        float64 [size, size].
    """
    gaussian = torch.randn(size, size, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    signed: Tensor = q * torch.sign(torch.diagonal(r))
    return signed


@register("orthogonal")
class RandomOrthogonal(Transform):
    """Mix channels by a fixed random orthogonal matrix: y = Q x at every position.

    The inverse is the transpose, exactly as well conditioned as the map; log_det = 0.

    Source: Ardizzone et al. (2019), section 3.4 ("random orthogonal" instead of learned 1 x 1
    convolutions as in Glow, Kingma and Dhariwal 2018).

    Args:
        channels: channels of maps, or length of vectors.
        generator: draws Q.
    """

    matrix: Tensor

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        matrix = random_orthogonal(channels, generator).to(torch.get_default_dtype())
        self.register_buffer("matrix", matrix)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> RandomOrthogonal:
        super()._apply(fn, recurse)
        if self.matrix.dtype == torch.float64:
            # A matrix that was rounded to float32 is orthogonal to 1e-7 only, and its transpose no
            # better an inverse. Two Newton-Schulz steps, Q <- Q (3 - Q'Q) / 2, restore float64.
            identity = torch.eye(len(self.matrix), dtype=torch.float64, device=self.matrix.device)
            for _ in range(2):
                self.matrix = self.matrix @ (1.5 * identity - 0.5 * self.matrix.T @ self.matrix)
        return self

    def _mix(self, x: Tensor, matrix: Tensor) -> Tensor:
        if x.dim() not in (2, 4) or x.shape[1] != len(matrix):
            raise ShapeError(
                f"RandomOrthogonal: expected [batch, {len(matrix)}] or "
                f"[batch, {len(matrix)}, height, width], got {list(x.shape)}"
            )
        # Subnets may compute in half precision; what flows through must not be rounded to it.
        with torch.autocast(x.device.type, enabled=False):
            if x.dim() == 2:
                return functional.linear(x, matrix)
            return functional.conv2d(x, matrix[:, :, None, None])

    def forward(self, x: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Mix [batch, channels, ...]; same shape."""
        return self._mix(x, self.matrix), zero_log_det(x)

    def inverse(self, y: Tensor, condition: Condition = None) -> tuple[Tensor, Tensor]:
        """Unmix [batch, channels, ...]; same shape."""
        return self._mix(y, self.matrix.T), zero_log_det(y)
