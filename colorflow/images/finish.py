"""The last step of colorization: predicted chroma on the photo's own lightness."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.images.gamut import gamma_table, lab_to_bytes
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
    table = gamma_table()
    height, width = lightness.shape
    result = torch.empty(height, width, 3 if alpha is None else 4, dtype=torch.uint8)
    for rows, a, b in upsample_strips(chroma, lightness, config):
        result[rows, :, :3] = lab_to_bytes(lightness[rows], a, b, table)
    if alpha is not None:
        result[..., 3] = torch.from_numpy(alpha)
    return Image.fromarray(result.numpy())
