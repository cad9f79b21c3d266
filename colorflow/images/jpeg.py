"""Segments of JPEG files that Pillow does not write."""

from __future__ import annotations

from collections.abc import Sequence

from colorflow.images import iptc
from colorflow.images.xmp import XMP_MARKER

# Bytes that one segment holds, and those of a packet in it, by part 3 of the XMP specification.
MAX_SEGMENT = 65533
MAX_XMP = 65502


def metadata_segments(packet: bytes, record: bytes, comments: Sequence[str]) -> bytes:
    """Write metadata.

    Args:
        packet: XMP packet of at most ``MAX_XMP`` bytes, or nothing.
        record: IPTC record, or nothing; one too long for a segment is left out.
        comments: a segment each; text beyond its end is cut off.

    Returns:
        The segments one after the other.
    """
    segments = [_segment(0xE1, XMP_MARKER + packet)] if packet else []
    if record:
        segments.append(iptc.jpeg_segment(record))
    for comment in comments:
        segments.append(_segment(0xFE, comment.encode("utf-8", "replace")[:MAX_SEGMENT]))
    return b"".join(segments)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
