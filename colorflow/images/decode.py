"""From an opened picture to upright pixels in sRGB, in one of the few kinds a photo has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from colorflow.images import deep
from colorflow.images.curves import lab_to_srgb
from colorflow.images.lab import to_unit
from colorflow.images.opening import turned_upright
from colorflow.images.png_space import low_bits, png_to_srgb, significant_bits
from colorflow.images.profiles import cmyk_to_srgb, to_srgb
from colorflow.images.ranges import Stated, scaled
from colorflow.images.strips import pixels_of
from colorflow.images.tiff_values import INKS, LAB, WHITE_IS_ZERO, YCBCR, Values, stated_range

ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
EIGHT_OF_16 = "has 16 bits per channel, of which only the upper 8 are used"
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

    def turned(self, orientation: int) -> Decoded:
        """Turn the pixels as an EXIF orientation says.

        Args:
            orientation: 1 to 8; others change nothing.

        Returns:
            The turned pixels.
        """
        alpha = None if self.alpha is None else deep.upright(self.alpha, orientation)
        return Decoded(deep.upright(self.pixels, orientation), alpha, self.notes)


def decode(picture: Image.Image, file: BinaryIO | None) -> Decoded:
    """Decode a picture.

    Args:
        picture: as opened; turned upright by its EXIF orientation.
        file: it was opened from, or None. Without it colour pictures have 8 bits per channel.

    Returns:
        Its pixels in sRGB.

    Raises:
        ValueError: values are not finite.
        OSError: the file is damaged.
    """
    if file is not None and deep.is_deep(picture) and deep.has_both_halves(picture):
        return _decode_both_halves(picture, file)
    notes = _depth_notes(picture)
    if picture.mode in (*DEEP_GREY, "F"):
        return _decode_values_of(picture, file)
    upright = turned_upright(picture)
    profile = picture.info.get("icc_profile")
    alpha = None
    if upright.mode in ALPHA_MODES or "transparency" in upright.info:
        alpha = _seen(np.asarray(upright.convert("RGBA").getchannel("A")))
    if upright.mode == "CMYK":
        pixels, more = cmyk_to_srgb(upright, profile)
        return Decoded(pixels, alpha, notes + more)
    if upright.mode in ("1", "LAB"):
        # Black and white are the same in every colour space; Lab has no profile.
        return Decoded(np.asarray(upright.convert("L" if upright.mode == "1" else "RGB")), alpha)
    return _managed(_plain(upright), alpha, picture, notes)


def decode_values(values: Values, profile: bytes | None, orientation: int) -> Decoded:
    """Make pixels of the values of a TIFF file.

    Args:
        values: as stored.
        profile: ICC profile, or None.
        orientation: EXIF orientation, 1 to 8.

    Returns:
        Its pixels, upright and in sRGB.

    Raises:
        ValueError: values are not finite.
    """
    colour = deep.upright(values.colour, orientation)
    alpha, notes = None, list(values.notes)
    if values.alpha is not None:
        # Alpha uses the whole range of its type, whatever the colours do.
        exact = Stated(bits=values.stated.bits, exact=True)
        opacity, _ = scaled(deep.upright(values.alpha, orientation), exact)
        alpha = np.round(to_unit(opacity) * 255).astype(np.uint8)
    if values.photometric == INKS:
        if colour.dtype == np.uint16:
            colour, notes = (colour >> 8).astype(np.uint8), [*notes, EIGHT_OF_16]
        picture = Image.frombytes("CMYK", colour.shape[1::-1], colour.tobytes())
        pixels, more = cmyk_to_srgb(picture, profile)
        return Decoded(pixels, _seen(alpha), notes + more)
    if values.photometric == LAB:
        return Decoded(lab_to_srgb(colour), _seen(alpha), notes)
    if values.photometric == YCBCR:
        colour = np.asarray(Image.fromarray(np.ascontiguousarray(colour), "YCbCr").convert("RGB"))
    pixels, more = scaled(colour[..., 0] if colour.shape[2] == 1 else colour, values.stated)
    if values.photometric == WHITE_IS_ZERO:
        pixels = _inverted(pixels)
    if values.associated and alpha is not None:
        pixels = _unmultiplied(pixels, alpha)
    pixels = np.ascontiguousarray(pixels)
    if profile:
        pixels, of_profile = to_srgb(pixels, profile)
        more += of_profile
    return Decoded(pixels, _seen(alpha), notes + more)


def _decode_both_halves(picture: Image.Image, file: BinaryIO) -> Decoded:
    clear = picture.info.get("transparency")
    both = deep.read_both_halves(picture, file)
    colour = np.ascontiguousarray(both[..., :3])
    alpha = None
    if both.shape[2] == 4:
        alpha = _seen(np.round(to_unit(both[..., 3]) * 255).astype(np.uint8))
    elif isinstance(clear, tuple) and len(clear) == 3:
        alpha = _opaque_where((both != np.array(clear, both.dtype)).any(2))
    pixels, notes = scaled(colour, _stated(picture, file, colour))
    return _managed(pixels, alpha, picture, notes)


def _decode_values_of(picture: Image.Image, file: BinaryIO | None) -> Decoded:
    """Decode a grey picture whose values are no bytes."""
    tags = getattr(picture, "tag_v2", {})
    clear = picture.info.get("transparency")
    upright = turned_upright(picture)
    values = pixels_of(upright, {"I": np.int32, "F": np.float32}.get(upright.mode, np.uint16))
    alpha = _opaque_where(values != clear) if isinstance(clear, int) else None
    if values.dtype.kind != "f" and values.min() >= 0 and values.max() <= 65535:
        values = values.astype(np.uint16)
    pixels, notes = scaled(values, _stated(picture, file, values))
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO:
        pixels = _inverted(pixels)
    return _managed(np.ascontiguousarray(pixels), alpha, picture, notes)


def _stated(picture: Image.Image, file: BinaryIO | None, values: np.ndarray) -> Stated:
    """Find what the file of a picture says about the range of its values."""
    tags = getattr(picture, "tag_v2", None)
    if tags is not None:
        bits = tuple(tags.get(TiffImagePlugin.BITSPERSAMPLE, ()))
        return stated_range(tags, bits[0] if bits else None)
    if picture.format == "PNG" and file is not None and values.dtype == np.uint16:
        return Stated(bits=low_bits(values, significant_bits(file)))
    # Pillow has scaled the values by the maximum that the file states.
    return Stated(exact=picture.format == "PPM")


def _managed(
    pixels: np.ndarray, alpha: np.ndarray | None, picture: Image.Image, notes: list[str]
) -> Decoded:
    profile = picture.info.get("icc_profile")
    if profile:
        pixels, more = to_srgb(pixels, profile)
        notes = notes + more
    elif picture.format == "PNG":
        pixels, more = png_to_srgb(pixels, picture.info)
        notes = notes + more
    return Decoded(pixels, alpha, notes)


def _inverted(pixels: np.ndarray) -> np.ndarray:
    top = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    return np.asarray(np.subtract(top, pixels, dtype=pixels.dtype))


def _unmultiplied(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Divide colours by the alpha they were multiplied by."""
    share = np.maximum(alpha, 1).astype(np.float32) / 255
    unit: np.ndarray = to_unit(pixels) / (share if pixels.ndim == 2 else share[..., None])
    unit = unit.clip(0, 1)
    if pixels.dtype == np.float32:
        return unit
    return np.round(unit * np.iinfo(pixels.dtype).max).astype(pixels.dtype)


def _depth_notes(picture: Image.Image) -> list[str]:
    bits = 16 if deep.is_deep(picture) else int(picture.info.get("bit_depth", 8))
    return [f"has {bits} bits per channel, of which only the upper 8 are used"] if bits > 8 else []


def _opaque_where(seen: np.ndarray) -> np.ndarray | None:
    return _seen(np.where(seen, 255, 0).astype(np.uint8))


def _seen(alpha: np.ndarray | None) -> np.ndarray | None:
    return None if alpha is None or alpha.min() == 255 else alpha


def _plain(picture: Image.Image) -> np.ndarray:
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


def _is_grey(rgb: np.ndarray) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())
