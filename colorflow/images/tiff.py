"""TIFF files: pixels by tifffile, with the tags and directories of the photo behind them."""

from __future__ import annotations

import io
import struct

import numpy as np

from colorflow.images.exif import ExifBlock
from colorflow.images.tiff_tags import (
    BYTE,
    Directory,
    bytes_tag,
    rational_tag,
    read_directory,
    read_header,
    short_tag,
)

X_RESOLUTION, Y_RESOLUTION, UNIT, INCH = 0x011A, 0x011B, 0x0128, 2
XMP, IPTC, PROFILE = 0x02BC, 0x83BB, 0x8773
# Deflate with differences of neighbours; level 6 takes four times as long for 3 % less.
LEVEL = 1


def tiff_file(
    pixels: np.ndarray,
    exif: ExifBlock,
    xmp: bytes = b"",
    iptc: bytes = b"",
    profile: bytes = b"",
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Write a picture and what is known about it.

    Args:
        pixels: uint8 or uint16 [height, width, 3 | 4].
        exif: the directories of the photo; the file takes their byte order.
        xmp: XMP packet, or nothing.
        iptc: IPTC record, or nothing.
        profile: ICC profile, or nothing.
        dpi: horizontal and vertical resolution, or None.

    Returns:
        The file.
    """
    import tifffile

    order = exif.order
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels,
        byteorder=order,
        photometric="rgb",
        extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
        compression="zlib",
        compressionargs={"level": LEVEL},
        predictor=True,
        metadata=None,
        software=False,
        maxworkers=1,
    )
    extra: Directory = {}
    if dpi:
        extra[X_RESOLUTION] = rational_tag(dpi[0], order)
        extra[Y_RESOLUTION] = rational_tag(dpi[1], order)
        extra[UNIT] = short_tag(INCH, order)
    if xmp:
        extra[XMP] = bytes_tag(xmp, BYTE)
    if iptc:
        extra[IPTC] = bytes_tag(iptc)
    if profile:
        extra[PROFILE] = bytes_tag(profile)
    stored = read_directory(file, read_header(file)[1], order)[0]
    stored = {code: tag for code, tag in stored.items() if code not in {**exif.main, **extra}}
    data = file.getvalue()
    data += bytes(len(data) % 2)
    # A second directory behind the pixels, complete, takes the place of tifffile's.
    root = struct.pack(f"{order}I", len(data))
    return data[:4] + root + data[8:] + exif.packed(len(data), {**stored, **extra})
