"""Linear filters that the upsampling is made of: weights, boxes, and matrices."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def bilateral_weights(
    coarse: Tensor, guide: Tensor, factor: int, radius: int, space: float, spread: float
) -> Tensor:
    """Compute how much each guide pixel takes from the chroma pixels around it.

        w(p, q) ~ exp(-|p - q|^2 / (2 s^2)) exp(-(L(p) - L(q))^2 / (2 r^2)),   sum_q w(p, q) = 1

    Far from every neighbour's lightness all of them vanish; there plain bilinear weights stand in.

    Args:
        coarse: lightness at the chroma's size [h, w].
        guide: lightness [h * factor, w * factor].
        factor: guide pixels per chroma pixel, per side.
        radius: in chroma pixels.
        space: standard deviation s of the spatial weight, in chroma pixels.
        spread: standard deviation r of the lightness weight, in L units.

    Returns:
        One plane per neighbour, in the order of :func:`neighbours`, of guide pixels sorted by
        their chroma pixel, [(2 radius + 1)^2, h * w, factor^2].
    """
    height, width = coarse.shape
    blocks = guide.view(height, factor, width, factor).transpose(1, 2)
    blocks = blocks.reshape(height * width, factor * factor)
    # Position of each guide pixel within its chroma pixel, from the centre of that pixel.
    inner = (torch.arange(factor, dtype=guide.dtype) + 0.5) / factor - 0.5
    distance = inner - torch.arange(-radius, radius + 1, dtype=guide.dtype)[:, None]
    tents = (1 - distance.abs()).clamp(min=0)
    spaces = _outer((distance.square() * (-1 / (2 * space**2))).exp())
    weights = guide.new_empty(len(spaces), *blocks.shape)
    nearby = neighbours(coarse[None], radius)
    # One neighbour after the other: its plane fits into the cache of a core, all of them do not.
    for weight, near, spatial in zip(weights, nearby, spaces, strict=True):
        torch.sub(blocks, near[0, :, None], out=weight)
        weight.square_().mul_(-1 / (2 * spread**2)).exp_().mul_(spatial)
    total = weights.sum(0)
    lost = total <= 1e-6
    if lost.any():
        for weight, tent in zip(weights, _outer(tents), strict=True):
            weight.copy_(torch.where(lost, tent, weight))
        total = weights.sum(0)
    for weight in weights:
        weight.div_(total)
    return weights


def neighbours(planes: Tensor, radius: int) -> Tensor:
    """Shift planes by -radius ... radius in both directions, repeating the border.

    Args:
        planes: [channels, h, w].
        radius: in pixels.

    Returns:
        [(2 radius + 1)^2, channels, h * w].
    """
    padded = functional.pad(planes[None], (radius,) * 4, mode="replicate")
    columns = functional.unfold(padded, 2 * radius + 1)
    return columns.view(len(planes), -1, planes[0].numel()).transpose(0, 1)


def _outer(one_sided: Tensor) -> Tensor:
    """Multiply [side, factor] of both directions to [side^2, factor^2]."""
    both = one_sided[:, None, :, None] * one_sided[None, :, None, :]
    return both.flatten(2).flatten(0, 1)


def box_mean(planes: Tensor, radius: int) -> Tensor:
    """Average over squares, repeating the border.

    Sums of shifted copies: for small boxes several times faster than a pooling layer.

    Args:
        planes: [..., height, width].
        radius: of the square, whose side is 2 radius + 1.

    Returns:
        Same shape.
    """
    height, width = planes.shape[-2:]
    flat = planes.reshape(-1, 1, height, width)
    padded = functional.pad(flat, (radius,) * 4, mode="replicate")
    down = padded[..., :height, :].clone()
    for k in range(1, 2 * radius + 1):
        down += padded[..., k : k + height, :]
    across = down[..., :width].clone()
    for k in range(1, 2 * radius + 1):
        across += down[..., k : k + width]
    return across.div_((2 * radius + 1) ** 2).view_as(planes)


def interpolation_matrix(source: int, target: int) -> Tensor:
    """Write linear interpolation between pixel centres as a matrix.

    Args:
        source: pixels that are given.
        target: pixels that are wanted.

    Returns:
        [target, source], whose rows add up to 1.
    """
    position = (torch.arange(target, dtype=torch.float64) + 0.5) * (source / target) - 0.5
    position = position.clamp(0, source - 1)
    above = position.floor().long().clamp(max=max(0, source - 2))
    share = position - above
    matrix = torch.zeros(target, source, dtype=torch.float64)
    matrix[torch.arange(target), above] = 1 - share
    if source > 1:
        matrix[torch.arange(target), above + 1] = share
    return matrix.float()


def smoothing_matrix(side: int, deviation: float) -> Tensor:
    """Write smoothing by a Gaussian as a matrix.

    Args:
        side: pixels.
        deviation: standard deviation, in pixels.

    Returns:
        [side, side], whose rows add up to 1.
    """
    place = torch.arange(side, dtype=torch.float64)
    weight = (-(place[:, None] - place).square() / (2 * deviation**2)).exp()
    return (weight / weight.sum(1, keepdim=True)).float()
