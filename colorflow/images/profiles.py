"""Bringing pixels from the colour space of an embedded ICC profile to sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from colorflow.images.curves import (
    Curve,
    grey_to_srgb,
    profile_tags,
    rgb_to_srgb,
    srgb_encoded,
)
from colorflow.images.lab import row_strips, to_unit

# A profile that moves no colour by more than this is sRGB by another maker; its pixels stay.
SRGB_SLACK = 2 / 255
# sRGB profiles made by Pillow carry the time of their making; ours are the same every day.
DATE = slice(24, 36)
FIXED_DATE = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # 1 January 2000
DAMAGED = "its colour profile is damaged, sRGB is assumed"
MISFIT = "its colour profile is not one for such pixels, sRGB is assumed"
REDUCED = "has 16 bits per channel in a colour space made of tables, only the upper 8 are used"


def srgb_profile() -> bytes:
    """Make the profile that results are tagged with.

    Returns:
        An ICC profile of sRGB, the same at every call.
    """
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[DATE] = FIXED_DATE
    return bytes(data)


def to_srgb(pixels: np.ndarray, profile: bytes) -> tuple[np.ndarray, list[str]]:
    """Convert pixels to sRGB, relative to white, black to black.

    Grey pixels of any depth go through the profile's own curve, and so do deep colour pixels where
    the profile is made of curves and a matrix: nothing of their depth is lost.

    Args:
        pixels: grey [height, width] or RGB [height, width, 3]; uint8, uint16, or float in [0, 1].
        profile: as embedded in the file.

    Returns:
        The new pixels, of the same type and shape except as a note says; and notes for the user.
        Pixels in sRGB already, or under a profile that cannot be used, come as they are.
    """
    try:
        tags = profile_tags(profile)
        if pixels.ndim == 2:
            return _grey(pixels, tags)
        if tags[b"space"] != b"RGB ":
            return pixels, [MISFIT]
        transform = _transform(profile, "RGB")
        if _is_srgb(transform):
            return pixels, []
        parts = rgb_to_srgb(tags)
        if pixels.dtype != np.uint8 and parts:
            return through_matrix(pixels, *parts), []
        notes = [] if pixels.dtype == np.uint8 else [REDUCED]
        eight = np.round(to_unit(pixels) * 255).astype(np.uint8) if notes else pixels
        return np.asarray(transform(Image.fromarray(eight))), notes
    except (ImageCms.PyCMSError, OSError, ValueError):
        return pixels, [DAMAGED]


def cmyk_to_srgb(picture: Image.Image, profile: bytes | None) -> tuple[np.ndarray, list[str]]:
    """Convert a picture of inks to sRGB.

    Args:
        picture: of mode ``CMYK``.
        profile: as embedded in the file, or None, which makes plain complements of it.

    Returns:
        uint8 [height, width, 3], and notes for the user.
    """
    notes = []
    if profile:
        try:
            if profile_tags(profile)[b"space"] == b"CMYK":
                return np.asarray(_transform(profile, "CMYK")(picture)), []
            notes = [MISFIT]
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes = [DAMAGED]
    return np.asarray(picture.convert("RGB")), notes


def _transform(profile: bytes, mode: str) -> Callable[[Image.Image], Image.Image]:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )

    def apply(picture: Image.Image) -> Image.Image:
        result = ImageCms.applyTransform(picture, transform)
        return picture if result is None else result

    return apply


def _is_srgb(transform: Callable[[Image.Image], Image.Image]) -> bool:
    steps = np.linspace(0, 255, 6).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(6, -1, 3)
    moved = np.asarray(transform(Image.fromarray(cube))).astype(int) - cube
    return bool(np.abs(moved).max() <= SRGB_SLACK * 255)


def _grey(pixels: np.ndarray, tags: dict[bytes, bytes]) -> tuple[np.ndarray, list[str]]:
    curve = grey_to_srgb(tags)
    if curve is None:
        return pixels, [MISFIT]
    return through_curve(pixels, curve), []


def through_curve(pixels: np.ndarray, curve: Curve) -> np.ndarray:
    """Apply a curve to every value.

    Args:
        pixels: any shape; uint8, uint16, or float32 in [0, 1].
        curve: from values in [0, 1] to sRGB values in [0, 1].

    Returns:
        The new values, of the same type and shape; the same ones where the curve moves none by more
        than ``SRGB_SLACK``.
    """
    # All values at once; of floats the table is close enough to interpolate in.
    top = 65535 if pixels.dtype == np.float32 else int(np.iinfo(pixels.dtype).max)
    values = np.linspace(0.0, 1.0, top + 1)
    table = curve(values)
    if np.abs(table - values).max() <= SRGB_SLACK:
        return pixels
    if pixels.dtype == np.float32:
        return np.asarray(np.interp(pixels, values, table), np.float32)
    return np.asarray(np.round(table * top).astype(pixels.dtype)[pixels])


def through_matrix(pixels: np.ndarray, curves: list[Curve], matrix: np.ndarray) -> np.ndarray:
    """Convert colours by curves and a matrix.

    Args:
        pixels: RGB [height, width, 3]; uint8, uint16, or float32 in [0, 1].
        curves: three, from device values in [0, 1] to linear values in [0, 1].
        matrix: [3, 3], from linear values to linear sRGB.

    Returns:
        sRGB pixels of the same type and shape.
    """
    values = np.linspace(0.0, 1.0, 65536)
    tables = [curve(values).astype(np.float32) for curve in curves]
    result = np.empty_like(pixels)
    top = 1.0 if pixels.dtype == np.float32 else float(np.iinfo(pixels.dtype).max)
    for rows in row_strips(*pixels.shape[:2]):
        entries = np.round(to_unit(pixels[rows]) * 65535).astype(np.uint16)
        linear = np.stack([table[entries[..., i]] for i, table in enumerate(tables)], axis=-1)
        encoded = srgb_encoded(linear @ matrix.T.astype(np.float32)) * top
        result[rows] = encoded if top == 1.0 else np.round(encoded)
    return result
