"""Writing pictures: whole or not at all, with what their source said and how they were made."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from colorflow import __version__
from colorflow.errors import ImageError
from colorflow.files import written_whole
from colorflow.images import xmp
from colorflow.images.deflate import LEVEL
from colorflow.images.exif import HISTORY, MAKER_NOTE, ExifBlock
from colorflow.images.formats import WRITERS
from colorflow.images.jpeg import MAX_XMP, metadata_segments
from colorflow.images.metadata import Metadata
from colorflow.images.png import metadata_chunks, write_deep_png, write_with_metadata
from colorflow.images.profiles import srgb_profile
from colorflow.images.read import read_metadata
from colorflow.images.strips import Strips
from colorflow.images.texts import is_comment, with_texts
from colorflow.images.tiff import write_tiff

# What one segment of a JPEG file holds.
MAX_EXIF = 65000
THUMBNAIL_SIDE = 160
THUMBNAIL_QUALITY = 80
# Resolutions beyond this, and nonsense like nought, are left out; JPEG counts to 65535.
MAX_DPI = 65536

Picture = Image.Image | np.ndarray | Strips


def write_image(
    image: Picture,
    path: str | Path,
    metadata: Metadata | None = None,
    made_by: Mapping[str, Any] | None = None,
    quality: int = 95,
) -> None:
    """Write a picture under its final name only once it is whole.

    Args:
        image: as for :func:`encode_image`.
        path: of the file; the suffix says the format.
        metadata: what the source file said.
        made_by: how the picture was made.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        ImageError: the format is unknown, or the file cannot be written.
    """
    path = Path(path)
    kind = _kind(path.suffix, str(path))
    try:
        with written_whole(path) as temporary, temporary.open("w+b") as file:
            _encode(file, image, kind, metadata, made_by, quality)
    except (OSError, ValueError, RuntimeError) as error:
        raise ImageError(
            f"{path}: could not be written ({error}); nothing was left there"
        ) from error


def encode_image(
    image: Picture,
    suffix: str,
    metadata: Metadata | None = None,
    made_by: Mapping[str, Any] | None = None,
    quality: int = 95,
) -> bytes:
    """Encode a picture in memory; see :func:`encode_to`.

    Args:
        image: as for :func:`encode_to`.
        suffix: of the file, which says the format, e.g. ``".jpg"``.
        metadata: what the source file said.
        made_by: how the picture was made.
        quality: of JPEG and WebP, 1 to 100.

    Returns:
        The file.

    Raises:
        ImageError: the format is unknown, or cannot hold the picture.
    """
    file = io.BytesIO()
    encode_to(file, image, suffix, metadata, made_by, quality)
    return file.getvalue()


def encode_to(
    file: BinaryIO,
    image: Picture,
    suffix: str,
    metadata: Metadata | None = None,
    made_by: Mapping[str, Any] | None = None,
    quality: int = 95,
) -> None:
    """Encode a picture into an open file; the same arguments give the same bytes.

    With ``made_by`` every result says that its colours are a model's, in the XMP property
    ``Iptc4xmpExt:DigitalSourceType``. Where the source had a colour profile the result is tagged
    as sRGB, and where it had IDs the result has new ones, derived from them and ``made_by``. PNG
    and WebP have no place for IPTC records, and TIFF none for thumbnails.

    Texts become chunks of a PNG file. Comments become segments of a JPEG file. Other formats have
    no place for them: there titles, descriptions, authors, copyrights and comments become the XMP
    properties of the same meaning, unless the source has these.

    Args:
        file: empty, to be read and written at any place.
        image: ``RGB`` or ``RGBA``, or uint16 [height, width, 3 | 4], an array or strips, of which
            PNG and TIFF keep all 16 bits, a strip at a time. JPEG has no alpha: it is left out.
        suffix: of the file, which says the format, e.g. ``".jpg"``.
        metadata: what the source file said. Of more than a JPEG segment holds, the thumbnail, the
            maker note, and then the whole block are left out.
        made_by: how the picture was made, kept as JSON in the EXIF tag ImageHistory.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        ImageError: the format is unknown, or cannot hold the picture.
    """
    kind = _kind(suffix, "<picture>")
    try:
        _encode(file, image, kind, metadata, made_by, quality)
    except (OSError, ValueError, RuntimeError) as error:
        raise ImageError(f"<picture>: could not be written as {kind} ({error})") from error


def read_history(path: str | Path) -> dict[str, Any] | None:
    """Read how a picture was made.

    Args:
        path: of any picture file.

    Returns:
        What :func:`write_image` was given as ``made_by``, or None for other pictures.

    Raises:
        ImageError: the file cannot be read as a picture.
    """
    return history_of(read_metadata(path))


def history_of(metadata: Metadata) -> dict[str, Any] | None:
    """Tell how a picture was made; see :func:`read_history`.

    Args:
        metadata: of the picture.

    Returns:
        What :func:`write_image` was given as ``made_by``, or None for other pictures.
    """
    tag = ExifBlock.parse(metadata.exif).main.get(HISTORY) if metadata.exif else None
    try:
        data = json.loads(tag.data.rstrip(b"\0") if tag else b"null")
    except ValueError:
        return None
    return data if isinstance(data, dict) and "colorflow" in data else None


def _kind(suffix: str, name: str) -> str:
    kind = WRITERS.get(suffix.lower())
    if kind is None:
        raise ImageError(f"{name}: expected a name ending in {', '.join(WRITERS)}, got '{suffix}'")
    return kind


def _encode(
    file: BinaryIO,
    image: Picture,
    kind: str,
    metadata: Metadata | None,
    made_by: Mapping[str, Any] | None,
    quality: int,
) -> None:
    metadata = metadata or Metadata()
    _check(image)
    dpi = metadata.dpi
    if dpi and not all(0 < value < MAX_DPI for value in dpi):
        dpi = None
    profile = srgb_profile() if metadata.profile else b""
    history = None if made_by is None else json.dumps({"colorflow": __version__, **made_by})
    # Tells this result from all others of its source, those of other formats among them.
    seed = f"{kind} {history}" if history else ""
    block = _block(metadata.exif, history, _size(image), seed)
    packet = _packet(metadata, kind, seed)
    if kind == "TIFF":
        write_tiff(file, Strips.of(image), block, packet, metadata.iptc or b"", profile, dpi)
        return
    deep = not isinstance(image, Image.Image)
    if kind == "PNG" and deep:
        small = _thumbnail(_shallow(image)) if metadata.thumbnail else b""
        chunks = metadata_chunks(block.to_bytes(small), packet, profile, dpi, metadata.texts)
        write_deep_png(file, Strips.of(image), chunks)
        return
    shallow = _shallow(image)
    small = _thumbnail(shallow) if metadata.thumbnail else b""
    if kind == "PNG":
        chunks = metadata_chunks(block.to_bytes(small), packet, profile, dpi, metadata.texts)
        write_with_metadata(file, _saved(shallow, "PNG"), chunks)
        return
    options: dict[str, Any] = {"quality": quality}
    options |= {"icc_profile": profile} if profile else {}
    if kind == "WEBP":
        _save(file, shallow, kind, exif=block.to_bytes(small), xmp=packet, **options)
        return
    comments = [text for keyword, text in metadata.texts if is_comment(keyword)]
    extra = metadata_segments(packet, metadata.iptc or b"", comments)
    options |= {"dpi": dpi} if dpi else {}
    # Full chroma resolution: the chroma is what this picture is about.
    options |= {"subsampling": 0, "exif": _short_block(block, small, history), "extra": extra}
    # Converting a picture that is RGB already would copy it.
    _save(file, shallow if shallow.mode == "RGB" else shallow.convert("RGB"), kind, **options)


def _check(image: Picture) -> None:
    if isinstance(image, Image.Image):
        if image.mode not in ("RGB", "RGBA"):
            raise ValueError(f"expected a picture of mode RGB or RGBA, got {image.mode}")
        return
    kind = image.kind if isinstance(image, Strips) else image.dtype
    if kind != np.uint16 or len(image.shape) != 3 or image.shape[2] not in (3, 4):
        raise ValueError(f"expected uint16 [height, width, 3 | 4], got {kind} {list(image.shape)}")


def _size(image: Picture) -> tuple[int, int]:
    if isinstance(image, Image.Image):
        return image.height, image.width
    return int(image.shape[0]), int(image.shape[1])


def _shallow(image: Picture) -> Image.Image:
    return image if isinstance(image, Image.Image) else Strips.of(image).shallow()


def _save(file: BinaryIO, image: Image.Image, kind: str, **options: Any) -> None:
    if image.info:
        # Pillow would carry over what the file said that the picture came from.
        image = image.copy()
        image.info = {}
    options |= {"compress_level": LEVEL} if kind == "PNG" else {}
    image.save(file, format=kind, **options)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    _save(file, image, kind, **options)
    return file.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    scale = min(1.0, THUMBNAIL_SIDE / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return _saved(small.convert("RGB"), "JPEG", quality=THUMBNAIL_QUALITY)


def _block(exif: bytes | None, history: str | None, size: tuple[int, int], seed: str) -> ExifBlock:
    try:
        block = ExifBlock.parse(exif) if exif else ExifBlock()
    except ValueError:  # a damaged block is not worth a photo
        block = ExifBlock()
    return block.of_result(history, size, seed)


def _short_block(block: ExifBlock, small: bytes, history: str | None) -> bytes:
    """Write the block so that it fits into a JPEG file."""
    bare = {code: tag for code, tag in block.exif.items() if code != MAKER_NOTE}
    # How the picture was made is what only this file can tell.
    smallest = ExifBlock().of_result(history, (0, 0))
    for data in (
        block.to_bytes(small),
        block.to_bytes(),
        replace(block, exif=bare).to_bytes(),
        smallest.to_bytes(),
    ):
        if len(data) <= MAX_EXIF:
            return data
    return b""


def _packet(metadata: Metadata, kind: str, seed: str) -> bytes:
    """Make the XMP packet; of more than a JPEG segment holds, texts and then the source's go."""
    texts = metadata.texts if kind != "PNG" else ()
    if kind == "JPEG":
        texts = tuple(text for text in texts if not is_comment(text[0]))
    tool = f"colorflow {__version__}"
    for source in (with_texts(metadata.xmp, texts), metadata.xmp, None):
        packet = xmp.with_provenance(source, tool, seed) if seed else source or b""
        if kind != "JPEG" or len(packet) <= MAX_XMP:
            return packet
    return b""
