"""Bringing small chroma to the photo's size along the edges of its lightness.

Three steps. A joint bilateral filter takes the chroma to the *guide's* size, a small copy of the
photo: each guide pixel averages the chroma near it whose lightness is like its own, so colour does
not bleed over edges. Back-projection then restores what the averaging took: the mean over each
chroma pixel is again the chroma that was given. Last, a guided filter writes chroma as a locally
linear function of lightness, c = A L + B, on the guide; A and B are smooth, so they can be enlarged
cheaply and applied to the lightness of every full-size pixel.

Chroma that a flow has drawn differs from pixel to pixel by more than that of photos does; it is
smoothed a little first, and restored less (:data:`DRAWN`).

All of it is linear in the chroma, with weights that depend on the photo alone. An
:class:`Upsampler` computes these once; variants of one photo share it.

The defaults are the fastest among the best of a grid, on the ten example photos, whose true chroma
was reduced to 64 pixels and enlarged again: the error is 0.83 times that of bilinear interpolation
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

MIDDLE = 50.0  # of the range of L


@dataclass(frozen=True)
class UpsampleConfig:
    """Settings of the upsampling.

    Args:
        smoothing: standard deviation of a Gaussian over the chroma before all else, in chroma
            pixels; 0 for none.
        guide_factor: guide pixels per chroma pixel, per side.
        corrections: rounds of back-projection.
        bilateral_radius: in chroma pixels.
        bilateral_space: standard deviation of the spatial weight, in chroma pixels.
        bilateral_range: standard deviation of the lightness weight, in L units.
        guided_radius: of the box, in guide pixels.
        guided_epsilon: lightness variance, in L units squared, below which an area counts as flat
            and chroma does not follow lightness.
    """

    smoothing: float = 0.0
    guide_factor: int = 6
    corrections: int = 3
    bilateral_radius: int = 2
    bilateral_space: float = 1.0
    bilateral_range: float = 3.0
    guided_radius: int = 1
    guided_epsilon: float = 60.0


# Of a few settings the one with which an ImageNet classifier finds most of the class of the true
# photo in the first variant of 125 photos held back: log-probability -1.79, by the defaults -2.00.
DRAWN = UpsampleConfig(smoothing=0.7, corrections=1)


class Upsampler:
    """Enlarges chroma along the edges of one photo.

    Args:
        lightness: of the photo [height, width], L in [0, 100]; kept, not copied.
        chroma_size: height and width of the chroma that is to come.
        config: settings; the defaults where None.
    """

    def __init__(
        self,
        lightness: Tensor,
        chroma_size: tuple[int, int],
        config: UpsampleConfig | None = None,
    ) -> None:
        self.lightness = lightness
        self.config = config or UpsampleConfig()
        self.chroma_size = chroma_size
        factor = self.config.guide_factor
        self.size = chroma_size[0] * factor, chroma_size[1] * factor
        guide = resize_planes(lightness[None], self.size)[0]
        coarse = functional.avg_pool2d(guide[None], factor)[0]
        self.weights = bilateral_weights(coarse, guide, self.config)
        # Centred first: covariances as differences of large squares lose digits in float32. Not by
        # the mean, the last bits of which depend on the number of threads.
        self.guide = guide - MIDDLE
        r = self.config.guided_radius
        self.mean = box_mean(self.guide, r)
        variance = box_mean(self.guide.square(), r) - self.mean.square()
        self.damped = variance.clamp_(min=0).add_(self.config.guided_epsilon)
        deviation = self.config.smoothing
        self.smooth = [_smoothing_matrix(side, deviation) for side in chroma_size if deviation]
        # Linear interpolation as matrices, from the chroma to the guide and on to the photo.
        self.rows = _interpolation_matrix(chroma_size[0], self.size[0])
        self.columns = _interpolation_matrix(chroma_size[1], self.size[1]).t()
        self.downwards = _interpolation_matrix(self.size[0], lightness.shape[0])

    def joint_bilateral(self, chroma: Tensor) -> Tensor:
        """Enlarge chroma to the guide's size by a joint bilateral filter.

            c(p) = sum_q w(p, q) c(q),   w as in :func:`bilateral_weights`

        Source: Kopf et al., "Joint Bilateral Upsampling" (2007).

        Args:
            chroma: [channels, h, w], Lab units.

        Returns:
            [channels, h * factor, w * factor].
        """
        factor, channels = self.config.guide_factor, len(chroma)
        fine = chroma.new_zeros(channels, *self.weights.shape[1:])
        near = _neighbours(chroma, self.config.bilateral_radius)
        for weight, values in zip(self.weights, near, strict=True):
            fine.addcmul_(weight, values[:, :, None])
        blocks = fine.view(channels, *self.chroma_size, factor, factor)
        return blocks.transpose(2, 3).reshape(channels, *self.size)

    def coefficients(self, chroma: Tensor) -> Tensor:
        """Write enlarged chroma as a locally linear function of lightness, c = A L + B.

            A = cov(L, c) / (var(L) + epsilon),   B = mean(c) - A mean(L),   averaged over boxes

        Source: He et al., "Guided Image Filtering" (2013); He and Sun, "Fast Guided Filter"
        (2015).

        Args:
            chroma: [channels, h, w], Lab units.

        Returns:
            A of all channels, B of all channels, at the guide's size
            [2 channels, h * factor, w * factor].
        """
        if self.smooth:
            chroma = self.smooth[0] @ chroma @ self.smooth[1].t()
        fine = self.joint_bilateral(chroma)
        for _ in range(self.config.corrections):
            lost = chroma - functional.avg_pool2d(fine, self.config.guide_factor)
            # Not in place: the pooling must find what it was given when it is differentiated.
            fine = fine + self.rows @ lost @ self.columns
        r = self.config.guided_radius
        mean, product = box_mean(torch.cat([fine, self.guide * fine]), r).chunk(2)
        slope = (product - self.mean * mean) / self.damped
        averaged = box_mean(torch.cat([slope, mean - slope * self.mean]), r)
        averaged[len(chroma) :] -= averaged[: len(chroma)] * MIDDLE
        return averaged

    def strips(self, chroma: Tensor) -> Iterator[tuple[slice, list[Tensor]]]:
        """Enlarge chroma to the size of the photo, strip by strip.

        Args:
            chroma: [channels, h, w], Lab units.

        Yields:
            A range of rows, and the channels of those rows, each [rows, width].
        """
        height, width = self.lightness.shape
        # Across first, once; then down, a strip at a time, so that nothing full-size is held.
        wide = self.coefficients(chroma)
        if width != self.size[1]:
            wide = functional.interpolate(
                wide[None], size=(self.size[0], width), mode="bilinear", align_corners=False
            )[0]
        for rows in row_strips(height, width):
            # Few guide rows matter to a strip; a small matrix product beats gathering and blending.
            used = self.downwards[rows].any(0).nonzero()[:, 0]
            first, last = int(used[0]), int(used[-1]) + 1
            strip = wide[:, first:last]
            if height != self.size[0]:
                strip = self.downwards[rows, first:last] @ strip  # [2 channels, rows, width]
            light = self.lightness[rows]
            slopes, offsets = strip.chunk(2)
            yield rows, [b + a * light for a, b in zip(slopes, offsets, strict=True)]


def bilateral_weights(coarse: Tensor, guide: Tensor, config: UpsampleConfig) -> Tensor:
    """Compute how much each guide pixel takes from the chroma pixels around it.

        w(p, q) ~ exp(-|p - q|^2 / (2 s^2)) exp(-(L(p) - L(q))^2 / (2 r^2)),   sum_q w(p, q) = 1

    Far from every neighbour's lightness all of them vanish; there plain bilinear weights stand in.

    Args:
        coarse: lightness at the chroma's size [h, w].
        guide: lightness [h * factor, w * factor].
        config: radius and widths.

    Returns:
        One plane per neighbour, in the order of :func:`_neighbours`, of guide pixels sorted by
        their chroma pixel, [(2 radius + 1)^2, h * w, factor^2].
    """
    factor, radius = config.guide_factor, config.bilateral_radius
    height, width = coarse.shape
    blocks = guide.view(height, factor, width, factor).transpose(1, 2)
    blocks = blocks.reshape(height * width, factor * factor)
    # Position of each guide pixel within its chroma pixel, from the centre of that pixel.
    inner = (torch.arange(factor, dtype=guide.dtype) + 0.5) / factor - 0.5
    distance = inner - torch.arange(-radius, radius + 1, dtype=guide.dtype)[:, None]
    spaces = _outer((distance.square() * (-1 / (2 * config.bilateral_space**2))).exp())
    weights = guide.new_empty(len(spaces), *blocks.shape)
    nearby = _neighbours(coarse[None], radius)
    # One neighbour after the other: its plane fits into the cache of a core, all of them do not.
    for weight, near, space in zip(weights, nearby, spaces, strict=True):
        torch.sub(blocks, near[0, :, None], out=weight)
        weight.square_().mul_(-1 / (2 * config.bilateral_range**2)).exp_().mul_(space)
    total = weights.sum(0)
    lost = total <= 1e-6
    if lost.any():
        for weight, tent in zip(weights, _outer((1 - distance.abs()).clamp(min=0)), strict=True):
            weight.copy_(torch.where(lost, tent, weight))
        total = weights.sum(0)
    for weight in weights:
        weight.div_(total)
    return weights


def _neighbours(planes: Tensor, radius: int) -> Tensor:
    """Shift [channels, h, w] by -radius ... radius: [(2 radius + 1)^2, channels, h * w]."""
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


def upsample_strips(
    chroma: Tensor, lightness: Tensor, config: UpsampleConfig | None = None
) -> Iterator[tuple[slice, list[Tensor]]]:
    """Enlarge chroma to the size of a photo once; see :meth:`Upsampler.strips`.

    Args:
        chroma: [channels, h, w], Lab units.
        lightness: of the photo [height, width], L in [0, 100].
        config: settings; the defaults where None.

    Returns:
        Ranges of rows, and the channels of those rows, each [rows, width].
    """
    height, width = chroma.shape[1:]
    return Upsampler(lightness, (height, width), config).strips(chroma)


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


def _smoothing_matrix(side: int, deviation: float) -> Tensor:
    """Write smoothing by a Gaussian as a matrix [side, side], whose rows add up to 1."""
    place = torch.arange(side, dtype=torch.float64)
    weight = (-(place[:, None] - place).square() / (2 * deviation**2)).exp()
    return (weight / weight.sum(1, keepdim=True)).float()


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
    for rows, (value,) in upsample_strips(plane[None], lightness, config):
        result[rows] = value
    return result.clamp_(min=0)
