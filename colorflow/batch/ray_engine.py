"""The same job over a Ray cluster: photos go out in small batches, results come back one by one.

Ray Data keeps an actor per GPU, or per CPU where there is none, and gives each a batch when it is
free. A batch that is lost with its worker is not tried again by Ray, which would wait for a node
that may never come back. What is missing in the end goes out once more, photo by photo, to whoever
is left then.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
import time
import warnings
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from colorflow import __version__
from colorflow.batch.config import BatchConfig, settings_hash
from colorflow.batch.discover import Job
from colorflow.batch.notes import OWN
from colorflow.batch.painters import Painter
from colorflow.batch.places import full_name, is_local
from colorflow.batch.ray_cluster import choose_pool, join, leave
from colorflow.batch.ray_worker import (
    PHOTOS,
    RESULT,
    Order,
    Worker,
    pack_jobs,
    unpack_result,
)
from colorflow.batch.results import Result
from colorflow.batch.run import Plan
from colorflow.decoding import photos_per_call, rows_per_call
from colorflow.errors import ColorflowError, ConfigError, ImageError
from colorflow.files import StagedFile, sweep
from colorflow.networks.backbones import SOURCES

# How often a photo is given to a worker before it is held responsible for what became of them.
ATTEMPTS = 4
# Photos in a batch where the device does not want more: this is what is lost with a worker.
BATCH = 16
# Batches per worker, at least, so that all are busy to the end.
ROUNDS = 4
# How long a process may go on writing after Ray has ended it or its node, in seconds.
LAST_BREATH = 1.5

Waiting = Mapping[int, tuple[Job, Sequence[Path]]]


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where a job's painter came from, for workers to make one like it.

    Args:
        model: a bundled name or a file.
        reference: whose code is transferred; None to draw samples.
    """

    model: str
    reference: Path | None = None


class RayEngine:
    """Runs a job over a cluster; a driver of the cluster from its making until it is closed.

    Args:
        address: of the cluster, see :func:`colorflow.batch.ray_cluster.join`.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        jobs: CPUs of a worker; 0 for what suits the device.

    Raises:
        ConfigError: there is no such cluster, or nothing in it to compute on.
    """

    def __init__(self, address: str | None, device: str = "auto", jobs: int = 0) -> None:
        join(address)
        import ray

        try:
            self.pool = choose_pool(ray.nodes(), device, jobs)
        except BaseException:
            leave()
            raise

    def close(self) -> None:
        """End the workers and leave the cluster; may be called again."""
        leave()

    def run(
        self, painter: Painter, sources: Sources, plan: Plan, config: BatchConfig, out: Path
    ) -> Generator[Result, None, None]:
        """Colour photos, each into its results; see :func:`colorflow.batch.run.run_jobs`.

        Args:
            painter: what is painted, as the driver knows it.
            sources: what workers make theirs of.
            plan: the photos and their results.
            config: how.
            out: folder of the results.

        Yields:
            One result per photo, as they get done.

        Raises:
            ConfigError: the nodes are not fit for the job.
            ImageError: the disk is full.
            ColorflowError: the cluster was lost.
        """
        for job in plan.own:
            yield Result(job.source, "skipped", reason=OWN)
        _require_shared(plan, out)
        waiting = dict(enumerate(plan.outputs.items()))
        folders = {p.parent for paths in plan.outputs.values() for p in paths if is_local(p)}
        for folder in folders:
            sweep(folder)
        owner = secrets.token_hex(8)
        marker = StagedFile(out / "marker", owner) if is_local(out) else None
        at_work = True
        try:
            order = self._order(painter, sources, config, owner, marker)
            for attempt in range(ATTEMPTS):
                if not waiting:
                    break
                round_ = self._round(waiting, dataclasses.replace(order, again=attempt > 0))
                with contextlib.closing(round_):
                    for packed in round_:
                        # A worker that was taken for lost may come in late.
                        if packed["number"] not in waiting:
                            continue
                        result = unpack_result(packed, *waiting.pop(packed["number"]))
                        if attempt:
                            result.note("the worker that had it was lost; another did it again")
                        yield result
                        if result.fatal:
                            raise ImageError(f"{result.reason}; the job was ended")
                        if result.status == "failed" and config.fail_fast:
                            return
                at_work = attempt > 0
            for job, _ in waiting.values():
                yield _given_up(job)
        finally:
            # Who is still at work, or thought to be dead, must not leave anything behind.
            self.close()
            _clear({*folders, out} if is_local(out) else folders, owner, at_work)

    def _order(
        self,
        painter: Painter,
        sources: Sources,
        config: BatchConfig,
        owner: str,
        marker: StagedFile | None,
    ) -> Order:
        """Put together what the workers have to know; files go into the cluster's memory."""
        import ray

        info = painter.colorizer.info
        files: dict[str, Path] = {}
        if info is not None and sources.model != "photo":
            files["model.safetensors"] = info.path
        backbone = info.config.backbone if info is not None and info.backbone is None else ""
        if backbone and backbone not in SOURCES:
            files["backbone.safetensors"] = Path(backbone)
        if sources.reference is not None:
            files[sources.reference.name] = sources.reference
        return Order(
            # A worker sees a part of the photos only; the driver ends the job.
            dataclasses.replace(config, jobs=self.pool.cpus, fail_fast=False),
            self.pool.device,
            "model.safetensors" if "model.safetensors" in files else sources.model,
            "backbone.safetensors" if "backbone.safetensors" in files else "",
            sources.reference.name if sources.reference is not None else "",
            {name: ray.put(path.read_bytes()) for name, path in files.items()},
            __version__,
            settings_hash(painter.settings),
            owner,
            full_name(marker.temporary) if marker is not None else "",
        )

    def _round(self, waiting: Waiting, order: Order) -> Generator[dict[str, Any], None, None]:
        """Give all photos out once, and yield what comes back."""
        import ray

        size = 1 if order.again else self._batch_size(len(waiting), order.config)
        photos = [(number, job, outputs) for number, (job, outputs) in waiting.items()]
        batches = [photos[start : start + size] for start in range(0, len(photos), size)]
        context = ray.data.DataContext.get_current().copy()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.max_errored_blocks = -1  # lost batches are seen by what is missing
        context.target_max_block_size = 1  # a result is sent when it is there
        with ray.data.DataContext.current(context), warnings.catch_warnings():
            # Ray 2.64 will choose another way to say what is to be done about lost workers.
            warnings.simplefilter("ignore", ray.util.annotations.RayDeprecationWarning)
            rows = ray.data.from_items(
                [{PHOTOS: pack_jobs(batch)} for batch in batches], override_num_blocks=len(batches)
            ).map_batches(
                Worker,
                fn_constructor_args=(order,),
                batch_size=1,
                batch_format="numpy",
                num_cpus=self.pool.cpus,
                num_gpus=self.pool.gpus or None,
                compute=ray.data.ActorPoolStrategy(
                    min_size=1,
                    initial_size=min(self.pool.count, len(batches)),
                    max_size=len(batches),  # of nodes that join later
                    # Behind a photo that kills its worker nobody shall wait.
                    max_tasks_in_flight_per_actor=1 if order.again else None,
                ),
                max_restarts=-1,
                max_task_retries=0,
            )
            blocks: Any = iter(
                rows.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy")
            )
        try:
            # Closed before the cluster is left: closing, Ray Data asks it something.
            with contextlib.closing(blocks):
                for block in blocks:
                    for text in block[RESULT]:
                        yield _no_error(json.loads(str(text)))
        except ray.exceptions.RayError as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ColorflowError(
                f"--engine ray: the cluster was lost ({text}); the same command goes on from here"
            ) from error

    def _batch_size(self, photos: int, config: BatchConfig) -> int:
        rows = rows_per_call(torch.device(self.pool.device))
        wanted = max(BATCH, ROUNDS * photos_per_call(config.samples, rows))
        return max(1, min(wanted, photos // (ROUNDS * self.pool.count)))


def _no_error(packed: dict[str, Any]) -> dict[str, Any]:
    if "error" in packed:
        raise (ConfigError if packed["error"] == "ConfigError" else ColorflowError)(packed["text"])
    return packed


def _require_shared(plan: Plan, out: Path) -> None:
    for path in (out, *(job.source for job in plan.outputs)):
        if getattr(path, "protocol", "") == "memory":
            raise ConfigError(f"{path}: expected a place that all nodes reach, memory is no such")


def _given_up(job: Job) -> Result:
    reason = (
        f"{job.source}: {ATTEMPTS} workers were lost with it; the file may be damaged, or too "
        "large for the memory of a node"
    )
    return Result(job.source, "failed", reason=reason)


def _clear(folders: set[Path], owner: str, at_work: bool) -> None:
    """Remove the temporary files of the job.

    Args:
        folders: of its results.
        owner: of the files.
        at_work: there may be workers that are just about to be ended.
    """
    end = time.monotonic() + (LAST_BREATH if at_work else 0)
    while True:
        last = time.monotonic() >= end
        for folder in folders:
            sweep(folder, owner)
        if last:
            return
        time.sleep(0.25)
