"""Opening picture files of every kind we read, without decoding them yet."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError, features

from colorflow.errors import ImageError
from colorflow.images.exif import ORIENTATION
from colorflow.images.failures import too_large, unknown_kind
from colorflow.images.libraries import image_libraries
from colorflow.images.tiff_view import photo_page

# A limit for pictures that are not decoded.
SIZE_ONLY = 1 << 62
# The brand of an ISO base media file says which kind of picture it holds.
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})


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
        raise too_large(name, f"{width} x {height}", max_pixels)


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
        ImageError: it is too large, of no kind that is known, or a package for files of its kind is
            missing.
    """
    brand = _brand(file)
    try:
        picture: Image.Image = opened_by_pillow(file)
    except UnidentifiedImageError:
        if brand in AVIF_BRANDS and not features.check("avif"):
            raise ImageError(
                f"{path}: expected a Pillow that reads AVIF, this one was built without; "
                "install a wheel of Pillow 11.3 or newer"
            ) from None
        if brand not in HEIF_BRANDS:
            raise unknown_kind(file, str(path)) from None
        return _open_heif(file, path, max_pixels)
    check_size(*picture.size, max_pixels, str(path))
    return picture


def opened_by_pillow(file: BinaryIO) -> ImageFile.ImageFile:
    """Open a picture file by Pillow.

    Args:
        file: the file, read from its start.

    Returns:
        The picture, not decoded yet.

    Raises:
        UnidentifiedImageError: it is of no kind Pillow knows.
    """
    file.seek(0)
    return Image.open(file)


def size_of(file: BinaryIO) -> tuple[int, int]:
    """Read from its head how large a picture is.

    Args:
        file: of any kind that Pillow opens.

    Returns:
        Width and height of the picture that is read of this file, as stored.

    Raises:
        Exception: of any kind, where it cannot be told.
    """
    page = photo_page(file)
    if page is not None:
        return page.width, page.height
    with image_libraries(SIZE_ONLY), opened_by_pillow(file) as picture:
        return picture.size


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
