"""From what the user named to a list of photos and the names of their results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorflow.errors import ConfigError, NothingFoundError
from colorflow.images.read import SUFFIXES


@dataclass(frozen=True)
class Job:
    """One photo to colour.

    Args:
        source: the file.
        target: the result's path without variant number and suffix.
    """

    source: Path
    target: Path


@dataclass
class Discovery:
    """What was found.

    Args:
        jobs: in a fixed order.
        missing: named inputs that do not exist.
    """

    jobs: list[Job] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)


def discover(inputs: Sequence[Path], out: Path) -> Discovery:
    """Find the photos below some files and folders.

    Folders are searched recursively, and their tree is kept below ``out``; hidden files and the
    output folder itself are passed over. A file named on its own is taken whatever its suffix.

    Args:
        inputs: files and folders.
        out: folder of the results.

    Returns:
        The jobs and the inputs that do not exist.

    Raises:
        NothingFoundError: there is not one photo.
    """
    found = Discovery()
    seen: set[Path] = set()
    out_real = out.resolve()

    def add(source: Path, target: Path) -> None:
        real = source.resolve()
        if real not in seen:
            seen.add(real)
            found.jobs.append(Job(source, target))

    for path in inputs:
        if path.is_dir():
            for folder, names, files in os.walk(path):
                names[:] = sorted(
                    n
                    for n in names
                    if not n.startswith(".") and (Path(folder) / n).resolve() != out_real
                )
                for name in sorted(files):
                    source = Path(folder) / name
                    if name.startswith(".") or source.suffix.lower() not in SUFFIXES:
                        continue
                    add(source, out / source.relative_to(path).with_suffix(""))
        elif path.exists():
            add(path, out / path.stem)
        else:
            found.missing.append(path)
    if not found.jobs and found.missing:
        named = ", ".join(str(path) for path in found.missing)
        raise NothingFoundError(
            f"{named}: expected photos or folders, found nothing; check the path"
        )
    if not found.jobs:
        named = ", ".join(str(path) for path in inputs)
        kinds = ", ".join(sorted(SUFFIXES))
        raise NothingFoundError(f"{named}: expected photos ({kinds}), found none")
    return found


def check_collisions(
    outputs: Sequence[tuple[Path, Path]],
    others: Sequence[Path] = (),
    inputs: Sequence[Path] = (),
) -> None:
    """Refuse a job whose results would overwrite each other or an input.

    Args:
        outputs: pairs of source and result.
        others: further files that will be written, e.g. contact sheets.
        inputs: further files that are read, e.g. a reference.

    Raises:
        ConfigError: two sources share a result, or a result is a source.
    """
    sources = {path.resolve() for path in (*(source for source, _ in outputs), *inputs)}
    for path in (*(result for _, result in outputs), *others):
        if path.resolve() in sources:
            raise ConfigError(
                f"{path}: would overwrite an input; choose another output folder with -o"
            )
    makers: dict[Path, Path] = {}
    for source, result in outputs:
        real = result.resolve()
        other = makers.setdefault(real, source)
        if other != source:
            raise ConfigError(
                f"{result}: both {other} and {source} would be written there; colour them in "
                "separate runs, or keep their formats with --format keep"
            )
