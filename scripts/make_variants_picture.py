"""Make the pictures of the README: photos as the model sees them, and four variants of each.

    python scripts/make_variants_picture.py
    python scripts/make_variants_picture.py --model night --photos pagoda --out docs/nights.jpg

Seeds are 0 and the variants the first four: nothing is picked by hand but the photos.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.write import write_image
from colorflow.resources import bundled
from colorflow.translate import load_sampler

GAP = 6


def fit(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Crop a picture around its centre to an aspect ratio and scale it.

    Args:
        picture: any picture.
        size: wished width and height.

    Returns:
        The picture in that size.
    """
    width, height = size
    scale = min(picture.width / width, picture.height / height)
    left, top = (picture.width - width * scale) / 2, (picture.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, box=box)


def whole(photo: Photo) -> Image.Image:
    """Give a photo as a picture.

    Args:
        photo: any photo.

    Returns:
        The picture.
    """
    return Image.fromarray((to_unit(photo.pixels) * 255).round().astype(np.uint8))


def main() -> None:
    """Colour, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--photos", nargs="+", default=["pagoda", "sunset", "dandelions", "cat"])
    parser.add_argument("--out", type=Path, default=Path("docs/variants.jpg"))
    parser.add_argument("--width", type=int, default=230)
    options = parser.parse_args()
    sampler = load_sampler(options.model)
    grey = sampler.domain.condition_channels == 1
    cell = options.width, options.width * 2 // 3
    step_x, step_y = cell[0] + GAP, cell[1] + GAP
    size = (5 * step_x - GAP, len(options.photos) * step_y - GAP)
    page = Image.new("RGB", size, "white")
    for row, name in enumerate(options.photos):
        photo = read_photo(bundled("examples", f"{name}.jpg"))
        pictures = [photo.thumbnail(2 * cell[1]) if grey else whole(photo)]
        pictures += [variant.image for variant in sampler.variants(photo, 4, 1.0, None, 0)]
        for column, picture in enumerate(pictures):
            page.paste(fit(picture, cell), (column * step_x, row * step_y))
    write_image(page, options.out, quality=90)
    print(f"{options.out}: {size[0]} x {size[1]}, model {sampler.model_id}")


if __name__ == "__main__":
    main()
