"""Keeping within the memory there is: how many photos at once, and what to do when it is short."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import torch

from colorflow.errors import ImageError
from colorflow.images.formats import WRITERS
from colorflow.images.opening import size_of

T = TypeVar("T")
R = TypeVar("R")

GIB = 1 << 30
# Bytes per pixel that a photo takes at most while it is decoded: a colour photo of 16 bits has six,
# beside the four of Pillow's picture or of its lightness. Less is kept afterwards.
BYTES_PER_PIXEL = 10
# Bytes per pixel that a result of 8 bits takes while it is encoded: Pillow's picture has four; PNG
# files are held twice, and WebP is encoded from a copy in another layout.
BYTES_PER_RESULT = {"JPEG": 4, "TIFF": 4, "PNG": 10, "WEBP": 12}
# Bytes that a result takes which is made while it is written, whatever its size.
BYTES_OF_STRIPS = 64 << 20
# Files for URLs are held in memory until their photo is done.
BYTES_PER_HELD = 6


class Budget:
    """Bytes that photos in work may take together; one alone may take more.

    Args:
        total: of all of them.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self.holders = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Reserve, if there is room.

        Args:
            size: in bytes.

        Returns:
            Whether there was.
        """
        with self._lock:
            if self.holders and self.used + size > self.total:
                return False
            self.used += size
            self.holders += 1
            return True

    def give_back(self, size: int) -> None:
        """Undo :meth:`take`.

        Args:
            size: in bytes.
        """
        with self._lock:
            self.used -= size
            self.holders -= 1


def result_bytes(pixels: int, suffix: str, by_strips: bool, held: bool = False) -> int:
    """Estimate the memory that making a result takes.

    Args:
        pixels: of the photo.
        suffix: of the file, which says the format.
        by_strips: it is made while it is written; see
            :func:`colorflow.batch.encoding.is_written_by_strips`.
        held: the file is kept in memory, as it goes to a URL.

    Returns:
        Bytes.
    """
    per_pixel = BYTES_PER_RESULT[WRITERS[suffix.lower()]]
    working = min(BYTES_OF_STRIPS, 12 * pixels) if by_strips else per_pixel * pixels
    return working + BYTES_PER_HELD * pixels * held


def default_memory(jobs: int) -> int:
    """Choose how much photos in work may take.

    Args:
        jobs: photos worked on at the same time.

    Returns:
        Bytes: half a GiB per job and at least one, at most half of the machine's memory.
    """
    wanted = max(GIB, jobs * GIB // 2)
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return wanted
    return min(wanted, physical // 2)


def is_out_of_memory(error: BaseException) -> bool:
    """Recognise the errors by which Python, PyTorch and drivers say that memory is short.

    Args:
        error: any.

    Returns:
        Whether it is one of them.
    """
    text = str(error).lower()
    signs = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in text for sign in signs)
    )


def within_memory(
    work: Callable[[Sequence[T], int], list[R]],
    items: Sequence[T],
    rows: int,
    smaller: Callable[[T], T | None],
) -> list[R]:
    """Work on items together; where memory is short, on fewer, then by smaller calls, then smaller.

    Args:
        work: takes items and the number of samples in a call of the flow; one result per item.
        items: to work on.
        rows: samples in a call, to begin with.
        smaller: makes an item that needs less memory, or None where there is none.

    Returns:
        The results, in order.

    Raises:
        ImageError: memory is short for one item at its smallest.
    """
    try:
        return work(items, rows)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # Outside the except block, whose traceback would hold on to the memory.
    release()
    if len(items) > 1:
        half = len(items) // 2
        return [
            result
            for part in (items[:half], items[half:])
            for result in within_memory(work, part, rows, smaller)
        ]
    if rows > 1:
        return within_memory(work, items, rows // 2, smaller)
    reduced = smaller(items[0])
    if reduced is None:
        raise ImageError(
            "memory is too short to colour this photo; close other programs, or use --device cpu"
        )
    return within_memory(work, [reduced], rows, smaller)


def release() -> None:
    """Give unused memory back."""
    gc.collect()
    trim()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def trim() -> None:
    """Return freed memory to the system, where the C library keeps it (glibc); a matter of ms."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def pixels_of(path: Path) -> int:
    """Read from its head how large a picture is.

    Args:
        path: of the file.

    Returns:
        Width times height; 0 where it cannot be read, which is said where it is decoded.
    """
    try:
        with path.open("rb") as file:
            width, height = size_of(file)
            return width * height
    except Exception:  # decoders raise what they like
        return 0
