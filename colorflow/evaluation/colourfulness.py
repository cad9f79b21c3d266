"""How colourful a picture looks, and how far two pictures are apart."""

from __future__ import annotations

import math

import numpy as np

# Stands for "no difference"; anything above has no meaning at eight bits.
BEST_PSNR = 100.0


def colourfulness(picture: np.ndarray) -> float:
    """Measure the colourfulness of a picture as people rate it.

        rg = R - G,   yb = (R + G) / 2 - B
        M = sqrt(var rg + var yb) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)

    0 is grey; the authors call 15 slightly, 45 averagely, 82 highly colourful.

    Source: Hasler and Süsstrunk, "Measuring Colourfulness in Natural Images" (2003), M^(3).

    Args:
        picture: uint8 sRGB [height, width, 3].

    Returns:
        The colourfulness, >= 0.
    """
    red, green, blue = np.moveaxis(picture.astype(np.float64), -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = math.sqrt(rg.var() + yb.var())
    return spread + 0.3 * math.sqrt(rg.mean() ** 2 + yb.mean() ** 2)


def psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    """Compute the peak signal-to-noise ratio, 10 log10(255^2 / MSE) over sRGB values.

    Args:
        picture: uint8 [height, width, 3].
        truth: uint8, same shape.

    Returns:
        Decibels, at most 100, the value of equal pictures.
    """
    error = float(np.square(picture.astype(np.float64) - truth.astype(np.float64)).mean())
    return min(BEST_PSNR, 10 * math.log10(255**2 / max(error, 1e-12)))
