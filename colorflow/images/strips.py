"""Pictures that are made and written strip by strip, and never exist as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from colorflow.images.lab import row_strips


class Strips:
    """A picture made strip by strip, anew each time it is iterated over.

    Args:
        shape: height, width and channels.
        kind: type of the values.
        make: starts an iteration; yields [rows, width, channels], from the top, without gaps.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        kind: np.dtype,
        make: Callable[[], Iterator[np.ndarray]],
    ) -> None:
        self.shape, self.kind, self._make = shape, kind, make

    @classmethod
    def of(cls, picture: Image.Image | np.ndarray | Strips) -> Strips:
        """Cut a whole picture into strips.

        Args:
            picture: ``RGB`` or ``RGBA``, or an array [height, width, channels].

        Returns:
            The strips; they refer to the picture.
        """
        if isinstance(picture, Strips):
            return picture
        if isinstance(picture, np.ndarray):
            height, width, channels = picture.shape
            return cls((height, width, channels), picture.dtype, lambda: _cuts(picture))
        shape = picture.height, picture.width, len(picture.getbands())
        return cls(shape, np.dtype(np.uint8), lambda: (strip for _, strip in crops(picture)))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the strips, [rows, width, channels], from the top."""
        return self._make()

    def of_rows(self, rows: int) -> Iterator[np.ndarray]:
        """Cut the picture into strips of another height.

        Args:
            rows: of each strip; the last one may have fewer.

        Yields:
            [rows, width, channels], from the top.
        """
        waiting: list[np.ndarray] = []
        missing = rows
        for strip in self:
            while len(strip) >= missing:
                yield np.concatenate([*waiting, strip[:missing]])
                strip, missing = strip[missing:], rows
                waiting.clear()
            if len(strip):
                waiting.append(strip)
                missing -= len(strip)
        if waiting:
            yield np.concatenate(waiting)

    def whole(self) -> np.ndarray:
        """Put the strips together.

        Returns:
            [height, width, channels].
        """
        result = np.empty(self.shape, self.kind)
        top = 0
        for strip in self:
            result[top : top + len(strip)] = strip
            top += len(strip)
        return result

    def shallow(self) -> Image.Image:
        """Reduce a picture of 16 bits per channel to 8.

        Returns:
            ``RGB`` or ``RGBA``.
        """
        height, width, channels = self.shape
        result = Image.new("RGB" if channels == 3 else "RGBA", (width, height))
        top = 0
        for strip in self:
            # 65535 / 255 = 257, and half of that rounds.
            reduced = ((strip.astype(np.uint32) + 128) // 257).astype(np.uint8)
            result.paste(Image.fromarray(reduced), (0, top))
            top += len(strip)
        return result


def pixels_of(picture: Image.Image, kind: type[np.generic] = np.uint8) -> np.ndarray:
    """Copy the pixels of a picture; by strips, as NumPy would have Pillow copy all of them twice.

    Args:
        picture: decoded.
        kind: type of the values, which holds those of the picture.

    Returns:
        [height, width] or [height, width, channels].
    """
    bands = len(picture.getbands())
    shape = (picture.height, picture.width, bands)[: 2 + (bands > 1)]
    result = np.empty(shape, kind)
    for rows, strip in crops(picture):
        result[rows] = strip
    return result


def crops(picture: Image.Image) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut a picture into strips.

    Args:
        picture: decoded.

    Yields:
        Rows, and their pixels [rows, width] or [rows, width, channels].
    """
    for rows in row_strips(picture.height, picture.width):
        whole = rows == slice(0, picture.height)
        strip = picture if whole else picture.crop((0, rows.start, picture.width, rows.stop))
        yield rows, np.asarray(strip)


def _cuts(pixels: np.ndarray) -> Iterator[np.ndarray]:
    for rows in row_strips(*pixels.shape[:2]):
        yield pixels[rows]
