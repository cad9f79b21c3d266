"""Bringing small chroma to the photo's size along the edges of its lightness.

Three steps. A joint bilateral filter takes the chroma to the *guide's* size, a small copy of the
photo: each guide pixel averages the chroma near it whose lightness is like its own, so colour does
not bleed over edges. Back-projection then restores what the averaging took: the mean over each
chroma pixel is again the chroma that was given. Last, a guided filter writes chroma as a locally
linear function of lightness, c = A L + B, on the guide; A and B are smooth, so they can be enlarged
cheaply and applied to the lightness of every full-size pixel.

The defaults are the best of a small grid on seven photos whose true chroma was reduced to 32 pixels
and enlarged again: the error is 0.83 times that of bilinear interpolation
(``scripts/tune_upsampling.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from colorflow.images.lab import row_strips
from colorflow.images.photo import resize_planes


@dataclass(frozen=True)
class UpsampleConfig:
    """Settings of the upsampling.

    Args:
        guide_factor: guide pixels per chroma pixel, per side.
        corrections: rounds of back-projection.
        bilateral_radius: in chroma pixels.
        bilateral_space: standard deviation of the spatial weight, in chroma pixels.
        bilateral_range: standard deviation of the lightness weight, in L units.
        guided_radius: of the box, in guide pixels.
        guided_epsilon: lightness variance, in L units squared, below which an area counts as flat
            and chroma does not follow lightness.
    """

    guide_factor: int = 8
    corrections: int = 2
    bilateral_radius: int = 2
    bilateral_space: float = 1.0
    bilateral_range: float = 5.0
    guided_radius: int = 1
    guided_epsilon: float = 60.0


def joint_bilateral(
    chroma: Tensor, coarse_guide: Tensor, guide: Tensor, config: UpsampleConfig
) -> Tensor:
    """Enlarge chroma to the guide's size by a joint bilateral filter.

        c(p) = sum_q w(p, q) c(q) / sum_q w(p, q),
        w = exp(-|p - q|^2 / (2 s^2)) exp(-(L(p) - L(q))^2 / (2 r^2))

    Source: Kopf et al., "Joint Bilateral Upsampling" (2007).

    Args:
        chroma: [2, h, w], Lab units.
        coarse_guide: lightness at the chroma's size [h, w].
        guide: lightness [h * factor, w * factor].
        config: radii and widths.

    Returns:
        [2, h * factor, w * factor].
    """
    height, width = chroma.shape[1:]
    factor = guide.shape[0] // height
    radius = config.bilateral_radius
    stacked = torch.cat([chroma, coarse_guide[None]])[None]
    padded = functional.pad(stacked, (radius,) * 4, mode="replicate")[0]
    # Position of each guide pixel within its chroma pixel, from the centre of that pixel.
    inner = (torch.arange(factor, dtype=chroma.dtype) + 0.5) / factor - 0.5
    blocks = guide.view(height, factor, width, factor)
    total = chroma.new_zeros(2, height, factor, width, factor)
    weight = chroma.new_zeros(height, factor, width, factor)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            top, left = radius + dy, radius + dx
            near = padded[:, top : top + height, left : left + width][:, :, None, :, None]
            distance = (inner - dy).square()[:, None] + (inner - dx).square()[None, :]
            space = distance / (2 * config.bilateral_space**2)  # [factor, factor]
            contrast = (blocks - near[2]).square() / (2 * config.bilateral_range**2)
            w = torch.exp(-contrast - space[None, :, None, :])
            total += w * near[:2]
            weight += w
    # Far from every neighbour's lightness all weights vanish; then the plain average is left.
    result = total / weight.clamp(min=1e-12)
    plain = functional.interpolate(
        chroma[None], size=guide.shape, mode="bilinear", align_corners=False
    )[0].view_as(result)
    return torch.where(weight > 1e-6, result, plain).reshape(2, *guide.shape)


def guided_coefficients(
    chroma: Tensor, guide: Tensor, config: UpsampleConfig
) -> tuple[Tensor, Tensor]:
    """Write chroma as a locally linear function of lightness.

        A = cov(L, c) / (var(L) + epsilon),   B = mean(c) - A mean(L),   both averaged over boxes

    Source: He et al., "Guided Image Filtering" (2013); He and Sun, "Fast Guided Filter" (2015).

    Args:
        chroma: [2, height, width].
        guide: lightness [height, width].
        config: radius and epsilon.

    Returns:
        A and B, each [2, height, width].
    """
    light = guide.expand_as(chroma)

    def box(x: Tensor) -> Tensor:
        r = config.guided_radius
        padded = functional.pad(x[None], (r,) * 4, mode="replicate")
        return functional.avg_pool2d(padded, 2 * r + 1, stride=1)[0]

    # Centred first: covariances as differences of large squares lose digits in float32.
    offset = guide.mean()
    light = light - offset
    mean_light, mean_chroma = box(light), box(chroma)
    covariance = box(light * chroma) - mean_light * mean_chroma
    variance = box(light * light) - mean_light * mean_light
    slope = covariance / (variance.clamp(min=0) + config.guided_epsilon)
    intercept = mean_chroma - slope * mean_light
    slope, intercept = box(slope), box(intercept)
    return slope, intercept - slope * offset


def upsample_strips(
    chroma: Tensor, lightness: Tensor, config: UpsampleConfig | None = None
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Enlarge chroma to the size of a photo, strip by strip.

    Args:
        chroma: [2, h, w], Lab units.
        lightness: of the photo [height, width], L in [0, 100].
        config: settings; the defaults where None.

    Yields:
        A range of rows, and a and b of those rows, each [rows, width].
    """
    config = config or UpsampleConfig()
    height, width = lightness.shape
    size = chroma.shape[1] * config.guide_factor, chroma.shape[2] * config.guide_factor
    guide = resize_planes(lightness[None], size)[0]
    coarse = functional.avg_pool2d(guide[None], config.guide_factor)[0]
    fine = joint_bilateral(chroma, coarse, guide, config)
    for _ in range(config.corrections):
        lost = chroma - functional.avg_pool2d(fine, config.guide_factor)
        fine = (
            fine
            + functional.interpolate(lost[None], size=size, mode="bilinear", align_corners=False)[0]
        )
    coefficients = torch.cat(guided_coefficients(fine, guide, config))  # [4, *size]
    # Across first, once; then down, a strip at a time, so that nothing full-size is held.
    wide = functional.interpolate(
        coefficients[None], size=(size[0], width), mode="bilinear", align_corners=False
    )[0]
    downwards = _interpolation_matrix(size[0], height)
    for rows in row_strips(height, width):
        # Few guide rows matter to a strip; a small matrix product beats gathering and blending.
        used = downwards[rows].any(0).nonzero()[:, 0]
        first, last = int(used[0]), int(used[-1]) + 1
        strip = downwards[rows, first:last] @ wide[:, first:last]  # [4, rows, width]
        light = lightness[rows]
        yield rows, strip[2].addcmul_(strip[0], light), strip[3].addcmul_(strip[1], light)


def _interpolation_matrix(source: int, target: int) -> Tensor:
    """Write linear interpolation between pixel centres as a matrix [target, source]."""
    position = (torch.arange(target, dtype=torch.float64) + 0.5) * (source / target) - 0.5
    position = position.clamp(0, source - 1)
    above = position.floor().long().clamp(max=max(0, source - 2))
    share = position - above
    matrix = torch.zeros(target, source, dtype=torch.float64)
    matrix[torch.arange(target), above] = 1 - share
    if source > 1:
        matrix[torch.arange(target), above + 1] = share
    return matrix.float()


def upsample_plane(
    plane: Tensor, lightness: Tensor, config: UpsampleConfig | None = None
) -> Tensor:
    """Enlarge any non-negative plane, e.g. an uncertainty, along the edges of a photo.

    Args:
        plane: [h, w].
        lightness: of the photo [height, width].
        config: settings; the defaults where None.

    Returns:
        [height, width], non-negative.
    """
    result = torch.empty_like(lightness)
    for rows, value, _ in upsample_strips(torch.stack([plane, plane]), lightness, config):
        result[rows] = value
    return result.clamp_(min=0)
