"""What a PNG file says of its values without an ICC profile: gamma, primaries, significant bits.

Source: PNG (Third Edition), sections 11.3.2.1 (cHRM), 11.3.2.2 (gAMA) and 11.3.2.4 (sBIT).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np

from colorflow.images.curves import Curve, srgb_encoded, srgb_linear
from colorflow.images.profiles import through_curve, through_matrix

# Files in sRGB state this gamma, with or without a chunk that says sRGB.
SRGB_GAMMA = 1 / 2.2
GAMMA_SLACK = 0.02
# White and the red, green and blue primaries of sRGB, x and y each.
SRGB_CHROMATICITIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
CHROMATICITY_SLACK = 0.005
# From XYZ to the responses of the eye's cones (Bradford).
CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
MAX_CHUNKS = 1000


def png_to_srgb(pixels: np.ndarray, info: dict[Any, Any]) -> tuple[np.ndarray, list[str]]:
    """Convert the pixels of a PNG file as its chunks gAMA and cHRM say.

    Args:
        pixels: grey [height, width] or RGB [height, width, 3]; uint8 or uint16.
        info: what Pillow read, with ``gamma``, ``chromaticity`` and ``srgb`` where they are stated.

    Returns:
        Pixels in sRGB, of the same type and shape; and notes for the user. Pixels that are in sRGB
        already, or of a gamma that is impossible, come as they are.
    """
    gamma = info.get("gamma")
    if "srgb" in info:
        return pixels, []
    if gamma is not None and not 0.1 <= gamma <= 10:
        return pixels, [f"its gamma of {gamma:g} is impossible, sRGB is assumed"]
    plain = gamma is None or abs(gamma - SRGB_GAMMA) <= GAMMA_SLACK
    curve = srgb_linear if gamma is None or plain else _power(1 / gamma)
    if pixels.ndim == 3 and "chromaticity" in info:
        try:
            matrix = _to_linear_srgb(info["chromaticity"])
        except (ValueError, np.linalg.LinAlgError):
            return pixels, ["its primaries are impossible, sRGB is assumed"]
        if matrix is not None:
            return through_matrix(pixels, [curve] * 3, matrix), []
    return (pixels if plain else through_curve(pixels, lambda x: srgb_encoded(curve(x)))), []


def significant_bits(file: BinaryIO) -> int | None:
    """Read how many bits of each value of a PNG file are significant.

    Args:
        file: the file.

    Returns:
        The greatest number that its chunk sBIT states for a channel, or None where there is none.
    """
    file.seek(8)
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return None
        size, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            return None
        if kind == b"sBIT" and 1 <= size <= 4:
            return max(file.read(size), default=None)
        file.seek(size + 4, 1)
    return None


def low_bits(values: np.ndarray, bits: int | None) -> int | None:
    """Tell whether 16-bit values lie in the lower bits of their words.

    The standard wants values of fewer bits scaled up to 16, which leaves zeros or repeated bits
    below; some programs write the values as they are.

    Args:
        values: uint16, any shape.
        bits: significant bits as the file states them, or None.

    Returns:
        The number of bits, or None where the values use all 16.
    """
    if bits is None or not 8 < bits < 16 or int(values.max()) >= 1 << bits:
        return None
    upper = values >> (16 - bits)
    unscaled = (values != upper << (16 - bits)) & (
        values != (upper << (16 - bits) | upper >> (2 * bits - 16))
    )
    return bits if unscaled.any() else None


def _power(exponent: float) -> Curve:
    return lambda x: np.power(x, exponent)


def _to_linear_srgb(stated: tuple[float, ...]) -> np.ndarray | None:
    """Make the matrix [3, 3] to linear sRGB; None where the primaries are those of sRGB."""
    if len(stated) != 8:
        raise ValueError("not eight chromaticities")
    if np.abs(np.subtract(stated, SRGB_CHROMATICITIES)).max() <= CHROMATICITY_SLACK:
        return None
    white, source = _to_xyz(stated)
    srgb_white, srgb = _to_xyz(SRGB_CHROMATICITIES)
    adapted = np.linalg.inv(CONES) @ np.diag((CONES @ srgb_white) / (CONES @ white)) @ CONES
    matrix: np.ndarray = np.linalg.inv(srgb) @ adapted @ source
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 100:
        raise ValueError("primaries on one line")
    return matrix


def _to_xyz(stated: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return XYZ of white, and the matrix [3, 3] from linear RGB to XYZ."""
    points = np.reshape(stated, (4, 2))
    if (points[:, 1] <= 0).any():
        raise ValueError("a chromaticity of no light")
    x, y = points.T
    columns = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white, primaries = columns[:, 0], columns[:, 1:]
    return white, primaries * np.linalg.solve(primaries, white)
