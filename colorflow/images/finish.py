"""The last step of colorization: predicted chroma on the photo's own lightness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.images.gamut import (
    Encoder,
    fitted_values,
    linear_rgb,
    outside_gamut,
    rgb_to_bytes,
    rgb_to_words,
)
from colorflow.images.lab import STRIP_PIXELS
from colorflow.images.photo import Photo
from colorflow.images.upsample import UpsampleConfig, Upsampler


class Finisher:
    """Puts chroma on a photo, as often as there are variants of it.

    The lightness is the photo's own, untouched, where (a, b) is predicted. Where (L, a, b) is, two
    more channels say how the photo's detail is put on it: its own lightness R at the size of the
    prediction, and a gain g in [0, 1]. With U for the enlarging, the lightness becomes

        U(L) + U(g) (own - U(R)),

    that is, of the photo's own lightness, what enlarging would lose of it is put back. What is
    predicted is enlarged along the photo's edges; colours outside sRGB lose chroma, not lightness
    or hue. Memory beyond the result and the lightness plane does not grow with the photo.

    Args:
        lightness: of the photo [height, width], L in [0, 100].
        alpha: uint8 [height, width], or None.
        config: settings of the upsampling.
    """

    def __init__(
        self,
        lightness: Tensor,
        alpha: np.ndarray | None = None,
        config: UpsampleConfig | None = None,
    ) -> None:
        self.lightness = lightness
        self.alpha = alpha
        self.config = config
        self._upsampler: Upsampler | None = None

    def picture(self, chroma: Tensor) -> Image.Image:
        """Make a picture of 8 bits per channel.

        Args:
            chroma: (a, b), or (L, a, b, R, g), [2 or 5, h, w] of any size, Lab units.

        Returns:
            ``RGB``, or ``RGBA`` where the photo has alpha, of the photo's size.
        """
        return self.pictures([chroma])[0]

    def pictures(self, chromas: Sequence[Tensor]) -> list[Image.Image]:
        """Make pictures of several variants; the same ones as one by one, and faster if small.

        Args:
            chromas: each [2 or 5, h, w], Lab units.

        Returns:
            As :meth:`picture` makes them. All are in memory at the same time.
        """
        mode, alpha = ("RGB", []) if self.alpha is None else ("RGBA", [self.alpha])
        return [
            Image.merge(mode, [Image.fromarray(channel) for channel in [*planes, *alpha]])
            for planes in self._planes(chromas, rgb_to_bytes, torch.uint8).numpy()
        ]

    def deep(self, chroma: Tensor) -> np.ndarray:
        """Make a picture of 16 bits per channel, which keeps the lightness of 16-bit scans.

        Args:
            chroma: (a, b), or (L, a, b, R, g), [2 or 5, h, w] of any size, Lab units.

        Returns:
            uint16 [height, width, 3], or 4 where the photo has alpha.
        """
        # PyTorch can do little with uint16; int16 holds the same bits.
        planes = self._planes([chroma], rgb_to_words, torch.int16)[0].numpy().view(np.uint16)
        if self.alpha is not None:
            planes = np.concatenate([planes, self.alpha[None].astype(np.uint16) * 257])
        return np.ascontiguousarray(planes.transpose(1, 2, 0))

    def _planes(self, chromas: Sequence[Tensor], encode: Encoder, kind: torch.dtype) -> Tensor:
        """Make the encoded channels of all variants, [variants, 3, height, width]."""
        height, width = self.lightness.shape
        # Channel by channel, so that the colours of all variants can be fitted together.
        planes = torch.empty(3, len(chromas) * height * width, dtype=kind)
        pending: list[tuple[Tensor, ...]] = []
        workspace = torch.empty(9 * max(min(STRIP_PIXELS, planes.shape[1]), width))
        for number, chroma in enumerate(chromas):
            for rows, enlarged in self._upsampling(chroma).strips(chroma):
                light, a, b = self._lab(self.lightness[rows], enlarged)
                lab = light.reshape(-1), a.reshape(-1), b.reshape(-1)
                rgb = linear_rgb(*lab, workspace)
                outside = outside_gamut(rgb)
                start = (number * height + rows.start) * width
                encode(rgb, planes[:, start : start + rgb.shape[1]])
                if len(outside):
                    pending.append((outside + start, *(plane[outside] for plane in lab)))
                # Few colours of a strip are outside the gamut, and fitting them takes many small
                # steps: done for several strips, these cost their arithmetic and no overhead.
                if sum(len(part[0]) for part in pending) > STRIP_PIXELS:
                    _fit(planes, pending, encode, workspace)
        _fit(planes, pending, encode, workspace)
        return planes.view(3, len(chromas), height, width).transpose(0, 1)

    def _lab(self, own: Tensor, enlarged: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        if len(enlarged) == 2:
            return own, enlarged[0], enlarged[1]
        light, a, b, reduced, gain = enlarged
        # Enlarged lightness may leave its range.
        detail = (own - reduced).mul_(gain.clamp_(0, 1))
        return detail.add_(light).clamp_(0, 100), a, b

    def _upsampling(self, chroma: Tensor) -> Upsampler:
        size = int(chroma.shape[1]), int(chroma.shape[2])
        if self._upsampler is None or self._upsampler.chroma_size != size:
            self._upsampler = Upsampler(self.lightness, size, self.config)
        return self._upsampler


def finish_photo(photo: Photo, chroma: Tensor, config: UpsampleConfig | None = None) -> Image.Image:
    """Put chroma on a photo once; see :class:`Finisher`.

    Args:
        photo: the photo.
        chroma: [2, height, width] of any size, Lab units.
        config: settings of the upsampling.

    Returns:
        ``RGB``, or ``RGBA`` where the photo has alpha, of the photo's size.
    """
    return Finisher(photo.lightness, photo.alpha, config).picture(chroma)


def _fit(
    planes: Tensor, pending: list[tuple[Tensor, ...]], encode: Encoder, workspace: Tensor
) -> None:
    """Write the colours collected in ``pending`` into the planes, fitted to the gamut."""
    if pending:
        columns = [torch.cat(parts) for parts in zip(*pending, strict=True)]
        for index, light, a, b in zip(*(c.split(STRIP_PIXELS) for c in columns), strict=True):
            planes[:, index] = fitted_values(light, a, b, encode, workspace).to(planes.dtype)
        pending.clear()
