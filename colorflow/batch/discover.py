"""From what the user named to a list of photos and the names of their results."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from colorflow.batch.places import is_local, name_below, real_path
from colorflow.errors import NothingFoundError
from colorflow.images.formats import OTHER, is_readable, kind_of, readable_suffixes

# Kinds of files and problems that one line of text names.
SHOWN_KINDS = 6
SHOWN_PROBLEMS = 5
# Bytes of a file that tell its kind.
HEAD = 32
SPECIAL = "pipe, socket or device"


@dataclass(frozen=True)
class Job:
    """One photo to colour.

    Args:
        source: the file.
        target: the result's path without variant number and suffix.
        named: the user named this very file; it did not turn up in a folder.
    """

    source: Path
    target: Path
    named: bool = False


@dataclass
class Discovery:
    """What was found.

    Args:
        jobs: in a fixed order.
        problems: what was named or met but cannot be read, with the reason.
        passed: files of folders that are not taken for photos, with their kind.
    """

    jobs: list[Job] = field(default_factory=list)
    problems: list[tuple[Path, str]] = field(default_factory=list)
    passed: list[tuple[Path, str]] = field(default_factory=list)

    def passed_over(self) -> str:
        """Count the files that are not taken for photos, by kind; empty where there are none."""
        kinds = Counter(kind for _, kind in self.passed)
        shown = [f"{count} x {kind}" for kind, count in kinds.most_common(SHOWN_KINDS)]
        rest = len(self.passed) - sum(count for _, count in kinds.most_common(SHOWN_KINDS))
        return ", ".join([*shown, f"{rest} x other kinds"] if rest else shown)


class _Search:
    """Walks through folders, each of them once, however many links lead there."""

    def __init__(self, out: Path, pattern: str | None) -> None:
        self.found = Discovery()
        self.out = out
        self.pattern = pattern
        self.folders: dict[str, str] = {}
        self.seen: set[str] = set()
        self.visited: set[str] = set()
        self.forbidden = self.real(out)

    def real(self, path: Path) -> str:
        return real_path(path, self.folders)

    def add(self, source: Path, target: Path, named: bool) -> None:
        real = self.real(source)
        if real not in self.seen:
            self.seen.add(real)
            self.found.jobs.append(Job(source, target, named))

    def folder(self, root: Path) -> None:
        # Not recursive functions: archives may be deeper than Python's stack.
        walk = self._local(root) if is_local(root) else self._remote(root)
        for path in walk:
            self.file(path, root)

    def file(self, path: Path, root: Path) -> None:
        if path.name.startswith("."):
            if is_readable(path):
                self.found.passed.append((path, "hidden file"))
        elif self.pattern is not None and not fnmatch.fnmatch(path.name, self.pattern):
            return  # the user's own choice
        elif is_readable(path):
            below = name_below(path, root).with_suffix("")
            self.add(path, self.out / below, named=False)
        else:
            self.found.passed.append((path, _kind(path)))

    def _local(self, root: Path) -> Iterator[Path]:
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            real = os.path.realpath(folder)
            if real in self.visited or (folder != root and real == self.forbidden):
                continue
            self.visited.add(real)
            try:
                with os.scandir(folder) as scan:
                    entries = sorted(scan, key=lambda entry: entry.name)
            except OSError as error:
                self.found.problems.append((folder, _reason(error)))
                continue
            deeper = []
            for entry in entries:
                path = folder / entry.name
                try:
                    if entry.is_file():
                        yield path
                    elif entry.is_dir():
                        deeper += [] if entry.name.startswith(".") else [path]
                    else:
                        self._neither(path)
                except OSError as error:  # a link that leads to itself
                    self.found.problems.append((path, _reason(error)))
            waiting += reversed(deeper)

    def _neither(self, path: Path) -> None:
        """Tell of a link to nothing; pipes and devices may keep a reader waiting for ever."""
        if not path.is_symlink():
            self.found.passed.append((path, SPECIAL))
        elif is_readable(path):
            self.found.problems.append((path, _dangling(path)))
        else:
            self.found.passed.append((path, "dangling link"))

    def _remote(self, root: Path) -> Iterator[Path]:
        for folder, names, files in cast(Any, root).walk():
            shown = (name for name in names if not name.startswith("."))
            names[:] = sorted(name for name in shown if self.real(folder / name) != self.forbidden)
            for name in sorted(files):
                yield folder / name


def discover(inputs: Sequence[Path], out: Path, pattern: str | None = None) -> Discovery:
    """Find the photos below some files and folders.

    Folders are searched recursively, and their tree is kept below ``out``; links are followed,
    and no folder or file is taken twice. Hidden folders and the output folder are left out. A file
    named on its own is taken whatever its suffix.

    Args:
        inputs: files and folders.
        out: folder of the results.
        pattern: files in folders are taken only where their names match, e.g. ``"*_grey.*"``.

    Returns:
        The jobs, what could not be read, and what is not taken for a photo.

    Raises:
        NothingFoundError: there is not one photo.
    """
    search = _Search(out, pattern)
    for path in inputs:
        try:
            if path.is_dir():
                search.folder(path)
            elif path.is_file():
                search.add(path, out / path.stem, named=True)
            else:
                search.found.problems.append((path, _missing(path)))
        except (OSError, ValueError) as error:
            search.found.problems.append((path, _reason(error)))
    found = search.found
    if not found.jobs and found.problems:
        listed = "; ".join(f"{path}: {reason}" for path, reason in found.problems[:SHOWN_PROBLEMS])
        more = len(found.problems) - SHOWN_PROBLEMS
        raise NothingFoundError(f"{listed}{f'; and {more} more' * (more > 0)}; check the path")
    if not found.jobs:
        named = ", ".join(str(path) for path in inputs)
        kinds = ", ".join(sorted(readable_suffixes())) if pattern is None else f"named {pattern}"
        passed = f"; passed over: {found.passed_over()}" if found.passed else ""
        raise NothingFoundError(f"{named}: expected photos ({kinds}), found none{passed}")
    return found


def _kind(path: Path) -> str:
    kind = kind_of(path)
    if not kind.startswith(OTHER) or not is_local(path):
        return kind
    try:
        with path.open("rb") as file:
            return kind_of(path, file.read(HEAD))
    except OSError:
        return kind


def _missing(path: Path) -> str:
    if is_local(path) and path.is_symlink():
        return _dangling(path)
    if is_local(path) and path.exists():
        return f"expected a photo or a folder, found a {SPECIAL}"
    return "expected a photo or a folder, found nothing"


def _dangling(path: Path) -> str:
    return f"a link to {os.readlink(path)}, where no file is"


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
