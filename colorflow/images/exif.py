"""What is kept of an EXIF block, and how it goes with a result."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from colorflow.images.ids import derived_id
from colorflow.images.tiff_layout import Layout, directory_size
from colorflow.images.tiff_tags import (
    ASCII,
    Directory,
    Order,
    bytes_tag,
    long_tag,
    number,
    rational_tag,
    read_directory,
    read_header,
    short_tag,
)

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005  # entries that point at further directories
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x0112, 0x011A, 0x011B, 0x0128
COLOR_SPACE, WIDTH, HEIGHT, MAKER_NOTE = 0xA001, 0xA002, 0xA003, 0x927C
UNIQUE_ID = 0xA420
THUMBNAIL, THUMBNAIL_SIZE = 0x0201, 0x0202
# TIFF/EP tag "image history: a record of what has been done to the image".
HISTORY = 0x9213
PREFIX = b"Exif\0\0"

# What is kept of the first directory: tags about the photo. Those about how its file stores pixels
# (in a TIFF there are many) would make the file that is written unreadable.
DESCRIPTIVE_TAGS = frozenset(
    {
        *(0x010D, 0x010E, 0x010F, 0x0110),  # document name, description, make, model
        *(ORIENTATION, X_RESOLUTION, Y_RESOLUTION, UNIT),
        *(0x0131, 0x0132, 0x013B, 0x013C),  # software, date, artist, host computer
        *(0x8298, EXIF, GPS, HISTORY),  # copyright, and further directories
        *range(0x9C9B, 0x9CA0),  # Windows title, comment, author, keywords, subject
    }
)
WIDE = (16, 17, 18)
# A JPEG segment holds 65533 bytes; a maker note further behind would not stay in its place.
MAX_FIXED = 60_000


@dataclass(frozen=True)
class ExifBlock:
    """The directories of an EXIF block.

    Args:
        order: of bytes.
        main: entries about the photo, without pointers.
        exif: entries about how it was taken, without pointers.
        gps: entries about where.
        interop: entries about the colour space.
        thumbnail: whether the block holds a small picture.
    """

    order: Order = "<"
    main: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)
    interop: Directory = field(default_factory=dict)
    thumbnail: bool = False

    @classmethod
    def parse(cls, source: bytes | BinaryIO) -> ExifBlock:
        """Read a block, or the first directory of a TIFF file.

        Args:
            source: the block with or without the prefix of JPEG, or the file. Of a file only
                ``DESCRIPTIVE_TAGS`` are read.

        Returns:
            What could be read of it.

        Raises:
            ValueError: this is no such block.
        """
        if isinstance(source, bytes):
            file: BinaryIO = io.BytesIO(source.removeprefix(PREFIX))
            wanted = None
        else:
            file, wanted = source, DESCRIPTIVE_TAGS
        order, offset, big = read_header(file)
        main, following = read_directory(file, offset, order, wanted, big)
        exif = _further(file, main, EXIF, order, big)
        interop = _further(file, exif, INTEROP, order, big)
        gps = _further(file, main, GPS, order, big)
        thumbnail = False
        if isinstance(source, bytes) and following:
            # Of a TIFF file the next directory is another page.
            try:
                thumbnail = THUMBNAIL in read_directory(file, following, order)[0]
            except ValueError:
                thumbnail = False
        main, exif, gps, interop = map(_without_wide, (main, exif, gps, interop))
        return cls(order, main, exif, gps, interop, thumbnail)

    def packed(self, start: int, extra: Directory | None = None, picture: bytes = b"") -> bytes:
        """Lay the directories out.

        Args:
            start: offset, from the header, of the first byte.
            extra: further entries of the main directory; they win over those there are.
            picture: a JPEG file for the thumbnail, or nothing.

        Returns:
            The bytes from ``start`` on; the main directory is at ``start``.
        """
        zero = long_tag(0, self.order)
        main = {**self.main, **(extra or {})}
        exif = dict(self.exif)
        if self.interop:
            exif[INTEROP] = zero
        pointers: list[tuple[Directory, int, Directory]] = [(main, GPS, self.gps)]
        pointers += [(main, EXIF, exif), (exif, INTEROP, self.interop)]
        for parent, code, child in pointers:
            if child:
                parent[code] = zero
        note = self.exif.get(MAKER_NOTE)
        taken = range(0)
        # Many maker notes point into themselves by offsets from the header: where the note stays
        # in its place, they stay readable.
        first = start + directory_size(main)
        if note and first <= note.offset and note.offset + len(note.data) < MAX_FIXED:
            taken = range(note.offset, note.offset + len(note.data))
        layout = Layout(start, self.order, taken)
        root = layout.directory_room(main)
        rooms = []
        for parent, code, child in pointers:
            if child:
                at = layout.directory_room(child)
                parent[code] = long_tag(at, self.order)
                rooms.append((at, child))
        following = _put_thumbnail(layout, picture) if picture else 0
        layout.put_directory(root, main, following)
        for at, child in rooms:
            layout.put_directory(at, child)
        return layout.packed()

    def to_bytes(self, picture: bytes = b"") -> bytes:
        """Write the block.

        Args:
            picture: a JPEG file for the thumbnail, or nothing.

        Returns:
            The block with the prefix of JPEG; nothing where it would be empty.
        """
        if not (self.main or self.exif or self.gps or picture):
            return b""
        mark = b"II*\0" if self.order == "<" else b"MM\0*"
        return PREFIX + mark + struct.pack(f"{self.order}I", 8) + self.packed(8, picture=picture)

    def upright(self) -> ExifBlock:
        """Keep what is about the photo, as it is once turned upright and brought to sRGB.

        Returns:
            The new block.
        """
        main = {code: tag for code, tag in self.main.items() if code in DESCRIPTIVE_TAGS}
        if self.sideways():
            across, down = main.pop(X_RESOLUTION, None), main.pop(Y_RESOLUTION, None)
            main |= {X_RESOLUTION: down} if down else {}
            main |= {Y_RESOLUTION: across} if across else {}
        main[ORIENTATION] = short_tag(1, self.order)
        exif, interop = dict(self.exif), dict(self.interop)
        if COLOR_SPACE in exif:
            exif[COLOR_SPACE] = short_tag(1, self.order)
        if 1 in interop:
            interop[1] = bytes_tag(b"R98\0", ASCII)  # "R03" would say Adobe RGB
        return replace(self, main=main, exif=exif, interop=interop)

    def turned(self) -> bool:
        """Tell whether the photo is stored in another orientation than upright."""
        return (number(self.main, ORIENTATION, self.order) or 1) != 1

    def sideways(self) -> bool:
        """Tell whether width and height change places when the photo is turned upright."""
        return (number(self.main, ORIENTATION, self.order) or 1) in (5, 6, 7, 8)

    def without_place(self) -> ExifBlock:
        """Leave out where the photo was taken.

        Maker notes go as well: they are opaque, and those of some cameras name places.

        Returns:
            The new block.
        """
        exif = {code: tag for code, tag in self.exif.items() if code != MAKER_NOTE}
        return replace(self, gps={}, exif=exif)

    def of_result(self, history: str | None, size: tuple[int, int], seed: str = "") -> ExifBlock:
        """Say how a result was made, and how large it is where the block speaks of that.

        Args:
            history: ASCII text for the tag ImageHistory, or None.
            size: height and width in pixels.
            seed: text that identifies the result among those of its source; the tag ImageUniqueID,
                where there is one, is derived from it. If empty, the tag stays.

        Returns:
            The new block.
        """
        main, exif = dict(self.main), dict(self.exif)
        if history is not None:
            main[HISTORY] = bytes_tag(history.encode("ascii", "replace") + b"\0", ASCII)
        if seed and UNIQUE_ID in exif:
            old = exif[UNIQUE_ID].data.split(b"\0")[0].decode("latin-1").strip()
            exif[UNIQUE_ID] = bytes_tag(derived_id(old, seed).hex.encode() + b"\0", ASCII)
        for code, value in ((HEIGHT, size[0]), (WIDTH, size[1])):
            if code in exif:
                exif[code] = long_tag(value, self.order)
        return replace(self, main=main, exif=exif)


def _without_wide(directory: Directory) -> Directory:
    """Leave out 64-bit numbers of a BigTIFF file, which EXIF blocks may not have."""
    return {code: tag for code, tag in directory.items() if tag.kind not in WIDE}


def _further(
    file: BinaryIO, parent: Directory, code: int, order: Order, big: bool = False
) -> Directory:
    """Take the pointer ``code`` out of the parent and read what it points at."""
    offset = number(parent, code, order)
    parent.pop(code, None)
    if offset is None:
        return {}
    try:
        return read_directory(file, offset, order, None, big)[0]
    except ValueError:
        return {}


def _put_thumbnail(layout: Layout, picture: bytes) -> int:
    order = layout.order
    directory = {
        0x0103: short_tag(6, order),  # compression: JPEG
        X_RESOLUTION: rational_tag(72, order),
        Y_RESOLUTION: rational_tag(72, order),
        UNIT: short_tag(2, order),  # inches
        THUMBNAIL: long_tag(0, order),
        THUMBNAIL_SIZE: long_tag(len(picture), order),
    }
    root = layout.directory_room(directory)
    at = layout.place(len(picture))
    layout.put(at, picture)
    directory[THUMBNAIL] = long_tag(at, order)
    layout.put_directory(root, directory)
    return root
