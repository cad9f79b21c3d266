"""From what the user named to a list of photos and the names of their results."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, cast

from colorflow.batch.places import is_local, real_path
from colorflow.errors import NothingFoundError
from colorflow.images.read import SUFFIXES


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
        problems: what was named or met but cannot be looked at, with the reason.
    """

    jobs: list[Job] = field(default_factory=list)
    problems: list[tuple[Path, str]] = field(default_factory=list)


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

    def wanted(self, path: Path) -> bool:
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            return False
        return self.pattern is None or fnmatch.fnmatch(path.name, self.pattern)

    def folder(self, root: Path) -> None:
        # Not recursive functions: archives may be deeper than Python's stack.
        walk = self._local(root) if is_local(root) else self._remote(root)
        for path in walk:
            if self.wanted(path):
                below = PurePath(str(path)[len(str(root)) :].lstrip("/\\"))
                self.add(path, self.out / below.with_suffix(""), named=False)

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
                try:
                    is_folder, is_file = entry.is_dir(), entry.is_file()
                except OSError as error:  # a link that leads to itself
                    self.found.problems.append((folder / entry.name, _reason(error)))
                    continue
                if is_file:  # neither pipes nor devices, which may keep a reader waiting for ever
                    yield folder / entry.name
                elif is_folder and not entry.name.startswith("."):
                    deeper.append(folder / entry.name)
            waiting += reversed(deeper)

    def _remote(self, root: Path) -> Iterator[Path]:
        for folder, names, files in cast(Any, root).walk():
            shown = (name for name in names if not name.startswith("."))
            names[:] = sorted(name for name in shown if self.real(folder / name) != self.forbidden)
            for name in sorted(files):
                yield folder / name


def discover(inputs: Sequence[Path], out: Path, pattern: str | None = None) -> Discovery:
    """Find the photos below some files and folders.

    Folders are searched recursively, and their tree is kept below ``out``; links are followed,
    and no folder or file is taken twice. Hidden files and the output folder itself are passed over.
    A file named on its own is taken whatever its suffix.

    Args:
        inputs: files and folders.
        out: folder of the results.
        pattern: files in folders are taken only where their names match, e.g. ``"*_grey.*"``.

    Returns:
        The jobs, and what could not be looked at.

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
                search.found.problems.append((path, "expected a photo or a folder, found nothing"))
        except (OSError, ValueError) as error:
            search.found.problems.append((path, _reason(error)))
    found = search.found
    if not found.jobs and found.problems:
        listed = "; ".join(f"{path}: {reason}" for path, reason in found.problems)
        raise NothingFoundError(f"{listed}; check the path")
    if not found.jobs:
        named = ", ".join(str(path) for path in inputs)
        kinds = ", ".join(sorted(SUFFIXES)) if pattern is None else f"named {pattern}"
        raise NothingFoundError(f"{named}: expected photos ({kinds}), found none")
    return found


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
