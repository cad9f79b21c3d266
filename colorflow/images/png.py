"""PNG files by their chunks: pixels of 16 bits, and metadata, neither of which Pillow writes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from colorflow.images.deflate import compressor
from colorflow.images.exif import PREFIX
from colorflow.images.strips import Strips

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The signature and the header chunk, behind which metadata belongs.
HEAD = len(SIGNATURE) + 25
COLOUR_TYPES = {3: 2, 4: 6}  # by channels
UP = 2  # the filter that leaves the difference from the row above
METRE = 0.0254
MAX_KEYWORD = 79


def write_deep_png(file: BinaryIO, picture: Strips, metadata: bytes = b"") -> None:
    """Write a picture of 16 bits per channel.

    Args:
        file: to write to.
        picture: uint16 [height, width, 3 | 4].
        metadata: of :func:`metadata_chunks`.
    """
    height, width, channels = picture.shape
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    file.write(SIGNATURE + _chunk(b"IHDR", header) + metadata)
    packer = compressor(picture.kind)
    above = np.zeros((1, width * channels * 2), np.uint8)
    for values in picture:
        strip = values.astype(">u2").view(np.uint8).reshape(-1, width * channels * 2)
        filtered = np.empty((len(strip), 1 + strip.shape[1]), np.uint8)
        filtered[:, 0] = UP
        filtered[:, 1:] = strip - np.concatenate([above, strip[:-1]])
        above = strip[-1:]
        file.write(_data(packer.compress(filtered.data)))
    file.write(_data(packer.flush()) + _chunk(b"IEND", b""))


def write_with_metadata(file: BinaryIO, png: bytes, metadata: bytes) -> None:
    """Write a file that has no metadata, and add some.

    Args:
        file: to write to.
        png: the file as it is.
        metadata: of :func:`metadata_chunks`.
    """
    file.write(png[:HEAD] + metadata)
    file.write(memoryview(png)[HEAD:])


def metadata_chunks(
    exif: bytes = b"",
    xmp: bytes = b"",
    profile: bytes = b"",
    dpi: tuple[float, float] | None = None,
    texts: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Pack metadata for a PNG file; its place is behind the header.

    Args:
        exif: EXIF block with or without the prefix of JPEG, or nothing.
        xmp: XMP packet in UTF-8, or nothing.
        profile: ICC profile, or nothing.
        dpi: horizontal and vertical resolution, or None.
        texts: keywords of at most 79 characters, and texts.

    Returns:
        The chunks.
    """
    chunks = []
    if profile:
        chunks.append(_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile)))
    if dpi:
        across, down = (round(value / METRE) for value in dpi)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if exif:
        chunks.append(_chunk(b"eXIf", exif.removeprefix(PREFIX)))
    if xmp:
        # Not compressed, and neither a language nor a translated keyword.
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    chunks += [_text_chunk(keyword, text) for keyword, text in texts]
    return b"".join(chunks)


def _text_chunk(keyword: str, text: str) -> bytes:
    name = keyword.encode("latin-1", "replace")[:MAX_KEYWORD]
    try:
        return _chunk(b"tEXt", name + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        # Not compressed, and neither a language nor a translated keyword.
        return _chunk(b"iTXt", name + bytes(5) + text.encode("utf-8", "replace"))


def _data(compressed: bytes) -> bytes:
    return _chunk(b"IDAT", compressed) if compressed else b""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
