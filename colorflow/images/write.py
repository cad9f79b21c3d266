"""Writing pictures: whole or not at all, and with a note of how they were made."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from colorflow import __version__
from colorflow.errors import ImageError
from colorflow.files import written_whole
from colorflow.images.photo import Photo

# What Pillow calls the formats we write, by the suffix of the file.
WRITERS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}
WRITERS[".tiff"] = WRITERS[".tif"]

# TIFF/EP tag "image history: a record of what has been done to the image".
MAX_EXIF = 65000
HISTORY = ExifTags.Base.ImageHistory


def output_suffix(photo_suffix: str, wanted: str) -> str:
    """Choose the suffix of a result.

    Args:
        photo_suffix: of the source, e.g. ``".JPG"``.
        wanted: ``"keep"`` or a format, ``"jpg"``, ``"png"``, ``"webp"`` or ``"tif"``.

    Returns:
        The suffix with its dot. Formats we do not write (BMP, GIF, PPM) become ``".png"``.
    """
    if wanted != "keep":
        return f".{wanted}"
    return photo_suffix if photo_suffix.lower() in WRITERS else ".png"


def write_image(
    image: Image.Image,
    path: str | Path,
    photo: Photo | None = None,
    made_by: Mapping[str, Any] | None = None,
    quality: int = 95,
) -> None:
    """Write a picture under its final name only once it is whole.

    Args:
        image: ``RGB`` or ``RGBA``. JPEG has no alpha: it is left out.
        path: of the file; the suffix says the format.
        photo: the source, whose EXIF block and resolution are kept.
        made_by: how the picture was made, kept as JSON in the EXIF tag ImageHistory.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        ImageError: the format is unknown, or the file cannot be written.
    """
    path = Path(path)
    kind = WRITERS.get(path.suffix.lower())
    if kind is None:
        raise ImageError(
            f"{path}: expected a name ending in {', '.join(WRITERS)}, got '{path.suffix}'"
        )
    if kind == "JPEG" and image.mode == "RGBA":
        image = image.convert("RGB")
    options: dict[str, Any] = {"exif": _exif(photo, made_by)}
    if photo and photo.dpi and all(0 < value < 1e6 for value in photo.dpi):
        options["dpi"] = photo.dpi
    if kind == "JPEG":
        # Full chroma resolution: the chroma is what this picture is about.
        options |= {"quality": quality, "subsampling": 0}
    elif kind == "WEBP":
        options["quality"] = quality
    elif kind == "TIFF" and not _has_blocks(options["exif"]):
        # Pillow's writer with compression cannot take Exif and GPS blocks; the plain one can.
        options["compression"] = "tiff_lzw"
    elif kind == "PNG":
        # Level 6 costs five times level 1 for files 5 % smaller.
        options["compress_level"] = 1
    try:
        with written_whole(path) as temporary, temporary.open("wb") as file:
            image.save(file, format=kind, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise ImageError(
            f"{path}: could not be written ({error}); nothing was left there"
        ) from error


def read_history(path: str | Path) -> dict[str, Any] | None:
    """Read how a picture was made.

    Args:
        path: of any picture file.

    Returns:
        What :func:`write_image` was given as ``made_by``, or None for other pictures.

    Raises:
        ImageError: the file cannot be read as a picture.
    """
    try:
        with Image.open(path) as picture:
            text = picture.getexif().get(HISTORY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: expected a picture, could not read it ({error})") from error
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    try:
        data = json.loads(text or "null")
    except (TypeError, ValueError):
        return None
    return data if isinstance(data, dict) and "colorflow" in data else None


def _exif(photo: Photo | None, made_by: Mapping[str, Any] | None) -> bytes:
    exif = Image.Exif()
    if photo and photo.exif:
        with contextlib.suppress(SyntaxError, ValueError):  # a damaged block is not worth a photo
            exif.load(photo.exif)
    if made_by is not None:
        exif[HISTORY] = json.dumps({"colorflow": __version__, **made_by})
    data = exif.tobytes()
    if len(data) <= MAX_EXIF:
        return data
    # A JPEG cannot hold more; how the picture was made is what only this file can tell.
    fresh = Image.Exif()
    if made_by is not None:
        fresh[HISTORY] = exif[HISTORY]
    return fresh.tobytes()


def _has_blocks(data: bytes) -> bool:
    exif = Image.Exif()
    exif.load(data)
    return ExifTags.IFD.Exif in exif or ExifTags.IFD.GPSInfo in exif
