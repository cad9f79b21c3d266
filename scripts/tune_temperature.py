"""Compare sampling temperatures, one number per level of the latents, on held-back photos.

    python scripts/tune_temperature.py --data PHOTOS --every 2 --try 0,0.3,0.8,1.2 --try 1,1,1,1
    python scripts/tune_temperature.py --model night --data PAIRS --every 2 --try 0.5 --try 1

Takes every k-th photo or pair, so that a figure reported on all of them was not chosen on all of
them. For each choice it prints the best of eight whole images and one sample (both as RMSE over
that of one answer for all: grey, or the mean partner), the variance in Lab units squared, the
distance between samples (for pairs over that between true partners of one site), and
colourfulness over that of the truth minus one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorflow.evaluation.chroma import chroma_errors
from colorflow.evaluation.colourfulness import colourfulness
from colorflow.evaluation.examples import Example, PairExample, PhotoExample
from colorflow.evaluation.protocol import square
from colorflow.images.lab import lab_to_rgb
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents, derive_seed
from colorflow.sampling import Sampler
from colorflow.training.pairs import survey_pairs
from colorflow.training.survey import list_photos
from colorflow.translate import Translator, load_sampler

SAMPLES = 8


@dataclass(frozen=True)
class Prepared:
    """What is needed of a photo: computed once, for all temperatures."""

    name: str
    site: str
    condition: PreparedCondition
    truth: Tensor
    lightness: Tensor
    colourfulness: float


@torch.inference_mode()
def prepare(sampler: Sampler, example: Example) -> Prepared:
    """Read a photo and compute its condition.

    Args:
        sampler: the model.
        example: the photo and the truth.

    Returns:
        Condition, truth in Lab units, lightness and colourfulness at the size of the target.
    """
    photo, partner = (square(part) for part in example.read())
    domain, side = sampler.domain, sampler.domain.geometry.side
    pair = (photo, (side, side)) if not example.site else (photo, (side, side), partner)
    condition, target = domain.pair(*pair)
    condition = condition.to(sampler.device)
    size = int(target.shape[2]), int(target.shape[3])
    lab = functional.adaptive_avg_pool2d(partner.lab()[None], size)
    return Prepared(
        Path(example.name).name,  # seeds are not to depend on the folder
        example.site,
        sampler.model.prepare(condition, sampler.backbone(condition)),
        domain.in_lab(target[0]),
        lab[0, :1],
        colourfulness(_picture(lab[0, :1], lab[0, 1:])),
    )


def _picture(lightness: Tensor, values: Tensor) -> np.ndarray:
    """Make a picture of Lab values; those of chroma alone are put on the lightness."""
    lab = values if len(values) == 3 else torch.cat([lightness, values])
    rgb: Tensor = lab_to_rgb(lab[None])[0].clamp(0, 1) * 255
    return rgb.round().byte().permute(1, 2, 0).numpy()


@torch.inference_mode()
def measure(sampler: Sampler, photos: Sequence[Prepared], temperature: list[float]) -> str:
    """Measure one choice of temperatures.

    Args:
        sampler: the model.
        photos: of :func:`prepare`.
        temperature: one number per level, finest first, or one for all.

    Returns:
        The figures, as a row of a table.
    """
    model, totals = sampler.model, np.zeros(6)
    simple, true_distance = _simple(photos), _true_distance(photos)
    for photo in photos:
        seeds = [derive_seed(0, photo.name, index) for index in range(SAMPLES)]
        latents = Latents.sample(model.latent_shapes(*photo.condition.size), seeds)
        scale = temperature if len(temperature) > 1 else temperature[0]
        latents = latents.scale(scale).to(sampler.device)
        samples = sampler.domain.in_lab(model.inverse(latents, photo.condition)[0].cpu())
        errors = chroma_errors(samples, photo.truth)
        colours = [colourfulness(_picture(photo.lightness, sample)) for sample in samples[:4]]
        totals += [
            *(errors.best_image, errors.one, errors.variance, errors.distance),
            *(float((photo.truth - simple).square().mean()), float(np.mean(colours))),
        ]
    best, one, variance, distance, worst, colours = totals / len(photos)
    truth = float(np.mean([photo.colourfulness for photo in photos]))
    apart = f"{distance / true_distance:.0%}" if true_distance else f"{distance:.2f}"
    return (
        f"| {', '.join(map(str, temperature))} | {math.sqrt(best / worst):.4f} "
        f"| {math.sqrt(one / worst):.4f} | {variance:.1f} | {apart} | {colours / truth - 1:+.1%} |"
    )


def _simple(photos: Sequence[Prepared]) -> Tensor:
    """One answer for all: no chroma at all, or the mean of the partners."""
    if not photos[0].site:
        return torch.zeros_like(photos[0].truth)
    return torch.stack([photo.truth for photo in photos]).mean(0)


def _true_distance(photos: Sequence[Prepared]) -> float:
    """Mean distance between the true partners of a site, in Delta E; 0 where there are none."""
    distances = []
    for site in {photo.site for photo in photos if photo.site}:
        truths = torch.stack([photo.truth for photo in photos if photo.site == site])
        if len(truths) > 1:
            distances += [chroma_errors(truths, truths[0]).distance] * len(truths)
    return float(np.mean(distances)) if distances else 0.0


def main() -> None:
    """Prepare the photos, measure every choice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--try", dest="choices", action="append", required=True)
    options = parser.parse_args()
    sampler = load_sampler(options.model)
    examples: list[Example]
    if isinstance(sampler, Translator):
        examples = [PairExample(pair) for pair in survey_pairs(options.data, 1).good]
    else:
        examples = [PhotoExample(path) for path in list_photos(options.data)]
    photos = [prepare(sampler, example) for example in examples[:: options.every]]
    print(f"{sampler.model_id}, {len(photos)} photos, every {options.every}th of {options.data}")
    print("| temperature | best of 8 | one | variance | distance | colourfulness |")
    print("|---|---|---|---|---|---|")
    for choice in options.choices:
        print(measure(sampler, photos, [float(t) for t in choice.split(",")]), flush=True)


if __name__ == "__main__":
    main()
