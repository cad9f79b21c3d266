"""Look through photos in pairs: which can be trained on, which are left out and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from colorflow.errors import ImageError, NothingFoundError
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.resources import sha256_of_file
from colorflow.training.alignment import misaligned
from colorflow.training.layouts import FIRST, SECOND, SINGLE, Pair, find_pairs
from colorflow.training.sites import assign_sites, compile_site
from colorflow.training.survey import (
    SMALL,
    UNREADABLE,
    Survey,
    Surveyed,
    first_names,
    write_survey,
)

SHAPE = "of halves of different shape"
SAME = "of identical halves"
SHIFTED = "the halves seem to be shifted"
# The same photo as JPEG of another quality differs by less than this, in 8-bit steps.
SAME_STEPS = 2.0


def read_pair(file: Surveyed) -> tuple[Photo, Photo]:
    """Read both halves of a pair, at one size.

    Args:
        file: a good pair of a survey.

    Returns:
        Condition and target.

    Raises:
        ImageError: a file can no longer be read.
    """
    first = read_photo(file.path)
    if not file.partner:
        return split_halves(first)
    second = read_photo(file.partner)
    if second.size != first.size:
        from skimage.transform import resize

        shape = (*first.size, *second.pixels.shape[2:])
        small = resize(second.pixels, shape, order=1, anti_aliasing=True).astype(np.float32)
        second = Photo(small.clip(0, 1), source=second.source)
    return first, second


def split_halves(photo: Photo) -> tuple[Photo, Photo]:
    """Cut a side-by-side picture in two.

    Args:
        photo: both halves.

    Returns:
        The left and the right one.
    """
    middle = photo.size[1] // 2
    halves = photo.pixels[:, :middle], photo.pixels[:, -middle:]
    left, right = (Photo(np.ascontiguousarray(half), source=photo.source) for half in halves)
    return left, right


def survey_pairs(
    place: Path,
    smallest: int,
    log: Callable[[str], None] = print,
    site: str | None = None,
    record: Path | None = None,
) -> Survey:
    """Read every pair once.

    Args:
        place: a folder or a table.
        smallest: shorter side in pixels below which a pair is left out.
        log: receives warnings.
        site: regular expression that finds the site in the name of a pair; None to guess it, see
            :func:`colorflow.training.sites.assign_sites`.
        record: JSON file that lists what was found, or None to write none.

    Returns:
        What was found.

    Raises:
        NothingFoundError: no pair at all, or none that is good.
        ConfigError: the table or the regular expression is wrong, or the expression matches
            nothing in the name of a good pair.
    """
    if site is not None:
        compile_site(site)  # an error is told before the pairs are read, which may take long
    pairs = find_pairs(place)
    files = [_look(pair, smallest) for pair in pairs]
    names, scenes = [pair.name for pair in pairs], [pair.scene for pair in pairs]
    sited, rule = assign_sites(place, files, names, scenes, site)
    result = Survey(place, sited, "pairs", rule)
    if record:
        write_survey(result, record)
    if not result.good:
        raise NothingFoundError(
            f"{result.summary()}; expected NAME_{FIRST} and NAME_{SECOND}, folders {FIRST}/ and "
            f"{SECOND}/, pictures side by side, or a CSV file with these columns"
        )
    shifted = [result.name_of(file.path) for file in result.good if file.detail]
    if shifted:
        where = f"; all of them are in {record}" if record else ""
        log(
            f"warning: the halves of {len(shifted)} pairs seem to be shifted: "
            f"{first_names(shifted)}{where}"
        )
    return result


def _look(pair: Pair, smallest: int) -> Surveyed:
    """Judge one pair."""
    path, partner = str(pair.first), str(pair.second or "")

    def left_out(reason: str, detail: str) -> Surveyed:
        return Surveyed(path, content, reason, detail, partner)

    content = ""
    if pair.reason:
        return left_out(pair.reason, f"{path}: {pair.reason}")
    try:
        names = [Path(name) for name in (path, partner) if name]
        content = hashlib.sha256("".join(map(sha256_of_file, names)).encode()).hexdigest()
        halves = [read_photo(name) for name in names]
    except (ImageError, OSError) as error:
        return left_out(UNREADABLE, str(error))
    if not partner:
        height, width = halves[0].size
        if not 1.9 < width / height < 2.1:
            return left_out(SINGLE, f"{path}: {SINGLE}, nor two halves side by side")
        halves = list(split_halves(halves[0]))
    (height, width), (other_height, other_width) = halves[0].size, halves[1].size
    if min(height, width, other_height, other_width) < smallest:
        detail = f"{path}: {width} x {height}, expected {smallest} on the shorter side"
        return left_out(SMALL, detail)
    if abs(np.log(width / height) - np.log(other_width / other_height)) > 0.02:
        sizes = f"{width} x {height} and {other_width} x {other_height}"
        return left_out(SHAPE, f"{path}: {SHAPE}, {sizes}")
    good = Surveyed(path, content, partner=partner)
    first, second = read_pair(good)
    if float((first.lightness - second.lightness).abs().mean()) * 2.55 < SAME_STEPS:
        return left_out(SAME, f"{path}: {SAME}")
    return replace(good, detail=f"{path}: {SHIFTED}") if misaligned(first, second) else good
