"""Placing tag directories and their values in a TIFF file or EXIF block that is written."""

from __future__ import annotations

import struct

from colorflow.images.tiff_tags import Directory, Order


def directory_size(directory: Directory) -> int:
    """Count the bytes of a directory without its longer values.

    Args:
        directory: the entries.

    Returns:
        The size.
    """
    return 2 + 12 * len(directory) + 4


class Layout:
    """Places directories and their values one after the other, around a range that is taken.

    Args:
        start: offset of the first byte to place.
        order: of bytes.
        taken: offsets nothing else may be placed at.
    """

    def __init__(self, start: int, order: Order, taken: range = range(0)) -> None:
        self.start = start
        self.order: Order = order
        self._taken = taken
        self._end = start
        self._pieces: list[tuple[int, bytes]] = []

    def place(self, size: int) -> int:
        """Find room.

        Args:
            size: in bytes.

        Returns:
            Its offset, an even number as TIFF asks for.
        """
        at = self._end + self._end % 2
        if len(self._taken) and at < self._taken.stop and at + size > self._taken.start:
            at = self._taken.stop + self._taken.stop % 2
        self._end = at + size
        return at

    def put(self, at: int, data: bytes) -> None:
        """Fill room found before, or the range that is taken.

        Args:
            at: its offset.
            data: the bytes.
        """
        self._pieces.append((at, data))

    def directory_room(self, directory: Directory) -> int:
        """Find room for a directory without its longer values.

        Args:
            directory: the entries it will have.

        Returns:
            Its offset.
        """
        return self.place(directory_size(directory))

    def put_directory(self, at: int, directory: Directory, following: int = 0) -> None:
        """Fill room found by :meth:`directory_room`, and place the longer values.

        Args:
            at: its offset.
            directory: the entries.
            following: offset of the next directory, or 0.
        """
        parts = [struct.pack(f"{self.order}H", len(directory))]
        for code, tag in sorted(directory.items()):
            field = tag.data.ljust(4, b"\0")
            if len(tag.data) > 4:
                where = range(tag.offset, tag.offset + len(tag.data))
                place = tag.offset if where == self._taken else self.place(len(tag.data))
                self.put(place, tag.data)
                field = struct.pack(f"{self.order}I", place)
            parts.append(struct.pack(f"{self.order}HHI", code, tag.kind, tag.count) + field)
        parts.append(struct.pack(f"{self.order}I", following))
        self.put(at, b"".join(parts))

    def packed(self) -> bytes:
        """Join what was placed.

        Returns:
            The bytes from ``start`` on, zero where nothing was placed.
        """
        size = max((at + len(data) for at, data in self._pieces), default=self.start) - self.start
        whole = bytearray(size)
        for at, data in self._pieces:
            whole[at - self.start : at - self.start + len(data)] = data
        return bytes(whole)
