"""Pictures of 16 bits per channel, of which Pillow by itself gives 16 for grey only."""

from __future__ import annotations

import sys
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from colorflow.images.opening import opened_by_pillow, turned_upright
from colorflow.images.strips import crops, pixels_of
from colorflow.images.tiff_segments import PICTURES

YCBCR = 6
UNSIGNED, SIGNED = 1, 2
# Names of Pillow's unpackers that take one byte of two.
BOTH_HALVES = {f"{kind};16{order}" for kind in ("RGB", "RGBA", "RGBX") for order in "LBN"}


def is_deep(picture: Image.Image) -> bool:
    """Tell whether a picture's file has more bits per channel than Pillow will give.

    Args:
        picture: opened, not decoded yet.

    Returns:
        True for 16 bits per channel, grey pictures of Pillow's mode ``I;16`` excepted.
    """
    return picture.mode in ("LA", "RGB", "RGBA", "CMYK") and any(
        ";16" in _raw_mode(tile) for tile in getattr(picture, "tile", ())
    )


def is_misread(picture: Image.Image) -> bool:
    """Tell whether Pillow would decode a TIFF wrongly.

    It confuses 16-bit channels that are kept apart, reads signed bytes as unsigned and unsigned
    values of 32 bits as signed, does not know 10 and 14 bits, and its libtiff lacks compressions
    that other parts of Pillow know. Of YCbCr values without compression it loses the last row, or
    all where they are subsampled.

    Args:
        picture: opened, not decoded yet.

    Returns:
        True where the values must come from :func:`colorflow.images.tiff_values.read_values`.
    """
    tags = getattr(picture, "tag_v2", None)
    if tags is None:
        return False
    bits = tuple(tags.get(TiffImagePlugin.BITSPERSAMPLE, (8,)))
    separate = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2 and 16 in bits
    odd = any(8 < count < 16 for count in bits)
    formats = tuple(tags.get(TiffImagePlugin.SAMPLEFORMAT, (UNSIGNED,)))
    integers = SIGNED in formats or (UNSIGNED in formats and 32 in bits)
    compression = tags.get(TiffImagePlugin.COMPRESSION, 1)
    plain_ycbcr = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == YCBCR and compression == 1
    return separate or odd or integers or plain_ycbcr or compression in PICTURES


def check_bytes(picture: Image.Image, file: BinaryIO) -> None:
    """Refuse an uncompressed TIFF that claims more bytes than there are, before it is decoded.

    Args:
        picture: opened, not decoded yet.
        file: it was opened from.

    Raises:
        ValueError: the file is too short for the picture.
    """
    tags = getattr(picture, "tag_v2", {})
    subsampled = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == YCBCR
    if tags.get(TiffImagePlugin.COMPRESSION, 1) != 1 or subsampled:
        return
    bits = tuple(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    samples = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
    depth = sum(bits) if len(bits) >= samples else bits[0] * samples
    if picture.width * picture.height * depth > 8 * file.seek(0, 2):
        raise ValueError("the file ends before its pixels do")


def has_both_halves(picture: Image.Image) -> bool:
    """Tell whether :func:`read_both_halves` can give all bits of a deep picture.

    Args:
        picture: opened, not decoded yet.

    Returns:
        False for CMYK, grey with alpha, and premultiplied colours.
    """
    modes = {_raw_mode(tile) for tile in getattr(picture, "tile", ())}
    return picture.mode in ("RGB", "RGBA") and bool(modes) and modes <= BOTH_HALVES


def read_both_halves(picture: Image.Image, file: BinaryIO) -> np.ndarray:
    """Read all 16 bits of a colour picture.

    Pillow's unpackers give the upper byte of each value. The unpacker for the other byte order
    takes the other byte, so that decoding twice gives both.

    Args:
        picture: opened from ``file``, not decoded yet; that of a PNG is decoded afterwards.
        file: PNG or TIFF, of which :func:`has_both_halves` is true.

    Returns:
        uint16 [height, width, 3 | 4], upright.
    """
    # Metadata of a PNG are read from the picture decoded, those of a TIFF from the file: there, one
    # half need not be kept in memory while the other one is decoded.
    first = picture if picture.format == "PNG" else opened_by_pillow(file)
    both = pixels_of(turned_upright(first), np.uint16)
    del first
    both <<= 8
    with opened_by_pillow(file) as again:
        again.tile = [_other_half(tile) for tile in again.tile]
        for rows, lower in crops(turned_upright(again)):
            both[rows] |= lower
    return both


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn pixels as the EXIF tag Orientation says.

    Args:
        pixels: [height, width, ...] as stored.
        orientation: 1 to 8; others change nothing.

    Returns:
        The pixels, the visual top in row 0, the visual left in column 0.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _raw_mode(tile: ImageFile._Tile) -> str:
    args = tile[3]
    return str(args[0] if isinstance(args, tuple) else args)


def _other_half(tile: ImageFile._Tile) -> ImageFile._Tile:
    raw = _raw_mode(tile)
    little = raw.endswith("L") or (raw.endswith("N") and sys.byteorder == "little")
    other = raw[:-1] + ("B" if little else "L")
    args = (other, *tile[3][1:]) if isinstance(tile[3], tuple) else other
    return tile._replace(args=args)
