"""The hints of a job: a JSON file that says which photo each of them is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from colorflow.batch.discover import Job
from colorflow.batch.places import full_name, name_below
from colorflow.errors import ConfigError
from colorflow.hints import Hint, parse_hints, read_json


def hints_for_jobs(path: Path, jobs: Sequence[Job], out: Path) -> dict[str, tuple[Hint, ...]]:
    """Read hints, and find the photos they are for.

    The file holds a list of hints, where there is one photo; or an object with such a list per
    photo, which is named as in the input folder (``"1923/cat.jpg"``), or by its bare file name.

    Args:
        path: of the JSON file.
        jobs: the photos.
        out: folder of the results.

    Returns:
        Hints by :func:`colorflow.batch.places.full_name` of the photo.

    Raises:
        ConfigError: the file cannot be read, holds something else, or names photos that are not
            there, or are there several times.
    """
    data = read_json(path)
    if isinstance(data, list):
        hints = parse_hints(data, str(path))
        if len(jobs) != 1:
            raise ConfigError(
                f"{path}: expected hints by the names of photos, got one list for {len(jobs)} "
                'photos; write {"name.jpg": [...]}'
            )
        return {full_name(jobs[0].source): hints}
    if not isinstance(data, Mapping):
        raise ConfigError(f'{path}: expected a list of hints, or {{"name.jpg": [...]}}')
    return _by_name(path, data, jobs, out)


def _by_name(
    path: Path, data: Mapping[str, Any], jobs: Sequence[Job], out: Path
) -> dict[str, tuple[Hint, ...]]:
    relative: dict[str, list[Job]] = {}
    bare: dict[str, list[Job]] = {}
    for job in jobs:
        relative.setdefault(_relative(job, out), []).append(job)
        bare.setdefault(job.source.name, []).append(job)
    found: dict[str, tuple[Hint, ...]] = {}
    unknown = []
    for name, rows in data.items():
        wanted = PurePosixPath(name.replace("\\", "/")).as_posix()
        # The whole name first: a photo in the folder itself has no other.
        matches = relative.get(wanted) or bare.get(wanted, [])
        if not matches:
            unknown.append(name)
            continue
        if len(matches) > 1:
            raise ConfigError(f"{path}: {name}: {len(matches)} photos have this name; say which")
        key = full_name(matches[0].source)
        if key in found:
            raise ConfigError(f"{path}: {name}: this photo has hints under another name already")
        found[key] = parse_hints(rows, f"{path}: {name}")
    if unknown:
        raise ConfigError(
            f"{path}: no photo of this job is named {', '.join(unknown)}; expected names as in the "
            "input folder"
        )
    return found


def _relative(job: Job, out: Path) -> str:
    """Name a photo as its input folder does; results keep the tree of that."""
    below = name_below(job.target, out)
    return (below.parent / job.source.name).as_posix()
