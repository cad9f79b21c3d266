"""Look through photos in pairs: which belong together, which are left out and why.

A pair is a photo and another one of the same scene, in one of four layouts:

- names: ``NAME_day.jpg`` and ``NAME_night.jpg`` in the same folder;
- folders: ``day/NAME.jpg`` and ``night/NAME.jpg``;
- a table: a CSV file with the columns ``day`` and ``night`` (paths from where the table lies) and,
  if need be, ``scene``;
- side by side: one picture, twice as wide as high, the condition on its left half.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colorflow.errors import ConfigError, ImageError, NothingFoundError
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.resources import sha256_of_file
from colorflow.training.alignment import misaligned
from colorflow.training.survey import SMALL, UNREADABLE, Survey, Surveyed, list_photos

SINGLE = "without a partner"
SHAPE = "of halves of different shape"
SAME = "of identical halves"
# The same photo as JPEG of another quality differs by less than this, in 8-bit steps.
SAME_STEPS = 2.0
FIRST, SECOND = "day", "night"


@dataclass(frozen=True)
class Pair:
    """Two files that belong together, or one that holds both halves.

    Args:
        first: of the condition.
        second: of the target; None where the first holds both, side by side.
        site: the camera or scene; pairs of one site never are on both sides of a split.
        reason: why it cannot be a pair; empty where it can.
    """

    first: Path
    second: Path | None
    site: str
    reason: str = ""


def find_pairs(place: Path) -> list[Pair]:
    """Find the pairs of a folder or a table.

    Args:
        place: a folder, searched recursively, or a CSV file.

    Returns:
        The pairs, and the files that have lost their partner.

    Raises:
        NothingFoundError: there is no such place, or no picture in it.
        ConfigError: the table has no such columns.
    """
    if place.suffix.lower() == ".csv":
        return _from_table(place)
    files = list_photos(place)
    roots = {path.relative_to(place).parts[0] for path in files}
    if {FIRST, SECOND} <= roots:
        return _from_folders(place, files)
    if any(path.stem.endswith((f"_{FIRST}", f"_{SECOND}")) for path in files):
        return _from_names(files)
    return [Pair(path, None, site_of(path.stem)) for path in files]


def site_of(name: str) -> str:
    """Tell the site from the name of a pair: all before its last number.

    Args:
        name: e.g. ``"harbour_017"``.

    Returns:
        E.g. ``"harbour"``; the whole name where it does not end with a number.
    """
    head = name.rstrip("0123456789")
    return head.rstrip("_- .") or name


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


def survey_pairs(place: Path, smallest: int, log: Callable[[str], None] = print) -> Survey:
    """Read every pair once.

    Args:
        place: a folder or a table.
        smallest: shorter side in pixels below which a pair is left out.
        log: receives warnings.

    Returns:
        What was found.

    Raises:
        NothingFoundError: no pair at all, or none that is good.
    """
    files, shifted = [], []
    for pair in find_pairs(place):
        file, photos = _look(pair, smallest)
        files.append(file)
        if photos and misaligned(*photos):
            shifted.append(file.path)
    result = Survey(place, tuple(files), "pairs")
    if not result.good:
        raise NothingFoundError(
            f"{result.summary()}; expected NAME_{FIRST} and NAME_{SECOND}, folders {FIRST}/ and "
            f"{SECOND}/, pictures side by side, or a CSV file with these columns"
        )
    if shifted:
        names = ", ".join(shifted[:5]) + (" ..." if len(shifted) > 5 else "")
        log(f"warning: the halves of {len(shifted)} pairs seem to be shifted: {names}")
    return result


def hold_back_sites(survey: Survey) -> tuple[tuple[Surveyed, ...], tuple[Surveyed, ...]]:
    """Split pairs into those to train on and those to report on, site by site.

    Args:
        survey: of pairs.

    Returns:
        Training pairs and held-back pairs: of about every tenth site, but at least of one.

    Raises:
        ConfigError: all pairs are of one site.
    """
    sites = sorted({file.site for file in survey.good}, key=_rank)
    if len(sites) < 2:
        raise ConfigError(
            f"{survey.folder}: all pairs are of the site '{sites[0]}', none could be held back; "
            "name a folder of other sites with --val"
        )
    held = set(sites[: max(1, len(sites) // 10)])
    return (
        tuple(file for file in survey.good if file.site not in held),
        tuple(file for file in survey.good if file.site in held),
    )


def _rank(site: str) -> str:
    return hashlib.sha256(site.encode()).hexdigest()


def _from_table(table: Path) -> list[Pair]:
    if not table.is_file():
        raise NothingFoundError(f"{table}: expected a table of pairs, found no such file")
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        if not {FIRST, SECOND} <= set(columns):
            raise ConfigError(
                f"{table}: expected the columns {FIRST} and {SECOND}, found {', '.join(columns)}"
            )
        found = []
        for row in rows:
            first, second = table.parent / (row[FIRST] or ""), table.parent / (row[SECOND] or "")
            lost = not (first.is_file() and second.is_file())
            site = row.get("scene") or site_of(first.stem.removesuffix(f"_{FIRST}"))
            found.append(Pair(first, second, site, SINGLE if lost else ""))
    return found


def _from_folders(place: Path, files: list[Path]) -> list[Pair]:
    halves: dict[str, dict[str, Path]] = {FIRST: {}, SECOND: {}}
    for path in files:
        side, *rest = path.relative_to(place).with_suffix("").parts
        if side in halves:
            halves[side]["/".join(rest)] = path
    return _matched(halves[FIRST], halves[SECOND])


def _from_names(files: list[Path]) -> list[Pair]:
    halves: dict[str, dict[str, Path]] = {FIRST: {}, SECOND: {}}
    for path in files:
        for side, found in halves.items():
            if path.stem.endswith(f"_{side}"):
                found[str(path.with_name(path.stem.removesuffix(f"_{side}")))] = path
    return _matched(halves[FIRST], halves[SECOND])


def _matched(first: dict[str, Path], second: dict[str, Path]) -> list[Pair]:
    pairs = []
    for name in sorted({*first, *second}):
        site = site_of(Path(name).name)
        both = first.get(name), second.get(name)
        if both[0] and both[1]:
            pairs.append(Pair(both[0], both[1], site))
        else:
            pairs.append(Pair(both[0] or both[1] or Path(name), None, site, SINGLE))
    return pairs


def _look(pair: Pair, smallest: int) -> tuple[Surveyed, tuple[Photo, Photo] | None]:
    """Judge one pair, and give its halves where they are good."""
    path, partner = str(pair.first), str(pair.second or "")

    def left_out(reason: str, detail: str) -> tuple[Surveyed, None]:
        return Surveyed(path, content, reason, detail, partner, pair.site), None

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
    good = Surveyed(path, content, partner=partner, site=pair.site)
    first, second = read_pair(good)
    if float((first.lightness - second.lightness).abs().mean()) * 2.55 < SAME_STEPS:
        return left_out(SAME, f"{path}: {SAME}")
    return good, (first, second)
