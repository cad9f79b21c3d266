"""Make the picture of docs/hints.md: photos with hints marked, and variants without and with them.

    python scripts/make_hints_picture.py

Seeds are 0 and the variants the first three: nothing is picked by hand but photos and hints.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from colorflow.colorize import Colorizer
from colorflow.hints import Hint
from colorflow.images.read import read_photo
from colorflow.images.write import write_image
from colorflow.resources import bundled

GAP = 6
VARIANTS = 3
PHOTOS = {
    "pagoda": (Hint(60, 60, "#7a9fd8"), Hint(180, 180, "#a03020"), Hint(300, 380, "#3f6b2f")),
    "dahlia": (Hint(320, 210, "#e02070"), Hint(60, 60, "#205020")),
}


def marked(picture: Image.Image, hints: tuple[Hint, ...], scale: float) -> Image.Image:
    """Draw the hints onto a picture.

    Args:
        picture: the photo, reduced.
        hints: in pixels of the photo.
        scale: pixels of the picture per pixel of the photo.

    Returns:
        A new picture.
    """
    result = picture.convert("RGB")
    draw = ImageDraw.Draw(result)
    for hint in hints:
        x, y = hint.x * scale, hint.y * scale
        draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill="white")
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill=hint.hex)
    return result


def main() -> None:
    """Colour, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--out", type=Path, default=Path("docs/hints.jpg"))
    parser.add_argument("--width", type=int, default=230)
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model)
    rows: list[list[Image.Image]] = []
    for name, hints in PHOTOS.items():
        photo = read_photo(bundled("examples", f"{name}.jpg"))
        size = options.width, round(options.width * photo.size[0] / photo.size[1])
        grey = photo.thumbnail(2 * min(size)).resize(size, Image.Resampling.LANCZOS)
        left = [grey, marked(grey, hints, options.width / photo.size[1])]
        for first, given in zip(left, ((), hints), strict=True):
            variants = colorizer.sample(photo, n=VARIANTS, hints=given)
            pictures = [v.image.resize(size, Image.Resampling.LANCZOS) for v in variants]
            rows.append([first, *pictures])
            print(name, [[round(value, 1) for value in v.residuals] for v in variants])
    heights = [row[0].height + GAP for row in rows]
    page = Image.new(
        "RGB", ((options.width + GAP) * (1 + VARIANTS) - GAP, sum(heights) - GAP), "white"
    )
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            page.paste(picture, (column * (options.width + GAP), sum(heights[:number])))
    write_image(page, options.out, quality=80)
    print(f"{options.out}: {page.width} x {page.height}, model {colorizer.model_id}")


if __name__ == "__main__":
    main()
