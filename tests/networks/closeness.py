"""How far two tensors are apart."""

from __future__ import annotations

from torch import Tensor


def relative_error(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).abs().max() / expected.abs().max())
