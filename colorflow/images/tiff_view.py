"""The page of a TIFF file that holds its photo, where the first is a thumbnail of it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from colorflow.images.tiff_tags import (
    Directory,
    Header,
    number,
    numbers,
    read_directory,
    read_header,
)

KIND, OLD_KIND, WIDTH, HEIGHT, PHOTOMETRIC, SUB_PAGES = 254, 255, 256, 257, 262, 330
WANTED = frozenset({KIND, OLD_KIND, WIDTH, HEIGHT, PHOTOMETRIC, SUB_PAGES})
# White or black is zero, RGB, palette, inks, YCbCr, Lab: what is no camera raw data and no mask.
PHOTOS = frozenset({0, 1, 2, 3, 5, 6, 8})
REDUCED = 1
# More pages are not looked at; those of a hostile file may form a ring.
MAX_PAGES = 1000


@dataclass(frozen=True)
class TiffPage:
    """Where the photo of a TIFF file is.

    Args:
        offset: of its directory.
        width: in pixels, as stored.
        height: likewise.
        frames: number of full pages in the file, or None where the first page is one and the
            others were not looked at.
        note: what a user should know about the choice, or None.
    """

    offset: int
    width: int
    height: int
    frames: int | None = None
    note: str | None = None


def photo_page(file: BinaryIO) -> TiffPage | None:
    """Find the page that holds the photo.

    Args:
        file: of any kind.

    Returns:
        The first page, unless it says that it is a reduced picture of another and a full one
        follows or is among its sub-pages; None where this is no TIFF file with a first page.
    """
    try:
        header = read_header(file)
        first = read_directory(file, header.offset, header.order, WANTED, header.big)[0]
    except ValueError:
        return None
    if not _is_reduced(first, header):
        return TiffPage(header.offset, *_size(first, header))
    pages = list(_pages(file, header))
    full = [page for page in pages if not _is_reduced(page[1], header)]
    photos = [page for page in full if number(page[1], PHOTOMETRIC, header.order) in PHOTOS]
    small = "{} x {}".format(*_size(first, header))
    if photos:
        offset, tags = photos[0]
        note = f"its first page is a reduced picture ({small}), the full one is used"
        return TiffPage(offset, *_size(tags, header), len(photos), note)
    raw_note = None
    if full:
        raw_note = (
            f"only its reduced picture ({small}) can be read, the full one is camera raw data; "
            "develop it with a raw converter first"
        )
    return TiffPage(header.offset, *_size(first, header), 1, raw_note)


def view_of(file: BinaryIO, page: TiffPage) -> BinaryIO:
    """Show a file as if a page were its first.

    Args:
        file: the file.
        page: of it.

    Returns:
        The file itself where it is the first, else a view of it.
    """
    header = read_header(file)
    if page.offset == header.offset:
        return file
    return io.BufferedReader(_View(file, header, page.offset))


class _View(io.RawIOBase):
    """A TIFF file whose header points at another directory."""

    def __init__(self, file: BinaryIO, header: Header, offset: int) -> None:
        at, form = (8, "Q") if header.big else (4, "I")
        file.seek(0)
        self._head = file.read(at) + struct.pack(header.order + form, offset)
        self._file = file
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._place
        elif whence == io.SEEK_END:
            offset += self._file.seek(0, io.SEEK_END)
        if offset < 0:
            raise ValueError(f"expected a place in the file, got {offset}")
        self._place = offset
        return offset

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        head = self._head[self._place : self._place + len(buffer)]
        if head:
            data = head
        else:
            self._file.seek(self._place)
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def _pages(file: BinaryIO, header: Header) -> Iterator[tuple[int, Directory]]:
    """Yield offset and tags of all pages, those of sub-pages behind their page's."""
    seen: set[int] = set()
    waiting = [header.offset]
    while waiting and len(seen) < MAX_PAGES:
        offset = waiting.pop(0)
        if offset in seen:
            continue
        seen.add(offset)
        try:
            tags, following = read_directory(file, offset, header.order, WANTED, header.big)
        except ValueError:
            continue
        yield offset, tags
        waiting[:0] = [*numbers(tags, SUB_PAGES, header.order), *([following] if following else [])]


def _is_reduced(tags: Directory, header: Header) -> bool:
    kind = number(tags, KIND, header.order)
    if kind is None:
        return number(tags, OLD_KIND, header.order) == 2
    return bool(kind & REDUCED)


def _size(tags: Directory, header: Header) -> tuple[int, int]:
    return (number(tags, WIDTH, header.order) or 0, number(tags, HEIGHT, header.order) or 0)
