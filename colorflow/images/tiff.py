"""TIFF files: pixels by tifffile, with the tags and directories of the photo behind them."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

import numpy as np

from colorflow.images.deflate import compressor
from colorflow.images.exif import ExifBlock
from colorflow.images.strips import Strips
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
# Bytes of a strip before it is compressed.
STRIP_BYTES = 1 << 18


def write_tiff(
    file: BinaryIO,
    picture: Strips,
    exif: ExifBlock,
    xmp: bytes = b"",
    iptc: bytes = b"",
    profile: bytes = b"",
    dpi: tuple[float, float] | None = None,
) -> None:
    """Write a picture and what is known about it.

    Args:
        file: empty, to be read and written at any place.
        picture: uint8 or uint16 [height, width, 3 | 4].
        exif: the directories of the photo; the file takes their byte order.
        xmp: XMP packet, or nothing.
        iptc: IPTC record, or nothing.
        profile: ICC profile, or nothing.
        dpi: horizontal and vertical resolution, or None.
    """
    import tifffile

    order = exif.order
    kind = picture.kind.newbyteorder(order)
    height, width, channels = picture.shape
    rows = min(height, max(1, STRIP_BYTES // (width * channels * kind.itemsize)))
    tifffile.imwrite(
        file,
        (_compressed(strip, kind) for strip in picture.of_rows(rows)),
        shape=picture.shape,
        dtype=kind,
        byteorder=order,
        photometric="rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=rows,
        metadata=None,
        software=False,
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
    end = file.seek(0, io.SEEK_END)
    file.write(bytes(end % 2))
    end += end % 2
    # A second directory behind the pixels, complete, takes the place of tifffile's.
    file.write(exif.packed(end, {**stored, **extra}))
    file.seek(4)
    file.write(struct.pack(f"{order}I", end))


def _compressed(strip: np.ndarray, kind: np.dtype) -> bytes:
    """Compress one strip [rows, width, channels], as differences from the pixel to the left."""
    differences = strip.copy()
    differences[:, 1:] -= strip[:, :-1]
    packer = compressor(kind)
    return packer.compress(differences.astype(kind, copy=False).data) + packer.flush()
