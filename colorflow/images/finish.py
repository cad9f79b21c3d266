"""The last step of colorization: predicted chroma on the photo's own lightness."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

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
from colorflow.images.planes import Plane
from colorflow.images.strips import Strips
from colorflow.images.upsample import UpsampleConfig, Upsampler

# Pixels whose colours outside the gamut are fitted together, before their strips are passed on.
BLOCK_PIXELS = 16 * STRIP_PIXELS


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
        lightness: of the photo [height, width], L in [0, 100]; its rows are asked for by strips.
        alpha: uint8 [height, width], or None.
        config: settings of the upsampling.
    """

    def __init__(
        self,
        lightness: Plane,
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
        mode = "RGB" if self.alpha is None else "RGBA"
        height, width = self.lightness.shape
        images: list[Image.Image] = []
        for number, rows, planes in self._strips(chromas, rgb_to_bytes, torch.uint8):
            channels = [*planes.numpy(), *([] if self.alpha is None else [self.alpha[rows]])]
            strip = Image.merge(mode, [Image.fromarray(channel) for channel in channels])
            if strip.height == height:
                images.append(strip)
                continue
            if len(images) == number:
                images.append(Image.new(mode, (width, height)))
            images[number].paste(strip, (0, rows.start))
        return images

    def strips(self, chroma: Tensor) -> Strips:
        """Make a picture of 16 bits per channel, which keeps the lightness of 16-bit scans.

        Args:
            chroma: (a, b), or (L, a, b, R, g), [2 or 5, h, w] of any size, Lab units.

        Returns:
            uint16 [height, width, 3], or 4 where the photo has alpha; made when iterated over.
        """
        height, width = self.lightness.shape
        shape = height, width, 3 if self.alpha is None else 4
        return Strips(shape, np.dtype(np.uint16), functools.partial(self._deep, chroma))

    def deep(self, chroma: Tensor) -> np.ndarray:
        """Make a picture of 16 bits per channel as a whole; see :meth:`strips`.

        Args:
            chroma: (a, b), or (L, a, b, R, g), [2 or 5, h, w] of any size, Lab units.

        Returns:
            uint16 [height, width, 3], or 4 where the photo has alpha.
        """
        return self.strips(chroma).whole()

    def _deep(self, chroma: Tensor) -> Iterator[np.ndarray]:
        # PyTorch can do little with uint16; int16 holds the same bits.
        for _, rows, planes in self._strips([chroma], rgb_to_words, torch.int16):
            values = planes.numpy().view(np.uint16)
            if self.alpha is not None:
                values = np.concatenate([values, self.alpha[None, rows].astype(np.uint16) * 257])
            yield np.ascontiguousarray(values.transpose(1, 2, 0))

    def _strips(
        self, chromas: Sequence[Tensor], encode: Encoder, kind: torch.dtype
    ) -> Iterator[tuple[int, slice, Tensor]]:
        """Yield number of the variant, rows, and encoded channels [3, rows, width].

        The channels are overwritten when the iteration goes on.
        """
        height, width = self.lightness.shape
        pixels = len(chromas) * height * width
        block = torch.empty(3, min(pixels, max(BLOCK_PIXELS, width)), dtype=kind)
        workspace = torch.empty(9 * max(min(STRIP_PIXELS, pixels), width))
        made: list[tuple[int, slice, Tensor]] = []
        pending: list[tuple[Tensor, ...]] = []
        start = 0
        for number, chroma in enumerate(chromas):
            for rows, enlarged in self._upsampling(chroma).strips(chroma):
                light, a, b = self._lab(self.lightness[rows], enlarged)
                lab = light.reshape(-1), a.reshape(-1), b.reshape(-1)
                stop = start + len(lab[0])
                if stop > block.shape[1]:
                    _fit(block, pending, encode, workspace)
                    yield from made
                    made.clear()
                    start, stop = 0, stop - start
                rgb = linear_rgb(*lab, workspace)
                outside = outside_gamut(rgb)
                channels = block[:, start:stop]
                encode(rgb, channels)
                if len(outside):
                    pending.append((outside + start, *(plane[outside] for plane in lab)))
                # Few colours of a strip are outside the gamut, and fitting them takes many small
                # steps: done for several strips, these cost their arithmetic and no overhead.
                if sum(len(part[0]) for part in pending) > STRIP_PIXELS:
                    _fit(block, pending, encode, workspace)
                made.append((number, rows, channels.view(3, -1, width)))
                start = stop
        _fit(block, pending, encode, workspace)
        yield from made

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
    return Finisher(photo.lightness_rows, photo.alpha, config).picture(chroma)


def _fit(
    planes: Tensor, pending: list[tuple[Tensor, ...]], encode: Encoder, workspace: Tensor
) -> None:
    """Write the colours collected in ``pending`` into the planes, fitted to the gamut."""
    if pending:
        columns = [torch.cat(parts) for parts in zip(*pending, strict=True)]
        for index, light, a, b in zip(*(c.split(STRIP_PIXELS) for c in columns), strict=True):
            planes[:, index] = fitted_values(light, a, b, encode, workspace).to(planes.dtype)
        pending.clear()
