"""From an opened picture to upright pixels in sRGB, in one of the few kinds a photo has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from PIL import Image

from colorflow.images import deep
from colorflow.images.lab import to_unit
from colorflow.images.opening import turned_upright
from colorflow.images.profiles import cmyk_to_srgb, to_srgb
from colorflow.images.strips import pixels_of

ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
DEEP_GREY = ("I", "I;16", "I;16B", "I;16L", "I;16N")


@dataclass
class Decoded:
    """Pixels as a photo has them.

    Args:
        pixels: grey [height, width] or RGB [height, width, 3]; uint8, uint16 or float32 in [0, 1].
        alpha: uint8 [height, width], or None where nothing is transparent.
        notes: what a user should know, one sentence each.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def decode(picture: Image.Image, file: BinaryIO | None) -> Decoded:
    """Decode a picture.

    Args:
        picture: as opened; turned upright by its EXIF orientation.
        file: it was opened from, or None. Without it colour pictures have 8 bits per channel.

    Returns:
        Its pixels in sRGB.

    Raises:
        ValueError: values are out of range.
        OSError: the file is damaged.
    """
    profile = picture.info.get("icc_profile")
    if file is not None and deep.is_deep(picture) and deep.has_both_halves(picture):
        both = deep.read_both_halves(picture, file)
        return decode_deep(both, profile, picture.info.get("transparency"))
    notes = _depth_notes(picture)
    if picture.mode in DEEP_GREY:
        values = deep.grey_values(picture)
        clear = picture.info.get("transparency")
        alpha = _opaque_where(values != clear) if isinstance(clear, int) else None
        return _managed(values, alpha, profile, notes)
    upright = turned_upright(picture)
    alpha = None
    if upright.mode in ALPHA_MODES or "transparency" in upright.info:
        alpha = _seen(np.asarray(upright.convert("RGBA").getchannel("A")))
    if upright.mode == "CMYK":
        pixels, more = cmyk_to_srgb(upright, profile)
        return Decoded(pixels, alpha, notes + more)
    if upright.mode in ("1", "LAB"):
        # Black and white are the same in every colour space; Lab has no profile.
        return Decoded(np.asarray(upright.convert("L" if upright.mode == "1" else "RGB")), alpha)
    return _managed(_plain(upright), alpha, profile, notes)


def decode_deep(values: np.ndarray, profile: bytes | None, clear: object = None) -> Decoded:
    """Sort the channels of a picture whose values are all there.

    Args:
        values: uint8 or uint16 [height, width, 1 to 4]: grey or RGB, with or without alpha.
        profile: ICC profile, or None.
        clear: the RGB value that stands for transparency, as PNG files have it, or None.

    Returns:
        Its pixels in sRGB.
    """
    channels = values.shape[2]
    colour = values[..., 0] if channels < 3 else values[..., :3]
    alpha = None
    if channels in (2, 4):
        alpha = _seen(np.round(to_unit(values[..., -1]) * 255).astype(np.uint8))
    elif isinstance(clear, tuple) and len(clear) == 3:
        alpha = _opaque_where((values != np.array(clear, values.dtype)).any(2))
    return _managed(np.ascontiguousarray(colour), alpha, profile, [])


def _managed(
    pixels: np.ndarray, alpha: np.ndarray | None, profile: bytes | None, notes: list[str]
) -> Decoded:
    if not profile:
        return Decoded(pixels, alpha, notes)
    converted, more = to_srgb(pixels, profile)
    return Decoded(converted, alpha, notes + more)


def _depth_notes(picture: Image.Image) -> list[str]:
    bits = 16 if deep.is_deep(picture) else int(picture.info.get("bit_depth", 8))
    return [f"has {bits} bits per channel, of which only the upper 8 are used"] if bits > 8 else []


def _opaque_where(seen: np.ndarray) -> np.ndarray | None:
    return _seen(np.where(seen, 255, 0).astype(np.uint8))


def _seen(alpha: np.ndarray) -> np.ndarray | None:
    return None if alpha.min() == 255 else alpha


def _plain(picture: Image.Image) -> np.ndarray:
    if picture.mode == "F":
        return _unit_floats(np.asarray(picture, dtype=np.float32))
    if picture.mode in ("L", "RGB") and "transparency" not in picture.info:
        return pixels_of(picture)
    if picture.mode in ("L", "LA", "La"):
        return np.asarray(picture.convert("L"))
    if picture.mode == "RGBA":
        # Keep the colour values as they are; converting would be the same, but says less.
        return np.asarray(picture)[..., :3].copy()
    clear = picture.mode in ALPHA_MODES or "transparency" in picture.info
    rgb = np.asarray(picture.convert("RGBA" if clear else "RGB"))[..., :3]
    if picture.mode in ("P", "PA") and _is_grey(rgb):
        return rgb[..., 0].copy()
    return np.ascontiguousarray(rgb)


def _unit_floats(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError("float grey values that are negative or not finite")
    top = float(values.max())
    # Float pictures come in [0, 1], or on the scale of the integers they were made from.
    scale = 1.0 if top <= 1 else 255.0 if top <= 255 else 65535.0
    return np.clip(values / scale, 0.0, 1.0)


def _is_grey(rgb: np.ndarray) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())
