"""Error of the chroma upsampling against bilinear interpolation, over a grid of its settings.

    python scripts/tune_upsampling.py

The true chroma of the example photos is averaged to the model's size and enlarged again; the error
is the root mean square over a and b, divided by that of bilinear interpolation, averaged over the
photos. The best few settings are printed, the defaults first.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics

import torch
from torch import Tensor
from torch.nn import functional

from colorflow.domains import Colorization, Geometry
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.upsample import UpsampleConfig, upsample_strips
from colorflow.resources import bundled

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
    domain = Colorization(Geometry(side=128, stride=4, step=32))
    photos = []
    for path in sorted(bundled("examples").glob("*.jpg")):
        photo = read_photo(path)
        truth = photo.lab()[1:]
        chroma = domain.chroma(domain.pair(photo)[1])
        plain = functional.interpolate(chroma, size=photo.size, mode="bilinear")[0]
        photos.append((photo, truth, chroma[0], float((plain - truth).square().mean().sqrt())))

    def score(config: UpsampleConfig) -> float:
        return statistics.mean(error(p, t, c, config) / plain for p, t, c, plain in photos)

    print(f"{score(UpsampleConfig()):.4f} defaults {UpsampleConfig()}")
    rows = []
    for values in itertools.product(*GRID.values()):
        settings = dict(zip(GRID, values, strict=True))
        rows.append((score(dataclasses.replace(UpsampleConfig(), **settings)), settings))
    for value, settings in sorted(rows, key=lambda row: row[0])[:8]:
        print(f"{value:.4f} {settings}")


if __name__ == "__main__":
    main()
