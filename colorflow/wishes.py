"""What hints ask of the chroma of a photo, at the size at which the model predicts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colorflow.hints import Hint
from colorflow.images.gamut import compress_chroma
from colorflow.images.lab import rgb_to_lab
from colorflow.images.photo import Photo
from colorflow.images.planes import resize_plane
from colorflow.images.shares import chroma_shares, guide_pixel
from colorflow.images.upsample import DRAWN, MIDDLE, Upsampler


@dataclass(frozen=True)
class HintConfig:
    """How hints act; the defaults are a choice among those of ``scripts/tune_hints.py``.

    Args:
        reach: how far a hint reaches, standard deviation as a share of the shorter side.
        likeness: to pixels how unlike in lightness, standard deviation in units of L.
        at_hint: standard deviation in Delta E of the colour at a hint from the wished one.
        near_hint: of the colours around it from the wished one.
        elsewhere: of all others from those that were drawn.
        steps: evaluations of the objective, at most.
        good: residual in Delta E with which a variant may end earlier.
    """

    reach: float = 0.125
    likeness: float = 10.0
    at_hint: float = 1.0
    near_hint: float = 8.0
    elsewhere: float = 90.0
    steps: int = 30
    good: float = 1.0


@dataclass(frozen=True)
class Wish:
    """The hints of one photo, as tensors over its chroma.

    Args:
        chroma: wished (a, b) of each hint, in Lab units, [hints, 2].
        shares: how much each chroma value counts for the colour at the hint in the finished
            picture, [hints, h, w].
        nearness: how much each chroma pixel is to have the colour of a hint, at least 0, and over
            all hints together at most 1, [hints, h, w].
    """

    chroma: Tensor
    shares: Tensor
    nearness: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the chroma it is for."""
        return int(self.shares.shape[1]), int(self.shares.shape[2])

    def to(self, device: torch.device) -> Wish:
        """Move to a device."""
        return Wish(self.chroma.to(device), self.shares.to(device), self.nearness.to(device))

    def errors(self, chroma: Tensor) -> Tensor:
        """Compare what was reached with what was wished.

        Args:
            chroma: of variants, [count, 2, h, w], Lab units.

        Returns:
            Reached minus wished (a, b), [count, hints, 2].
        """
        reached = chroma.flatten(2) @ self.shares.flatten(1).t()
        return reached.transpose(1, 2) - self.chroma

    def residuals(self, chroma: Tensor) -> Tensor:
        """Give the CIE76 colour difference at each hint; lightness is the same.

        Args:
            chroma: of variants, [count, 2, h, w], Lab units.

        Returns:
            Delta E, [count, hints].
        """
        difference: Tensor = self.errors(chroma).norm(dim=2)
        return difference


def wish_of(
    photo: Photo, hints: Sequence[Hint], size: tuple[int, int], config: HintConfig | None = None
) -> Wish:
    """Turn hints into what they ask of the chroma.

    A hint reaches the chroma pixels q that are near and of a lightness like that around it,

        exp(-|q - p|^2 / (2 s^2)) exp(-(L(q) - L(p))^2 / (2 r^2)),

    as the strokes of Levin et al. do. A chroma that sRGB cannot show at the lightness of the place
    loses as much of it as a finished picture would.

    Source: Levin et al., "Colorization using Optimization" (2004), for the idea that neighbours of
    like lightness have like colours.

    Args:
        photo: the photo.
        hints: at least one, within the photo.
        size: height and width of the chroma.
        config: how hints act; the defaults where None.

    Returns:
        The wish, on the CPU.
    """
    config = config or HintConfig()
    with torch.inference_mode(False), torch.no_grad():
        upsampler = Upsampler(photo.lightness_rows, size, DRAWN)
        coarse = resize_plane(photo.lightness_rows, size)[0].clone()
        places = [guide_pixel(upsampler, hint.x, hint.y) for hint in hints]
        lightness = torch.stack([upsampler.guide[place] for place in places]) + MIDDLE
        rgb = torch.tensor([hint.rgb for hint in hints], dtype=torch.float32) / 255
        lab = rgb_to_lab(rgb.t()[None, :, None])[0, :, 0]
        chroma = torch.stack(compress_chroma(lightness, lab[1], lab[2]), dim=1)
        nearness = torch.stack([_nearness(upsampler, coarse, place, config) for place in places])
        # Where several hints reach, they share.
        nearness /= nearness.sum(0).clamp(min=1)
        return Wish(chroma, chroma_shares(upsampler, places), nearness)


def _nearness(
    upsampler: Upsampler, coarse: Tensor, place: tuple[int, int], config: HintConfig
) -> Tensor:
    """Compute the reach of one hint, [h, w], at most 1.

    The lightness around it is that of an area like a chroma pixel: a hint set on a dark seam of a
    bright flower is meant for the flower.
    """
    factor = upsampler.config.guide_factor
    row, column = place
    half = factor // 2
    window = upsampler.guide[max(0, row - half) : row + half + 1]
    around = window[:, max(0, column - half) : column + half + 1].mean() + MIDDLE
    rows, columns = (torch.arange(side, dtype=coarse.dtype) + 0.5 for side in coarse.shape)
    down = (rows - (row + 0.5) / factor).square()
    across = (columns - (column + 0.5) / factor).square()
    reach = config.reach * min(coarse.shape)
    space = (down[:, None] + across) / (2 * reach**2)
    return torch.exp(-space - (coarse - around).square() / (2 * config.likeness**2))


def residuals_of(wish: Wish | None, chroma: Tensor) -> list[tuple[float, ...]]:
    """Measure how far samples stayed from the hints of their photo.

    Args:
        wish: of the hints, or None where there are none.
        chroma: of the samples [samples, 2, height, width], Lab units.

    Returns:
        Of each sample, the Delta E at each hint.
    """
    if wish is None:
        return [()] * len(chroma)
    # One by one, so that the last bits do not depend on how many there are.
    return [tuple(wish.residuals(one[None])[0].tolist()) for one in chroma]
