"""What a domain is: condition, target, and how a photo becomes one and the other."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.errors import ConfigError
from colorflow.images.photo import Photo
from colorflow.images.strips import Strips
from colorflow.images.upsample import upsample_plane


@dataclass(frozen=True)
class Geometry:
    """At which sizes the model looks at a photo.

    The shorter side of the condition becomes ``side`` pixels, the longer one keeps the aspect
    ratio as closely as steps of ``step`` allow, up to ``max_aspect`` times the shorter.

    Args:
        side: shorter side of the condition, in pixels.
        stride: pixels of the condition per pixel of the target.
        step: sides of the condition are multiples of this many pixels.
        max_aspect: the longest shape the model is given; longer photos are squeezed.
    """

    side: int
    stride: int
    step: int
    max_aspect: float = 4.0

    def __post_init__(self) -> None:
        if min(self.side, self.stride, self.step) < 1 or self.max_aspect < 1:
            raise ConfigError(f"geometry: expected positive sizes, got {self}")
        if self.side % self.step or self.step % self.stride:
            raise ConfigError(
                f"geometry: side {self.side} must be a multiple of step {self.step}, and that of "
                f"stride {self.stride}"
            )

    def condition_size(self, height: int, width: int, detail: float = 1.0) -> tuple[int, int]:
        """Give the size at which a photo is shown to the model.

        Args:
            height: of the photo, in pixels.
            width: of the photo, in pixels.
            detail: factor on the usual size.

        Returns:
            Height and width of the condition, in pixels.

        Raises:
            ConfigError: the model cannot take that detail.
        """
        side = round(self.side * detail)
        if side % self.step or side < self.step or (detail != 1 and self.max_aspect == 1):
            fixed = "it takes one size only" if self.max_aspect == 1 else f"steps of {self.step}"
            raise ConfigError(
                f"detail: expected 1 for this model of {self.side} pixels ({fixed}), got {detail}"
            )
        aspect = min(max(height, width) / min(height, width), self.max_aspect)
        longer = max(side, round(side * aspect / self.step) * self.step)
        return (longer, side) if height > width else (side, longer)


class Finishing(Protocol):
    """Makes full-size pictures of the targets predicted for one photo."""

    def pictures(self, targets: Sequence[Tensor]) -> list[Image.Image]:
        """Make pictures of 8 bits per channel of targets [channels, height, width]."""

    def strips(self, target: Tensor) -> Strips:
        """Make that picture strip by strip, for pictures too large to be held as a whole."""

    def deep(self, target: Tensor) -> np.ndarray:
        """Make a picture of 16 bits per channel, uint16 [height, width, channels]."""

    def with_vivid(self, vivid: float) -> Finishing:
        """Do the same with another factor on chroma; what is known of the photo is shared."""


class Domain(ABC):
    """How to turn a photo into (condition, target), and a predicted target into a picture.

    Args:
        geometry: sizes.
        scale: Lab units that make one unit of the model.

    Raises:
        ConfigError: the scale is not positive.
    """

    name: str
    condition_channels: int
    target_channels: int
    # Which channels of the target are a and b.
    chroma_channels: slice
    # What the factor on the latents is called where a user meets it.
    strength: str
    # What is put behind the name of a photo for a single result.
    result: str
    # What is said of photos that are done.
    done: str
    # Up to this factor on the latents, results were looked at and measured.
    max_strength: float
    # Factor on the chroma of finished variants: cautious predictions are duller than photos.
    gain: float = 1.0

    def __init__(self, geometry: Geometry, scale: float = 20.0) -> None:
        if not scale > 0:
            raise ConfigError(f"target scale: expected a positive number, got {scale}")
        self.geometry = geometry
        self.scale = scale

    @abstractmethod
    def condition(self, photo: Photo, size: tuple[int, int] | None = None) -> Tensor:
        """Make what the model is given.

        Args:
            photo: any photo.
            size: height and width to use; the geometry's choice where None.

        Returns:
            float32 [1, condition_channels, height, width].
        """

    @abstractmethod
    def pair(
        self, photo: Photo, size: tuple[int, int] | None = None, partner: Photo | None = None
    ) -> tuple[Tensor, Tensor]:
        """Make what the model is given and what it is to predict.

        Args:
            photo: the photo the condition is made of.
            size: as for :meth:`condition`.
            partner: the photo the target is made of; the same one where None.

        Returns:
            The condition, and the target, float32
            [1, target_channels, height / stride, width / stride].
        """

    def require_strength(self, factor: float) -> None:
        """Make sure that a factor on the latents is one that the model can take.

        Args:
            factor: saturation, or strength.

        Raises:
            ConfigError: it is negative, too large, or no number.
        """
        if not 0 <= factor <= self.max_strength:
            raise ConfigError(
                f"{self.strength}: expected 0 to {self.max_strength:g}, got {factor}; beyond that "
                "colours are noise"
            )

    @abstractmethod
    def plausible(self, targets: Tensor) -> Tensor:
        """Tell which targets a photo can have: finite, and what sRGB can hold, with a margin.

        Args:
            targets: [count, target_channels, height, width], in units of the model.

        Returns:
            bool [count].
        """

    @abstractmethod
    def finishing(self, photo: Photo, vivid: float = 1.0) -> Finishing:
        """Prepare the last step for all variants of a photo.

        Args:
            photo: the photo the condition was made of.
            vivid: factor on the chroma of what is predicted.

        Returns:
            What makes full-size pictures of predicted targets.
        """

    def finish(self, photo: Photo, target: Tensor) -> Image.Image:
        """Make the full-size picture of one predicted target.

        Args:
            photo: the photo the condition was made of.
            target: [target_channels, height, width], at the model's size.

        Returns:
            A picture of the photo's size.
        """
        return self.finishing(photo).pictures([target])[0]

    @abstractmethod
    def show(self, condition: Tensor) -> Image.Image:
        """Make a picture of what the model sees.

        Args:
            condition: [condition_channels, height, width].

        Returns:
            A picture of that size.
        """

    @abstractmethod
    def preview(self, condition: Tensor, target: Tensor) -> Image.Image:
        """Make a picture of the condition's size from what the model sees and predicts.

        Args:
            condition: [condition_channels, height, width].
            target: [target_channels, height / stride, width / stride].

        Returns:
            A picture.
        """

    @abstractmethod
    def in_lab(self, target: Tensor) -> Tensor:
        """Give the values of a target in Lab units, in which errors and spreads are measured.

        Args:
            target: [..., target_channels, height, width], in units of the model.

        Returns:
            Same shape.
        """

    @abstractmethod
    def of_lab(self, values: Tensor) -> Tensor:
        """Undo :meth:`in_lab`.

        Args:
            values: [..., target_channels, height, width], in Lab units.

        Returns:
            Same shape, in units of the model.
        """

    def strengthen(self, targets: Tensor, factor: float) -> Tensor:
        """Scale the chroma of targets, as the finishing does.

        Args:
            targets: [..., target_channels, height, width], in units of the model.
            factor: on a and b.

        Returns:
            Same shape.
        """
        factors = torch.ones(self.target_channels, 1, 1, device=targets.device)
        factors[self.chroma_channels] = factor
        return self.of_lab(self.in_lab(targets) * factors)

    def enlarge(self, photo: Photo, plane: Tensor) -> Tensor:
        """Bring a non-negative plane at the model's size, e.g. an uncertainty, to the photo's size.

        Args:
            photo: the photo the condition was made of.
            plane: [height, width], at the model's size.

        Returns:
            float32, of the photo's height and width.
        """
        return upsample_plane(plane, photo.lightness_rows)

    def log_volume(self) -> float:
        """Give the log-density change per target value from the model's scale to physical units.

        Returns:
            log|d model / d physical|, in nats per dimension, to be added to a log-density.
        """
        return -math.log(self.scale)
