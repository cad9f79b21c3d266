"""A seeded maker of malformed picture files."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = ("jpg", "png", "tif", "webp", "gif", "bmp", "ppm")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F")
FORMATS = {"jpg": "JPEG", "tif": "TIFF", "ppm": "PPM"}


def encode(picture: Image.Image, kind: str) -> bytes | None:
    """Give the file, or None where the format cannot hold the picture."""
    buffer = io.BytesIO()
    try:
        picture.save(buffer, FORMATS.get(kind, kind.upper()))
    except (OSError, ValueError, KeyError):
        return None
    return buffer.getvalue()


def good(generator: np.random.Generator, mode: str, kind: str) -> bytes | None:
    width, height = generator.integers(1, 90, 2)
    values = generator.integers(0, 256, (height, width, 4)).astype(np.uint8)
    base = Image.fromarray(values, "RGBA" if mode in ("LA", "RGBA") else None)
    if mode == "I;16":
        return encode(Image.fromarray(values[..., 0].astype(np.uint16) * 257), kind)
    try:
        rgb = base.convert("RGB")
        return encode(rgb if mode == "RGB" else rgb.convert(mode), kind)
    except ValueError:
        return None


def truncated(generator: np.random.Generator, data: bytes) -> bytes:
    return data[: int(generator.integers(0, len(data)))]


def flipped(generator: np.random.Generator, data: bytes) -> bytes:
    values = bytearray(data)
    for _ in range(int(generator.integers(1, 30))):
        values[int(generator.integers(len(values)))] ^= 1 << int(generator.integers(8))
    return bytes(values)


def spliced(generator: np.random.Generator, data: bytes) -> bytes:
    cut, jump = sorted(generator.integers(0, len(data), 2))
    return data[:cut] + bytes(generator.integers(0, 256, 40).astype(np.uint8)) + data[jump:]


def huge(generator: np.random.Generator, kind: str) -> bytes:
    """A head that claims up to 2^31 pixels a side, and nothing behind it."""
    width, height = (int(2.0 ** generator.uniform(14, 31)) for _ in range(2))
    if kind == "png":
        head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + b"\0\0\0\0"
    if kind == "bmp":
        info = struct.pack("<IiiHHIIiiII", 40, width % 2**31, height % 2**31, 1, 24, *[0] * 6)
        return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info
    if kind == "gif":
        return b"GIF89a" + struct.pack("<HHBBB", width % 65536, height % 65536, 0, 0, 0) + b","
    return f"P5 {width} {height} 255\n".encode()


def make_files(folder: Path, count: int, seed: int) -> dict[str, bool]:
    """Write files, among them good ones.

    Args:
        folder: where to.
        count: how many.
        seed: of everything.

    Returns:
        Their names, and whether they are good.
    """
    generator = np.random.default_rng(seed)
    files: dict[str, bool] = {}
    folder.mkdir(parents=True, exist_ok=True)
    while len(files) < count:
        kind = str(generator.choice(KINDS))
        data = good(generator, str(generator.choice(MODES)), kind)
        how = int(generator.integers(8))
        if data is None:
            continue
        damage = [truncated, flipped, spliced]
        fine = how == 7
        if how < 5:
            data = damage[how % 3](generator, data)
        elif how == 5:
            data = huge(generator, str(generator.choice(("png", "bmp", "gif", "ppm"))))
        elif how == 6:
            kind = str(generator.choice(KINDS))  # another suffix than the content's
        name = f"{len(files):04}_{how}.{kind}"
        (folder / name).write_bytes(data)
        files[name] = fine
    return files
