"""What an evaluation comes to: the numbers of the protocol, and figures photo by photo."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from colorflow.domains import Colorization, Translation
from colorflow.draws import require_strategy
from colorflow.errors import ConfigError
from colorflow.evaluation.calibration import Coverage

HEAD, FLOW, TRUTH = "deterministic head", "cINN", "truth"
# What needs no network, by domain: nothing done, and one answer for all.
GREY, MEAN = "grey", "mean colour"
UNCHANGED, MEAN_PARTNER = "photo itself", "mean partner"
# Shorter side of pictures that are finished for figures that need no full size.
SMALL = 256
SIMPLE = {Colorization.name: (GREY, MEAN), Translation.name: (UNCHANGED, MEAN_PARTNER)}


@dataclass(frozen=True)
class Protocol:
    """The numbers of the protocol.

    Args:
        n: samples per photo.
        seed: of the samples.
        temperature: of the samples; the model's own default where None.
        areas: chroma is compared as means over areas x areas of the photo.
        noise: standard deviation of the noise on the target for the likelihood, in units of the
            model.
        calibration: photos on which coverage is measured too, at temperature 1, spread evenly; 0
            for none.
        limit: photos to measure, the first by name; 0 for all.
        draw: one of :data:`colorflow.draws.STRATEGIES`, for the samples whose colours are compared;
            those that coverage is measured by are independent.
        full_size: finish pictures at the size of the photo, and compare their chroma there; else of
            a photo reduced to :data:`SMALL` pixels.
    """

    n: int = 8
    seed: int = 0
    temperature: float | None = None
    areas: int = 32
    noise: float = 0.05
    calibration: int = 100
    limit: int = 0
    draw: str = "representative"
    full_size: bool = False

    def __post_init__(self) -> None:
        require_strategy(self.draw)
        if min(self.n, self.areas) < 1 or min(self.limit, self.calibration) < 0:
            raise ConfigError(
                f"protocol: expected n, areas >= 1, and limit, calibration >= 0, got {self}"
            )


@dataclass
class Method:
    """What one way of colouring came to, one entry per photo in each list.

    Args:
        figures: by name.
        features: of the classifier, one tensor [1, features] per photo.
        agreement: of the classifier's classes, likewise [1].
    """

    figures: dict[str, list[float]] = field(default_factory=dict)
    features: list[Tensor] = field(default_factory=list)
    agreement: list[Tensor] = field(default_factory=list)

    def add(self, **values: float) -> None:
        """Note the figures of a photo."""
        for name, value in values.items():
            self.figures.setdefault(name, []).append(value)

    def array(self, name: str) -> np.ndarray:
        """Give a figure of all photos, float64 [photos]."""
        return np.array(self.figures[name], dtype=np.float64)


@dataclass
class Evaluation:
    """Everything that was measured.

    Args:
        model: name and hash of the model.
        data: what was measured on.
        protocol: the numbers of the protocol.
        temperature: that was used.
        photos: names of the photos.
        sites: of each photo, where they are in pairs.
        distances: between the true partners of a site that has several, Delta E, by site.
        left_out: photos that were not measured, with the reason.
        methods: by name.
        shares: of the variants of each photo, where they have shares.
        nearest: number of the variant that is nearest to the truth, likewise.
        coverage: of the flow at temperature 1, where it was measured.
        classifier: whether one was there.
    """

    model: str
    data: str
    protocol: Protocol
    temperature: float | tuple[float, ...]
    photos: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    distances: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    methods: dict[str, Method] = field(default_factory=dict)
    shares: list[tuple[float, ...]] = field(default_factory=list)
    nearest: list[int] = field(default_factory=list)
    coverage: Coverage | None = None
    classifier: bool = False
