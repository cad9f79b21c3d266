"""Look through a folder of photos: which can be trained on, which are left out and why."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from colorflow.errors import ImageError, NothingFoundError
from colorflow.files import written_whole
from colorflow.images.formats import is_readable, readable_suffixes
from colorflow.images.read import read_photo
from colorflow.resources import sha256_of_file

UNREADABLE = "unreadable"
SMALL = "too small"
GREY = "grey or nearly grey"


@dataclass(frozen=True)
class Surveyed:
    """What is known of one file.

    Args:
        path: of the file.
        content: SHA-256 of its bytes.
        reason: why it is left out: a class of reasons; empty where it is good.
        detail: the reason in full; of a good file, what is odd about it, or empty.
        partner: path of the photo that makes a pair with it; empty where there is none.
        site: of a pair, the camera or scene.
    """

    path: str
    content: str
    reason: str = ""
    detail: str = ""
    partner: str = ""
    site: str = ""


@dataclass(frozen=True)
class Survey:
    """All files of a folder, in the order of their names.

    Args:
        folder: that was looked through, or a table of pairs.
        files: all of them.
        kind: what they are called.
        sites_by: of pairs, the rule that gave them their sites.
    """

    folder: Path
    files: tuple[Surveyed, ...]
    kind: str = "photos"
    sites_by: str = ""

    @property
    def good(self) -> tuple[Surveyed, ...]:
        """The photos to train on."""
        return tuple(file for file in self.files if not file.reason)

    def summary(self) -> str:
        """Say in one line how many photos there are, and how many are left out for what reason."""
        line = f"{self.folder}: {len(self.good)} {self.kind}"
        reasons = Counter(file.reason for file in self.files if file.reason)
        parts = [f"{count} {reason}" for reason, count in reasons.most_common()]
        return f"{line}; left out: {', '.join(parts)}" if parts else line

    def name_of(self, path: str) -> str:
        """Shorten the path of a file for a message.

        Args:
            path: of a file of this survey.

        Returns:
            The path relative to the folder, or to the folder of the table; as it is where it lies
            elsewhere.
        """
        root = self.folder.parent if self.folder.is_file() else self.folder
        return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path

    def shared_with(self, other: Survey) -> list[tuple[str, str]]:
        """Find good photos of the same content in another survey.

        Args:
            other: of another folder.

        Returns:
            Pairs of paths, this survey's first.
        """
        theirs = {file.content: file.path for file in other.good}
        return [(f.path, theirs[f.content]) for f in self.good if f.content in theirs]


def list_photos(folder: Path) -> list[Path]:
    """List the picture files below a folder, in a fixed order.

    Args:
        folder: where to look, recursively; hidden files and folders are skipped.

    Returns:
        The files, sorted.

    Raises:
        NothingFoundError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise NothingFoundError(f"{folder}: expected a folder of photos, found none; check --data")
    files = sorted(
        path
        for path in folder.rglob("*")
        if is_readable(path)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        kinds = ", ".join(sorted(suffix[1:] for suffix in readable_suffixes()))
        raise NothingFoundError(f"{folder}: expected photos ({kinds}) below it, found none")
    return files


def survey(
    folder: Path,
    smallest: int,
    memory: Path | None = None,
    workers: int = 1,
    log: Callable[[str], None] = print,
) -> Survey:
    """Read every photo of a folder once.

    Args:
        folder: where to look, recursively.
        smallest: shorter side in pixels below which a photo is left out.
        memory: file that remembers what was found, by path, size and time of change; a file seen
            before is not read again.
        workers: threads that read.
        log: receives a line now and then.

    Returns:
        What was found.

    Raises:
        NothingFoundError: no photo at all, or none that is good.
    """
    paths = list_photos(folder)
    known = _recall(memory)
    keys = {path: _key(path, smallest) for path in paths}
    fresh = [path for path in paths if keys[path] not in known]
    if len(fresh) > 1000:
        log(f"{folder}: looking through {len(fresh)} photos")
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for path, found in zip(fresh, pool.map(lambda p: look(p, smallest), fresh), strict=True):
            known[keys[path]] = found
    if memory and fresh:
        _remember(memory, known)
    # Remembered from another directory a path may have been written differently.
    files = (replace(known[keys[path]], path=str(path)) for path in paths)
    result = Survey(folder, tuple(files))
    if not result.good:
        raise NothingFoundError(
            f"{result.summary()}; expected colour photos of at least {smallest} pixels on the "
            "shorter side"
        )
    return result


def look(path: Path, smallest: int) -> Surveyed:
    """Judge one file.

    Args:
        path: of the file.
        smallest: shorter side in pixels below which a photo is left out.

    Returns:
        The judgement.
    """
    content = ""
    try:
        content = sha256_of_file(path)
        photo = read_photo(path)
    except (ImageError, OSError) as error:
        return Surveyed(str(path), content, UNREADABLE, str(error))
    height, width = photo.size
    if min(height, width) < smallest:
        detail = f"{path}: {width} x {height}, expected {smallest} on the shorter side"
        return Surveyed(str(path), content, SMALL, detail)
    if not photo.is_coloured():
        return Surveyed(str(path), content, GREY, f"{path}: has no or hardly any chroma")
    return Surveyed(str(path), content)


def first_names(names: Sequence[str], count: int = 3) -> str:
    """List some names in a message of one line.

    Args:
        names: all of them.
        count: how many to spell out.

    Returns:
        E.g. ``"a, b, c and 9 more"``.
    """
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _key(path: Path, smallest: int) -> str:
    status = path.stat()
    # Absolute, so that one memory serves runs from different directories.
    return f"{os.path.abspath(path)} {status.st_size} {status.st_mtime_ns} {smallest}"


def _recall(memory: Path | None) -> dict[str, Surveyed]:
    if memory is None or not memory.is_file():
        return {}
    try:
        return {key: Surveyed(**value) for key, value in json.loads(memory.read_text()).items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # written by another version; it costs one more look


def write_survey(survey: Survey, path: Path) -> None:
    """List every file of a survey, and why it is left out.

    Args:
        survey: to list.
        path: of the JSON file.

    Raises:
        OSError: the file cannot be written.
    """
    content = [asdict(file) for file in survey.files]
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _remember(memory: Path, known: dict[str, Surveyed]) -> None:
    with written_whole(memory) as temporary:
        temporary.write_text(json.dumps({key: asdict(value) for key, value in known.items()}))
