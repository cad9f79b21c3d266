"""Opening picture files of every kind we read, without decoding them yet."""

from __future__ import annotations

import struct
import threading
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, features

from colorflow.errors import ImageError
from colorflow.images.exif import ORIENTATION

# The brand of an ISO base media file says which kind of picture it holds.
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
_LIMIT_LOCK = threading.Lock()


def check_size(width: int, height: int, max_pixels: int, name: str) -> None:
    """Refuse pictures that are too large, before a byte of them is decoded.

    Args:
        width: in pixels, as the file claims.
        height: likewise.
        max_pixels: the largest number of pixels to accept.
        name: of the picture, for the message.

    Raises:
        ImageError: it is larger.
    """
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: expected at most {max_pixels:,} pixels, the picture claims "
            f"{width} x {height}; scale it down first"
        )


def open_picture(file: BinaryIO, path: Path, max_pixels: int) -> Image.Image:
    """Open a picture file.

    Args:
        file: the file. It is given opened: Pillow maps uncompressed files it opens itself into
            memory, and turns those of some orientations wrongly.
        path: its name, for messages.
        max_pixels: the largest picture to accept.

    Returns:
        The picture, not decoded yet except for HEIF.

    Raises:
        ImageError: it is too large, or a package for files of its kind is missing.
        UnidentifiedImageError: it is of no kind Pillow knows.
    """
    brand = _brand(file)
    try:
        picture: Image.Image = unlimited_open(file)
    except UnidentifiedImageError:
        if brand in AVIF_BRANDS and not features.check("avif"):
            raise ImageError(
                f"{path}: expected a Pillow that reads AVIF, this one was built without; "
                "install a wheel of Pillow 11.3 or newer"
            ) from None
        if brand not in HEIF_BRANDS:
            raise
        return _open_heif(file, path, max_pixels)
    check_size(*picture.size, max_pixels, str(path))
    return picture


def unlimited_open(file: BinaryIO) -> ImageFile.ImageFile:
    """Open a picture file by Pillow, without Pillow's own limit of size.

    Args:
        file: the file, read from its start.

    Returns:
        The picture, not decoded yet.

    Raises:
        UnidentifiedImageError: it is of no kind Pillow knows.
    """
    file.seek(0)
    with _LIMIT_LOCK:
        # Our limit, checked before decoding, stands in for Pillow's, which is lower and global.
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def turned_upright(picture: Image.Image) -> Image.Image:
    """Decode a picture and turn it as its EXIF block says.

    Args:
        picture: as opened; left as it is.

    Returns:
        The upright picture, the same object where nothing is to be turned. Where the block cannot
        be read, the picture as it is stored.

    Raises:
        OSError: the pixels are damaged.
    """
    picture.load()
    try:
        # Where nothing is to be turned, Pillow would copy the picture.
        if picture.getexif().get(ORIENTATION, 1) not in range(2, 9):
            return picture
        return ImageOps.exif_transpose(picture)
    except (SyntaxError, ValueError, TypeError, struct.error):
        return picture


def _brand(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(12)
    return head[8:12] if head[4:8] == b"ftyp" else b""


def _open_heif(file: BinaryIO, path: Path, max_pixels: int) -> Image.Image:
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(
            f"{path}: expected a package that reads HEIC, found none; "
            "pip install 'colorflow-cinn[heic]'"
        ) from error
    file.seek(0)
    # Not registered as a plugin of Pillow: that would change Pillow for the whole process.
    opened = pillow_heif.open_heif(file)
    width, height = opened.size
    check_size(width, height, max_pixels, str(path))
    picture: Image.Image = opened.to_pillow()
    picture.format = "HEIF"
    return picture
