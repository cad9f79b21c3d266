"""Count the draws whose colours no photo can have, over shapes of photos and factors.

    python scripts/check_plausibility.py --model photo --factors 1,1.25,1.5,2

Examples are cut to twelve aspect ratios from 1:3 to 8:1; besides them there are a single pixel, a
row of 5000, flat pictures, noise and text. Independent draws are decoded and counted before any is
replaced.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageDraw

from colorflow.devices import one_thread
from colorflow.images.read import read_photo
from colorflow.models.latents import Latents
from colorflow.resources import bundled
from colorflow.sampling import Sampler
from colorflow.translate import load_sampler

SHAPES = (
    (1, 3),
    (1, 2),
    (2, 3),
    (1, 1),
    (4, 3),
    (3, 2),
    (16, 9),
    (2, 1),
    (5, 2),
    (3, 1),
    (4, 1),
    (8, 1),
)
DRAWS = 20


def pictures() -> Iterator[tuple[str, Image.Image]]:
    """Make the pictures.

    Yields:
        A name and a picture.
    """
    files = sorted(bundled("examples").glob("*.jpg"))
    for number, (width, height) in enumerate(SHAPES):
        with Image.open(files[number % len(files)]) as picture:
            scale = min(picture.width / width, picture.height / height)
            yield f"{width}:{height}", picture.crop((0, 0, int(width * scale), int(height * scale)))
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    yield "1 x 1", Image.new("RGB", (1, 1), (90, 90, 90))
    yield "5000 x 1", Image.fromarray(noise.reshape(-1, 3)[None, :5000])
    for level in (0, 128, 255):
        yield f"flat {level}", Image.new("RGB", (300, 300), (level,) * 3)
    yield "noise", Image.fromarray(noise)
    text = Image.new("RGB", (600, 400), "white")
    for y in range(10, 400, 14):
        ImageDraw.Draw(text).text(
            (10, y), "The quick brown fox jumps over the lazy dog. " * 2, "black"
        )
    yield "text", text


@torch.inference_mode()
def implausible(sampler: Sampler, picture: Image.Image, factors: list[float]) -> list[int]:
    """Count implausible draws.

    Args:
        sampler: the model.
        picture: to colour or to translate.
        factors: on the latents.

    Returns:
        Of :data:`DRAWS` draws, by factor.
    """
    photo = read_photo(picture)
    with one_thread(sampler.device):
        prepared = sampler.prepare(sampler.domain.condition(photo))
        latents = sampler.plan(photo, strategy="independent").latents(range(DRAWS))
        counts = []
        for factor in factors:
            scaled: Latents = latents.scale(factor).to(sampler.device)
            targets = sampler.model.inverse(scaled, prepared)[0].cpu()
            counts.append(int((~sampler.domain.plausible(targets)).sum()))
    return counts


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--factors", default="1,1.25,1.5,2")
    options = parser.parse_args()
    sampler = load_sampler(options.model)
    factors = [float(value) for value in options.factors.split(",")]
    totals = np.zeros(len(factors), int)
    shown = 0
    print(
        f"{sampler.model_id}, {DRAWS} draws a picture\n\n| picture | {options.factors} |\n|---|---|"
    )
    for name, picture in pictures():
        counts = implausible(sampler, picture, factors)
        totals += counts
        shown += DRAWS
        print(f"| {name} | {', '.join(map(str, counts))} |", flush=True)
    print(f"| all, of {shown} | {', '.join(map(str, totals))} |")


if __name__ == "__main__":
    main()
