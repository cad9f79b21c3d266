"""Reading picture files of any common kind into upright photos in sRGB."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from colorflow.errors import ImageError
from colorflow.images import deep
from colorflow.images.decode import decode, decode_values
from colorflow.images.exif import ORIENTATION
from colorflow.images.failures import explained
from colorflow.images.lab import to_unit
from colorflow.images.metadata import (
    Metadata,
    metadata_of_picture,
    metadata_of_tiff,
    tiff_number,
    tiff_profile,
)
from colorflow.images.opening import check_size, open_picture, opened_by_pillow
from colorflow.images.photo import Photo
from colorflow.images.sidecar import add_sidecar
from colorflow.images.tiff_values import read_values
from colorflow.images.tiff_view import TiffPage, photo_page, view_of

# A picture of more pixels than this is refused before a byte of it is decoded.
MAX_PIXELS = 200_000_000
# Metadata are read without decoding a pixel.
ANY_SIZE = sys.maxsize

PhotoLike = str | Path | Image.Image | np.ndarray | Photo


def read_photo(source: PhotoLike, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo from a file, a Pillow picture or an array.

    EXIF orientation is applied once and its tag reset; colours are converted to sRGB where the
    file has a profile, or a PNG states gamma or primaries; alpha is set aside; files of 16 bits per
    channel keep their depth; values of other ranges are scaled as the file states or, with a note,
    as they suggest; palette, CMYK, bilevel and the like become 8-bit grey or RGB. Of several frames
    the first is taken, of a TIFF file that begins with a thumbnail the full picture. What is lost
    or assumed on the way is said in the photo's notes. The metadata of a file include those of an
    XMP sidecar beside it.

    Args:
        source: path, picture, or uint8 / uint16 / float32 array [height, width(, 1 | 2 | 3 | 4)],
            floats in [0, 1]; a photo read before is given back as it is.
        max_pixels: the largest picture to accept.

    Returns:
        The photo.

    Raises:
        ImageError: the file is missing, empty, damaged, not a picture, of a kind that is not
            supported, or too large, or a package for files of its kind is missing.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with explained("<picture>", max_pixels):
            check_size(*source.size, max_pixels, "<picture>")
            return _from_picture(source, None, None)
    path = Path(source)
    with explained(str(path), max_pixels), _opened(path) as file:
        page = photo_page(file)
        if page is not None:
            photo = _from_tiff(file, page, path, max_pixels)
        else:
            with open_picture(file, path, max_pixels) as picture:
                photo = _from_picture(picture, path, file)
    photo.metadata, notes = add_sidecar(photo.metadata, path)
    photo.notes += notes
    return photo


def read_metadata(path: str | Path) -> Metadata:
    """Read what a file and its XMP sidecar say about its photo.

    Args:
        path: of a picture file.

    Returns:
        The metadata; parts that are damaged are left out, and text chunks of a PNG file that stand
        behind its pixels.

    Raises:
        ImageError: as for :func:`read_photo`.
    """
    path = Path(path)
    with explained(str(path), ANY_SIZE), _opened(path) as file:
        if photo_page(file) is not None:
            metadata = metadata_of_tiff(file)[0]
        else:
            with open_picture(file, path, ANY_SIZE) as picture:
                metadata = metadata_of_picture(picture)[0]
    return add_sidecar(metadata, path)[0]


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise ImageError(f"{path}: expected a picture file, found a folder")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: expected a picture, found an empty file (0 bytes)")
    return path.open("rb")


def _from_picture(picture: Image.Image, path: Path | None, file: BinaryIO | None) -> Photo:
    notes = _frame_notes(getattr(picture, "n_frames", 1))
    kind = picture.format
    # Decoded first: to find the EXIF block of a PNG, Pillow decodes it as it sees fit.
    decoded = decode(picture, file)
    metadata, more = metadata_of_picture(picture)
    notes += more + decoded.notes
    return Photo(decoded.pixels, decoded.alpha, path, kind, metadata, notes)


def _from_tiff(file: BinaryIO, page: TiffPage, path: Path, max_pixels: int) -> Photo:
    check_size(page.width, page.height, max_pixels, str(path))
    metadata, notes = metadata_of_tiff(file)
    view = view_of(file, page)
    # What only the first page says holds for the others.
    orientation = tiff_number(view, ORIENTATION)
    profile = tiff_profile(view) or tiff_profile(file)
    picture = _by_pillow(view)
    if picture is None:
        values = read_values(view, max_pixels, str(path))
        frames = values.pages
        turn = orientation or tiff_number(file, ORIENTATION) or 1
        decoded = decode_values(values, profile, turn)
    else:
        deep.check_bytes(picture, view)
        with picture:
            frames = getattr(picture, "n_frames", 1)
            if profile:
                picture.info.setdefault("icc_profile", profile)
            decoded = decode(picture, view)
        if orientation is None and view is not file:
            decoded = decoded.turned(tiff_number(file, ORIENTATION) or 1)
    notes = _frame_notes(frames if page.frames is None else page.frames) + notes + decoded.notes
    if page.note:
        notes.insert(0, page.note)
    return Photo(decoded.pixels, decoded.alpha, path, "TIFF", metadata, notes)


def _by_pillow(file: BinaryIO) -> Image.Image | None:
    """Open a TIFF file by Pillow; None where Pillow does not know it or decodes it wrongly."""
    try:
        picture = opened_by_pillow(file)
    except Exception:  # decoders raise what they like; the other way says what is wrong
        return None
    return None if deep.is_misread(picture) else picture


def _frame_notes(frames: int) -> list[str]:
    return [f"has {frames} frames, only the first is used"] if frames > 1 else []


def _from_array(array: np.ndarray) -> Photo:
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.ndim != 3:
        return Photo(array)
    channels = array.shape[2]
    colour = (
        array[..., 0] if channels in (1, 2) else array[..., :3] if channels in (3, 4) else array
    )
    alpha = None
    if channels in (2, 4):
        alpha = np.round(to_unit(array[..., -1]) * 255).astype(np.uint8)
    return Photo(np.ascontiguousarray(colour), alpha)
