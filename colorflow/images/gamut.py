"""From Lab to sRGB bytes, with colours outside the gamut brought in at constant lightness and hue.

Clipping RGB shifts lightness and hue. Here a colour that sRGB cannot show is moved towards the
grey of the same lightness until it fits: (L, a, b) -> (L, t a, t b) with the largest t that does.
Written out in few, partly in-place operations, since this runs over every pixel of a photo and for
every variant; :mod:`colorflow.images.lab` is the readable reference, and the tests compare the two.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

# D65 white and the matrix from XYZ to linear sRGB (IEC 61966-2-1:1999), as kornia uses them.
WHITE = (0.95047, 1.0, 1.08883)
XYZ_TO_RGB = (
    (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
    (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
    (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
)
DELTA = 6 / 29
# 11 halvings place the boundary to 1/2048 of the chroma, below the step of 8-bit values.
HALVINGS = 11
# A linear value this far outside [0, 1] changes lightness by less than 0.1 when clipped.
SLACK = 1e-4


def _matrix() -> list[list[float]]:
    """Give the matrix from XYZ, in units of the white point, to linear sRGB."""
    return [[entry * white for entry, white in zip(row, WHITE, strict=True)] for row in XYZ_TO_RGB]


def linear_rgb(lightness: Tensor, a: Tensor, b: Tensor, workspace: Tensor | None = None) -> Tensor:
    """Convert Lab to linear RGB, unclipped.

    With f = (f_x, f_y, f_z), XYZ is f^3 above d = 6/29 and its tangent there below. Both at once,
    without a branch: max(f, d)^3 + 3 d^2 (f - max(f, d)).

    Args:
        lightness: L in [0, 100], [count].
        a: Lab a, [count].
        b: Lab b, [count].
        workspace: at least 9 * count values to compute in, which later calls may overwrite, the
            result included; new memory where None. Memory the system has to find anew for every
            strip of a photo costs as much as the arithmetic.

    Returns:
        [3, count]: red, green and blue in linear light; in [0, 1] where the colour is in gamut.
    """
    count = len(lightness)
    memory = lightness.new_empty(9 * count) if workspace is None else workspace[: 9 * count]
    planes: Tensor = memory.view(3, 3, count)
    f, above, cube = planes[0], planes[1], planes[2]
    torch.mul(lightness, 1 / 116, out=f[1])
    f[1].add_(16 / 116)
    torch.add(f[1], a, alpha=1 / 500, out=f[0])
    torch.add(f[1], b, alpha=-1 / 200, out=f[2])
    torch.clamp(f, min=DELTA, out=above)
    torch.mul(above, above, out=cube)
    cube.mul_(above).add_(f.sub_(above), alpha=3 * DELTA**2)
    # Not a matrix product, whose last bits depend on how many threads share it.
    for row, entries in zip(above, _matrix(), strict=True):
        torch.mul(cube[0], entries[0], out=row)
        row.add_(cube[1], alpha=entries[1]).add_(cube[2], alpha=entries[2])
    return above


def _excess(rgb: Tensor) -> Tensor:
    """Say how far the worst channel lies outside [0, 1]; negative inside."""
    return torch.maximum(rgb.amax(0) - 1, -rgb.amin(0))


def chroma_limit(lightness: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Find how much of a chroma fits into sRGB at constant lightness and hue.

    Bisection between t = 0, a grey and so in gamut, and t = 1. Faster root finders gain nothing:
    the worst channel changes along the way, and they stall at the kinks. Of XYZ only X and Z
    change, and a colour fits where max |rgb - 1/2| is at most 1/2.

    Args:
        lightness: L in [0, 100], [count].
        a: Lab a, [count].
        b: Lab b, [count].

    Returns:
        The largest factor t in [0, 1] for which (L, t a, t b) is in gamut, from below, [count].
        (For a few bright yellows the way leaves the gamut twice; there it is one of the two.)
    """
    matrix = lightness.new_tensor(_matrix())  # [rgb, xyz]
    step = torch.stack([a / 500, b / -200])  # of f_x and f_z from grey to the colour, [2, count]
    grey = (lightness + 16) / 116
    middle = grey.clamp(min=DELTA)
    luminance = middle**3 + 3 * DELTA**2 * (grey - middle)
    base = matrix[:, 1:2] * luminance - 0.5
    f, above, cube = (torch.empty_like(step) for _ in range(3))
    rgb = torch.empty_like(base)

    def room(t: Tensor) -> Tensor:
        torch.addcmul(grey, step, t, out=f)
        torch.clamp(f, min=DELTA, out=above)
        torch.mul(above, above, out=cube)
        cube.mul_(above).add_(f.sub_(above), alpha=3 * DELTA**2)
        torch.addcmul(base, matrix[:, :1], cube[0], out=rgb)
        return 0.5 + SLACK - rgb.addcmul_(matrix[:, 2:], cube[1]).abs_().amax(0)

    fits = room(torch.ones_like(a)) >= 0
    t, half = torch.full_like(a, 0.5), 0.5
    for _ in range(HALVINGS):
        half /= 2
        t += room(t).sign_().mul_(half)
    # The lower end of the last interval is in gamut. Where all of the chroma fits, bisection only
    # comes close to 1.
    return (t - half).masked_fill_(fits, 1.0)


def compress_chroma(lightness: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Reduce chroma where sRGB cannot show it, at constant lightness and hue.

    Args:
        lightness: L in [0, 100], [count].
        a: Lab a, [count].
        b: Lab b, [count].

    Returns:
        The new a and b.
    """
    factor = chroma_limit(lightness, a, b)
    return a * factor, b * factor


@functools.cache
def gamma_table() -> Tensor:
    """Tabulate the sRGB transfer curve from linear light to bytes.

    Returns:
        uint8 [65536]: entry i is the byte of linear values from i / 65535 to (i + 1) / 65535. The
        steepest part of the curve has 20 entries per byte, so a byte is at most 0.03 steps from
        exact rounding.
    """
    linear = ((torch.arange(65536, dtype=torch.float64) + 0.5) / 65535).clamp(max=1)
    curve = torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )
    return (curve * 255).round().to(torch.uint8)


def outside_gamut(rgb: Tensor) -> Tensor:
    """Find the colours sRGB cannot show.

    Args:
        rgb: linear light [3, count].

    Returns:
        Their positions, int64.
    """
    return (_excess(rgb) > SLACK).nonzero()[:, 0]


def rgb_to_bytes(rgb: Tensor, out: Tensor | None = None) -> Tensor:
    """Encode linear light as bytes, clipping what lies outside [0, 1].

    Args:
        rgb: [3, count], on the CPU; overwritten.
        out: uint8 [3, count] to write to, rows contiguous; new memory where None.

    Returns:
        uint8 [3, count].
    """
    entries = rgb.mul_(65535).clamp_(0, 65535).to(torch.int32)
    result = torch.empty(entries.shape, dtype=torch.uint8) if out is None else out
    for entry, row in zip(entries, result, strict=True):
        torch.index_select(gamma_table(), 0, entry, out=row)
    return result


def rgb_to_words(rgb: Tensor, out: Tensor | None = None) -> Tensor:
    """Encode linear light as 16-bit values, clipping what lies outside [0, 1].

    Args:
        rgb: [3, count], on the CPU; overwritten.
        out: int16 [3, count] to write the bits of the unsigned values to; new memory where None.

    Returns:
        int16 [3, count], to be read as uint16.
    """
    rgb.clamp_(0, 1)
    curve = rgb.clamp(min=0.0031308).pow_(1 / 2.4).mul_(1.055).sub_(0.055)
    values = torch.where(rgb <= 0.0031308, 12.92 * rgb, curve).mul_(65535).round_()
    words = values.to(torch.int32).to(torch.int16)
    return words if out is None else out.copy_(words)


Encoder = Callable[[Tensor, "Tensor | None"], Tensor]


def fitted_values(
    lightness: Tensor,
    a: Tensor,
    b: Tensor,
    encode: Encoder = rgb_to_bytes,
    workspace: Tensor | None = None,
) -> Tensor:
    """Encode colours after reducing the chroma of those outside the gamut.

    Args:
        lightness: L in [0, 100], [count], on the CPU.
        a: Lab a, [count].
        b: Lab b, [count].
        encode: :func:`rgb_to_bytes` or :func:`rgb_to_words`.
        workspace: as for :func:`linear_rgb`.

    Returns:
        [3, count], as the encoder gives them.
    """
    a, b = compress_chroma(lightness, a, b)
    return encode(linear_rgb(lightness, a, b, workspace), None)
