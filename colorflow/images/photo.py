"""A decoded photo: its pixels, what must come back with the result, and its identity."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.errors import ImageError
from colorflow.images.frame import Frame
from colorflow.images.lab import lab_planes, lightness_plane, lightness_to_grey, row_strips
from colorflow.images.metadata import Metadata
from colorflow.images.planes import GreyLightness, Plane, resize_plane

# Mean chroma, in Lab units, above which a picture is called a colour picture. JPEG chroma noise of
# a grey photo stays below 1; the mutest colour photos and sepia prints lie above 2.
COLOUR_THRESHOLD = 1.5


@dataclass
class Photo:
    """A photo ready for the model, upright, with what its file said about it.

    Args:
        pixels: grey [height, width] or RGB [height, width, 3]; uint8, uint16 or float32 in [0, 1].
        alpha: uint8 [height, width], or None where the photo is opaque.
        source: the file it came from, or None.
        format: Pillow's name of the file format, e.g. ``"JPEG"``, or None.
        metadata: what the file said about the photo.
        notes: what a user should know about the reading, one sentence each.
        frame: the scan whose border was cut off, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    source: Path | None = None
    format: str | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: list[str] = field(default_factory=list)
    frame: Frame | None = None

    def __post_init__(self) -> None:
        shape, kind = self.pixels.shape, self.pixels.dtype
        good = len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)
        if not good or 0 in shape or kind not in (np.uint8, np.uint16, np.float32):
            raise ImageError(
                f"{self.name}: expected uint8, uint16 or float32 pixels [height, width] or "
                f"[height, width, 3], got {kind} {list(shape)}; convert the picture first"
            )
        if kind == np.float32 and not np.isfinite(self.pixels).all():
            raise ImageError(f"{self.name}: expected finite pixel values, found NaN or infinity")

    @property
    def name(self) -> str:
        """The file's path, or a stand-in for a picture without one."""
        return str(self.source) if self.source else "<picture>"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    @functools.cached_property
    def lightness(self) -> Tensor:
        """Lightness of every pixel, float32 [height, width], L in [0, 100]; computed once."""
        return lightness_plane(self.pixels)

    @functools.cached_property
    def lightness_rows(self) -> Plane:
        """Lightness by ranges of rows: the values of ``lightness`` in the least memory."""
        if self.pixels.ndim == 2 and self.pixels.dtype != np.float32:
            return GreyLightness(self.pixels)
        return self.lightness

    def drop_colours(self) -> None:
        """Free the pixels of a colour photo, for work that needs no more than its lightness.

        Size and type stay known, and the lightness is kept; values of pixels read as 0.
        """
        if self.pixels.ndim == 3:
            self.lightness_rows = self.lightness
            self.pixels = np.broadcast_to(np.zeros(1, self.pixels.dtype), self.pixels.shape)

    def lab(self) -> Tensor:
        """Compute all three Lab planes.

        Returns:
            float32 [3, height, width].
        """
        return lab_planes(self.pixels)

    def digest(self) -> str:
        """Identify the photo by its pixels, not by its name, format or place.

        Returns:
            SHA-256 over shape, type and pixel values, 64 hexadecimal digits.
        """
        state = hashlib.sha256(f"{self.pixels.shape}{self.pixels.dtype.str}".encode())
        for rows in row_strips(*self.size):
            state.update(np.ascontiguousarray(self.pixels[rows]).data)
        return state.hexdigest()

    def is_coloured(self) -> bool:
        """Tell whether the photo has colours already.

        Returns:
            True where the mean chroma of a reduced copy is above ``COLOUR_THRESHOLD``.
        """
        if self.pixels.ndim == 2:
            return False
        # Stepping through the pixels is enough to tell, and costs nothing for a large scan.
        step = max(1, min(self.size) // 128)
        a_b = lab_planes(np.ascontiguousarray(self.pixels[::step, ::step]))[1:]
        return float(a_b.square().sum(0).sqrt().mean()) > COLOUR_THRESHOLD

    def thumbnail(self, side: int) -> Image.Image:
        """Make a small grey picture of the photo.

        Args:
            side: length of its shorter side in pixels.

        Returns:
            An ``L`` picture.
        """
        height, width = self.size
        scale = side / min(height, width)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        grey = lightness_to_grey(resize_plane(self.lightness_rows, size)[0])
        return Image.fromarray((grey * 255).round().to(torch.uint8).numpy())
