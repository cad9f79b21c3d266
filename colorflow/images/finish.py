"""The last step of colorization: predicted chroma on the photo's own lightness."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.images.gamut import fitted_bytes, linear_rgb, outside_gamut, rgb_to_bytes
from colorflow.images.lab import STRIP_PIXELS
from colorflow.images.photo import Photo
from colorflow.images.upsample import UpsampleConfig, upsample_strips


def finish_photo(photo: Photo, chroma: Tensor, config: UpsampleConfig | None = None) -> Image.Image:
    """Put chroma on a photo.

    The lightness is the photo's own, untouched; chroma is enlarged along its edges; colours outside
    sRGB lose chroma, not lightness or hue. Memory beyond the result and the lightness plane does
    not grow with the photo.

    Args:
        photo: the photo.
        chroma: [2, height, width] of any size, Lab units.
        config: settings of the upsampling.

    Returns:
        ``RGB``, or ``RGBA`` where the photo has alpha, of the photo's size.
    """
    return finish_lightness(photo.lightness, chroma, photo.alpha, config)


def finish_lightness(
    lightness: Tensor,
    chroma: Tensor,
    alpha: np.ndarray | None = None,
    config: UpsampleConfig | None = None,
) -> Image.Image:
    """Put chroma on a lightness plane; see :func:`finish_photo`.

    Args:
        lightness: [height, width], L in [0, 100].
        chroma: [2, h, w], Lab units.
        alpha: uint8 [height, width], or None.
        config: settings of the upsampling.

    Returns:
        ``RGB`` or ``RGBA``.
    """
    height, width = lightness.shape
    planes = torch.empty(3, height * width, dtype=torch.uint8)
    pending: list[tuple[Tensor, ...]] = []
    workspace = torch.empty(9 * max(STRIP_PIXELS, width))
    for rows, a, b in upsample_strips(chroma, lightness, config):
        lab = lightness[rows].reshape(-1), a.reshape(-1), b.reshape(-1)
        rgb = linear_rgb(*lab, workspace)
        outside = outside_gamut(rgb)
        start = rows.start * width
        rgb_to_bytes(rgb, out=planes[:, start : start + rgb.shape[1]])
        if len(outside):
            pending.append((outside + start, *(plane[outside] for plane in lab)))
        # Few colours of a strip are outside the gamut, and fitting them takes many small steps:
        # done for several strips together, these cost their arithmetic and not their overhead.
        if sum(len(part[0]) for part in pending) > STRIP_PIXELS:
            _fit(planes, pending, workspace)
    _fit(planes, pending, workspace)
    whole = planes.view(3, height, width).numpy()
    channels = [*whole] if alpha is None else [*whole, alpha]
    return Image.merge("RGB" if alpha is None else "RGBA", [Image.fromarray(c) for c in channels])


def _fit(planes: Tensor, pending: list[tuple[Tensor, ...]], workspace: Tensor) -> None:
    """Write the colours collected in ``pending`` into the planes, fitted to the gamut."""
    if pending:
        columns = [torch.cat(parts) for parts in zip(*pending, strict=True)]
        for index, light, a, b in zip(*(c.split(STRIP_PIXELS) for c in columns), strict=True):
            planes[:, index] = fitted_bytes(light, a, b, workspace)
        pending.clear()
