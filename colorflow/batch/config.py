"""The typed description of a batch job, and the part of it that decides the bytes of a result."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from colorflow.draws import MAX_TEMPERATURE, require_detail, require_strategy, require_vivid
from colorflow.errors import ConfigError
from colorflow.hints import Hint
from colorflow.images.formats import CHOICES
from colorflow.images.metadata import Policy
from colorflow.images.read import MAX_PIXELS
from colorflow.networks.precision import PRECISIONS

PICKS = ("all", "best-typical", "medoid", "most-colourful")
RERUNS = ("skip", "changed", "overwrite")

# Raised when results change though no setting did, so that older ones are known as such.
RECIPE = 2


@dataclass(frozen=True)
class BatchConfig:
    """How to colour a collection of photos.

    Args:
        samples: variants drawn per photo.
        saturation: factor on the latents; 0 is muted, 1 as sampled.
        temperature: standard deviation of the latents, one number or one per level; None for the
            model's default.
        seed: of the samples.
        pick: which of the variants are written, one of :data:`PICKS`.
        format: of the results, one of :data:`colorflow.images.formats.CHOICES`; ``"keep"`` is the
            photo's own.
        quality: of JPEG and WebP, 1 to 100.
        metadata: what of the photo's is kept, see :meth:`colorflow.images.metadata.Metadata.apply`.
        name: template of a result's name; see :class:`colorflow.batch.names.Namer`.
        latents: also write the code of each result beside it.
        rerun: what happens where there are results already, one of :data:`RERUNS`: ``"skip"`` takes
            those of the same settings for done and leaves others alone, ``"changed"`` makes those
            of other settings again, ``"overwrite"`` makes all again.
        fail_fast: end the job with the first photo that fails.
        jobs: photos worked on at the same time; 0 for one per core.
        batch_size: photos that share a call of the networks; 0 for what suits the device.
        memory: bytes that photos in work may take together; 0 for what suits the machine. A photo
            that needs more is worked on alone.
        hints: of single photos, by :func:`colorflow.batch.places.full_name`.
        draw: how the variants are drawn, one of :data:`colorflow.draws.STRATEGIES`.
        vivid: factor on the chroma of the results.
        detail: factor on the size at which the model sees a photo, one of
            :data:`colorflow.draws.DETAILS`.
        precision: of the backbone, one of :data:`colorflow.networks.precision.PRECISIONS`.
        max_pixels: the largest photo to accept.
        ignore_border: the border of a scan is found and left as it is.

    Raises:
        ConfigError: a value is out of range.
    """

    samples: int = 4
    saturation: float = 1.0
    temperature: float | tuple[float, ...] | None = None
    seed: int = 0
    pick: str = "all"
    format: str = "keep"
    quality: int = 95
    metadata: Policy = "keep"
    name: str | None = None
    latents: bool = False
    rerun: str = "skip"
    fail_fast: bool = False
    jobs: int = 0
    batch_size: int = 0
    memory: int = 0
    hints: Mapping[str, tuple[Hint, ...]] = field(default_factory=dict)
    draw: str = "representative"
    vivid: float = 1.0
    detail: float = 1.0
    precision: str = "auto"
    max_pixels: int = MAX_PIXELS
    ignore_border: bool = False

    def __post_init__(self) -> None:
        _require("samples", self.samples, self.samples >= 1, "at least 1")
        spread = self.temperature
        levels = spread if isinstance(spread, tuple) else () if spread is None else (spread,)
        good = math.isfinite(self.saturation) and self.saturation >= 0
        _require("saturation", self.saturation, good, "a number >= 0")  # the task has the limit
        good = all(0 <= number <= MAX_TEMPERATURE for number in levels)
        _require("temperature", self.temperature, good, f"0 to {MAX_TEMPERATURE:g}")
        require_strategy(self.draw)
        require_vivid(self.vivid)
        require_detail(self.detail)
        _require("quality", self.quality, 1 <= self.quality <= 100, "1 to 100")
        _require("max_pixels", self.max_pixels, self.max_pixels >= 1, "at least 1")
        for name in ("jobs", "batch_size", "memory"):
            _require(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        for name, known in (
            ("pick", PICKS),
            ("format", CHOICES),
            ("metadata", get_args(Policy)),
            ("rerun", RERUNS),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            _require(name, value, value in known, f"one of {', '.join(known)}")


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Identify settings.

    Args:
        settings: plain data.

    Returns:
        12 hexadecimal digits.
    """
    text = json.dumps(settings, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _require(name: str, value: object, fine: bool, expected: str) -> None:
    if not fine:
        raise ConfigError(f"{name}: expected {expected}, got {value}")
