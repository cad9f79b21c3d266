"""Pictures of 16 bits per channel, of which Pillow by itself gives 16 for grey only."""

from __future__ import annotations

import sys
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from colorflow.images.opening import check_size, turned_upright, unlimited_open
from colorflow.images.strips import crops, pixels_of

PHOTOMETRIC = 0x0106
WHITE_IS_ZERO, YCBCR = 0, 6
SUBSAMPLING = 0x0212
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


def is_planar(picture: Image.Image) -> bool:
    """Tell whether a TIFF keeps 16-bit channels apart, which Pillow decodes wrongly.

    Args:
        picture: opened, not decoded yet.

    Returns:
        True where the pixels must come from :func:`read_tiff`.
    """
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (8,))
    return tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2 and 16 in tuple(bits)


def is_plain_ycbcr(picture: Image.Image) -> bool:
    """Tell whether a TIFF holds YCbCr values neither compressed nor subsampled.

    Some versions of Pillow write such files and lose the last row when reading them.

    Args:
        picture: opened, not decoded yet.

    Returns:
        True where the pixels must come from :func:`read_tiff`.
    """
    tags = getattr(picture, "tag_v2", {})
    kind = (
        tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION),
        tags.get(TiffImagePlugin.COMPRESSION, 1),
    )
    return kind == (YCBCR, 1) and tuple(tags.get(SUBSAMPLING, (2, 2))) == (1, 1)


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
    first = picture if picture.format == "PNG" else unlimited_open(file)
    both = pixels_of(turned_upright(first), np.uint16)
    del first
    both <<= 8
    with unlimited_open(file) as again:
        again.tile = [_other_half(tile) for tile in again.tile]
        for rows, lower in crops(turned_upright(again)):
            both[rows] |= lower
    return both


def read_tiff(file: BinaryIO, max_pixels: int, name: str) -> tuple[np.ndarray, int]:
    """Read a TIFF that Pillow does not know, or decodes wrongly, through tifffile.

    Args:
        file: the file.
        max_pixels: the largest picture to accept.
        name: of the picture, for messages.

    Returns:
        uint8 or uint16 [height, width, channels] of the first page as it is stored, not turned;
        and the number of pages.

    Raises:
        ImageError: it is too large.
        ValueError: it is not grey or RGB of 8 or 16 bits, or its compression is unknown.
    """
    import tifffile

    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages[0]
            if not isinstance(page, tifffile.TiffPage):
                raise ValueError("a TIFF without a whole first page")
            check_size(page.imagewidth, page.imagelength, max_pixels, name)
            bytes_of_ycbcr = page.photometric == YCBCR and page.dtype == np.uint8
            known = page.photometric in (0, 1, 2) and page.dtype in (np.uint8, np.uint16)
            if not known and not bytes_of_ycbcr:
                raise ValueError(f"a TIFF of kind {page.photometric} and {page.dtype} values")
            pixels = page.asarray(maxworkers=1)
            if page.planarconfig == 2 and page.samplesperpixel > 1:
                pixels = np.moveaxis(pixels, 0, -1)
            pixels = pixels.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
            # The first of the further samples may be transparency; what else there is, is not.
            colours = 3 if page.photometric in (2, YCBCR) else 1
            keep = colours + (page.extrasamples[:1] == (2,))
            pixels = np.ascontiguousarray(pixels[..., :keep])
            if page.photometric == WHITE_IS_ZERO:
                pixels[..., 0] = np.iinfo(pixels.dtype).max - pixels[..., 0]
            if bytes_of_ycbcr:
                pixels = np.asarray(Image.fromarray(pixels, "YCbCr").convert("RGB"))
            return pixels.astype(pixels.dtype.newbyteorder("=")), len(tiff.pages)
    except (tifffile.TiffFileError, KeyError, ImportError) as error:
        raise ValueError(f"a TIFF that could not be decoded: {error}") from error


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


def grey_values(picture: Image.Image) -> np.ndarray:
    """Decode a deep grey picture.

    Args:
        picture: of a mode ``I`` or ``I;16``, not decoded yet where it comes from a file.

    Returns:
        uint16 [height, width], upright, black at 0.

    Raises:
        ValueError: values do not fit into 16 bits.
    """
    tags = getattr(picture, "tag_v2", {})
    bits, photometric = tags.get(TiffImagePlugin.BITSPERSAMPLE), tags.get(PHOTOMETRIC)
    values = pixels_of(turned_upright(picture), np.int32 if picture.mode == "I" else np.uint16)
    if values.dtype.itemsize > 2 and (values.min() < 0 or values.max() > 65535):
        raise ValueError(f"grey values from {values.min()} to {values.max()}, not 0 to 65535")
    values = values.astype(np.uint16, copy=False)
    if bits == (12,):
        values = values << 4 | values >> 8
    return ~values if photometric == WHITE_IS_ZERO else values


def _raw_mode(tile: ImageFile._Tile) -> str:
    args = tile[3]
    return str(args[0] if isinstance(args, tuple) else args)


def _other_half(tile: ImageFile._Tile) -> ImageFile._Tile:
    raw = _raw_mode(tile)
    little = raw.endswith("L") or (raw.endswith("N") and sys.byteorder == "little")
    other = raw[:-1] + ("B" if little else "L")
    args = (other, *tile[3][1:]) if isinstance(tile[3], tuple) else other
    return tile._replace(args=args)
