"""What a model is measured on: a photo, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from colorflow.images.photo import Photo
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
