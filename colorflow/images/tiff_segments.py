"""Strips and tiles of TIFF pages that Pillow does not put together, decoded one by one.

tifffile finds them; Pillow, which brings libtiff and OpenJPEG, decompresses those that Python's own
library does not.
"""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, features

from colorflow.errors import ImageError

if TYPE_CHECKING:
    from tifffile import TiffPage

NONE, DEFLATE, LZMA = (1,), (8, 32946), (34925,)
LIBTIFF = {5: "LZW", 32773: "PackBits", 50000: "Zstandard"}
# Whole picture files in each segment, by the feature of Pillow that reads them.
PICTURES = dict.fromkeys((33003, 33004, 33005, 34712), "jpg_2000") | dict.fromkeys(
    (34927, 50001), "webp"
)
HORIZONTAL, FLOATING = 2, 3
YCBCR, SUBSAMPLING = 6, 530
CONVERT = "convert it, e.g. by ImageMagick: magick in.tif -compress zip out.tif"


def check_compression(page: TiffPage, name: str) -> None:
    """Refuse a page whose compression is not known here.

    Args:
        page: to be decoded.
        name: of the picture, for the message.

    Raises:
        ImageError: it is of such a compression, or Pillow was built without it.
    """
    code = int(page.compression)
    what = f"{name}: TIFF compression {getattr(page.compression, 'name', code)} ({code})"
    if code in PICTURES:
        if not features.check(PICTURES[code]):
            raise ImageError(f"{what} is not supported by this Pillow; {CONVERT}")
    elif code not in (*NONE, *DEFLATE, *LZMA, *LIBTIFF):
        raise ImageError(f"{what} is not supported for pixels of this kind; {CONVERT}")
    if page.predictor not in (1, HORIZONTAL, FLOATING):
        raise ImageError(f"{what} with predictor {page.predictor} is not supported; {CONVERT}")


def page_values(file: BinaryIO, page: TiffPage, channels: int) -> np.ndarray:
    """Decode values of a page.

    Args:
        file: it is in.
        page: of a compression that :func:`check_compression` lets pass.
        channels: how many are wanted, at most as many as the page has.

    Returns:
        Values as they are stored, [height, width, channels], in the type the page names; fewer than
        8 bits, and 9 to 15, in the next larger one. Strips and tiles that were left out are zero.

    Raises:
        ValueError: the data are damaged or break off.
    """
    samples = page.samplesperpixel
    planes = samples if page.planarconfig == 2 else 1
    height, width = page.imagelength, page.imagewidth
    tile_height = page.tilelength if page.is_tiled else min(page.rowsperstrip, height)
    tile_width = page.tilewidth if page.is_tiled else width
    if tile_height <= 0 or tile_width <= 0:
        raise ValueError("strips or tiles without size")
    down, across = -(-height // tile_height), -(-width // tile_width)
    if min(len(page.dataoffsets), len(page.databytecounts)) < planes * down * across:
        raise ValueError("fewer strips or tiles than the size asks for")
    result = np.zeros((height, width, channels), _kind(page))
    for index in range(min(planes, channels) * down * across):
        if not page.databytecounts[index]:
            continue
        plane, place = divmod(index, down * across)
        y, x = (place // across) * tile_height, (place % across) * tile_width
        # The last strip ends with the picture; tiles are whole.
        rows = tile_height if page.is_tiled else min(tile_height, height - y)
        shape = rows, tile_width, samples // planes
        file.seek(page.dataoffsets[index])
        data = file.read(page.databytecounts[index])
        segment = _segment(data, page, shape)[: height - y, : width - x]
        places = slice(plane, plane + 1) if planes > 1 else slice(None)
        result[y : y + rows, x : x + tile_width, places] = segment[..., :channels]
    return result


def subsampling(page: TiffPage) -> tuple[int, int]:
    """Tell how many pixels of a page share a colour.

    Args:
        page: any.

    Returns:
        Across and down; both 1 where every pixel has its own.
    """
    if page.photometric != YCBCR or page.planarconfig == 2 or int(page.compression) in PICTURES:
        return 1, 1
    across, down = page.tags.valueof(SUBSAMPLING, (2, 2))[:2]
    return int(across), int(down)


def _kind(page: TiffPage) -> np.dtype:
    if page.dtype is None:
        raise ValueError(f"{page.bitspersample} bits per sample")
    return np.dtype(page.dtype)


def _segment(data: bytes, page: TiffPage, shape: tuple[int, int, int]) -> np.ndarray:
    code = int(page.compression)
    if code in PICTURES:
        return _of_picture(data, shape)
    rows, width, samples = shape
    steps = subsampling(page)
    if steps != (1, 1):
        return _of_units(_unpacked(data, code, rows, width * samples, page), steps, shape)
    bits = int(page.bitspersample)
    kind = _kind(page)
    row_bytes = -(-width * samples * bits // 8)
    words = width * samples * kind.itemsize
    # Room for values that stand in whole words though the page names fewer bits.
    raw = _unpacked(data, code, rows, max(row_bytes, words), page)
    if len(raw) < rows * row_bytes:
        raise ValueError("a strip or tile of too few bytes")
    if bits != 8 * kind.itemsize and len(raw) < rows * words:
        lines = np.frombuffer(raw, np.uint8, rows * row_bytes).reshape(rows, row_bytes)
        return _of_bits(lines, bits, width * samples).reshape(shape).astype(kind)
    if page.predictor == FLOATING:
        return _undo_floating(raw, kind, shape)
    values = np.frombuffer(raw, kind.newbyteorder(page.parent.byteorder), rows * width * samples)
    values = values.reshape(shape).astype(kind)
    if page.predictor == HORIZONTAL:
        # Sums run over, as the differences did.
        whole = values.view(f"u{kind.itemsize}")
        values = np.cumsum(whole, axis=1, dtype=whole.dtype).view(kind)
    return values


def _unpacked(data: bytes, code: int, rows: int, row_bytes: int, page: TiffPage) -> bytes:
    """Decompress a segment to at most the bytes it may have."""
    size = rows * row_bytes
    if page.fillorder == 2 and code not in LIBTIFF:
        data = np.packbits(
            np.unpackbits(np.frombuffer(data, np.uint8)), bitorder="little"
        ).tobytes()
    if code in NONE:
        return data[:size]
    try:
        if code in DEFLATE:
            return zlib.decompressobj().decompress(data, size)
        if code in LZMA:
            return lzma.LZMADecompressor().decompress(data, size)
    except (zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"a strip or tile that cannot be decompressed: {error}") from error
    interleaved = 1 if page.planarconfig == 2 else page.samplesperpixel
    pixels = page.tilewidth if page.is_tiled else page.imagewidth
    width = -(-pixels * interleaved * page.bitspersample // 8)
    with Image.open(io.BytesIO(_one_strip(data, code, width, rows, page.fillorder))) as picture:
        return picture.tobytes()


def _one_strip(data: bytes, code: int, width: int, height: int, fill: int) -> bytes:
    """Make a grey TIFF file of 8 bits of a compressed strip, whatever the bytes mean."""
    head = 8 + 2 + 12 * 10 + 4
    entries = {256: width, 257: height, 258: 8, 259: code, 262: 1, 266: fill, 273: head, 277: 1}
    entries |= {278: height, 279: len(data)}
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + tags + bytes(4) + data


def _of_units(raw: bytes, steps: tuple[int, int], shape: tuple[int, int, int]) -> np.ndarray:
    """Read bytes of YCbCr where blocks of pixels share a colour, which follows their luminances."""
    across, down = steps
    if across not in (1, 2, 4) or down not in (1, 2, 4):
        raise ValueError(f"a subsampling of {across} x {down}")
    rows, width, _ = shape
    units = -(-rows // down), -(-width // across)
    size = across * down + 2
    if len(raw) < units[0] * units[1] * size:
        raise ValueError("a strip or tile of too few bytes")
    values = np.frombuffer(raw, np.uint8, units[0] * units[1] * size).reshape(*units, size)
    result = np.empty((units[0] * down, units[1] * across, 3), np.uint8)
    blocks = values[..., :-2].reshape(*units, down, across).transpose(0, 2, 1, 3)
    result[..., 0] = blocks.reshape(result.shape[:2])
    result[..., 1:] = values[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    return result[:rows, :width]


def _of_picture(data: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("JPEG2000", "WEBP")) as picture:
        if picture.size != (shape[1], shape[0]):
            raise ValueError("a strip or tile of another size than its page says")
        values = np.asarray(picture)
    values = values.reshape(*values.shape[:2], -1)
    if values.shape[2] < shape[2]:
        raise ValueError("a strip or tile of fewer channels than its page says")
    return values[..., : shape[2]]


def _of_bits(lines: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Read numbers of any width, the highest bit first, ``count`` to each row of bytes."""
    result = np.empty((len(lines), count), np.uint32)
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.uint32)
    for row, line in enumerate(lines):
        single = np.unpackbits(line, count=count * bits).reshape(count, bits)
        result[row] = single @ weights
    return result


def _undo_floating(raw: bytes, kind: np.dtype, shape: tuple[int, int, int]) -> np.ndarray:
    """Undo the predictor for floats: each row has differences of bytes, the highest first."""
    rows, width, samples = shape
    size = kind.itemsize
    lines = np.frombuffer(raw, np.uint8, rows * width * samples * size)
    lines = lines.reshape(rows, width * size, samples).cumsum(axis=1, dtype=np.uint8)
    parts = lines.reshape(rows, size, width * samples).transpose(0, 2, 1)
    return np.ascontiguousarray(parts).view(kind.newbyteorder(">")).reshape(shape).astype(kind)
