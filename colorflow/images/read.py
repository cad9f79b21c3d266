"""Reading picture files of any common kind into upright photos in sRGB."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from colorflow.errors import ImageError
from colorflow.images import deep
from colorflow.images.decode import decode, decode_deep
from colorflow.images.exif import ORIENTATION
from colorflow.images.lab import to_unit
from colorflow.images.metadata import (
    Metadata,
    metadata_of_picture,
    metadata_of_tiff,
    tiff_number,
    tiff_profile,
)
from colorflow.images.opening import check_size, open_picture
from colorflow.images.photo import Photo
from colorflow.images.sidecar import add_sidecar

# A picture of more pixels than this is refused before a byte of it is decoded.
MAX_PIXELS = 200_000_000

PhotoLike = str | Path | Image.Image | np.ndarray | Photo


def read_photo(source: PhotoLike, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo from a file, a Pillow picture or an array.

    EXIF orientation is applied once and its tag reset; colours are converted to sRGB where the
    file has a profile; alpha is set aside; files of 16 bits per channel keep their depth; palette,
    CMYK, bilevel and the like become 8-bit grey or RGB. Of several frames the first is taken.
    What is lost on the way is said in the photo's notes. The metadata of a file include those of
    an XMP sidecar beside it.

    Args:
        source: path, picture, or uint8 / uint16 / float32 array [height, width(, 1 | 2 | 3 | 4)],
            floats in [0, 1]; a photo read before is given back as it is.
        max_pixels: the largest picture to accept.

    Returns:
        The photo.

    Raises:
        ImageError: the file is missing, empty, truncated, not a picture, or too large, or a
            package for files of its kind is missing.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with _explained("<picture>"):
            check_size(*source.size, max_pixels, "<picture>")
            return _from_picture(source, None, None)
    path = Path(source)
    with _explained(str(path)), _opened(path) as file:
        picture = _known_picture(file, path, max_pixels)
        if picture is None:
            photo = _from_tiff(file, path, max_pixels)
        else:
            with picture:
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
    with _explained(str(path)), _opened(path) as file:
        picture = _known_picture(file, path, MAX_PIXELS)
        if picture is None:
            metadata = metadata_of_tiff(file)[0]
        else:
            with picture:
                metadata = _metadata(picture, file)[0]
    return add_sidecar(metadata, path)[0]


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Say in one line what is wrong with a picture."""
    try:
        yield
    except FileNotFoundError as error:
        raise ImageError(
            f"{name}: expected a picture file, found nothing; check the path"
        ) from error
    except NotADirectoryError as error:
        raise ImageError(f"{name}: part of this path is a file, not a folder") from error
    except PermissionError as error:
        raise ImageError(f"{name}: may not be read; check its permissions") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: expected a picture, found data of an unknown kind; is it really an image?"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        cause = " ".join(str(error).split())
        raise ImageError(
            f"{name}: expected a whole picture, could not decode it ({cause}); "
            "the file is truncated or damaged"
        ) from error


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise ImageError(f"{path}: expected a picture file, found a folder")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: expected a picture, found an empty file (0 bytes)")
    return path.open("rb")


def _known_picture(file: BinaryIO, path: Path, max_pixels: int) -> Image.Image | None:
    """Open a file by Pillow; None for a TIFF that it does not know or decodes wrongly."""
    try:
        picture = open_picture(file, path, max_pixels)
    except UnidentifiedImageError:
        file.seek(0)
        if file.read(4) not in (b"II*\0", b"MM\0*"):
            raise
        return None
    misread = deep.is_planar(picture) or deep.is_plain_ycbcr(picture)
    return None if misread else picture


def _from_picture(picture: Image.Image, path: Path | None, file: BinaryIO | None) -> Photo:
    notes = _frame_notes(getattr(picture, "n_frames", 1))
    kind = picture.format
    # Decoded first: to find the EXIF block of a PNG, Pillow decodes it as it sees fit.
    decoded = decode(picture, file)
    metadata, more = _metadata(picture, file)
    notes += more + decoded.notes
    return Photo(decoded.pixels, decoded.alpha, path, kind, metadata, notes)


def _from_tiff(file: BinaryIO, path: Path, max_pixels: int) -> Photo:
    stored, pages = deep.read_tiff(file, max_pixels, str(path))
    upright = deep.upright(stored, tiff_number(file, ORIENTATION) or 1)
    metadata, notes = metadata_of_tiff(file)
    decoded = decode_deep(upright, tiff_profile(file))
    notes = _frame_notes(pages) + notes + decoded.notes
    return Photo(decoded.pixels, decoded.alpha, path, "TIFF", metadata, notes)


def _metadata(picture: Image.Image, file: BinaryIO | None) -> tuple[Metadata, list[str]]:
    if picture.format == "TIFF" and file is not None:
        # One of 64-bit offsets raises ValueError; Pillow reads some of what it says.
        with contextlib.suppress(ValueError):
            return metadata_of_tiff(file)
    return metadata_of_picture(picture)


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
