"""What the page asks of the layers below; tests put a fake in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Take:
    """One colouring of an open photo, as the page keeps it.

    Args:
        code: what the engine makes the picture from, at saturation 1.
        label: where it comes from, in a few words, e.g. ``"seed 0"``.
        typicality: share of all samples that are less usual than this one, in [0, 1].
        origin: what the file will say about how it was made.
        residuals: colour difference at each hint, Delta E; empty without hints.
        share: estimate of how much of what seems plausible it stands for, in [0, 1]; None where it
            stands for itself alone.
        number: of the draw among those of the photo and seed, from 0; None for edits.
        redrawn: how often the draw was replaced, because its colours were impossible.
    """

    code: Any
    label: str
    typicality: float
    origin: Mapping[str, Any] = field(default_factory=dict)
    residuals: tuple[float, ...] = ()
    share: float | None = None
    number: int | None = None
    redrawn: int = 0


@dataclass(frozen=True)
class Saved:
    """A file to take home.

    Args:
        name: a file name without folders.
        data: its content.
        notes: what the user should know, one sentence each.
    """

    name: str
    data: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileOptions:
    """How a result is written.

    Args:
        format: ``"keep"`` for the photo's own, or ``"jpg"``, ``"png"``, ``"webp"``, ``"tif"``.
        metadata: ``"keep"``, ``"no-gps"`` or ``"strip"``.
    """

    format: str = "keep"
    metadata: str = "keep"


@dataclass(frozen=True)
class BatchOptions:
    """How several photos are coloured.

    Args:
        samples: variants of each.
        saturation: factor on the latents.
        seed: of the samples.
        file: how results are written.
        draw: ``"representative"`` or ``"independent"``.
        vivid: factor on the chroma of the results.
        detail: factor on the size at which the model sees a photo: 1, 1.5 or 2.
    """

    samples: int = 2
    saturation: float = 1.0
    seed: int = 0
    file: FileOptions = field(default_factory=FileOptions)
    draw: str = "representative"
    vivid: float = 1.0
    detail: float = 1.0


class Sitting(Protocol):
    """A photo that is open.

    ``name`` is the visitor's name of the file, ``size`` its height and width in pixels, ``grey``
    the photo as a preview, ``notes`` what the visitor should know.
    """

    name: str
    size: tuple[int, int]
    grey: Image.Image
    notes: tuple[str, ...]

    def draw(
        self,
        n: int,
        seed: int,
        variety: float,
        strategy: str = "representative",
        detail: float = 1.0,
    ) -> Iterator[Take]:
        """Draw variants, one after the other.

        Variety is a factor on the usual temperature, the strategy ``"representative"`` or
        ``"independent"``, detail a factor on the size at which the model sees the photo.
        """

    def more_like(self, take: Take, n: int, seed: int) -> Iterator[Take]:
        """Draw variants that are similar to one."""

    def redraw(self, take: Take, part: str, n: int, seed: int) -> Iterator[Take]:
        """Draw one part of a variant again, ``"mood"`` or ``"details"``."""

    def blend(self, first: Take, second: Take, share: float) -> Take:
        """Go from one variant towards another; share 0 is the first, 1 the second."""

    def hinted(
        self,
        hints: Sequence[Mapping[str, Any]],
        n: int,
        seed: int,
        strategy: str = "representative",
        detail: float = 1.0,
        vivid: float = 1.0,
    ) -> Iterator[Take]:
        """Find variants with given colours at given pixels, once they are that vivid."""

    def transferred(self, reference: Sitting, shares: Sequence[float], seed: int) -> Take:
        """Take the colours of a reference, with its share per level, finest first."""

    def picture(self, take: Take, saturation: float, side: int, vivid: float = 1.0) -> Image.Image:
        """Make a preview of at most so many pixels on the longer side.

        Saturation is a factor on the latents, vivid one on the chroma of the finished picture.
        """

    def uncertainty(self) -> np.ndarray:
        """Map how far samples differ, Delta E, float32 [height, width] of a preview."""

    def save(
        self,
        take: Take,
        saturation: float,
        options: FileOptions,
        number: int,
        vivid: float = 1.0,
    ) -> Saved:
        """Make the file of a variant, in the photo's own size."""


class Engine(Protocol):
    """Opens photos."""

    @property
    def levels(self) -> int:
        """Number of levels of the latents."""

    @property
    def max_strength(self) -> float:
        """The largest factor on the latents."""

    @property
    def lanes(self) -> int:
        """How many photos are worked on at once."""

    def open(self, path: Path, name: str, coloured: bool = False) -> Sitting:
        """Read a photo; one that must be coloured is a reference.

        Raises:
            ColorflowError: it cannot be used.
        """

    def batch(
        self,
        photos: Sequence[tuple[Path, str]],
        options: BatchOptions,
        folder: Path,
        progress: Callable[[int, int, str], None],
    ) -> tuple[Path, list[dict[str, Any]]]:
        """Colour several photos into a zip file in a folder; give it and the lines of its report.

        Raises:
            ColorflowError: none of them can be done.
        """

    def about(self) -> Mapping[str, str]:
        """Tell model, device and versions."""

    def card(self) -> str:
        """Give the model's card, in Markdown."""
