"""Edits of latent codes: near variants, another mood or other details, and how typical a code is.

The coarsest level of the latents holds a few numbers that decide the overall colours of a picture,
its *mood*; all finer levels are its *details*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from colorflow.errors import ConfigError, ShapeError
from colorflow.models.latents import Latents

PARTS = ("mood", "details")


def levels_of(part: str, count: int) -> tuple[int, ...]:
    """Tell which levels make up a part of a code.

    Args:
        part: ``"mood"`` or ``"details"``.
        count: levels of the model, at least 1.

    Returns:
        Numbers of the levels, 0 the finest. A model of one level has a mood only.

    Raises:
        ConfigError: there is no such part.
    """
    if part not in PARTS:
        raise ConfigError(f"part: expected one of {', '.join(PARTS)}, got {part}")
    return (count - 1,) if part == "mood" else tuple(range(count - 1))


def more_like(code: Latents, angle: float, seeds: Sequence[int]) -> Latents:
    """Draw codes in a similar direction, at a given angle, level by level.

        z' = cos(t) z + sin(t) |z| u,   u a random unit vector at right angles to z

    Each level keeps its length, hence the strength of the colours.

    Args:
        code: of one picture.
        angle: t in radians, from 0 (the same code) to pi / 2 (one that has nothing to do with it).
        seeds: one per code to draw.

    Returns:
        As many codes as seeds.

    Raises:
        ShapeError: the code is not of one picture.
        ConfigError: the angle is out of range.
    """
    _require_one(code)
    if not 0 <= angle <= math.pi / 2:
        raise ConfigError(f"angle: expected 0 to pi / 2, got {angle}")
    noise = Latents.sample(code.shapes, seeds)
    levels = zip(code.levels, noise.levels, strict=True)
    return Latents(tuple(_turned(mine, theirs, angle) for mine, theirs in levels))


def with_levels(code: Latents, other: Latents, levels: Sequence[int]) -> Latents:
    """Take some levels from other codes and keep the rest.

    Args:
        code: of one picture.
        other: codes of the same shapes, any number.
        levels: numbers of the levels to take, 0 the finest.

    Returns:
        As many codes as ``other`` has.

    Raises:
        ShapeError: the shapes differ, or ``code`` is not of one picture.
        ConfigError: there is no such level.
    """
    _require_one(code)
    if code.shapes != other.shapes:
        raise ShapeError(f"levels: expected codes of shapes {code.shapes}, got {other.shapes}")
    if not all(0 <= level < len(code.levels) for level in levels):
        raise ConfigError(
            f"levels: expected numbers below {len(code.levels)}, got {[*levels]}; 0 is the finest"
        )
    pairs = enumerate(zip(code.levels, other.levels, strict=True))
    return Latents(
        tuple(
            theirs if level in levels else mine.expand_as(theirs).clone()
            for level, (mine, theirs) in pairs
        )
    )


def tail_probability(code: Latents, temperature: float | Sequence[float] = 1.0) -> list[float]:
    """Tell how typical codes are: how many of all samples lie further from the usual length.

        p = 2 min(F(r), 1 - F(r)),   r = sum_l |z_l|^2 / T_l^2,   F of chi-square with d degrees

    Nearly all samples of a normal distribution in many dimensions have about the same length; one
    that is much shorter is muted, one that is much longer lies where the model has seen little.

    Source: Nalisnick et al., "Detecting Out-of-Distribution Inputs to Deep Generative Models Using
    Typicality" (2019), for the idea of a typical set.

    Args:
        code: of any number of pictures.
        temperature: standard deviation the codes were drawn with, one number or one per level;
            levels of none are left out.

    Returns:
        p of each picture, from 0 (untypical) to 1.

    Raises:
        ConfigError: there is not one temperature per level.
    """
    levels = len(code.levels)
    spread = [*temperature] if isinstance(temperature, Sequence) else [float(temperature)] * levels
    if len(spread) != levels:
        raise ConfigError(f"temperature: expected one number or {levels}, got {temperature}")
    pairs = [(z, t) for z, t in zip(code.levels, spread, strict=True) if t > 0]
    if not pairs:
        return [1.0] * len(code)
    lengths = sum((z.double() / t).flatten(1).square().sum(1) for z, t in pairs)
    degrees = sum(z[0].numel() for z, _ in pairs)
    half = torch.full_like(torch.as_tensor(lengths), degrees / 2)
    below = torch.special.gammainc(half, torch.as_tensor(lengths) / 2)
    return [float(2 * min(p, 1 - p)) for p in below]


def _turned(level: Tensor, noise: Tensor, angle: float) -> Tensor:
    flat, other = level.flatten(1).double(), noise.flatten(1).double()
    length = flat.norm()
    if angle == 0 or length == 0:
        return level.expand_as(noise).clone()
    direction = flat / length
    across = other - (other * direction).sum(1, keepdim=True) * direction
    # A level of a single number has nothing at right angles to it.
    size = across.norm(dim=1, keepdim=True)
    unit = torch.where(size > 1e-12, across / size.clamp(min=1e-12), direction)
    turned: Tensor = length * (math.cos(angle) * direction + math.sin(angle) * unit)
    turned = turned * (length / turned.norm(dim=1, keepdim=True))
    return turned.to(level.dtype).view_as(noise)


def _require_one(code: Latents) -> None:
    if len(code) != 1:
        raise ShapeError(f"edit: expected the latents of one picture, got {len(code)}")
