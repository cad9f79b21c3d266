"""Colorization: lightness -> chroma."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from colorflow.devices import one_thread
from colorflow.domains.base import Domain, Finishing
from colorflow.domains.plausibility import plausible_chroma
from colorflow.images.finish import Finisher
from colorflow.images.lab import lightness_to_grey
from colorflow.images.photo import Photo
from colorflow.images.planes import resize_plane, resize_planes
from colorflow.images.strips import Strips
from colorflow.images.upsample import DRAWN


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
    chroma_channels = slice(0, 2)
    strength = "saturation"
    max_strength = 1.5
    gain = 1.11
    result = "color"
    done = "coloured"

    def condition(self, photo: Photo, size: tuple[int, int] | None = None) -> Tensor:
        """Make the grey picture the model sees: sRGB grey [1, 1, height, width], in [0, 1]."""
        size = size or self.geometry.condition_size(*photo.size)
        with one_thread():
            return lightness_to_grey(resize_plane(photo.lightness_rows, size))[None]

    def pair(
        self, photo: Photo, size: tuple[int, int] | None = None, partner: Photo | None = None
    ) -> tuple[Tensor, Tensor]:
        """Make the grey picture and the chroma (a, b) / scale [1, 2, ...] at the target size."""
        size = size or self.geometry.condition_size(*photo.size)
        with one_thread():
            lab = resize_planes(photo.lab(), size)[None]
            if partner is not None:
                lab = torch.cat([lab[:, :1], resize_planes(partner.lab(), size)[None, 1:]], 1)
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

    def in_lab(self, target: Tensor) -> Tensor:
        """Give the (a, b) of a target, in Lab units."""
        return self.chroma(target)

    def of_lab(self, values: Tensor) -> Tensor:
        """Give the target of an (a, b) in Lab units."""
        return values / self.scale

    def plausible(self, targets: Tensor) -> Tensor:
        """Tell whose chroma stays within :data:`MAX_CHROMA`."""
        return plausible_chroma(self.chroma(targets))

    def finishing(self, photo: Photo, vivid: float = 1.0) -> Finishing:
        """Put predicted chroma on the photo's own lightness; see :mod:`colorflow.images.finish`."""
        return _ChromaFinishing(self, Finisher(photo.lightness_rows, photo.alpha, DRAWN), vivid)

    def show(self, condition: Tensor) -> Image.Image:
        """Show the grey picture the model saw."""
        return self.preview(condition, condition.new_zeros(2, 1, 1))

    def preview(self, condition: Tensor, target: Tensor) -> Image.Image:
        """Put chroma on the grey picture the model saw."""
        grey = condition[0].detach().to("cpu", torch.float32).clamp(0, 1).numpy()
        return self.finish(Photo(grey), target)


class _ChromaFinishing:
    """A :class:`Finisher` that takes targets in units of the model, from any device."""

    def __init__(self, domain: Colorization, finisher: Finisher, vivid: float) -> None:
        self.domain, self.finisher, self.vivid = domain, finisher, vivid

    def pictures(self, targets: Sequence[Tensor]) -> list[Image.Image]:
        return self.finisher.pictures([self._chroma(target) for target in targets])

    def strips(self, target: Tensor) -> Strips:
        return self.finisher.strips(self._chroma(target))

    def deep(self, target: Tensor) -> np.ndarray:
        return self.finisher.deep(self._chroma(target))

    def with_vivid(self, vivid: float) -> Finishing:
        return _ChromaFinishing(self.domain, self.finisher, vivid)

    def _chroma(self, target: Tensor) -> Tensor:
        return self.domain.chroma(target.detach().to("cpu", torch.float32)) * self.vivid
