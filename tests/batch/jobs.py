"""Whole jobs, and the files they leave."""

from __future__ import annotations

from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter
from colorflow.batch.places import name_below
from colorflow.batch.run import run_jobs


def run(colorizer, source, out, listed=None, **settings):
    """Run a job; the source and the folder of results may be at URLs."""
    config = BatchConfig(**{"samples": 2, **settings})
    listed = listed or discover([source], out).jobs
    done = list(run_jobs(SamplePainter(colorizer, config), listed, config))
    return sorted(done, key=lambda result: str(result.source))


def tree(folder) -> dict[str, bytes]:
    """Read all files below a folder, which may be at a URL."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[name_below(path, folder).as_posix()] = path.read_bytes()
    return found
