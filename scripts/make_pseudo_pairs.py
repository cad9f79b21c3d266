"""Make pairs out of single pictures of the night: each with a made-up day.

    python scripts/make_pseudo_pairs.py --table unpaired.csv --out PAIRS

Pictures of the night are easy to find, pairs are not. A made-up day has the night's lightness with
its local contrast equalised (Pizer et al., "Adaptive Histogram Equalization and Its Variations",
1987) and the night's chroma without its mean, both of which it does not share with a real one: such
pairs teach a translator what nights look like and that edges stay where they are, before real pairs
(``colorflow train translate --init``) teach it the rest. The table has the columns ``file`` (from
the folder above the table's) and ``label``.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from skimage.exposure import equalize_adapthist

from colorflow.images.lab import to_unit
from colorflow.images.read import read_photo

SIDE = 256


def pseudo_day(night: Image.Image) -> Image.Image:
    """Light up a picture of the night.

    Args:
        night: RGB.

    Returns:
        A picture of the same size, about as light as a day.
    """
    lab = rgb2lab(np.asarray(night))
    lightness = equalize_adapthist(lab[..., 0] / 100, clip_limit=0.03)
    # Days are light: the mean goes to 0.6 by a power, which keeps black black.
    mean = float(lightness.mean())
    lab[..., 0] = 100 * lightness ** (np.log(0.6) / np.log(min(max(mean, 0.01), 0.99)))
    lab[..., 1:] -= lab[..., 1:].mean((0, 1))
    return Image.fromarray((lab2rgb(lab).clip(0, 1) * 255).round().astype(np.uint8))


def main() -> None:
    """Write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--label", default="night")
    options = parser.parse_args()
    if not options.table.is_file():
        parser.error(f"{options.table}: expected a table, found no such file")
    # What the made-up days lose to the gamut is clipped, as is meant here.
    warnings.filterwarnings("ignore", message="Conversion from CIE-LAB")
    options.out.mkdir(parents=True, exist_ok=True)
    with options.table.open(newline="", encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["label"] == options.label]
    for name in names:
        path = options.table.parent.parent / name
        pixels = to_unit(read_photo(path).pixels)  # upright, in sRGB
        night = Image.fromarray((pixels * 255).round().astype(np.uint8)).convert("RGB")
        night.thumbnail((2 * SIDE, 2 * SIDE))
        stem = options.out / path.stem
        pseudo_day(night).save(f"{stem}_day.png")
        night.save(f"{stem}_night.png")
    print(f"{options.out}: {len(names)} pairs")


if __name__ == "__main__":
    main()
