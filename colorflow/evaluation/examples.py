"""What a model is measured on: a photo, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.images.planes import resize_planes
from colorflow.images.read import read_photo
from colorflow.training.pairs import read_pair
from colorflow.training.survey import Surveyed


class Example(Protocol):
    """A photo and the truth about it, read when they are needed."""

    @property
    def name(self) -> str:
        """How to call it."""

    @property
    def site(self) -> str:
        """The camera or scene it belongs to; empty where there are none."""

    def read(self) -> tuple[Photo, Photo]:
        """Read the photo and the truth, which may be one and the same."""


@dataclass(frozen=True)
class PhotoExample:
    """A colour photo, which is the truth about its own lightness.

    Args:
        path: of the file.
    """

    path: Path
    site: str = ""

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def read(self) -> tuple[Photo, Photo]:
        """Read the photo.

        Returns:
            It, twice.

        Raises:
            ImageError: it cannot be read.
        """
        photo = read_photo(self.path)
        return photo, photo


@dataclass(frozen=True)
class PairExample:
    """A pair of photos of one scene.

    Args:
        pair: of a survey.
    """

    pair: Surveyed

    @property
    def name(self) -> str:
        """The path of the first half."""
        return self.pair.path

    @property
    def site(self) -> str:
        """The camera or scene."""
        return self.pair.site

    def read(self) -> tuple[Photo, Photo]:
        """Read both halves.

        Returns:
            The photo and its partner.

        Raises:
            ImageError: a half cannot be read.
        """
        return read_pair(self.pair)


def square(photo: Photo) -> Photo:
    """Cut the central square out of a photo: the crop rule of the protocol.

    Args:
        photo: any photo.

    Returns:
        Its central square, of the photo's shorter side.
    """
    height, width = photo.size
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = photo.pixels[top : top + side, left : left + side]
    return Photo(np.ascontiguousarray(pixels), source=photo.source)


def squares(example: Example) -> tuple[Photo, Photo]:
    """Read the central squares of a photo and of the truth.

    Args:
        example: of any task.

    Returns:
        Both; one and the same for a colour photo.

    Raises:
        ImageError: one cannot be read.
    """
    photo, partner = example.read()
    first = square(photo)
    return first, first if partner is photo else square(partner)


def reduced(photo: Photo, side: int) -> Photo:
    """Make a small photo of 8 bits per channel.

    Args:
        photo: any photo.
        side: its shorter side becomes so long.

    Returns:
        The photo itself where it is as small already.
    """
    height, width = photo.size
    scale = side / min(height, width)
    if scale >= 1:
        return photo
    pixels = torch.from_numpy(to_unit(photo.pixels))
    planes = pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1)
    small = resize_planes(planes, (round(height * scale), round(width * scale)))
    values = (small.clamp(0, 1) * 255).round().to(torch.uint8)
    values = values[0] if pixels.dim() == 2 else values.permute(1, 2, 0)
    return Photo(np.ascontiguousarray(values.numpy()), source=photo.source)
