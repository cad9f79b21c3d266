"""Results of different photos get different names, and none of them overwrites an input."""

from __future__ import annotations

import hashlib
import itertools
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from colorflow.batch.discover import Job
from colorflow.batch.names import Namer
from colorflow.batch.places import full_name, is_local, real_path
from colorflow.errors import ConfigError

# Folders above a photo that are tried to tell it from another one.
MAX_PARENTS = 6
# A mark may collide with the name of a third photo; the hash that follows then does not.
ROUNDS = 4


class Names:
    """Names the results of a job, each photo's own.

    Where photos would share a result, all of them get a part that tells them apart: their format,
    else the nearest folder in which they differ, else both, else a hash of their full name. Names
    that differ in case or Unicode normal form only count as equal: results may be moved to a disk
    that does not tell these apart. The same photos get the same names on every run.

    Args:
        namer: gives each photo its usual names.
        jobs: the photos.
        others: further files that will be written, e.g. contact sheets.

    Attributes:
        outputs: results of each photo.
        marked: photos whose names got such a part.

    Raises:
        ConfigError: the template gives several photos one name whatever their stem.
    """

    def __init__(self, namer: Namer, jobs: Sequence[Job], others: Sequence[Path] = ()) -> None:
        self._folders: dict[str, str] = {}
        taken = {self._key(path) for path in others}
        if len(taken) < len(others):
            names = " and ".join(str(path) for path in others)
            raise ConfigError(f"{names}: expected different places, got one twice")
        marks: dict[Job, str] = dict.fromkeys(jobs, "")
        for attempt in itertools.count():
            groups = list(self._groups(namer, marks, taken))
            if not groups:
                break
            if attempt == ROUNDS:
                raise _unsolvable(namer, groups)
            for group in groups:
                new = _marks(group) if all(not marks[job] for job in group) else _hashes(group)
                marks.update(zip(group, new, strict=True))
        self.outputs = {job: namer.paths(job, mark) for job, mark in marks.items()}
        self.marked = [job for job, mark in marks.items() if mark]

    def _key(self, path: Path) -> str:
        return unicodedata.normalize("NFC", real_path(path, self._folders)).casefold()

    def _groups(self, namer: Namer, marks: dict[Job, str], taken: set[str]) -> Iterator[list[Job]]:
        """Yield photos that share a file, or whose file would be where a folder is."""
        makers: dict[str, dict[Job, None]] = {}
        folders: set[Path] = set()
        for job, mark in marks.items():
            for path in namer.files(job, mark):
                makers.setdefault(self._key(path), {})[job] = None
                new = itertools.takewhile(lambda folder: folder not in folders, path.parents)
                folders.update(list(new))
        in_the_way = {self._key(folder): folder for folder in folders}
        for key in taken & in_the_way.keys():
            raise ConfigError(
                f"{in_the_way[key]}: a folder of results has the name of another file that is to "
                "be written; choose another place for the report, or leave out the contact sheet"
            )
        taken = taken | in_the_way.keys()
        done: set[Job] = set()
        for key, jobs in makers.items():
            if (len(jobs) > 1 or key in taken) and done.isdisjoint(jobs):
                done.update(jobs)
                yield list(jobs)


def check_inputs(
    outputs: Iterable[Path], sources: Iterable[Path], others: Sequence[Path] = ()
) -> None:
    """Refuse a job that would overwrite an input.

    Args:
        outputs: results of all photos.
        sources: the photos, and further files that are read, e.g. a reference.
        others: further files that will be written, e.g. contact sheets.

    Raises:
        ConfigError: a result is an input.
    """
    folders: dict[str, str] = {}
    known = {real_path(path, folders) for path in sources}
    for path in others:
        if real_path(path, folders) in known:
            raise ConfigError(f"{path}: would overwrite an input; choose another place for it")
    wrong = [path for path in outputs if real_path(path, folders) in known]
    if wrong:
        more = f", and so would {len(wrong) - 1} other results" if len(wrong) > 1 else ""
        raise ConfigError(
            f"{wrong[0]}: would overwrite an input{more}; choose another output folder with -o"
        )


def _unsolvable(namer: Namer, groups: Sequence[Sequence[Job]]) -> ConfigError:
    first = groups[0]
    who = f"both {first[0].source} and {first[1].source}" if len(first) > 1 else first[0].source
    return ConfigError(
        f"{namer.paths(first[0])[0]}: {who} would be written there; {sum(map(len, groups))} photos "
        f"collide under the name '{namer.template}', put {{stem}} in"
    )


def _marks(group: Sequence[Job]) -> list[str]:
    """Choose the shortest parts that tell photos apart."""
    formats = [job.source.suffix[1:].lower() for job in group]
    ways = [formats]
    for level in range(MAX_PARENTS):
        parents = [_parent(job, level) for job in group]
        ways += [parents, [f"{a}_{b}" for a, b in zip(formats, parents, strict=True)]]
    for values in ways:
        if all(values) and len({value.casefold() for value in values}) == len(group):
            return [f"_{value}" for value in values]
    return _hashes(group)


def _parent(job: Job, level: int) -> str:
    source = Path(os.path.abspath(job.source)) if is_local(job.source) else job.source
    return next((p.name for p in itertools.islice(source.parents, level, None)), "")


def _hashes(group: Sequence[Job]) -> list[str]:
    names = (full_name(job.source) for job in group)
    return [f"_{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}" for name in names]
