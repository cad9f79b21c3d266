"""What is condition and what is target, and how a photo becomes one and the other.

A model, its training and its evaluation know only the ``Domain``: the tensors it makes of a photo
and the way back to a picture. Colorization is lightness -> chroma.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from colorflow.devices import one_thread
from colorflow.errors import ConfigError
from colorflow.images.finish import Finisher
from colorflow.images.lab import lightness_to_grey
from colorflow.images.photo import Photo, resize_planes
from colorflow.images.upsample import upsample_plane
from colorflow.models.config import ModelConfig


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

    def condition_size(self, height: int, width: int) -> tuple[int, int]:
        """Give the size at which a photo is shown to the model.

        Args:
            height: of the photo, in pixels.
            width: of the photo, in pixels.

        Returns:
            Height and width of the condition, in pixels.
        """
        aspect = min(max(height, width) / min(height, width), self.max_aspect)
        longer = max(self.side, round(self.side * aspect / self.step) * self.step)
        return (longer, self.side) if height > width else (self.side, longer)


class Finishing(Protocol):
    """Makes full-size pictures of the targets predicted for one photo."""

    def pictures(self, targets: Sequence[Tensor]) -> list[Image.Image]:
        """Make pictures of 8 bits per channel of targets [channels, height, width]."""

    def deep(self, target: Tensor) -> np.ndarray:
        """Make a picture of 16 bits per channel, uint16 [height, width, channels]."""


class Domain(ABC):
    """How to turn a photo into (condition, target), and a predicted target into a picture."""

    name: str
    condition_channels: int
    target_channels: int

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

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
    def pair(self, photo: Photo, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Make what the model is given and what it is to predict.

        Args:
            photo: a photo that has a target, e.g. a colour photo.
            size: as for :meth:`condition`.

        Returns:
            The condition, and the target, float32
            [1, target_channels, height / stride, width / stride].
        """

    @abstractmethod
    def finishing(self, photo: Photo) -> Finishing:
        """Prepare the last step for all variants of a photo.

        Args:
            photo: the photo the condition was made of.

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
    def preview(self, condition: Tensor, target: Tensor) -> Image.Image:
        """Make a picture of the condition's size from what the model sees and predicts.

        Args:
            condition: [condition_channels, height, width].
            target: [target_channels, height / stride, width / stride].

        Returns:
            A picture.
        """

    @abstractmethod
    def enlarge(self, photo: Photo, plane: Tensor) -> Tensor:
        """Bring a non-negative plane at the model's size, e.g. an uncertainty, to the photo's size.

        Args:
            photo: the photo the condition was made of.
            plane: [height, width], at the model's size.

        Returns:
            float32, of the photo's height and width.
        """

    @abstractmethod
    def log_volume(self) -> float:
        """Give the log-density change per target value from the model's scale to physical units.

        Returns:
            log|d model / d physical|, in nats per dimension, to be added to a log-density.
        """


class Colorization(Domain):
    """Lightness -> chroma: the target is (a, b) / scale of CIE Lab, averaged over the area.

    Source: Ardizzone et al., "Guided Image Generation with Conditional Invertible Neural
    Networks" (2019), section 4.2, which uses other offsets and scales.

    Args:
        geometry: sizes.
        scale: Lab units of a and b that make one unit of the model.
    """

    name = "colorization"
    condition_channels = 1
    target_channels = 2

    def __init__(self, geometry: Geometry, scale: float = 20.0) -> None:
        super().__init__(geometry)
        if not scale > 0:
            raise ConfigError(f"chroma scale: expected a positive number, got {scale}")
        self.scale = scale

    def condition(self, photo: Photo, size: tuple[int, int] | None = None) -> Tensor:
        """Make the grey picture the model sees: sRGB grey [1, 1, height, width], in [0, 1]."""
        size = size or self.geometry.condition_size(*photo.size)
        with one_thread():
            return lightness_to_grey(resize_planes(photo.lightness[None], size))[None]

    def pair(self, photo: Photo, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Make the grey picture and the chroma (a, b) / scale [1, 2, ...] at the target size."""
        size = size or self.geometry.condition_size(*photo.size)
        with one_thread():
            lab = resize_planes(photo.lab(), size)[None]
            chroma = functional.avg_pool2d(lab[:, 1:], self.geometry.stride) / self.scale
            return lightness_to_grey(lab[:, :1]), chroma

    def chroma(self, target: Tensor) -> Tensor:
        """Give the (a, b) of a target, in Lab units.

        Args:
            target: [..., 2, height, width], in units of the model.

        Returns:
            Same shape, in Lab units.
        """
        return target * self.scale

    def finishing(self, photo: Photo) -> Finishing:
        """Put predicted chroma on the photo's own lightness; see :mod:`colorflow.images.finish`."""
        return _ChromaFinishing(self, Finisher(photo.lightness, photo.alpha))

    def preview(self, condition: Tensor, target: Tensor) -> Image.Image:
        """Put chroma on the grey picture the model saw."""
        grey = condition[0].detach().to("cpu", torch.float32).clamp(0, 1).numpy()
        return self.finish(Photo(grey), target)

    def enlarge(self, photo: Photo, plane: Tensor) -> Tensor:
        """Enlarge a plane along the edges of the photo's lightness."""
        return upsample_plane(plane, photo.lightness)

    def log_volume(self) -> float:
        """Give -log(scale): the model's density is over (a, b) / scale."""
        return -float(torch.tensor(self.scale, dtype=torch.float64).log())


class _ChromaFinishing:
    """A :class:`Finisher` that takes targets in units of the model, from any device."""

    def __init__(self, domain: Colorization, finisher: Finisher) -> None:
        self.domain, self.finisher = domain, finisher

    def pictures(self, targets: Sequence[Tensor]) -> list[Image.Image]:
        return self.finisher.pictures([self._chroma(target) for target in targets])

    def deep(self, target: Tensor) -> np.ndarray:
        return self.finisher.deep(self._chroma(target))

    def _chroma(self, target: Tensor) -> Tensor:
        return self.domain.chroma(target.detach().to("cpu", torch.float32))


def colorization_of(config: ModelConfig) -> Colorization:
    """Build the domain a model works in.

    Args:
        config: of the model.

    Returns:
        The domain, with the model's sizes and scale.

    Raises:
        ConfigError: the model is not for colorization.
    """
    if config.domain != Colorization.name:
        raise ConfigError(f"domain: expected '{Colorization.name}', the model says {config.domain}")
    # A fully connected tail takes one size only: photos are squared, chroma stretched back.
    aspect = 1.0 if config.tail else 4.0
    geometry = Geometry(config.side, config.stride, config.coarsest_stride, aspect)
    return Colorization(geometry, config.target_scale)
