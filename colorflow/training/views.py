"""Views of training photos: crops and flips, as (condition, target) pairs of one fixed size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from colorflow.domains import Domain
from colorflow.errors import ImageError
from colorflow.images.photo import Photo
from colorflow.images.read import SUFFIXES, read_photo


def list_photos(folder: Path) -> list[Path]:
    """List the picture files below a folder, in a fixed order.

    Args:
        folder: where to look, recursively.

    Returns:
        The files, sorted.

    Raises:
        ImageError: there is none.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not files:
        raise ImageError(f"{folder}: expected photos below this folder, found none")
    return files


def crop(photo: Photo, view: int, generator: torch.Generator) -> Photo:
    """Cut a square view out of a photo.

    View 0 is the centre; the others are random squares of 60 to 100 % of the shorter side, half of
    them mirrored.

    Args:
        photo: the whole photo.
        view: number of the view.
        generator: source of randomness.

    Returns:
        A square photo that shares the pixels' memory where it can.
    """
    height, width = photo.size
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    mirror = False
    if view > 0:
        scale, y, x, flip = torch.rand(4, generator=generator).tolist()
        side = max(1, round(side * (0.6 + 0.4 * scale)))
        top, left = int(y * (height - side + 1)), int(x * (width - side + 1))
        mirror = flip < 0.5
    pixels = photo.pixels[top : top + side, left : left + side]
    if mirror:
        pixels = pixels[:, ::-1]
    return Photo(np.ascontiguousarray(pixels), source=photo.source)


@dataclass
class Views(Dataset[tuple[int, Tensor, Tensor, str]]):
    """All views of all photos; item i is view i // len(files) of photo i % len(files).

    Args:
        files: the photos.
        domain: what to make of them.
        count: views of each photo.
        seed: of the random views.
    """

    files: Sequence[Path]
    domain: Domain
    count: int
    seed: int

    def __len__(self) -> int:
        return len(self.files) * self.count

    def __getitem__(self, index: int) -> tuple[int, Tensor, Tensor, str]:
        """Give (index, condition, target, reason); a reason says why the photo is left out."""
        side = self.domain.geometry.side
        view, position = divmod(index, len(self.files))
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        reason = ""
        try:
            photo = read_photo(self.files[position])
            if min(photo.size) < side // 2:
                reason = f"smaller than {side // 2} pixels"
            elif not photo.is_coloured():
                reason = "grey or nearly grey"
        except ImageError as error:
            reason = str(error)
        if reason:
            photo = Photo(np.zeros((side, side), np.uint8))
        condition, target = self.domain.pair(crop(photo, view, generator), (side, side))
        return index, condition[0], target[0], reason
