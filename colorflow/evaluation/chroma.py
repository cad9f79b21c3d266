"""Errors and spread of sampled chroma against the truth, photo by photo."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from colorflow.errors import ShapeError


@dataclass(frozen=True)
class ChromaErrors:
    """How far samples are from the truth and from each other; errors are mean squares of one photo.

    Args:
        first: error of the first sample.
        best_4: smallest error of the first four whole samples, or of all where they are fewer.
        best_image: error of the best whole sample: min over samples of the mean over positions and
            channels. The honest reading of "best of n".
        best_pixel: mean over positions and channels of the smallest error of any sample there. The
            published reading, far easier: no sample need be good as a whole.
        one: error of a sample, mean over samples.
        variance: of the samples around their mean, with n - 1; 0 for one sample.
        distance: mean colour difference between pairs of samples, mean over positions of
            sqrt(da^2 + db^2): CIE76 Delta E, since all share the lightness; 0 for one sample.
        chroma: mean over samples and positions of sqrt(a^2 + b^2).
        nearest: number of the sample with the smallest error.
    """

    first: float
    best_4: float
    best_image: float
    best_pixel: float
    one: float
    variance: float
    distance: float
    chroma: float
    nearest: int

    def figures(self) -> dict[str, float]:
        """Give all but ``nearest``, which no mean over photos makes sense of, by name."""
        figures = dict(self.__dict__)
        del figures["nearest"]
        return figures


def to_areas(chroma: Tensor, areas: int) -> Tensor:
    """Average square chroma over areas, so that models of any target size are compared alike.

    Args:
        chroma: [..., 2, side, side].
        areas: per side; smaller planes than that are interpolated.

    Returns:
        [..., 2, areas, areas].
    """
    side = int(chroma.shape[-1])
    if side <= areas:
        if side < areas:
            flat = chroma.reshape(-1, *chroma.shape[-3:])
            large = functional.interpolate(
                flat, size=(areas, areas), mode="bilinear", align_corners=False
            )
            return large.reshape(*chroma.shape[:-2], areas, areas)
        return chroma
    flat = chroma.reshape(-1, *chroma.shape[-3:])
    small = functional.adaptive_avg_pool2d(flat, areas)
    return small.reshape(*chroma.shape[:-2], areas, areas)


def mean_chroma(values: Tensor) -> float:
    """Compute the mean length of (a, b).

    Args:
        values: [..., channels, height, width], the last two of the channels a and b.

    Returns:
        The mean over everything else, in Lab units.
    """
    return float(values[..., -2:, :, :].double().square().sum(-3).sqrt().mean())


def chroma_errors(samples: Tensor, truth: Tensor) -> ChromaErrors:
    """Compare the samples of one photo with its truth.

    Source of the two readings of "best of n": Ardizzone et al. (2019), table 1, whose published
    code takes the minimum per pixel and channel.

    Args:
        samples: [n, 2, height, width], Lab units.
        truth: [2, height, width], Lab units.

    Returns:
        The errors, in Lab units squared.

    Raises:
        ShapeError: the shapes do not fit.
    """
    if samples.dim() != 4 or samples.shape[1:] != truth.shape:
        raise ShapeError(
            f"chroma_errors: expected samples [n, {', '.join(map(str, truth.shape))}], got "
            f"{list(samples.shape)}"
        )
    squares = (samples.double() - truth.double()).square()
    per_sample = squares.flatten(1).mean(1)
    variance = distance = 0.0
    if len(samples) > 1:
        variance = float(samples.double().var(0).mean())
        first, second = torch.triu_indices(len(samples), len(samples), offset=1)
        gaps = (samples[first] - samples[second]).double().square().sum(1).sqrt()
        distance = float(gaps.mean())
    return ChromaErrors(
        first=float(per_sample[0]),
        best_4=float(per_sample[:4].min()),
        best_image=float(per_sample.min()),
        best_pixel=float(squares.amin(0).mean()),
        one=float(per_sample.mean()),
        variance=variance,
        distance=distance,
        chroma=mean_chroma(samples),
        nearest=int(per_sample.argmin()),
    )
