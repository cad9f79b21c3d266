"""Telling from its end whether a file that was written is whole."""

from __future__ import annotations

import os
from pathlib import Path

from colorflow.images.formats import WRITERS

_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xaeB`\x82"


def is_whole(path: Path) -> bool:
    """Tell whether a result has its end, without decoding it.

    Args:
        path: of a result of this machine, whose metadata could be read.

    Returns:
        False for a file that was cut short, e.g. by a copy that broke off. A TIFF file is whole if
        its metadata could be read: they stand at its end.

    Raises:
        OSError: the file cannot be read.
    """
    kind = WRITERS.get(path.suffix.lower())
    size = path.stat().st_size
    with path.open("rb") as file:
        if kind == "WEBP":
            # The header counts the bytes behind it, padded to an even number.
            head = file.read(8)
            claimed = int.from_bytes(head[4:], "little")
            return size >= 8 + claimed + claimed % 2
        end = {"JPEG": _JPEG_END, "PNG": _PNG_END}.get(kind or "")
        if end is None:
            return True
        file.seek(-min(size, len(end)), os.SEEK_END)
        return file.read() == end
