"""The border of a scan: its widths, and its pixels, which results keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image


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
        return Image.fromarray(self._around(np.asarray(picture)))

    def around_deep(self, picture: np.ndarray) -> np.ndarray:
        """Put the border around a picture of 16 bits per channel.

        Args:
            picture: uint16 [height, width, 3], or 4 if the scan has alpha.

        Returns:
            uint16, of the height and width of the scan.
        """
        return self._around(picture)

    def _around(self, picture: np.ndarray) -> np.ndarray:
        height, width = self.pixels.shape[:2]
        whole = np.empty((height, width, picture.shape[2]), picture.dtype)
        rows, columns = self.border.inside((height, width))
        # Only the border is converted: the four parts around the picture.
        parts = [
            (slice(0, rows.start), slice(0, width)),
            (slice(rows.stop, height), slice(0, width)),
            (rows, slice(0, columns.start)),
            (rows, slice(columns.stop, width)),
        ]
        for part in parts:
            pixels = _convert(self.pixels[part], picture.dtype)
            whole[(*part, slice(3))] = pixels[..., None] if pixels.ndim == 2 else pixels
            if self.alpha is not None:
                whole[(*part, 3)] = _convert(self.alpha[part], picture.dtype)
        whole[rows, columns] = picture
        return whole


def _convert(pixels: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Convert pixel values to uint8 or uint16; values of that kind stay as they are."""
    if pixels.dtype == kind:
        return pixels
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * 257
    top = np.iinfo(kind).max
    unit = pixels / 65535 if pixels.dtype == np.uint16 else pixels.clip(0, 1)
    return np.rint(unit * top).astype(kind)
