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
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model, "cpu")
    views = Views(list_photos(options.data), colorizer.domain, count=1, seed=0)
    key = f"measure {colorizer.info.backbone_hash if colorizer.info else ''}"
    cache = build_cache(options.cache, views, colorizer.backbone, key)
    figures = measure(colorizer.model, cache, photos=len(cache))
    print(f"model {colorizer.model_id}, {len(cache)} photos")
    for name, value in figures.items():
        print(f"{name:>16} {value:.4f}")
    nats = figures["nll"] + math.log(colorizer.domain.scale)
    print(f"bits per dimension over Lab units {nats / math.log(2):.3f}")
    for temperature in ("0.7", "1.0"):
        for reference in ("grey", "regressor"):
            ratio = math.sqrt(figures[f"best@{temperature}"] / figures[reference])
            print(f"best of 8 at {temperature}, RMSE / RMSE of {reference}: {ratio:.3f}")


if __name__ == "__main__":
    main()
