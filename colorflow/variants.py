"""What the colorizer gives back: variants and scores."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from torch import Tensor

from colorflow.domains import Finishing
from colorflow.models.latents import Latents


@dataclass
class Variant:
    """One colouring of a photo.

    Args:
        index: number of the sample, from 0.
        seed: the user's seed it was drawn with.
        latents: its code, scaled by temperature and saturation; decode it to get the picture again.
        target: what the flow made of it, at the model's size, [channels, height, width].
        log_prob: log-density of that target given the photo, in nats (over Lab units).
        finishing: makes the full-size picture.
        residuals: of each hint, in their order, the CIE76 Delta E between the chroma wished and
            that reached at its place of the finished picture; empty without hints.
        number: of the draw among all draws of the photo with this seed, from 0; ``index`` is the
            place in the set of variants.
        attempt: how often the draw was replaced, because its target was implausible.
        share: estimate of how much of what the model finds plausible the variant stands for, in
            [0, 1]; the shares of a set add up to 1. None where it stands for itself alone.
        scale: factor on the latents beside temperature and saturation; 1 but for the first of a
            representative set, which is nearer to the mode.
    """

    index: int
    seed: int
    latents: Latents
    target: Tensor
    log_prob: float
    finishing: Finishing = field(repr=False)
    residuals: tuple[float, ...] = ()
    number: int = 0
    attempt: int = 0
    share: float | None = None
    scale: float = 1.0

    @functools.cached_property
    def image(self) -> Image.Image:
        """The full-size picture, made on first use."""
        return self.finishing.pictures([self.target])[0]

    def deep(self) -> np.ndarray:
        """Make the full-size picture with 16 bits per channel.

        Returns:
            uint16 [height, width, 3 or 4].
        """
        return self.finishing.deep(self.target)


@dataclass(frozen=True)
class LogProb:
    """Log-density of the chroma of a photo given its lightness, over Lab units.

    Args:
        nats: log p(a, b | L) of all chroma values at the model's size.
        dimensions: how many values those are.
    """

    nats: float
    dimensions: int

    @property
    def bits_per_dim(self) -> float:
        """-nats / (dimensions log 2): lower is more likely."""
        return -self.nats / (self.dimensions * math.log(2))
