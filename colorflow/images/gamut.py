"""From Lab to sRGB bytes, with colours outside the gamut brought in at constant lightness and hue.

Clipping RGB shifts lightness and hue. Here a colour that sRGB cannot show is moved towards the
grey of the same lightness until it fits: (L, a, b) -> (L, t a, t b), with the largest t found by
bisection. Written out step by step and in place, since this runs over every pixel of a photo and
for every variant; :mod:`colorflow.images.lab` is the readable reference, and the tests compare.
"""

from __future__ import annotations

import torch
from torch import Tensor

# D65 white and the matrix from XYZ to linear sRGB (IEC 61966-2-1:1999), as kornia uses them.
WHITE = (0.95047, 1.0, 1.08883)
XYZ_TO_RGB = (
    (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
    (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
    (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
)
# 12 halvings place the boundary to 1/4096 of the chroma, below the step of 8-bit values.
HALVINGS = 12
# Linear values this far outside [0, 1] round to the same bytes as the boundary itself.
SLACK = 1e-4


def _inverse_f(f: Tensor) -> Tensor:
    """Give f^3 above 6/29, else the line 3 (6/29)^2 (f - 4/29)."""
    cube = f * f
    cube *= f
    line = (f - 4 / 29).mul_(3 * (6 / 29) ** 2)
    # The line is the tangent at 6/29: below it lies above the cube, above it below the cube
    # (for f > -12/29, where colours of any photo lie), so the branch is a comparison of values.
    return torch.where(f > 6 / 29, cube, line)


def linear_rgb(f_y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Convert Lab to linear RGB, unclipped.

    Args:
        f_y: (L + 16) / 116, any shape.
        a: Lab a, same shape.
        b: Lab b, same shape.

    Returns:
        Red, green and blue in linear light; in [0, 1] where the colour is in gamut.
    """
    x = _inverse_f((a / 500).add_(f_y))
    y = _inverse_f(f_y)
    z = _inverse_f((b / -200).add_(f_y))
    channels = []
    for row in XYZ_TO_RGB:
        channel = x * (row[0] * WHITE[0])
        channel.add_(y, alpha=row[1] * WHITE[1]).add_(z, alpha=row[2] * WHITE[2])
        channels.append(channel)
    return channels[0], channels[1], channels[2]


def _outside(rgb: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    red, green, blue = rgb
    low = torch.minimum(torch.minimum(red, green), blue)
    high = torch.maximum(torch.maximum(red, green), blue)
    return (low < -SLACK) | (high > 1 + SLACK)


def chroma_limit(lightness: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Find how much of a chroma fits into sRGB at constant lightness and hue.

    Args:
        lightness: L in [0, 100], [count].
        a: Lab a, [count].
        b: Lab b, [count].

    Returns:
        The largest factor t in [0, 1] for which (L, t a, t b) is in gamut, [count].
    """
    f_y = (lightness + 16) / 116
    low = torch.zeros_like(a)
    high = torch.ones_like(a)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        outside = _outside(linear_rgb(f_y, a * middle, b * middle))
        high = torch.where(outside, middle, high)
        low = torch.where(outside, low, middle)
    # Where the whole chroma fits, bisection only comes close to 1.
    return torch.where(_outside(linear_rgb(f_y, a, b)), low, torch.ones_like(low))


def compress_chroma(lightness: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Reduce chroma where sRGB cannot show it, at constant lightness and hue.

    Args:
        lightness: L in [0, 100], any shape.
        a: Lab a, same shape.
        b: Lab b, same shape.

    Returns:
        The new a and b.
    """
    outside = _outside(linear_rgb((lightness + 16) / 116, a, b))
    if not bool(outside.any()):
        return a, b
    chosen = outside.flatten().nonzero()[:, 0]
    parts = [v.flatten()[chosen] for v in (lightness, a, b)]
    factor = chroma_limit(*parts)
    result = []
    for whole, part in ((a, parts[1]), (b, parts[2])):
        flat = whole.flatten().clone()
        flat[chosen] = part * factor
        result.append(flat.view_as(whole))
    return result[0], result[1]


def gamma_table() -> Tensor:
    """Tabulate the sRGB transfer curve from linear light to bytes.

    Returns:
        uint8 [65536]: entry i is the byte of linear value i / 65535. The steepest part of the curve
        has 20 entries per byte, so a byte is at most 0.03 steps from exact rounding.
    """
    linear = torch.linspace(0, 1, 65536, dtype=torch.float64)
    curve = torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )
    return (curve * 255).round().to(torch.uint8)


def lab_to_bytes(lightness: Tensor, a: Tensor, b: Tensor, table: Tensor) -> Tensor:
    """Convert Lab to sRGB bytes, bringing colours into gamut.

    Args:
        lightness: L in [0, 100], [rows, width].
        a: Lab a, same shape.
        b: Lab b, same shape.
        table: of :func:`gamma_table`.

    Returns:
        uint8 [rows, width, 3].
    """
    f_y = (lightness + 16).mul_(1 / 116)
    rgb = linear_rgb(f_y, a, b)
    outside = _outside(rgb)
    chosen = outside.view(-1).nonzero()[:, 0]
    if len(chosen):
        light, part_a, part_b = (v.reshape(-1)[chosen] for v in (lightness, a, b))
        factor = chroma_limit(light, part_a, part_b)
        fitted = linear_rgb(f_y.view(-1)[chosen], part_a * factor, part_b * factor)
        for channel, values in zip(rgb, fitted, strict=True):
            channel.view(-1)[chosen] = values
    result = torch.empty(*lightness.shape, 3, dtype=torch.uint8)
    for index, channel in enumerate(rgb):
        entry = channel.mul_(65535).add_(0.5).clamp_(0, 65535).to(torch.int32)
        result[..., index] = torch.index_select(table, 0, entry.view(-1)).view_as(entry)
    return result
