"""Measure a model on photos held back: errors, spread, likelihood.

    python scripts/measure_model.py --data FOLDER --cache FOLDER [--model MODEL]

Photos are cut to their central square. Squared errors are over (a, b) / scale at the model's size,
averaged over photos; *best* is the best whole sample of eight, not the best of each pixel.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from colorflow.colorize import Colorizer
from colorflow.training.cache import build_cache
from colorflow.training.measure import measure
from colorflow.training.views import Views, list_photos


def main() -> None:
    """Build the features, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.7, 0.85, 1.0])
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model, "cpu")
    views = Views(list_photos(options.data), colorizer.domain, count=1, seed=0)
    key = f"measure {colorizer.info.backbone_hash if colorizer.info else ''}"
    cache = build_cache(options.cache, views, colorizer.backbone, key)
    figures = measure(colorizer.model, cache, photos=len(cache), temperatures=options.temperatures)
    nats = figures["nll"] + math.log(colorizer.domain.scale)
    print(f"model {colorizer.model_id}, {len(cache)} photos, squared errors of chroma / 20")
    print(f"grey {figures['grey']:.4f}, regressor {figures['regressor']:.4f}")
    print(f"bits per dimension over Lab units {nats / math.log(2):.3f}")
    print(
        "| temperature | best of 8 | one sample | variance | best RMSE / grey's | / regressor's |"
    )
    print("|---|---|---|---|---|---|")
    for t in options.temperatures:
        best = figures[f"best@{t}"]
        ratios = [math.sqrt(best / figures[name]) for name in ("grey", "regressor")]
        print(
            f"| {t} | {best:.3f} | {figures[f'one@{t}']:.3f} | {figures[f'variance@{t}']:.3f} "
            f"| {ratios[0]:.3f} | {ratios[1]:.3f} |"
        )


if __name__ == "__main__":
    main()
