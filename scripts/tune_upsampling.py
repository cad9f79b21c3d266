"""Error of the chroma upsampling against bilinear interpolation, over a grid of its settings.

    python scripts/tune_upsampling.py

The true chroma of the example photos is averaged to the size of the model ``photo`` and enlarged
again; the error is the root mean square over a and b, divided by that of bilinear interpolation,
averaged over the photos. The best few settings of each guide size are printed, the defaults first,
with the seconds that all photos took.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import time

import torch
from torch import Tensor
from torch.nn import functional

from colorflow.domains import Colorization, domain_of
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.upsample import UpsampleConfig, upsample_strips
from colorflow.models.presets import preset
from colorflow.resources import bundled

GUIDES = (4, 6, 8)
GRID = {
    "corrections": (0, 1, 2, 3),
    "bilateral_range": (3.0, 5.0, 10.0),
    "guided_radius": (1, 2),
    "guided_epsilon": (20.0, 60.0, 150.0),
}


def error(photo: Photo, truth: Tensor, chroma: Tensor, config: UpsampleConfig) -> float:
    """Measure one setting on one photo.

    Args:
        photo: the photo.
        truth: its chroma [2, height, width].
        chroma: the same at the model's size.
        config: the setting.

    Returns:
        Root mean square error in Lab units.
    """
    total = 0.0
    for rows, (a, b) in upsample_strips(chroma, photo.lightness, config):
        total += float((torch.stack([a, b]) - truth[:, rows]).square().sum())
    return (total / truth.numel()) ** 0.5


def main() -> None:
    """Measure and print."""
    domain = domain_of(preset("photo"))
    assert isinstance(domain, Colorization)
    photos = []
    for path in sorted(bundled("examples").glob("*.jpg")):
        photo = read_photo(path)
        truth = photo.lab()[1:]
        chroma = domain.chroma(domain.pair(photo)[1])
        plain = functional.interpolate(chroma, size=photo.size, mode="bilinear")[0]
        photos.append((photo, truth, chroma[0], float((plain - truth).square().mean().sqrt())))

    def score(config: UpsampleConfig) -> tuple[float, float]:
        start = time.perf_counter()
        value = statistics.mean(error(p, t, c, config) / plain for p, t, c, plain in photos)
        return value, time.perf_counter() - start

    print("{:.4f} {:.2f} s defaults {}".format(*score(UpsampleConfig()), UpsampleConfig()))
    for guide in GUIDES:
        rows = []
        for values in itertools.product(*GRID.values()):
            settings = {"guide_factor": guide, **dict(zip(GRID, values, strict=True))}
            config = dataclasses.replace(UpsampleConfig(), **settings)
            rows.append((*score(config), settings))
        for value, seconds, settings in sorted(rows, key=lambda row: row[0])[:4]:
            print(f"{value:.4f} {seconds:.2f} s {settings}")


if __name__ == "__main__":
    main()
