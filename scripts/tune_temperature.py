"""Compare sampling temperatures, one number per level of the latents, on held-back photos.

    python scripts/tune_temperature.py --data PHOTOS --every 2 --try 0,0.3,0.8,1.2 --try 1,1,1,1

Takes every k-th photo, so that a figure reported on all of them was not chosen on all of them.
For each choice it prints the best of eight whole images, one sample (both as RMSE over that of
grey), the variance in Lab units squared, and colourfulness over that of the truth minus one.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorflow.colorize import Colorizer
from colorflow.evaluation.chroma import chroma_errors
from colorflow.evaluation.colourfulness import colourfulness
from colorflow.evaluation.protocol import square
from colorflow.images.lab import lab_to_rgb
from colorflow.images.read import read_photo
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents, derive_seed
from colorflow.training.survey import list_photos

SAMPLES = 8


@dataclass(frozen=True)
class Prepared:
    """What is needed of a photo: computed once, for all temperatures."""

    name: str
    condition: PreparedCondition
    truth: Tensor
    lightness: Tensor
    colourfulness: float


@torch.inference_mode()
def prepare(colorizer: Colorizer, path: Path) -> Prepared:
    """Read a photo and compute its condition.

    Args:
        colorizer: the model.
        path: of the photo.

    Returns:
        Condition, true chroma, lightness and colourfulness at the size of the target.
    """
    photo = square(read_photo(path))
    domain, side = colorizer.domain, colorizer.domain.geometry.side
    condition, target = domain.pair(photo, (side, side))
    condition = condition.to(colorizer.device)
    lab = functional.adaptive_avg_pool2d(photo.lab()[None], target.shape[2:])
    return Prepared(
        path.name,
        colorizer.model.prepare(condition, colorizer.backbone(condition)),
        domain.chroma(target[0]),
        lab[:, :1],
        colourfulness(_picture(lab)),
    )


def _picture(lab: Tensor) -> np.ndarray:
    rgb: Tensor = lab_to_rgb(lab)[0].clamp(0, 1) * 255
    return rgb.round().byte().permute(1, 2, 0).numpy()


@torch.inference_mode()
def measure(colorizer: Colorizer, photos: list[Prepared], temperature: list[float]) -> str:
    """Measure one choice of temperatures.

    Args:
        colorizer: the model.
        photos: of :func:`prepare`.
        temperature: one number per level, finest first.

    Returns:
        The figures, as a row of a table.
    """
    model = colorizer.model
    totals = np.zeros(5)
    for photo in photos:
        seeds = [derive_seed(0, photo.name, index) for index in range(SAMPLES)]
        shapes = model.latent_shapes(*photo.condition.size)
        latents = Latents.sample(shapes, seeds).scale(temperature).to(colorizer.device)
        samples = colorizer.domain.chroma(model.inverse(latents, photo.condition)[0].cpu())
        errors = chroma_errors(samples, photo.truth)
        colours = [
            colourfulness(_picture(torch.cat([photo.lightness, sample[None]], 1)))
            for sample in samples[:4]
        ]
        grey = float(photo.truth.square().mean())
        totals += [errors.best_image, errors.one, errors.variance, grey, float(np.mean(colours))]
    best, one, variance, grey, colours = totals / len(photos)
    truth = float(np.mean([photo.colourfulness for photo in photos]))
    return (
        f"| {temperature} | {math.sqrt(best / grey):.4f} | {math.sqrt(one / grey):.4f} "
        f"| {variance:.1f} | {colours / truth - 1:+.1%} |"
    )


def main() -> None:
    """Prepare the photos, measure every choice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--try", dest="choices", action="append", required=True)
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model)
    files = list_photos(options.data)[:: options.every]
    photos = [prepare(colorizer, path) for path in files]
    print(f"{colorizer.model_id}, {len(photos)} photos, every {options.every}th of {options.data}")
    print("| temperature | best of 8 / grey | one / grey | variance | colourfulness |")
    print("|---|---|---|---|---|")
    for choice in options.choices:
        print(measure(colorizer, photos, [float(t) for t in choice.split(",")]), flush=True)


if __name__ == "__main__":
    main()
