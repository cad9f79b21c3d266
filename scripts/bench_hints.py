"""What hints cost and how near they are met: seconds and residuals for several numbers of them.

    python scripts/bench_hints.py
    python scripts/bench_hints.py --photos FOLDER --limit 16    # and what they bring

The photos have to have colours. Hints are places drawn at random, with the colours the photos have
there. Beside the residuals the RMSE of chroma against the truth is printed, of all samples: a hint
that colours more than itself rightly makes it fall. On a CPU the work is that of one core, whose
seconds are those to look at where other programs run beside it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import time
from pathlib import Path

import torch

from colorflow.colorize import Colorizer
from colorflow.hints import Hint
from colorflow.images.formats import is_readable
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.resources import bundled
from colorflow.variants import Variant


def coloured_photos(folder: Path, limit: int, seed: int) -> list[Photo]:
    """Read some photos that have colours.

    Args:
        folder: searched for photos.
        limit: how many, at most.
        seed: of the choice.

    Returns:
        The photos.
    """
    files = sorted(path for path in folder.rglob("*") if is_readable(path))
    random.Random(seed).shuffle(files)
    coloured = (photo for path in files if (photo := read_photo(path)).is_coloured())
    return list(itertools.islice(coloured, limit))


def true_hints(photo: Photo, count: int, seed: int) -> list[Hint]:
    """Draw places of a colour photo, with the mean colour of 5 x 5 pixels there.

    Args:
        photo: with colours.
        count: how many.
        seed: of the places.

    Returns:
        The hints.
    """
    generator = random.Random(seed)
    height, width = photo.size
    hints = []
    for _ in range(count):
        x, y = generator.randrange(width), generator.randrange(height)
        patch = photo.pixels[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        red, green, blue = (round(float(v)) for v in patch.reshape(-1, 3).mean(0))
        hints.append(Hint(x, y, f"#{red:02x}{green:02x}{blue:02x}"))
    return hints


def rmse(colorizer: Colorizer, photo: Photo, variants: list[Variant]) -> float:
    """Compare variants with the photo's own colours, in Lab units at the model's size.

    Args:
        colorizer: the model.
        photo: with colours.
        variants: of it.

    Returns:
        Root mean square over both channels, mean over the variants.
    """
    _, truth = colorizer.domain.pair(photo)
    away = colorizer.domain.chroma(torch.stack([v.target for v in variants]) - truth)
    return float(away.square().mean((1, 2, 3)).sqrt().mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--photos", type=Path, default=bundled("examples"))
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hints", type=int, nargs="+", default=[0, 1, 3, 10, 20])
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model, options.device)
    photos = coloured_photos(options.photos, options.limit, options.seed)
    print(f"{len(photos)} photos, 4 variants each, on {colorizer.device}")
    print("hints  seconds (median: wall, core)  residual (median, 95 %, worst)  RMSE")
    for count in options.hints:
        wall, core, residuals, errors = [], [], [], []
        for number, photo in enumerate(photos):
            hints = true_hints(photo, count, options.seed + number)
            photo.lightness  # noqa: B018 - reading the photo is not part of it
            start, spent = time.perf_counter(), time.process_time()
            variants = colorizer.sample(photo, n=4, hints=hints)
            wall.append(time.perf_counter() - start)
            core.append(time.process_time() - spent)
            residuals += [value for variant in variants for value in variant.residuals]
            errors.append(rmse(colorizer, photo, variants))
        near = sorted(residuals) or [0.0]
        print(
            f"{count:5}  {statistics.median(wall):15.2f} {statistics.median(core):6.2f}  "
            f"{statistics.median(near):13.1f} {near[int(0.95 * len(near))]:6.1f} {near[-1]:6.1f}  "
            f"{statistics.mean(errors):13.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
