"""Compare ways in which hints act, on photos whose colours are known.

    python scripts/tune_hints.py FOLDER --limit 12

Of each photo some places are drawn at random, and their true colours given as hints. Lines tell,
for each number of hints: the RMSE of chroma against the truth, mean over 4 samples; the mean
residual in Delta E; and the spread of the samples away from the hints, as a share of that without
hints.
"""

from __future__ import annotations

import argparse
import math
import statistics
from pathlib import Path

import torch
from bench_hints import coloured_photos, true_hints
from torch import Tensor

from colorflow.colorize import Colorizer
from colorflow.devices import one_thread
from colorflow.images.photo import Photo
from colorflow.steering import steer
from colorflow.wishes import HintConfig, wish_of

WAYS = {
    "prior and hints only": HintConfig(near_hint=math.inf, elsewhere=math.inf),
    "and surroundings": HintConfig(elsewhere=math.inf),
    "and the rest (usual)": HintConfig(),
    "the rest more": HintConfig(elsewhere=40.0),
    "short reach": HintConfig(reach=0.0625),
    "long reach": HintConfig(reach=0.1875),
}
SAMPLES = 4


@torch.no_grad()
def measure(
    colorizer: Colorizer, photo: Photo, count: int, seed: int, ways: list[str]
) -> dict[str, tuple[float, float, float]]:
    """Colour a photo by hints in several ways.

    Args:
        colorizer: the model.
        photo: with colours.
        count: hints.
        seed: of their places.
        ways: names of those to compare.

    Returns:
        RMSE, mean residual, and share of the spread, by way; under ``""`` the RMSE without hints.
    """
    condition, target = colorizer.domain.pair(photo)
    truth, prepared = colorizer.domain.chroma(target), colorizer.prepare(condition)
    code = colorizer.draw(photo, SAMPLES)
    plain = colorizer.domain.chroma(colorizer.model.inverse(code, prepared)[0])
    hints = true_hints(photo, count, seed)
    usual = wish_of(photo, hints, prepared.size)
    far = usual.nearness.sum(0) < 0.1

    def rmse(chroma: Tensor) -> float:
        return float((chroma - truth).square().mean((1, 2, 3)).sqrt().mean())

    def spread(chroma: Tensor) -> float:
        return float(chroma.var(0).sum(0)[far].mean().sqrt())

    found = {"": (rmse(plain), 0.0, 1.0)}
    for name in ways:
        wish = wish_of(photo, hints, prepared.size, WAYS[name])
        moved = steer(
            colorizer.model, code, prepared, wish, colorizer.domain.chroma, SAMPLES, WAYS[name]
        )
        chroma = colorizer.domain.chroma(colorizer.model.inverse(moved, prepared)[0])
        residual = float(wish.residuals(chroma).mean())
        found[name] = rmse(chroma), residual, spread(chroma) / spread(plain)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--limit", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hints", type=int, nargs="+", default=[1, 3, 8])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model, "cpu")
    photos = coloured_photos(options.photos, options.limit, options.seed)
    print(f"{len(photos)} photos, {SAMPLES} samples each: RMSE, residual, spread elsewhere")
    for count in options.hints:
        with one_thread():
            found = [
                measure(colorizer, photo, count, options.seed + number, options.ways)
                for number, photo in enumerate(photos)
            ]
        for name in ["", *options.ways]:
            columns = zip(*(one[name] for one in found), strict=True)
            # Where hints reach everything, there is no elsewhere.
            error, residual, share = (
                statistics.mean(v for v in column if math.isfinite(v)) for column in columns
            )
            label = name or "without hints"
            print(f"{count:2} {label:22} {error:6.2f} {residual:5.2f} {share:5.2f}", flush=True)


if __name__ == "__main__":
    main()
