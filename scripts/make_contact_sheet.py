"""Show every k-th photo of a folder as a row: grey | four samples | truth.

    python scripts/make_contact_sheet.py --data PHOTOS --every 50 --out sheet.png [--model MODEL]

Photos are chosen by their place in the alphabet, not by taste. Check their licences before you
publish the sheet.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from colorflow.colorize import Colorizer
from colorflow.evaluation.examples import square
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.training.pictures import tile
from colorflow.training.survey import list_photos


def row(colorizer: Colorizer, photo: Photo, side: int, samples: int) -> list[Image.Image]:
    """Make the pictures of one row.

    Args:
        colorizer: that colours.
        photo: square.
        side: of the pictures, in pixels.
        samples: how many.

    Returns:
        Grey, the samples, and the photo itself.
    """
    truth = Image.fromarray((to_unit(photo.pixels) * 255).round().astype(np.uint8)).convert("RGB")
    variants = colorizer.sample(photo, n=samples)
    pictures = [photo.thumbnail(side), *(variant.image for variant in variants), truth]
    return [p.convert("RGB").resize((side, side), Image.Resampling.LANCZOS) for p in pictures]


def main() -> None:
    """Colour the chosen photos, write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model)
    chosen = list_photos(options.data)[:: options.every]
    rows = [
        row(colorizer, square(read_photo(path)), options.side, options.samples) for path in chosen
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    tile(rows).save(options.out)
    print(f"{options.out}: {len(rows)} photos, every {options.every}th of {options.data}")


if __name__ == "__main__":
    main()
