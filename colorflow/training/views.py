"""Views of training photos: crops and flips, as (condition, target) pairs of one fixed size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from colorflow.domains import Domain
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.models.latents import derive_seed
from colorflow.training.survey import Surveyed


def crop(photo: Photo, view: int, generator: torch.Generator, smallest: float = 0.6) -> Photo:
    """Cut a square view out of a photo.

    View 0 is the centre; the others are random squares, half of them mirrored.

    Args:
        photo: the whole photo.
        view: number of the view.
        generator: source of randomness.
        smallest: side of the smallest square, as a share of the photo's shorter side, (0, 1].

    Returns:
        A square photo that shares the pixels' memory where it can.
    """
    height, width = photo.size
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    mirror = False
    if view > 0:
        scale, y, x, flip = torch.rand(4, generator=generator).tolist()
        side = max(1, round(side * (smallest + (1 - smallest) * scale)))
        top, left = int(y * (height - side + 1)), int(x * (width - side + 1))
        mirror = flip < 0.5
    pixels = photo.pixels[top : top + side, left : left + side]
    if mirror:
        pixels = pixels[:, ::-1]
    return Photo(np.ascontiguousarray(pixels), source=photo.source)


@dataclass(frozen=True)
class Views:
    """Makes (condition, target) pairs of photos.

    Args:
        files: good photos of a survey.
        domain: what to make of them.
        seed: of the random views.
        smallest: as for :func:`crop`.
    """

    files: Sequence[Surveyed]
    domain: Domain
    seed: int
    smallest: float = 0.6

    def pair(self, position: int, view: int) -> tuple[Tensor, Tensor]:
        """Make one pair; it depends on the file's content, the view and the seed alone.

        Args:
            position: of the file.
            view: 0 is the centre, every other number a random crop of its own.

        Returns:
            Condition [channels, side, side] and target [channels, side / stride, ...].

        Raises:
            ImageError: the file can no longer be read.
        """
        file = self.files[position]
        generator = torch.Generator().manual_seed(derive_seed(self.seed, file.content, view))
        photo = crop(read_photo(file.path), view, generator, self.smallest)
        side = self.domain.geometry.side
        condition, target = self.domain.pair(photo, (side, side))
        return condition[0], target[0]
