"""Find which photos belong together as pairs, by one of four layouts.

A pair is a photo and another one of the same scene:

- names: ``NAME_day.jpg`` and ``NAME_night.jpg`` in the same folder;
- folders: ``day/NAME.jpg`` and ``night/NAME.jpg``;
- a table: a CSV file with the columns ``day`` and ``night`` (paths from where the table lies) and,
  optionally, ``scene``;
- side by side: one picture, twice as wide as high, the condition on its left half.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from colorflow.errors import ConfigError, NothingFoundError
from colorflow.training.survey import list_photos

SINGLE = "without a partner"
DOUBLE = "for a half that has a file already"
FIRST, SECOND = "day", "night"
SCENE = "scene"

# Reads (half, name of the pair) from a path relative to the folder; None where it tells no half.
_Reading = Callable[[PurePath], "tuple[str, str] | None"]


@dataclass(frozen=True)
class Pair:
    """Two files that belong together, or one that holds both halves.

    Args:
        first: file of the condition.
        second: file of the target; None where the first holds both, side by side.
        name: path relative to the folder or the table, with forward slashes, without suffix and
            without ``_day`` or ``_night``.
        scene: site as named by a table; empty where there is none.
        reason: why it cannot be a pair; empty where it can.
    """

    first: Path
    second: Path | None
    name: str
    scene: str = ""
    reason: str = ""


def find_pairs(place: Path) -> list[Pair]:
    """Find the pairs of a folder or a table.

    A layout is used only if it gives at least one whole pair; capitals make no difference in the
    words day and night.

    Args:
        place: a folder, searched recursively, or a CSV file.

    Returns:
        The pairs, and the files that belong to none, in the order of their names.

    Raises:
        NothingFoundError: there is no such place, or no picture in it.
        ConfigError: the table cannot be read, or lacks a column.
    """
    if place.suffix.lower() == ".csv":
        return _from_table(place)
    files = list_photos(place)
    for reading in (_by_folder, _by_name):
        found = _matched(place, files, reading)
        if any(not pair.reason for pair in found):
            return found
    return [_alone(place, path) for path in files]


def _by_folder(relative: PurePath) -> tuple[str, str] | None:
    half, *rest = relative.parts
    half = half.lower()
    if half not in (FIRST, SECOND) or not rest:
        return None
    return half, _name(PurePath(*rest), half)


def _by_name(relative: PurePath) -> tuple[str, str] | None:
    for half in (FIRST, SECOND):
        if relative.stem.lower().endswith(f"_{half}"):
            return half, _name(relative, half)
    return None


def _name(relative: PurePath, half: str) -> str:
    """Remove the suffix, and the half's word where the name ends with it."""
    stem, word = relative.stem, f"_{half}"
    if stem.lower().endswith(word) and len(stem) > len(word):
        stem = stem[: -len(word)]
    return relative.with_name(stem).as_posix()


def _matched(place: Path, files: list[Path], reading: _Reading) -> list[Pair]:
    halves: dict[str, dict[str, Path]] = {}
    found = []
    for path in files:
        relative = path.relative_to(place)
        half, name = reading(relative) or ("", relative.with_name(relative.stem).as_posix())
        if not half:
            found.append(Pair(path, None, name, reason=SINGLE))
        elif half in halves.setdefault(name, {}):
            found.append(Pair(path, None, name, reason=DOUBLE))
        else:
            halves[name][half] = path
    for name, both in halves.items():
        if len(both) == 2:
            found.append(Pair(both[FIRST], both[SECOND], name))
        else:
            (path,) = both.values()
            found.append(Pair(path, None, name, reason=SINGLE))
    return sorted(found, key=lambda pair: (pair.name, pair.first))


def _alone(place: Path, path: Path) -> Pair:
    """Take one file for both halves, unless its name or folder says that it is one of them."""
    relative = path.relative_to(place)
    is_half = _by_folder(relative) or _by_name(relative)
    name = relative.with_name(relative.stem).as_posix()
    return Pair(path, None, name, reason=SINGLE if is_half else "")


def _from_table(table: Path) -> list[Pair]:
    if not table.is_file():
        raise NothingFoundError(f"{table}: expected a table of pairs, found no such file")
    try:
        # Spreadsheets write a byte order mark, and semicolons where the comma is for decimals.
        text = table.read_text(encoding="utf-8-sig")
        header = text.partition("\n")[0]
        reader = csv.reader(
            io.StringIO(text), delimiter=max(",;\t", key=header.count), skipinitialspace=True
        )
        columns, *rows = [row for row in reader if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{table}: expected a CSV file in UTF-8 ({error})") from error
    columns = [column.strip().lower() for column in columns]
    if not {FIRST, SECOND} <= set(columns):
        raise ConfigError(
            f"{table}: expected the columns {FIRST} and {SECOND}, found {', '.join(columns)}"
        )
    return [_from_row(table.parent, dict(zip(columns, row, strict=False))) for row in rows]


def _from_row(folder: Path, row: dict[str, str]) -> Pair:
    # A short row lacks its last columns.
    first, second = (folder / row.get(half, "").strip() for half in (FIRST, SECOND))
    lost = not (first.is_file() and second.is_file())
    relative = first.relative_to(folder) if first.is_relative_to(folder) else first
    name = _name(relative, FIRST) if relative.name else relative.as_posix()
    return Pair(first, second, name, row.get(SCENE, "").strip(), SINGLE if lost else "")
