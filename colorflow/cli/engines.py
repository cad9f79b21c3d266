"""What runs a job: threads of this process, or a Ray cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from colorflow.batch.painters import Painter
from colorflow.batch.results import Result
from colorflow.batch.run import Plan, run_jobs
from colorflow.cli.request import Request


@dataclass(frozen=True)
class Running:
    """A job that can be run.

    Args:
        device: where it computes.
        results: one per photo, as they get done; the work begins with the first.
    """

    device: str
    results: Generator[Result, None, None]


@contextlib.contextmanager
def engine_of(request: Request, painter: Painter, plan: Plan, out: Path) -> Iterator[Running]:
    """Give the job to the engine that was asked for.

    Args:
        request: what was asked for.
        painter: what is painted.
        plan: the photos and their results.
        out: folder of the results.

    Yields:
        The job; what is at work is ended with the block.

    Raises:
        ConfigError: there is no such cluster, or nothing in it to compute on.
    """
    # Looking does not take a cluster.
    if request.engine == "ray" and not request.dry_run:
        with _over_ray(request, painter, plan, out) as running:
            yield running
        return
    results = run_jobs(painter, [], request.config, look_only=request.dry_run, plan=plan)
    with contextlib.closing(results):
        yield Running(str(painter.colorizer.device), results)


@contextlib.contextmanager
def _over_ray(request: Request, painter: Painter, plan: Plan, out: Path) -> Iterator[Running]:
    from colorflow.batch.ray_engine import RayEngine, Sources

    engine = RayEngine(request.address, request.device, request.config.jobs)
    with contextlib.closing(engine):
        sources = Sources(request.model, request.reference)
        results = engine.run(painter, sources, plan, request.config, out)
        with contextlib.closing(results):
            yield Running(engine.pool.device, results)
