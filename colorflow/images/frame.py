"""The border of a scan: its widths, and its pixels, which results keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from colorflow.images.lab import row_strips
from colorflow.images.strips import Strips


@dataclass(frozen=True)
class Border:
    """Widths of the border of a scan, in pixels.

    Args:
        top: number of rows above the picture.
        left: number of columns to its left.
        bottom: number of rows below.
        right: number of columns to its right.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def widths(self) -> list[int]:
        """Widths in the order left, top, right, bottom, as reports and results name them."""
        return [self.left, self.top, self.right, self.bottom]

    @classmethod
    def of_widths(cls, widths: Sequence[int]) -> Border:
        """Make a border of its :attr:`widths`."""
        left, top, right, bottom = widths
        return cls(top, left, bottom, right)

    @property
    def corner(self) -> tuple[int, int]:
        """Column and row of the picture's first pixel in the scan."""
        return self.left, self.top

    def inside(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Return the rows and columns of the picture.

        Args:
            size: height and width of the scan, in pixels.

        Returns:
            Two slices.
        """
        height, width = size
        return slice(self.top, height - self.bottom), slice(self.left, width - self.right)

    def __str__(self) -> str:
        sides = ("left", "top", "right", "bottom")
        widths = ", ".join(f"{side} {getattr(self, side)}" for side in sides)
        return f"border of {widths} px"


@dataclass(frozen=True)
class Frame:
    """A scan whose border goes around the results for the picture inside.

    Args:
        pixels: of the whole scan, grey [height, width] or RGB [height, width, 3]; uint8, uint16 or
            float32 in [0, 1].
        alpha: uint8 [height, width], or None if the scan is opaque.
        border: of the scan.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    border: Border

    def around(self, picture: Image.Image) -> Image.Image:
        """Put the border around a picture of 8 bits per channel.

        Args:
            picture: ``RGB``, or ``RGBA`` if the scan has alpha, of the size inside the border.

        Returns:
            A picture of the same mode and the size of the scan.
        """
        return Image.fromarray(self.around_strips(Strips.of(picture)).whole())

    def around_strips(self, inside: Strips) -> Strips:
        """Put the border around a picture that is made strip by strip.

        Args:
            inside: uint8 or uint16 [height, width, 3], or 4 if the scan has alpha, of the size
                inside the border.

        Returns:
            Strips of the same type, of the size of the scan.
        """
        height, width = self.pixels.shape[:2]
        rows, columns = self.border.inside((height, width))
        channels = inside.shape[2]

        def make() -> Iterator[np.ndarray]:
            for part in row_strips(rows.start, width):
                yield self._rows(part, inside.kind, channels)
            top = rows.start
            for strip in inside:
                whole = self._rows(slice(top, top + len(strip)), inside.kind, channels)
                whole[:, columns] = strip
                yield whole
                top += len(strip)
            for part in row_strips(height - rows.stop, width):
                below = slice(part.start + rows.stop, part.stop + rows.stop)
                yield self._rows(below, inside.kind, channels)

        return Strips((height, width, channels), inside.kind, make)

    def _rows(self, rows: slice, kind: np.dtype, channels: int) -> np.ndarray:
        """Convert rows of the scan, [rows, width, channels]."""
        pixels = _convert(self.pixels[rows], kind)
        result = np.empty((*pixels.shape[:2], channels), kind)
        result[..., :3] = pixels[..., None] if pixels.ndim == 2 else pixels
        if self.alpha is not None:
            result[..., 3] = _convert(self.alpha[rows], kind)
        return result


def _convert(pixels: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Convert pixel values to uint8 or uint16; values of that kind stay as they are."""
    if pixels.dtype == kind:
        return pixels
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * 257
    top = np.iinfo(kind).max
    unit = pixels / 65535 if pixels.dtype == np.uint16 else pixels.clip(0, 1)
    return np.rint(unit * top).astype(kind)
