"""Tag directories of TIFF files and EXIF blocks, kept byte for byte.

Pillow reads values and writes them anew, which turns text that is not ASCII into question marks and
changes types. Here a value is the bytes that stand in the file, in the file's byte order.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO, Literal, NamedTuple

# Bytes per value of each type of TIFF 6.0, of its later type 13, the place of a directory, and of
# the 64-bit types of BigTIFF.
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
# Whole numbers without sign, by struct's letters.
WHOLE = {BYTE: "B", SHORT: "H", LONG: "I", 13: "I", 16: "Q", 18: "Q"}

# Values of one directory together; entries of a hostile file may all point at the same megabyte.
MAX_DIRECTORY = 16 << 20
# Files reject places beyond.
MAX_OFFSET = 1 << 63

Order = Literal["<", ">"]


@dataclass(frozen=True)
class Tag:
    """One entry of a directory.

    Args:
        kind: type, a key of ``SIZES``.
        count: number of values.
        data: their bytes, ``count * SIZES[kind]`` of them.
        offset: where they stood, counted from the header; 0 where they stood in the entry itself.
    """

    kind: int
    count: int
    data: bytes
    offset: int = 0


Directory = dict[int, Tag]


def short_tag(value: int, order: Order) -> Tag:
    """Make an entry of one 16-bit number.

    Args:
        value: 0 to 65535.
        order: of bytes.

    Returns:
        The entry.
    """
    return Tag(SHORT, 1, struct.pack(f"{order}H", value))


def long_tag(value: int, order: Order) -> Tag:
    """Make an entry of one 32-bit number.

    Args:
        value: 0 to 2^32 - 1.
        order: of bytes.

    Returns:
        The entry.
    """
    return Tag(LONG, 1, struct.pack(f"{order}I", value))


def rational_tag(value: float, order: Order) -> Tag:
    """Make an entry of one number as thousandths.

    Args:
        value: 0 to 4 million.
        order: of bytes.

    Returns:
        The entry.
    """
    return Tag(RATIONAL, 1, struct.pack(f"{order}II", round(value * 1000), 1000))


def bytes_tag(data: bytes, kind: int = UNDEFINED) -> Tag:
    """Make an entry of bytes.

    Args:
        data: the bytes; text ends in a zero byte.
        kind: ``BYTE``, ``ASCII`` or ``UNDEFINED``.

    Returns:
        The entry.
    """
    return Tag(kind, len(data), data)


class Header(NamedTuple):
    """Header of a TIFF file or EXIF block.

    Args:
        order: of bytes.
        offset: of the first directory.
        big: whether offsets have 64 bits, as in BigTIFF.
    """

    order: Order
    offset: int
    big: bool = False


def number(directory: Directory, code: int, order: Order) -> int | None:
    """Read the first value of an entry of whole numbers.

    Args:
        directory: the entries.
        code: of the tag.
        order: of bytes.

    Returns:
        The number, or None where there is no such entry.
    """
    return next(iter(numbers(directory, code, order)), None)


def numbers(directory: Directory, code: int, order: Order) -> tuple[int, ...]:
    """Read an entry of whole numbers.

    Args:
        directory: the entries.
        code: of the tag.
        order: of bytes.

    Returns:
        The numbers; none where there is no such entry.
    """
    tag = directory.get(code)
    if tag is None or tag.kind not in WHOLE:
        return ()
    return struct.unpack(f"{order}{tag.count}{WHOLE[tag.kind]}", tag.data)


def read_header(file: BinaryIO) -> Header:
    """Read the header of a TIFF file or EXIF block, which lies at the start of the file.

    Args:
        file: the file.

    Returns:
        The header.

    Raises:
        ValueError: this is no TIFF header.
    """
    file.seek(0)
    head = file.read(16)
    order: Order = "<" if head[:2] == b"II" else ">"
    if len(head) >= 8 and head[:4] in (b"II*\0", b"MM\0*"):
        return Header(order, struct.unpack_from(f"{order}I", head, 4)[0])
    if len(head) == 16 and head[:8] in (b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"):
        return Header(order, struct.unpack_from(f"{order}Q", head, 8)[0], big=True)
    raise ValueError("no TIFF header")


def read_directory(
    file: BinaryIO,
    offset: int,
    order: Order,
    wanted: Collection[int] | None = None,
    big: bool = False,
) -> tuple[Directory, int]:
    """Read a directory; entries that point beyond the file are left out.

    Args:
        file: the file, or the block in memory.
        offset: of the directory, from the header.
        order: of bytes.
        wanted: tags to read; all where None.
        big: whether offsets and counts have 64 bits, as in BigTIFF.

    Returns:
        The entries, and the offset of the next directory, 0 where there is none.

    Raises:
        ValueError: there is no directory at this place.
    """
    # Letters of the number of entries and of offsets, and bytes of an entry and of an offset.
    entry_count, place, step, wide = ("Q", "Q", 20, 8) if big else ("H", "I", 12, 4)
    if not 8 <= offset < MAX_OFFSET:
        raise ValueError(f"no directory at byte {offset}")
    file.seek(offset)
    head = file.read(struct.calcsize(entry_count))
    if len(head) < struct.calcsize(entry_count):
        raise ValueError(f"no directory at byte {offset}")
    (count,) = struct.unpack(order + entry_count, head)
    if count > 65535:
        raise ValueError(f"a directory of {count} entries")
    entries = file.read(step * count)
    tail = file.read(wide)
    following = struct.unpack(order + place, tail)[0] if len(tail) == wide else 0
    directory: Directory = {}
    left = MAX_DIRECTORY
    for start in range(0, len(entries) - step + 1, step):
        code, kind, number_of = struct.unpack_from(f"{order}HH{place}", entries, start)
        field = entries[start + step - wide : start + step]
        size = SIZES.get(kind, 0) * number_of
        if not 0 < size <= left or (wanted is not None and code not in wanted):
            continue
        if size <= wide:
            directory[code] = Tag(kind, number_of, field[:size])
            continue
        (at,) = struct.unpack(order + place, field)
        if at >= MAX_OFFSET:
            continue
        file.seek(at)
        data = file.read(size)
        if len(data) == size:
            directory[code] = Tag(kind, number_of, data, at)
            left -= size
    return directory, following
