"""Running a job: photos in, results and a report out, whatever happens in between."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colorflow.batch.collisions import Names, check_inputs
from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import Job
from colorflow.batch.existing import history_at
from colorflow.batch.line import Line
from colorflow.batch.memory import default_memory, trim
from colorflow.batch.names import Namer
from colorflow.batch.notes import OWN
from colorflow.batch.painters import Painter
from colorflow.batch.pipeline import Pipeline
from colorflow.batch.places import is_local, real_path
from colorflow.batch.results import Parcel, Result
from colorflow.errors import ConfigError, ImageError
from colorflow.files import sweep

# Threads that wait for disks and networks.
IO_THREADS = 4


@dataclass(frozen=True)
class Plan:
    """What a job will do.

    Args:
        outputs: results of each photo.
        own: what turned up among the photos, but is a result of an earlier run, to be written again
            or left alone as such.
        marked: photos whose results got a part in their names that tells them from others.
    """

    outputs: dict[Job, list[Path]]
    own: list[Job]
    marked: list[Job] = field(default_factory=list)


def plan_job(
    jobs: Sequence[Job],
    painter: Painter,
    config: BatchConfig,
    others: Sequence[Path] = (),
    inputs: Sequence[Path] = (),
) -> Plan:
    """Name the results of all photos, and see that none is in the way of another.

    Args:
        jobs: the photos.
        painter: what is painted.
        config: of the job.
        others: further files that will be written, e.g. contact sheets.
        inputs: further files that are read, e.g. a reference.

    Returns:
        The plan.

    Raises:
        ConfigError: the template is wrong, or results would overwrite each other or an input.
    """
    template = painter.template if config.name is None else config.name
    namer = Namer(template, config.format, painter.count, config.latents)
    photos, own = list(jobs), []
    while True:
        names = Names(namer, photos, others)
        found = _own_results(names.outputs, others)
        if not found:
            break
        own += found
        # Without them, the names of the others may be free.
        photos = [job for job in photos if job not in set(found)]
    sources = (*(job.source for job in photos), *inputs)
    check_inputs(itertools.chain(*names.outputs.values()), sources, others)
    return Plan(names.outputs, own, names.marked)


def _own_results(outputs: Mapping[Job, Sequence[Path]], others: Sequence[Path]) -> list[Job]:
    """Find photos that are files of an earlier run, to be written by this one."""
    folders: dict[str, str] = {}
    written = itertools.chain(*outputs.values(), others)
    results = {real_path(path, folders) for path in written}
    return [
        job
        for job in outputs
        if not job.named
        and real_path(job.source, folders) in results
        and history_at(job.source) is not None
    ]


def run_jobs(
    painter: Painter,
    jobs: Sequence[Job],
    config: BatchConfig,
    others: Sequence[Path] = (),
    inputs: Sequence[Path] = (),
    look_only: bool = False,
    plan: Plan | None = None,
    owner: str = "",
) -> Generator[Result, None, None]:
    """Colour photos, each into its results; one that fails does not stop the others.

    Leaving the iteration early stops the work; photos that are not done leave nothing behind.

    Args:
        painter: what is painted.
        jobs: the photos.
        config: how.
        others: further files that will be written.
        inputs: further files that are read.
        look_only: only say what would be done.
        plan: of :func:`plan_job` for the same arguments, where it is known already.
        owner: of temporary files, where this is a part of a job that is shared among processes;
            who shares it out clears them away.

    Yields:
        One result per photo, as they get done.

    Raises:
        ConfigError: results would overwrite each other or an input.
        ImageError: the disk is full.
    """
    plan = plan or plan_job(jobs, painter, config, others, inputs)
    outputs = plan.outputs
    for job in plan.own:
        yield Result(job.source, "skipped", reason=OWN)
    cores = config.jobs or available_cores()
    line = Line(painter, config, config.memory or default_memory(cores), owner)
    alive: dict[int, Parcel] = {}
    trim()  # what loading the model took

    def parcels() -> Iterator[Parcel]:
        swept: set[Path] = set()
        for job, paths in outputs.items():
            folder = paths[0].parent
            if not (look_only or owner) and folder not in swept and is_local(folder):
                swept.add(folder)
                sweep(folder)
            parcel = Parcel(job, paths, Result(job.source))
            alive[id(parcel.result)] = parcel
            yield parcel

    pipeline = Pipeline(
        parcels(),
        line.stages(look_only),
        capacity=4 * cores + 2 * painter.together,
        threads={"compute": cores, "io": IO_THREADS},
        fail=line.fail,
    )
    results = pipeline.run()
    try:
        for result in results:
            alive.pop(id(result), None)
            yield result
            if result.fatal:
                raise ImageError(
                    f"{result.reason}; the job was ended, make room and run the same command again"
                )
            if result.status == "failed" and config.fail_fast:
                return
    finally:
        results.close()
        for parcel in alive.values():
            parcel.discard()


def available_cores() -> int:
    """Count the cores this process may use.

    Returns:
        At least 1.
    """
    ask: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(ask(0)) if ask else os.cpu_count() or 1


def require_writable(folder: Path) -> None:
    """Make the output folder and see that files can be written there.

    Args:
        folder: of the results.

    Raises:
        ImageError: it cannot be made or written to.
        ConfigError: it is a file.
    """
    if not is_local(folder):
        return
    if folder.is_file():
        raise ConfigError(f"{folder}: expected a folder for the results, found a file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ImageError(
            f"{folder}: expected a folder to write to ({error.strerror or error}); "
            "choose another with -o"
        ) from error
