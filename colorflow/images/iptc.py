"""IPTC records (IIM 4.2): captions, keywords and credits of archives and agencies."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# Photoshop's image resource that holds the record. Of the others none is kept: they are about the
# pixels, and 0x040C is a small picture, a grey one.
RESOURCE = 0x0404
MARKER = b"Photoshop 3.0\0"
MAX_SEGMENT = 65533

# Location code and name, city, sub-location, province, country code and country.
PLACES = frozenset({(2, 26), (2, 27), (2, 90), (2, 92), (2, 95), (2, 100), (2, 101)})
# Format, version and data of a small picture of the source.
PREVIEWS = frozenset({(2, 200), (2, 201), (2, 202)})


def clean_record(record: bytes, without_place: bool = False) -> bytes:
    """Keep the datasets of a record that are about the photo.

    Args:
        record: datasets one after the other.
        without_place: leave out those that name places.

    Returns:
        The new record; nothing where none is left.

    Raises:
        ValueError: it is not an IPTC record.
    """
    unwanted = PREVIEWS | (PLACES if without_place else frozenset())
    return b"".join(data for kind, data in _datasets(record) if kind not in unwanted)


def resource_of(block: bytes) -> bytes | None:
    """Find the record among Photoshop's image resources.

    Args:
        block: resources one after the other, each beginning ``8BIM``.

    Returns:
        The record, or None.
    """
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (kind,) = struct.unpack_from(">H", block, at + 4)
        # A name with its length before it, padded to an even number of bytes.
        at += 6 + (block[at + 6] + 2) // 2 * 2
        if at + 4 > len(block):
            return None
        (size,) = struct.unpack_from(">I", block, at)
        data = block[at + 4 : at + 4 + size]
        if kind == RESOURCE:
            return data if len(data) == size else None
        at += 4 + size + size % 2
    return None


def jpeg_segment(record: bytes) -> bytes:
    """Wrap a record for a JPEG file.

    Args:
        record: datasets one after the other.

    Returns:
        An APP13 segment; nothing where the record is too long for one.
    """
    resource = b"8BIM" + struct.pack(">HHI", RESOURCE, 0, len(record)) + record
    content = MARKER + resource + bytes(len(record) % 2)
    if len(content) > MAX_SEGMENT:
        return b""
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def _datasets(record: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield record and dataset number, and the bytes of the whole dataset."""
    at = 0
    while at < len(record):
        if record[at] == 0 and not record[at:].strip(b"\0"):
            return  # TIFF pads records to whole words
        if record[at] != 0x1C or at + 5 > len(record):
            raise ValueError(f"no IPTC dataset at byte {at}")
        kind, (size,) = (record[at + 1], record[at + 2]), struct.unpack_from(">H", record, at + 3)
        start = at + 5
        if size & 0x8000:
            # An extended dataset: the other bits count the bytes of the length that follows.
            digits = record[start : start + (size & 0x7FFF)]
            if len(digits) > 4:
                raise ValueError(f"an IPTC dataset of unknown length at byte {at}")
            start, size = start + len(digits), int.from_bytes(digits, "big")
        if start + size > len(record):
            raise ValueError(f"an IPTC dataset that breaks off at byte {at}")
        yield kind, record[at : start + size]
        at = start + size
