"""Split pairs into two tables so that no night stands in both.

    python scripts/hold_out_nights.py --data PAIRS --manifest MANIFEST.csv --out TABLES [--every 5]

Several pairs of a site often share one night, cropped in different ways. The manifest names the
picture that each half was cut from, in the columns ``day_file, night_file, scene,
night_original``. Of each scene every so-manieth night is held out, with all its pairs: what a model
does on ``TABLES/held.csv`` after training on ``TABLES/train.csv`` tells of scenes that it knows and
of nights that it has not seen. A picture of the day may stand in both. Scenes with fewer nights
than ``--every`` stay in training whole.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from colorflow.files import written_whole

Row = dict[str, str]


def split(rows: Sequence[Row], every: int) -> tuple[list[Row], list[Row]]:
    """Hold out every so-manieth night of each scene, in the order of their names.

    Args:
        rows: of the manifest.
        every: one night in so many.

    Returns:
        Pairs to train on, and pairs held out.
    """
    held: set[tuple[str, str]] = set()
    for scene in sorted({row["scene"] for row in rows}):
        nights = sorted({row["night_original"] for row in rows if row["scene"] == scene})
        held.update((scene, night) for night in nights[every - 1 :: every])

    def out(row: Row) -> bool:
        return (row["scene"], row["night_original"]) in held

    return [row for row in rows if not out(row)], [row for row in rows if out(row)]


def main() -> None:
    """Write the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--every", type=int, default=5)
    options = parser.parse_args()
    if not options.manifest.is_file():
        parser.error(f"{options.manifest}: expected a table, found no such file")
    with options.manifest.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (options.data / row["day_file"]).is_file()]
    options.out.mkdir(parents=True, exist_ok=True)
    for name, part in zip(("train", "held"), split(rows, options.every), strict=True):
        path = options.out / f"{name}.csv"
        with written_whole(path) as temporary, temporary.open("w", newline="") as table:
            writer = csv.writer(table)
            writer.writerow(("day", "night", "scene"))
            for row in part:
                halves = [
                    (options.data / row[f"{half}_file"]).resolve() for half in ("day", "night")
                ]
                writer.writerow((*halves, row["scene"]))
        nights = {(row["scene"], row["night_original"]) for row in part}
        scenes = {row["scene"] for row in part}
        print(f"{path}: {len(part)} pairs, {len(nights)} nights of {len(scenes)} scenes")


if __name__ == "__main__":
    main()
