"""How well the borders of scans are found: made-up scans of real photos, and the photos themselves.

    python scripts/measure_border.py PHOTOS --scans 120 --keep OUT

Each scan is a photo inside a border of one of the kinds below, of random widths, turned by up to
2 degrees, unevenly lit, with noise and as a JPEG. A border counts as found if every side of the
rectangle lies at most 1 % of the height or width inside the true one, and at most 0.2 % (or one
pixel) outside; as off, up to 2 %. The true rectangle is the one between the corners of the turned
photo. No border should be found in the photos themselves; those with one, e.g. real frames, are
named, and are not used for scans. With ``--keep``, scans and photos that went wrong are written
with the rectangle drawn.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from colorflow.images.border import find_border
from colorflow.images.frame import Border
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo

Random = np.random.Generator
Sheet = tuple[Image.Image, list[float]]


def between(random: Random, low: float, high: float) -> float:
    """Draw a number evenly."""
    return float(random.uniform(low, high))


def add(sheet: Sheet, widths: list[int], level: float, texture: float, random: Random) -> Sheet:
    """Put a border of one level around a sheet.

    Args:
        sheet: a picture, and the rectangle of the photo in it: left, top, right, bottom.
        widths: of the border in pixels: left, top, right, bottom.
        level: grey of the border, 0 to 255.
        texture: standard deviation of its grain.
        random: for the grain.

    Returns:
        The larger sheet.
    """
    picture, box = sheet
    left, top, right, bottom = widths
    size = picture.width + left + right, picture.height + top + bottom
    grain = random.normal(level, texture, (size[1], size[0])).clip(0, 255)
    larger = Image.fromarray(grain.astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    larger.paste(picture, (left, top))
    return larger, [box[0] + left, box[1] + top, box[2] + left, box[3] + top]


def widths(random: Random, sheet: Sheet, low: float, high: float, alike: float = 1.0) -> list[int]:
    """Draw the widths of a border, as shares of the shorter side of the photo."""
    side = min(sheet[0].size)
    one = between(random, low, high)
    return [
        max(1, round(side * (alike * one + (1 - alike) * between(random, low, high))))
        for _ in range(4)
    ]


def paper(sheet: Sheet, random: Random) -> Sheet:
    """White paper."""
    return add(sheet, widths(random, sheet, 0.02, 0.12, 0.7), between(random, 215, 250), 1, random)


def deckled(sheet: Sheet, random: Random) -> Sheet:
    """White paper on a scanner's lid, with a wavy cut."""
    picture, box = paper(sheet, random)
    wide, high = picture.size
    mask = Image.new("L", picture.size, 0)
    depth, pitch = 0.008 * min(sheet[0].size), 0.03 * min(sheet[0].size)

    def wave(length: int) -> list[tuple[float, float]]:
        t = np.arange(0, length, 2.0)
        return list(zip(t, depth * (1 + np.sin(2 * np.pi * t / pitch)), strict=True))

    outline = [(x, y) for x, y in wave(wide)] + [(wide - y, x) for x, y in wave(high)]
    outline += [(x, high - y) for x, y in wave(wide)[::-1]] + [(y, x) for x, y in wave(high)[::-1]]
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    lid = between(random, 5, 60)
    picture = Image.composite(picture, Image.new("L", picture.size, round(lid)), mask)
    return add((picture, box), widths(random, sheet, 0.01, 0.08, 0), lid, 1.5, random)


def lid_dark(sheet: Sheet, random: Random) -> Sheet:
    """Dark scanner background on all sides."""
    return add(sheet, widths(random, sheet, 0.01, 0.15, 0), between(random, 2, 45), 1.5, random)


def lid_light(sheet: Sheet, random: Random) -> Sheet:
    """Light scanner background on all sides."""
    return add(sheet, widths(random, sheet, 0.02, 0.2, 0), between(random, 235, 255), 0.7, random)


def corner(sheet: Sheet, random: Random) -> Sheet:
    """White paper in the corner of a scanner: background on two sides."""
    sheet = paper(sheet, random)
    sides = widths(random, sheet, 0.04, 0.25, 0)
    gone = [(0, 1), (2, 1), (0, 3), (2, 3)][int(random.integers(4))]
    return add(
        sheet, [0 if i in gone else w for i, w in enumerate(sides)], between(random, 2, 60), 1.5,
        random,
    )  # fmt: skip


def mount(sheet: Sheet, random: Random) -> Sheet:
    """Cardboard with grain, often within a scanner's background."""
    if random.random() < 0.5:
        sheet = paper(sheet, random)
    level, grain = between(random, 120, 215), between(random, 2, 6)
    sheet = add(sheet, widths(random, sheet, 0.05, 0.2, 0.8), level, grain, random)
    return lid_dark(sheet, random) if random.random() < 0.5 else sheet


def key_line(sheet: Sheet, random: Random) -> Sheet:
    """A thin black line around the photo, and white paper."""
    sheet = add(sheet, widths(random, sheet, 0.004, 0.012), between(random, 5, 40), 1, random)
    return paper(sheet, random)


def film(sheet: Sheet, random: Random) -> Sheet:
    """Dark film with sprocket holes and lettering, now and then on a light table."""
    upright = random.random() < 0.5
    photo = sheet[0].transpose(Image.Transpose.TRANSPOSE) if upright else sheet[0]
    side = min(photo.size)
    narrow, broad = between(random, 0.02, 0.05) * side, between(random, 0.2, 0.26) * side
    sizes = [round(narrow), round(broad)] * 2
    whole = [0.0, 0.0, photo.width, photo.height]
    picture, box = add((photo, whole), sizes, between(random, 2, 35), 1.5, random)
    draw = ImageDraw.Draw(picture)
    hole, pitch = round(between(random, 225, 255)), 0.19 * side
    for start in np.arange(0.3 * pitch, picture.width, pitch):
        for top in (0.35 * broad, picture.height - 0.8 * broad):
            spot = (start, top, start + 0.55 * pitch, top + 0.45 * broad)
            draw.rounded_rectangle(spot, radius=0.03 * side, fill=hole)
    for start in np.arange(0.5 * pitch, picture.width - pitch, 3.5 * pitch):
        draw.text((start, 0.05 * broad), "5063 TX 12A", fill=200, font_size=0.055 * side)
    if upright:
        picture = picture.transpose(Image.Transpose.TRANSPOSE)
        box = [box[1], box[0], box[3], box[2]]
    sheet = picture, box
    return lid_light(sheet, random) if random.random() < 0.3 else sheet


def letterbox(sheet: Sheet, random: Random) -> Sheet:
    """Black bars above and below."""
    bar = round(between(random, 0.06, 0.2) * sheet[0].height)
    return add(sheet, [0, bar, 0, bar], between(random, 0, 8), 0.5, random)


KINDS: list[Callable[[Sheet, Random], Sheet]] = [
    paper, deckled, lid_dark, lid_light, corner, mount, key_line, film, letterbox,
]  # fmt: skip


def scan(photo: Image.Image, kind: Callable[[Sheet, Random], Sheet], random: Random) -> Sheet:
    """Make a scan of a photo.

    Args:
        photo: grey.
        kind: of border.
        random: where everything comes from.

    Returns:
        The scan, and the true rectangle of the photo: left, top, right, bottom.
    """
    scale = between(random, 2, 4)
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.LANCZOS)
    picture, box = kind((photo, [0, 0, photo.width, photo.height]), random)
    skewed = kind is not letterbox and random.random() < 0.5
    degrees = between(random, -2, 2) if skewed else 0
    # What the scanner sees beyond the sheet is what is at the sheet's edge.
    margin = round(0.05 * max(picture.size))
    wide = np.pad(np.asarray(picture), margin, mode="edge")
    turned = Image.fromarray(wide).rotate(degrees, Image.BICUBIC)
    turned = turned.crop((margin, margin, margin + picture.width, margin + picture.height))
    angle, middle = np.deg2rad(degrees), np.array(picture.size) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = [(box[i], box[j]) for i, j in ((0, 1), (2, 1), (2, 3), (0, 3))]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = [
        turn @ (np.array(c) - middle) + middle for c in corners
    ]
    height, width = picture.height, picture.width
    true = [max(ax, dx, 0), max(ay, by, 0), min(bx, cx, width), min(cy, dy, height)]
    light = 1 + between(random, -0.06, 0.06) * np.linspace(-1, 1, width)[None]
    light = light * (1 + between(random, -0.06, 0.06) * np.linspace(-1, 1, height)[:, None])
    noisy = np.asarray(turned) * light + random.normal(0, between(random, 0, 4), (height, width))
    file = io.BytesIO()
    quality = int(random.integers(60, 96))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return Image.open(file).convert("L"), true


def judge(border: Border | None, true: list[float], size: tuple[int, int]) -> str:
    """Say what became of a scan: ``"found"``, ``"off"``, ``"wrong"`` or ``"missed"``."""
    if border is None:
        return "missed"
    width, height = size
    found = [border.left, border.top, border.right, border.bottom]
    widths = [true[0], true[1], width - true[2], height - true[3]]
    inward = [one - other for one, other in zip(found, widths, strict=True)]
    errors = [e / side for e, side in zip(inward, (width, height, width, height), strict=True)]
    # A soft edge is not defined more exactly than 0.2 %.
    if all(e <= 0.01 and (e >= -0.002 or i >= -1) for e, i in zip(errors, inward, strict=True)):
        return "found"
    return "off" if max(map(abs, errors)) <= 0.02 else "wrong"


def draw_box(picture: Image.Image, border: Border | None, true: list[float] | None) -> Image.Image:
    """Draw the rectangle that was found in red, and the true one in green."""
    picture = picture.convert("RGB")
    draw = ImageDraw.Draw(picture)
    if true:
        draw.rectangle([true[0], true[1], true[2] - 1, true[3] - 1], outline=(0, 255, 0))
    if border:
        box = (
            border.left,
            border.top,
            picture.width - border.right - 1,
            picture.height - border.bottom - 1,
        )
        draw.rectangle(box, outline=(255, 0, 0))
    return picture


def search_photos(paths: list[Path], keep: Path | None) -> set[Path]:
    """Search photos as they are, and print the borders that are found."""
    framed: set[Path] = set()
    for path in paths:
        border = find_border(read_photo(path))
        if border is None:
            continue
        framed.add(path)
        print(f"{path.name}: {border}")
        if keep:
            with Image.open(path) as picture:
                draw_box(picture, border, None).save(keep / f"photo_{path.stem}.png")
    share = len(framed) / len(paths)
    print(f"borders in photos as they are: {len(framed)} of {len(paths)} ({share:.1%})")
    return framed


def search_scans(paths: list[Path], count: int, seed: int, keep: Path | None) -> None:
    """Make scans of photos, search them, and print a table."""
    table = {kind.__name__: Counter[str]() for kind in KINDS}
    random = np.random.default_rng(seed)
    chosen = random.choice(len(paths), count, replace=count > len(paths))
    for number, index in enumerate(chosen):
        kind = KINDS[number % len(KINDS)]
        with Image.open(paths[index]) as photo:
            picture, true = scan(photo.convert("L"), kind, random)
        border = find_border(Photo(np.asarray(picture)))
        verdict = judge(border, true, picture.size)
        table[kind.__name__][verdict] += 1
        if verdict != "found" and keep:
            name = f"{kind.__name__}_{verdict}_{number}.png"
            draw_box(picture, border, true).save(keep / name)
    verdicts = ("found", "off", "wrong", "missed")
    print(f"{'border':12}" + "".join(f"{verdict:>8}" for verdict in verdicts))
    for name, counts in [*table.items(), ("all", sum(table.values(), Counter()))]:
        print(f"{name:12}" + "".join(f"{counts[verdict]:>8}" for verdict in verdicts))


def time_search(path: Path, seed: int) -> None:
    """Time the search of a mounted print of 12 megapixels, and print the median."""
    with Image.open(path) as photo:
        picture, _ = scan(photo.convert("L"), mount, np.random.default_rng(seed))
    large = Photo(np.asarray(picture.resize((4000, 3000))))
    # The lightness is computed once for each photo, and is not part of the search.
    _ = large.lightness
    times = []
    for _ in range(5):
        start = time.perf_counter()
        find_border(large)
        times.append(time.perf_counter() - start)
    print(f"12 megapixels, beside the lightness: {1e3 * statistics.median(times):.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos, without borders as a rule")
    parser.add_argument("--scans", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for pictures of what went wrong")
    options = parser.parse_args()
    suffixes = (".jpg", ".jpeg", ".png")
    paths = sorted(p for p in options.photos.rglob("*") if p.suffix.lower() in suffixes)
    if not paths:
        parser.error(f"{options.photos}: expected a folder with JPEG or PNG files, found none")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    framed = search_photos(paths, options.keep)
    # Photos with a border of their own would give scans with two.
    paths = [path for path in paths if path not in framed]
    search_scans(paths, options.scans, options.seed, options.keep)
    time_search(paths[0], options.seed)


if __name__ == "__main__":
    main()
