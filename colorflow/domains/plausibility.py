"""What a predicted target may hold: colours of sRGB, with a margin.

A flow is exact everywhere, but off its training data its inverse may explode: finite latents then
give values no photo has. Source: Behrmann et al., "Understanding and Mitigating Exploding Inverses
in Invertible Neural Networks" (2021).
"""

from __future__ import annotations

from torch import Tensor

# The most chroma in sRGB is that of its blue, 134; means over areas stay below it.
MAX_CHROMA = 150.0
# Predicted lightness is cut to 0 ... 100 when it is put on the photo.
LIGHTNESS_MARGIN = 50.0


def plausible_chroma(chroma: Tensor) -> Tensor:
    """Tell which pictures have finite chroma of at most :data:`MAX_CHROMA` everywhere.

    Args:
        chroma: (a, b) [count, 2, height, width], Lab units.

    Returns:
        bool [count].
    """
    # A comparison with NaN is false, so that values that are not finite are refused, too.
    return (chroma.square().sum(1) <= MAX_CHROMA**2).flatten(1).all(1)


def plausible_lightness(lightness: Tensor) -> Tensor:
    """Tell which pictures have a lightness within [0, 100], :data:`LIGHTNESS_MARGIN` beside it.

    Args:
        lightness: [count, 1, height, width], Lab units.

    Returns:
        bool [count].
    """
    off = (lightness - 50).abs()
    return (off <= 50 + LIGHTNESS_MARGIN).flatten(1).all(1)
