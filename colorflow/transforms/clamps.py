"""Soft clamps of the log-scale: bounded, smooth, monotone, zero at zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from colorflow.errors import ConfigError

Clamp = Callable[[Tensor, float], Tensor]


def clamp_atan(raw: Tensor, limit: float) -> Tensor:
    """Clamp by limit * 2/pi * atan(raw): range (-limit, limit), slope 2/pi * limit at zero.

    Args:
        raw: any shape.
        limit: bound of the result, positive.

    Returns:
        Same shape.
    """
    return (limit * 2 / math.pi) * torch.atan(raw)


def clamp_atan_legacy(raw: Tensor, limit: float) -> Tensor:
    """Clamp by limit * 2/pi * atan(raw / limit): range (-limit, limit), slope 2/pi at zero.

    Source: Ardizzone et al. (2019), whose code divides the argument by the limit.

    Args:
        raw: any shape.
        limit: bound of the result, positive.

    Returns:
        Same shape.
    """
    return (limit * 2 / math.pi) * torch.atan(raw / limit)


def clamp_tanh(raw: Tensor, limit: float) -> Tensor:
    """Clamp by limit * tanh(raw / limit): range (-limit, limit), slope 1 at zero.

    Args:
        raw: any shape.
        limit: bound of the result, positive.

    Returns:
        Same shape.
    """
    return limit * torch.tanh(raw / limit)


def get_clamp(name: str) -> Clamp:
    """Look a clamp up.

    Args:
        name: ``"atan"``, ``"atan_legacy"`` or ``"tanh"``.

    Returns:
        The function of (raw, limit).

    Raises:
        ConfigError: there is no such clamp.
    """
    clamps = {"atan": clamp_atan, "atan_legacy": clamp_atan_legacy, "tanh": clamp_tanh}
    if name not in clamps:
        raise ConfigError(f"clamp '{name}': expected one of {', '.join(clamps)}")
    return clamps[name]
