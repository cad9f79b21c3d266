"""Time and memory of finishing a 12-megapixel photo against Pillow's decoding and encoding.

    python scripts/bench_finish.py

The photo is a mosaic of the example photos at their own resolution, so it has the detail of a real
one. Finishing is all that follows the network: upsampling, Lab to RGB, gamut. Both are timed in
turn in one process; medians. Peak memory is of the whole process, model and torch included.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import time

from PIL import Image

from colorflow.colorize import Colorizer
from colorflow.images.finish import finish_photo
from colorflow.images.read import read_photo
from colorflow.resources import bundled

WIDTH, HEIGHT, BAND = 4000, 3000, 300


def mosaic(mode: str) -> Image.Image:
    """Tile the example photos, unscaled, into a picture of 12 megapixels.

    Args:
        mode: of the picture, ``"L"`` or ``"RGB"``.

    Returns:
        4000 x 3000 pixels.
    """
    tiles = [Image.open(p).convert(mode) for p in sorted(bundled("examples").glob("*.jpg"))]
    whole = Image.new(mode, (WIDTH, HEIGHT))
    count = 0
    for top in range(0, HEIGHT, BAND):
        left = 0
        while left < WIDTH:
            tile = tiles[count % len(tiles)]
            whole.paste(tile.crop((0, 0, tile.width, BAND)), (left, top))
            left += tile.width
            count += 1
    return whole


def pillow_round(data: bytes) -> None:
    """Decode a JPEG and encode it again.

    Args:
        data: of the file.
    """
    with Image.open(io.BytesIO(data)) as picture:
        picture.save(io.BytesIO(), "JPEG", quality=92)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--saturation", type=float, default=1.0)
    parser.add_argument("--mode", choices=("L", "RGB"), default="RGB")
    options = parser.parse_args()
    buffer = io.BytesIO()
    mosaic(options.mode).save(buffer, "JPEG", quality=92)
    data = buffer.getvalue()
    colorizer = Colorizer.from_pretrained(options.model)
    photo = read_photo(Image.open(io.BytesIO(data)))
    (variant,) = colorizer.sample(photo, n=1, saturation=options.saturation)
    chroma = colorizer.domain.chroma(variant.target)
    pillow: list[float] = []
    finish: list[float] = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        pillow_round(data)
        middle = time.perf_counter()
        finish_photo(photo, chroma)
        end = time.perf_counter()
        pillow.append(middle - start)
        finish.append(end - middle)
    one, other = statistics.median(pillow), statistics.median(finish)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.mode} JPEG of {WIDTH} x {HEIGHT}, {len(data):,} bytes, {options.rounds} rounds"
    )
    print(f"Pillow decode + encode: {one * 1e3:.0f} ms, finish: {other * 1e3:.0f} ms")
    print(f"ratio: {other / one:.2f}, peak memory of the process: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
