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

from colorflow.images.filters import (
    bilateral_weights,
    box_mean,
    interpolation_matrix,
    neighbours,
    smoothing_matrix,
)
from colorflow.images.lab import row_strips
from colorflow.images.planes import Plane, resize_plane

MIDDLE = 50.0  # of the range of L
BAND = 32  # rows of the guide that are brought to the full width together


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
        lightness: of the photo [height, width], L in [0, 100]; kept, not copied. Its rows are asked
            for one strip at a time.
        chroma_size: height and width of the chroma that is to come.
        config: settings; the defaults where None.
    """

    def __init__(
        self,
        lightness: Plane,
        chroma_size: tuple[int, int],
        config: UpsampleConfig | None = None,
    ) -> None:
        self.lightness = lightness
        self.config = config or UpsampleConfig()
        self.chroma_size = chroma_size
        factor = self.config.guide_factor
        self.size = chroma_size[0] * factor, chroma_size[1] * factor
        guide = resize_plane(lightness, self.size)[0]
        coarse = functional.avg_pool2d(guide[None], factor)[0]
        self.weights = bilateral_weights(
            coarse,
            guide,
            factor,
            self.config.bilateral_radius,
            self.config.bilateral_space,
            self.config.bilateral_range,
        )
        # Centred first: covariances as differences of large squares lose digits in float32. Not by
        # the mean, the last bits of which depend on the number of threads.
        self.guide = guide - MIDDLE
        r = self.config.guided_radius
        self.mean = box_mean(self.guide, r)
        variance = box_mean(self.guide.square(), r) - self.mean.square()
        self.damped = variance.clamp_(min=0).add_(self.config.guided_epsilon)
        deviation = self.config.smoothing
        self.smooth = [smoothing_matrix(side, deviation) for side in chroma_size if deviation]
        # Linear interpolation as matrices, from the chroma to the guide and on to the photo.
        self.rows = interpolation_matrix(chroma_size[0], self.size[0])
        self.columns = interpolation_matrix(chroma_size[1], self.size[1]).t()
        self.downwards = interpolation_matrix(self.size[0], lightness.shape[0])

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
        near = neighbours(chroma, self.config.bilateral_radius)
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
        coefficients = self.coefficients(chroma)
        start = stop = 0
        for rows in row_strips(height, width):
            # Few guide rows matter to a strip; a small matrix product beats gathering and blending.
            used = self.downwards[rows].any(0).nonzero()[:, 0]
            first, last = int(used[0]), int(used[-1]) + 1
            # Across first, a band of guide rows at a time, so that nothing full-size is held.
            if last > stop:
                start, stop = first, min(max(last, first + BAND), self.size[0])
                wide = _stretched(coefficients[:, start:stop], width)
            strip = wide[:, first - start : last - start]
            if height != self.size[0]:
                strip = self.downwards[rows, first:last] @ strip  # [2 channels, rows, width]
            light = self.lightness[rows]
            slopes, offsets = strip.chunk(2)
            yield rows, [b + a * light for a, b in zip(slopes, offsets, strict=True)]


def _stretched(planes: Tensor, width: int) -> Tensor:
    """Interpolate planes across, to another width."""
    if planes.shape[2] == width:
        return planes
    size = planes.shape[1], width
    return functional.interpolate(planes[None], size=size, mode="bilinear", align_corners=False)[0]


def upsample_strips(
    chroma: Tensor, lightness: Plane, config: UpsampleConfig | None = None
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


def upsample_plane(plane: Tensor, lightness: Plane, config: UpsampleConfig | None = None) -> Tensor:
    """Enlarge any non-negative plane, e.g. an uncertainty, along the edges of a photo.

    Args:
        plane: [h, w].
        lightness: of the photo [height, width].
        config: settings; the defaults where None.

    Returns:
        [height, width], non-negative.
    """
    result = torch.empty(*lightness.shape)
    for rows, (value,) in upsample_strips(plane[None], lightness, config):
        result[rows] = value
    return result.clamp_(min=0)
