"""The last step of colorization: predicted chroma on the photo's own lightness."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.images.gamut import lab_to_bytes
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
    planes = torch.empty(3, *lightness.shape, dtype=torch.uint8)
    for rows, a, b in upsample_strips(chroma, lightness, config):
        flat = lab_to_bytes(lightness[rows].flatten(), a.flatten(), b.flatten())
        planes[:, rows] = flat.view(3, *a.shape)
    channels = [*planes.numpy()] if alpha is None else [*planes.numpy(), alpha]
    return Image.merge("RGB" if alpha is None else "RGBA", [Image.fromarray(c) for c in channels])
