"""What a worker of a Ray cluster does: the local engine, on a few photos at a time."""

from __future__ import annotations

import dataclasses
import json
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from colorflow import __version__
from colorflow.batch.config import BatchConfig, settings_hash
from colorflow.batch.discover import Job
from colorflow.batch.existing import State, examine, modified
from colorflow.batch.painters import Painter, SamplePainter, TransferPainter, settings_of
from colorflow.batch.places import full_name, is_local, place
from colorflow.batch.results import Result
from colorflow.batch.run import Plan, run_jobs
from colorflow.colorize import Colorizer
from colorflow.errors import ColorflowError, ConfigError
from colorflow.translate import load_sampler

RESULT = "result"
PHOTOS = "photos"


@dataclasses.dataclass(frozen=True)
class Order:
    """What a worker has to know beside its photos.

    Args:
        config: how to colour; ``jobs`` is the number of CPUs of the worker.
        device: where to compute.
        model: a bundled name, or the name of one of ``files``.
        backbone: the name of one of ``files``; empty for the one the model names.
        reference: likewise, whose code is transferred; empty to draw samples.
        files: references of Ray to the content of files, which nodes need not have.
        version: of the colorflow that shares the job out.
        identity: hash of the settings, as that colorflow has them.
        owner: of temporary files.
        marker: a file in the output folder, by which a worker sees that it is the same folder;
            empty where results go to a URL.
        again: whether the photos were given to a worker before that was lost.
    """

    config: BatchConfig
    device: str
    model: str
    backbone: str
    reference: str
    files: Mapping[str, Any]
    version: str
    identity: str
    owner: str
    marker: str
    again: bool = False


class Worker:
    """Colours the photos it is given; Ray makes one per actor, which loads the model once.

    Args:
        order: what it has to know.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.painter: Painter | None = None
        # Raised here, it would reach the user as pages of Ray's.
        self.error: dict[str, str] | None = None
        try:
            self.painter = _painter(order)
        except Exception as error:
            self.error = pack_error(error)

    def __call__(self, batch: Mapping[str, Sequence[str]]) -> Iterator[dict[str, list[str]]]:
        """Colour photos.

        Args:
            batch: under ``photos`` texts of :func:`pack_jobs`.

        Yields:
            Under ``result`` a text for each photo, and one for an error that ends the job.
        """
        if self.painter is None:
            yield {RESULT: [json.dumps(self.error)]}
            return
        try:
            for text in batch[PHOTOS]:
                for packed in _colour(self.painter, self.order, json.loads(str(text))):
                    yield {RESULT: [json.dumps(packed)]}
        except Exception as error:
            yield {RESULT: [json.dumps(pack_error(error))]}


def pack_jobs(jobs: Sequence[tuple[int, Job, Sequence[Path]]]) -> str:
    """Write photos as a text of ASCII, which takes names that are no proper text, too.

    Args:
        jobs: number, photo, and where its results go.

    Returns:
        JSON; paths of this machine are absolute, as workers have another working folder.
    """
    return json.dumps(
        [
            {
                "number": number,
                "source": full_name(job.source),
                "outputs": [full_name(path) for path in outputs],
                "named": job.named,
            }
            for number, job, outputs in jobs
        ]
    )


def unpack_result(packed: Mapping[str, Any], job: Job, outputs: Sequence[Path]) -> Result:
    """Turn what a worker says of a photo into a result, with the names its user knows.

    Args:
        packed: what the worker says.
        job: the photo.
        outputs: where its results go.

    Returns:
        The result.
    """
    reason = packed["reason"]
    for path in (job.source, *outputs):
        reason = reason and reason.replace(full_name(path), str(path))
    return Result(
        job.source,
        packed["status"],
        list(outputs) if packed["written"] else [],
        reason,
        packed["coloured"],
        packed["notes"],
        packed["seconds"],
        packed["details"],
        packed["fatal"],
    )


def pack_error(error: Exception) -> dict[str, str]:
    """Turn an error that ends the job into plain data.

    Args:
        error: any.

    Returns:
        Its kind and text.
    """
    known = isinstance(error, ColorflowError)
    text = str(error) if known else f"unexpected {type(error).__name__}: {error}"
    kind = "ConfigError" if isinstance(error, ConfigError) else "ColorflowError"
    return {"error": kind, "text": f"{text} (on {socket.gethostname()})"}


def _painter(order: Order) -> Painter:
    """Load the model, and see that the node is fit for the job."""
    import ray

    if order.version != __version__:
        raise ConfigError(
            f"expected colorflow {order.version} on every node, found {__version__}; install the "
            "same version"
        )
    if order.marker and not Path(order.marker).exists():
        raise ConfigError(
            f"{Path(order.marker).parent}: expected the output folder on every node, found another "
            "or none; choose one on shared storage, or a URL, with -o"
        )
    with tempfile.TemporaryDirectory() as folder:
        for name, reference in order.files.items():
            (Path(folder) / name).write_bytes(ray.get(reference))
        model: str | Path = order.model
        if model in order.files:
            model = Path(folder) / model
        backbone = str(Path(folder) / order.backbone) if order.backbone else None
        colorizer = load_sampler(model, order.device, backbone, order.config.precision)
        painter: Painter
        if order.reference and isinstance(colorizer, Colorizer):
            painter = TransferPainter(colorizer, Path(folder) / order.reference, order.config)
        else:
            painter = SamplePainter(colorizer, order.config)
    if settings_hash(painter.settings) != order.identity:
        raise ConfigError(
            "expected the same model and settings on every node, found others; install the same "
            f"colorflow {order.version}"
        )
    return painter


def _colour(
    painter: Painter, order: Order, packed: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    numbers: dict[Path, int] = {}
    plans = Plan({}, []), Plan({}, [])
    for entry in packed:
        outputs = [place(text, asked=False) for text in entry["outputs"]]
        job = Job(place(entry["source"], asked=False), outputs[0], entry["named"])
        numbers[job.source] = entry["number"]
        plans[order.again and _ours(painter, order, job, outputs)].outputs[job] = outputs
    anew = dataclasses.replace(order.config, rerun="overwrite")
    for plan, config in zip(plans, (order.config, anew), strict=True):
        for result in run_jobs(painter, [], config, plan=plan, owner=order.owner):
            yield _pack_result(result, numbers[result.source])


def _ours(painter: Painter, order: Order, job: Job, outputs: Sequence[Path]) -> bool:
    """Tell whether the results that are there are of this very job, by a worker that was lost.

    They are made again, so that the report can say of them what it says of others; they come out
    the same.
    """
    # The marker was written to the same storage, whose clock so is the same.
    started = modified(Path(order.marker)) if order.marker else None
    ages = [modified(path) for path in outputs]
    settings = settings_of(painter, job.source)
    found = examine(outputs, settings, settings_hash(settings), lambda history: True)
    return (
        started is not None
        and found.state is State.done
        and all(age is not None and age >= started for age in ages)
    )


def _pack_result(result: Result, number: int) -> dict[str, Any]:
    reason = result.reason
    if result.status == "failed" and is_local(result.source) and not result.source.exists():
        reason = (
            f"{result.source}: not found on {socket.gethostname()}; photos have to be on storage "
            "that all nodes share, or at a URL"
        )
    return {
        "number": number,
        "status": result.status,
        "written": bool(result.outputs),
        "reason": reason,
        "coloured": result.coloured,
        "notes": result.notes,
        "seconds": result.seconds,
        "details": result.details,
        "fatal": result.fatal,
    }
