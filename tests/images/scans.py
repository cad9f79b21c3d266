"""Files of sixteen bits per channel, in every layout."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from blocks import directory
from PIL import Image


def deep_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(12).integers(0, 65536, shape).astype(np.uint16)


def scan(folder: Path, pixels: np.ndarray, **options) -> Path:
    options = {"photometric": "rgb", "metadata": None, **options}
    if options["photometric"] == "rgb" and 4 in (pixels.shape[0], pixels.shape[2]):
        options.setdefault("extrasamples", ["unassalpha"])
    tifffile.imwrite(folder / "scan.tif", pixels, **options)
    return folder / "scan.tif"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, *extra: bytes) -> bytes:
    """A PNG file of 16 bits whose rows use every filter in turn (PNG, section 9)."""
    height, width, channels = pixels.shape
    step = 2 * channels
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, width * step).astype(int)
    data = b""
    for y in range(height):
        x, up = rows[y], rows[y - 1] if y else np.zeros(width * step, int)
        left = np.concatenate([np.zeros(step, int), x[:-step]])
        corner = np.concatenate([np.zeros(step, int), up[:-step]])
        guess = left + up - corner
        order = np.stack([abs(guess - left), abs(guess - up), abs(guess - corner)])
        paeth = np.choose(order.argmin(0), [left, up, corner])
        filters = [0 * x, left, up, (left + up) // 2, paeth]
        data += bytes([y % 5]) + ((x - filters[y % 5]) % 256).astype(np.uint8).tobytes()
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(data))]
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts, chunk(b"IEND", b"")])


def saved(folder: Path, data: bytes, name: str) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


LAYOUTS = {
    "plain": {},
    "deflate": {"compression": "zlib"},
    "predictor": {"compression": "zlib", "predictor": True},
    "tiles": {"tile": (16, 16)},
    "strips": {"rowsperstrip": 3},
}


def by_libtiff(data: bytes, compression: str, width: int, rows: int) -> bytes:
    """Compress rows of bytes by Pillow's libtiff and return the only strip."""
    file = io.BytesIO()
    picture = Image.frombytes("L", (width, rows), data)
    picture.save(file, "TIFF", compression=compression, strip_size=1 << 20)
    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        file.seek(page.dataoffsets[0])
        return file.read(page.databytecounts[0])


def strips_tiff(folder: Path, strips: list[bytes], **tags: int | tuple[int, ...]) -> Path:
    """A little-endian TIFF file of the strips given."""
    codes = {
        **{"width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262},
        **{"samples": 277, "rows": 278, "planar": 284, "predictor": 317, "extra": 338},
        **{"sample_format": 339, "fill": 266, "subsampling": 530},
    }
    starts = np.cumsum([1000, *map(len, strips)])[:-1]
    entries = {}
    for code, value in [
        *((codes[name], value) for name, value in tags.items()),
        (273, tuple(map(int, starts))),
        (279, tuple(map(len, strips))),
    ]:
        values = value if isinstance(value, tuple) else (value,)
        entries[code] = (4, len(values), struct.pack(f"<{len(values)}I", *values))
    head = b"II*\0\x08\0\0\0" + directory("<", 8, entries)
    return saved(folder, head.ljust(1000, b"\0") + b"".join(strips), "a.tif")
