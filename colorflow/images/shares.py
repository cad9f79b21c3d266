"""Which chroma values make up the colour at a place of a finished picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from colorflow.images.upsample import MIDDLE, Upsampler


def guide_pixel(upsampler: Upsampler, x: float, y: float) -> tuple[int, int]:
    """Find the pixel of the guide that a place of the photo lies in.

    Args:
        upsampler: of the photo.
        x: column in pixels of the photo, 0 <= x < width.
        y: row, 0 <= y < height.

    Returns:
        Its row and column.
    """
    height, width = upsampler.lightness.shape
    rows, columns = upsampler.size
    return min(int(y / height * rows), rows - 1), min(int(x / width * columns), columns - 1)


def chroma_shares(upsampler: Upsampler, pixels: Sequence[tuple[int, int]]) -> Tensor:
    """Tell how much each chroma value counts for the colour at some pixels of the guide.

    Enlarging is linear in the chroma, c(p) = sum_q share(p, q) c(q), with shares that sum up to 1.
    They are found by differentiating c = A L + B; see :class:`Upsampler`.

    Args:
        upsampler: of the photo; not made in inference mode.
        pixels: row and column of each.

    Returns:
        [pixels, h, w].
    """
    with torch.inference_mode(False), torch.enable_grad():
        # One channel is enough: a and b are treated alike.
        chroma = upsampler.guide.new_zeros(1, *upsampler.chroma_size).requires_grad_()
        slopes, offsets = upsampler.coefficients(chroma)
        result = []
        for row, column in pixels:
            lightness = upsampler.guide[row, column] + MIDDLE
            value = slopes[row, column] * lightness + offsets[row, column]
            (share,) = torch.autograd.grad(value, chroma, retain_graph=True)
            result.append(share[0])
    return torch.stack(result)
