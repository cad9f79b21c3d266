"""Time of sampling 16 variants of a photo against 1: the model part, condition included.

    python scripts/bench_sampling.py

Both are timed in turn in one process, so that their ratio holds on a noisy machine; medians.
"""

from __future__ import annotations

import argparse
import statistics
import time

from colorflow.colorize import Colorizer
from colorflow.images.read import read_photo
from colorflow.resources import bundled


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="photo")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--photo", default=str(bundled("examples", "pagoda.jpg")))
    parser.add_argument("--many", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    colorizer = Colorizer.from_pretrained(options.model, options.device)
    photo = read_photo(options.photo)
    photo.lightness  # noqa: B018 - reading the photo is not part of the model
    times: dict[int, list[float]] = {1: [], options.many: []}
    for round_number in range(options.rounds + 2):
        for n, values in times.items():
            start = time.perf_counter()
            colorizer.sample(photo, n=n)  # pictures are made later, when looked at
            if round_number >= 2:
                values.append(time.perf_counter() - start)
    one, many = (statistics.median(v) for v in times.values())
    print(f"device {colorizer.device}, {options.rounds} rounds, medians")
    print(f"1 variant: {one * 1e3:.1f} ms, {options.many} variants: {many * 1e3:.1f} ms")
    print(f"ratio: {many / one:.2f}")


if __name__ == "__main__":
    main()
