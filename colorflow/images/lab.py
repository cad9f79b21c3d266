"""CIE Lab planes from RGB and back, for pictures of any size.

Lab is D65 / 2 degrees; RGB is sRGB with its transfer curve, in [0, 1]. The conversions are
kornia's, run over strips of rows so that temporaries do not grow with the picture. Whole pictures
are the work of one thread: where threads share a plane out, the last bits of powers depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from colorflow.devices import one_thread

# Pixels handled at a time: large enough to hide call overhead, small enough for the cache.
STRIP_PIXELS = 1 << 17


def row_strips(height: int, width: int, pixels: int = STRIP_PIXELS) -> Iterator[slice]:
    """Cut a picture into strips of whole rows.

    Args:
        height: rows of the picture.
        width: pixels in a row.
        pixels: wished size of a strip.

    Yields:
        Row ranges, from the top, that cover the picture once.
    """
    rows = max(1, pixels // max(1, width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to Lab.

    Args:
        rgb: [batch, 3, height, width], in [0, 1].

    Returns:
        L in [0, 100], a and b in about [-128, 127], same shape.
    """
    from kornia.color import rgb_to_lab as convert

    return convert(rgb)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert Lab to sRGB without clipping: values outside [0, 1] are out of gamut.

    Args:
        lab: [batch, 3, height, width], L in [0, 100].

    Returns:
        RGB, same shape.
    """
    from kornia.color import lab_to_rgb as convert

    return convert(lab, clip=False)


def lightness_to_grey(lightness: Tensor) -> Tensor:
    """Give the sRGB value of the neutral grey with a lightness.

    With f = (L + 16) / 116, luminance is Y = f^3 where f > 6/29 and 3 (6/29)^2 (f - 4/29) below;
    the grey value is Y through the sRGB transfer curve.

    Source: CIE 15 (2004); IEC 61966-2-1 (1999).

    Args:
        lightness: L in [0, 100], any shape.

    Returns:
        Grey value in [0, 1], same shape.
    """
    f = (lightness + 16.0) / 116.0
    luminance = torch.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)).clamp(0.0, 1.0)
    return torch.where(
        luminance <= 0.0031308,
        12.92 * luminance,
        1.055 * luminance.clamp(min=0.0031308) ** (1 / 2.4) - 0.055,
    )


def grey_to_lightness(grey: Tensor) -> Tensor:
    """Give the lightness of neutral greys; the inverse of :func:`lightness_to_grey`.

    Args:
        grey: sRGB grey value in [0, 1], any shape.

    Returns:
        L in [0, 100], same shape.
    """
    luminance = torch.where(
        grey <= 0.04045, grey / 12.92, ((grey.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    )
    f = torch.where(
        luminance > (6 / 29) ** 3,
        luminance.clamp(min=(6 / 29) ** 3) ** (1 / 3),
        luminance / (3 * (6 / 29) ** 2) + 4 / 29,
    )
    return 116.0 * f - 16.0


def lab_planes(pixels: np.ndarray) -> Tensor:
    """Convert a whole picture to Lab planes.

    Args:
        pixels: grey [height, width] or RGB [height, width, 3]; uint8, uint16, or float in [0, 1].

    Returns:
        float32 [3, height, width]: L in [0, 100], a, b (exactly zero for a grey picture).
    """
    height, width = pixels.shape[:2]
    planes = torch.zeros(3, height, width)
    if pixels.ndim == 2:
        planes[0] = _grey_plane(pixels)
        return planes
    with one_thread():
        for rows in row_strips(height, width):
            strip = torch.from_numpy(to_unit(pixels[rows])).permute(2, 0, 1)  # [3, rows, width]
            planes[:, rows] = rgb_to_lab(strip[None])[0]
    return planes


def lightness_plane(pixels: np.ndarray) -> Tensor:
    """Convert a whole picture to its lightness alone.

    Args:
        pixels: as for :func:`lab_planes`.

    Returns:
        float32 [height, width], L in [0, 100].
    """
    if pixels.ndim == 2:
        return _grey_plane(pixels)
    height, width = pixels.shape[:2]
    plane = torch.empty(height, width)
    with one_thread():
        for rows in row_strips(height, width):
            strip = torch.from_numpy(to_unit(pixels[rows])).permute(2, 0, 1)
            plane[rows] = rgb_to_lab(strip[None])[0, 0]
    return plane


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """Bring pixel values to float32 in [0, 1].

    Args:
        pixels: uint8, uint16, or float already in [0, 1].

    Returns:
        float32, same shape.
    """
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / 255.0
    if pixels.dtype == np.uint16:
        return pixels.astype(np.float32) / 65535.0
    return np.clip(pixels.astype(np.float32), 0.0, 1.0)


def lightness_table(kind: np.dtype) -> Tensor:
    """Compute the lightness of all grey values of a type; looking it up is cheaper than powers.

    Args:
        kind: ``uint8`` or ``uint16``.

    Returns:
        float32 [256] or [65536], L in [0, 100].
    """
    with one_thread():
        return grey_to_lightness(torch.linspace(0.0, 1.0, np.iinfo(kind).max + 1))


def _grey_plane(pixels: np.ndarray) -> Tensor:
    if pixels.dtype not in (np.uint8, np.uint16):
        with one_thread():
            return grey_to_lightness(torch.from_numpy(to_unit(pixels)))
    plane = np.empty(pixels.shape, np.float32)
    table = lightness_table(pixels.dtype).numpy()
    for rows in row_strips(*pixels.shape):
        plane[rows] = np.take(table, pixels[rows])
    return torch.from_numpy(plane)
