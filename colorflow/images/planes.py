"""Planes of a photo that are given by rows, so that a large one need not exist as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorflow.devices import one_thread
from colorflow.images.lab import lightness_table, row_strips


class Plane(Protocol):
    """Values [height, width] that are asked for by ranges of rows; a tensor is one."""

    @property
    def shape(self) -> Sequence[int]:
        """Height and width in pixels."""

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Return the values of some rows, float32 [rows, width]."""


class GreyLightness:
    """Lightness of a grey photo of 8 or 16 bits, looked up when rows are asked for.

    It takes no memory beside the pixels, where a plane of floats takes four bytes per pixel.

    Args:
        pixels: uint8 or uint16 [height, width]; kept, not copied.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self.table = lightness_table(pixels.dtype).numpy()

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width in pixels."""
        return self.pixels.shape

    def __getitem__(self, rows: slice, /) -> Tensor:
        """Return L in [0, 100] of some rows, float32 [rows, width]."""
        return torch.from_numpy(np.take(self.table, self.pixels[rows]))


def resize_planes(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample planes to another size, averaging over the area when they shrink.

    Args:
        planes: float32 [channels, height, width].
        size: wished height and width.

    Returns:
        [channels, height, width] of that size.
    """
    if tuple(planes.shape[-2:]) == tuple(size):
        return planes
    # A triangle filter as wide as the reduction: no aliasing, and bilinear when enlarging.
    return functional.interpolate(
        planes[None], size=size, mode="bilinear", align_corners=False, antialias=True
    )[0]


def resize_plane(plane: Plane, size: tuple[int, int]) -> Tensor:
    """Resample a plane strip by strip, to the same values as :func:`resize_planes`.

    Args:
        plane: [height, width].
        size: wished height and width.

    Returns:
        [1, height, width] of that size.
    """
    height, width = plane.shape
    # The filter is separable: across, a row depends on itself alone.
    narrow = torch.empty(1, height, size[1])
    with one_thread():
        for rows in row_strips(height, width):
            strip = plane[rows][None]
            narrow[:, rows] = resize_planes(strip, (strip.shape[1], size[1]))
        return resize_planes(narrow, size)
