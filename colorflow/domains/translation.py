"""Translation: a photo -> another photo of the same scene, e.g. day -> night."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from colorflow.devices import one_thread
from colorflow.domains.base import Domain, Finishing
from colorflow.domains.plausibility import plausible_chroma, plausible_lightness
from colorflow.images.finish import Finisher
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.images.planes import Plane, resize_plane, resize_planes
from colorflow.images.strips import Strips

# Night photos are dark: about the mean of their lightness, from which the model counts.
MIDDLE = 25.0


class Translation(Domain):
    """A photo -> another photo of the same scene: the target is (L - 25, a, b) / scale of CIE Lab.

    Lab is the decorrelated space: lightness apart from the two opponent colours, in steps that look
    about equally large. Averaged over the area, like chroma in :class:`Colorization`.

    Source: Ardizzone et al., "Conditional Invertible Neural Networks for Diverse Image-to-Image
    Translation" (2020), section 4.1, day to night, which works on RGB.

    Args:
        geometry: sizes.
        scale: Lab units that make one unit of the model.
    """

    name = "translation"
    condition_channels = 3
    target_channels = 3
    chroma_channels = slice(1, 3)
    strength = "strength"
    max_strength = 1.5
    result = "translated"
    done = "translated"

    def condition(self, photo: Photo, size: tuple[int, int] | None = None) -> Tensor:
        """Make the picture the model sees: sRGB [1, 3, height, width], in [0, 1]."""
        size = size or self.geometry.condition_size(*photo.size)
        pixels = torch.from_numpy(to_unit(photo.pixels))
        planes = pixels.expand(3, -1, -1) if pixels.dim() == 2 else pixels.permute(2, 0, 1)
        with one_thread():
            return resize_planes(planes, size).clamp(0, 1)[None]

    def pair(
        self, photo: Photo, size: tuple[int, int] | None = None, partner: Photo | None = None
    ) -> tuple[Tensor, Tensor]:
        """Make the picture the model sees and (L - 25, a, b) / scale of its partner."""
        size = size or self.geometry.condition_size(*photo.size)
        partner = photo if partner is None else partner
        with one_thread():
            lab = resize_planes(partner.lab(), size)[None]
            lab = functional.avg_pool2d(lab, self.geometry.stride)
        return self.condition(photo, size), (lab - self._middle(lab)) / self.scale

    def in_lab(self, target: Tensor) -> Tensor:
        """Give the (L, a, b) of a target."""
        return target * self.scale + self._middle(target)

    def of_lab(self, values: Tensor) -> Tensor:
        """Give the target of an (L, a, b)."""
        return (values - self._middle(values)) / self.scale

    def plausible(self, targets: Tensor) -> Tensor:
        """Tell whose lightness and chroma are those of colours, with a margin."""
        lab = self.in_lab(targets)
        return plausible_lightness(lab[:, :1]) & plausible_chroma(lab[:, 1:])

    def finishing(self, photo: Photo, vivid: float = 1.0) -> Finishing:
        """Enlarge the predicted picture along the edges of the photo, and put its detail back.

        Detail that the model's size cannot hold is the photo's own, weaker where the prediction is
        darker than the photo, g = min(1, L / R) with R the photo's lightness at the model's size;
        see :class:`colorflow.images.finish.Finisher`. Nothing smaller than a pixel of the model is
        invented: lamps that are smaller are not there, and shadows of the day stay.
        """
        return _TranslationFinishing(
            self, photo.lightness_rows, Finisher(photo.lightness_rows, photo.alpha), vivid
        )

    def show(self, condition: Tensor) -> Image.Image:
        """Show the picture the model saw."""
        return Image.fromarray(_bytes(condition))

    def preview(self, condition: Tensor, target: Tensor) -> Image.Image:
        """Enlarge the prediction along the edges of the picture the model saw."""
        return self.finish(Photo(_bytes(condition)), target)

    def _middle(self, like: Tensor) -> Tensor:
        return like.new_tensor([MIDDLE, 0.0, 0.0])[:, None, None]


class _TranslationFinishing:
    """A :class:`Finisher` that takes targets in units of the model, from any device."""

    def __init__(
        self, domain: Translation, lightness: Plane, finisher: Finisher, vivid: float
    ) -> None:
        self.domain, self.lightness = domain, lightness
        self.finisher, self.vivid = finisher, vivid

    def pictures(self, targets: Sequence[Tensor]) -> list[Image.Image]:
        return self.finisher.pictures([self._channels(target) for target in targets])

    def strips(self, target: Tensor) -> Strips:
        return self.finisher.strips(self._channels(target))

    def deep(self, target: Tensor) -> np.ndarray:
        return self.finisher.deep(self._channels(target))

    def with_vivid(self, vivid: float) -> Finishing:
        return _TranslationFinishing(self.domain, self.lightness, self.finisher, vivid)

    def _channels(self, target: Tensor) -> Tensor:
        lab = self.domain.in_lab(target.detach().to("cpu", torch.float32))
        reduced = resize_plane(self.lightness, (lab.shape[1], lab.shape[2]))
        # A photo that is black shows no detail that could be made weaker.
        gain = (lab[:1] / reduced.clamp(min=1)).clamp_(0, 1)
        return torch.cat([lab[:1], lab[1:] * self.vivid, reduced, gain])


def _bytes(rgb: Tensor) -> np.ndarray:
    """Turn RGB [3, height, width] in [0, 1], on any device, into uint8 [height, width, 3]."""
    values = rgb.detach().to("cpu", torch.float32).clamp(0, 1).mul(255).round()
    return values.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
