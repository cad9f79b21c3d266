"""Tone curves and tags of ICC profiles, evaluated in floats.

Pillow's colour engine works on 8-bit pixels. A 16-bit scan keeps its depth when its curve is
evaluated here. Source: ICC.1:2022, sections 7.3 (tags), 10.6 (curve) and 10.18 (parametric curve).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from colorflow.images.lab import row_strips

Curve = Callable[[np.ndarray], np.ndarray]

# The three XYZ columns of linear sRGB, adapted to D50 as profiles want it (Bradford).
SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
D50 = SRGB_TO_XYZ.sum(axis=1)  # XYZ of white
# Numbers of parameters of the function types of a parametric curve.
PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


def profile_tags(profile: bytes) -> dict[bytes, bytes]:
    """Read the tags of a profile.

    Args:
        profile: as embedded in a file.

    Returns:
        Contents of the tags by their four-letter signature; ``b"space"`` and ``b"pcs"`` are the
        colour spaces the header names.

    Raises:
        ValueError: it is damaged.
    """
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise ValueError("no ICC profile")
    (count,) = struct.unpack_from(">I", profile, 128)
    if 132 + 12 * count > len(profile):
        raise ValueError("an ICC profile that breaks off")
    tags = {b"space": profile[16:20], b"pcs": profile[20:24]}
    for index in range(count):
        name, at, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if at + size > len(profile):
            raise ValueError("an ICC profile that breaks off")
        tags[name] = profile[at : at + size]
    return tags


def tone_curve(tag: bytes) -> Curve:
    """Read a curve.

    Args:
        tag: content of a tag such as ``kTRC``, of type ``curv`` or ``para``.

    Returns:
        Function from device values in [0, 1] to linear values in [0, 1], arrays of any shape.

    Raises:
        ValueError: it is damaged or of another type.
    """
    try:
        if tag[:4] == b"curv":
            return _sampled(tag)
        if tag[:4] == b"para":
            return _parametric(tag)
    except struct.error as error:
        raise ValueError("a tone curve that breaks off") from error
    raise ValueError(f"a tone curve of type {tag[:4]!r}")


def _sampled(tag: bytes) -> Curve:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda x: x
    if count == 1:
        gamma = struct.unpack_from(">H", tag, 12)[0] / 256
        if gamma == 0:
            raise ValueError("a tone curve of gamma 0")
        return lambda x: np.power(x, gamma)
    if 12 + 2 * count > len(tag):
        raise ValueError("a tone curve that breaks off")
    values = np.frombuffer(tag, ">u2", count, 12) / 65535
    places = np.linspace(0, 1, count)
    return lambda x: np.interp(x, places, values)


def _parametric(tag: bytes) -> Curve:
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind not in PARAMETERS:
        raise ValueError(f"a parametric tone curve of unknown type {kind}")
    count = PARAMETERS[kind]
    numbers = [value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = numbers + [0.0] * (7 - count)
    if g <= 0:
        raise ValueError(f"a parametric tone curve of gamma {g}")
    if kind == 0:
        a = 1.0
    elif kind in (1, 2):
        if a == 0:
            raise ValueError("a parametric tone curve without slope")
        # Constant below -b / a; type 2 has one offset for both parts.
        c, d, e, f = 0.0, -b / a, c, c

    def curve(x: np.ndarray) -> np.ndarray:
        above = np.maximum(a * x + b, 0.0) ** g + e
        whole: np.ndarray = np.where(x >= d, above, c * x + f)
        return whole.clip(0.0, 1.0)

    return curve


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    """Apply the transfer curve of sRGB (IEC 61966-2-1:1999).

    Args:
        linear: light, any shape; clipped to [0, 1].

    Returns:
        sRGB values in [0, 1], same shape.
    """
    light = np.clip(linear, 0.0, 1.0)
    above: np.ndarray = 1.055 * light ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, above)


def srgb_linear(encoded: np.ndarray) -> np.ndarray:
    """Undo :func:`srgb_encoded`.

    Args:
        encoded: sRGB values in [0, 1], any shape.

    Returns:
        Light in [0, 1], same shape.
    """
    above: np.ndarray = ((encoded + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, above)


def grey_to_srgb(tags: dict[bytes, bytes]) -> Curve | None:
    """Find how a profile shows greys.

    Args:
        tags: of a grey profile, or of an RGB one, of which the neutral axis is taken.

    Returns:
        Function from grey values in [0, 1] to sRGB grey values in [0, 1]; None for profiles of
        other colour spaces, and those made of tables.

    Raises:
        ValueError: the curve is damaged.
    """
    name = {b"GRAY": b"kTRC", b"RGB ": b"gTRC"}.get(tags[b"space"], b"")
    if name not in tags:
        return None
    curve = tone_curve(tags[name])
    if tags[b"pcs"] == b"Lab ":
        # The curve then gives the lightness, as a share of 100.
        return lambda x: srgb_encoded(_luminance(100 * curve(x)))
    return lambda x: srgb_encoded(curve(x))


def _luminance(lightness: np.ndarray) -> np.ndarray:
    return _cubed((lightness + 16) / 116)


def _cubed(f: np.ndarray) -> np.ndarray:
    """Undo the cube root of Lab."""
    return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))


def rgb_to_srgb(tags: dict[bytes, bytes]) -> tuple[list[Curve], np.ndarray] | None:
    """Find how an RGB profile made of curves and a matrix shows colours.

    Args:
        tags: of the profile.

    Returns:
        The three curves to linear values, and the matrix [3, 3] from these to linear sRGB; None
        for profiles of another kind.

    Raises:
        ValueError: a part is damaged.
    """
    needed = (b"rTRC", b"gTRC", b"bTRC", b"rXYZ", b"gXYZ", b"bXYZ")
    # Where a profile has tables besides, they are the better description.
    if tags[b"space"] != b"RGB " or b"A2B0" in tags or not all(name in tags for name in needed):
        return None
    columns = []
    for name in needed[3:]:
        if len(tags[name]) < 20:
            raise ValueError("a colorant that breaks off")
        columns.append([value / 65536 for value in struct.unpack_from(">3i", tags[name], 8)])
    matrix = np.linalg.inv(SRGB_TO_XYZ) @ np.array(columns).T
    return [tone_curve(tags[name]) for name in needed[:3]], matrix


def lab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Convert Lab values of a TIFF file to sRGB.

    Args:
        lab: [height, width, 3] of 8 or 16 bits, as stored: lightness without sign, a and b with
            one. White is D50, as in the print trade.

    Returns:
        uint16 [height, width, 3].
    """
    signed, whole, unit = (np.int8, 255, 1) if lab.dtype.itemsize == 1 else (np.int16, 65535, 256)
    result = np.empty(lab.shape, np.uint16)
    for rows in row_strips(*lab.shape[:2]):
        part = np.ascontiguousarray(lab[rows])
        lightness = part[..., 0].view(part.dtype.str.replace("i", "u")) * (100 / whole)
        a, b = (part[..., i].astype(signed).astype(np.float64) / unit for i in (1, 2))
        y = (lightness + 16) / 116
        xyz = np.stack([_cubed(y + a / 500), _cubed(y), _cubed(y - b / 200)], axis=-1) * D50
        linear = xyz @ np.linalg.inv(SRGB_TO_XYZ).T
        result[rows] = np.round(srgb_encoded(linear) * 65535)
    return result
