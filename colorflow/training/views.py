"""Views of training photos: crops and flips, as (condition, target) pairs of one fixed size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from colorflow.domains import Domain
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.models.latents import derive_seed
from colorflow.training.pairs import read_pair
from colorflow.training.survey import Surveyed


@dataclass(frozen=True)
class Square:
    """A square part of a photo.

    Args:
        top: first row.
        left: first column.
        side: in pixels.
        mirror: left and right are exchanged.
    """

    top: int
    left: int
    side: int
    mirror: bool = False

    def cut(self, photo: Photo) -> Photo:
        """Cut the part out.

        Args:
            photo: the whole photo.

        Returns:
            A square photo.
        """
        rows = slice(self.top, self.top + self.side)
        pixels = photo.pixels[rows, self.left : self.left + self.side]
        if self.mirror:
            pixels = pixels[:, ::-1]
        return Photo(np.ascontiguousarray(pixels), source=photo.source)


def choose_square(
    size: tuple[int, int], view: int, generator: torch.Generator, smallest: float = 0.6
) -> Square:
    """Choose a square view of a photo.

    View 0 is the centre; the others are random squares, half of them mirrored.

    Args:
        size: height and width of the photo.
        view: number of the view.
        generator: source of randomness.
        smallest: side of the smallest square, as a share of the photo's shorter side, (0, 1].

    Returns:
        The square.
    """
    height, width = size
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    mirror = False
    if view > 0:
        scale, y, x, flip = torch.rand(4, generator=generator).tolist()
        side = max(1, round(side * (smallest + (1 - smallest) * scale)))
        top, left = int(y * (height - side + 1)), int(x * (width - side + 1))
        mirror = flip < 0.5
    return Square(top, left, side, mirror)


def jitter(photo: Photo, generator: torch.Generator, strength: float) -> Photo:
    """Change brightness, contrast and saturation a little, as other cameras and weathers do.

    Args:
        photo: RGB.
        generator: source of randomness.
        strength: largest change of each factor, [0, 1).

    Returns:
        The changed photo.
    """
    from torchvision.transforms.v2 import functional as change

    factors = 1 + strength * (2 * torch.rand(3, generator=generator) - 1)
    brightness, contrast, saturation = factors.tolist()
    planes = torch.from_numpy(to_unit(photo.pixels)).permute(2, 0, 1)
    planes = change.adjust_brightness(planes, brightness)
    planes = change.adjust_saturation(change.adjust_contrast(planes, contrast), saturation)
    return Photo(planes.permute(1, 2, 0).contiguous().numpy(), source=photo.source)


@dataclass(frozen=True)
class Views:
    """Makes (condition, target) pairs of photos.

    Args:
        files: good photos of a survey.
        domain: what to make of them.
        seed: of the random views.
        smallest: as for :func:`choose_square`.
        jitter: as for :func:`jitter`; of the condition alone, in all views but the centre.
    """

    files: Sequence[Surveyed]
    domain: Domain
    seed: int
    smallest: float = 0.6
    jitter: float = 0.0

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
        whole: tuple[Photo, ...]
        whole = read_pair(file) if file.site else (read_photo(file.path),)
        square = choose_square(whole[0].size, view, generator, self.smallest)
        photo, *others = (square.cut(part) for part in whole)
        if self.jitter and view > 0 and photo.pixels.ndim == 3:
            photo = jitter(photo, generator, self.jitter)
        side = self.domain.geometry.side
        condition, target = self.domain.pair(photo, (side, side), *others)
        return condition[0], target[0]
