"""Joining a Ray cluster, and how many workers of which size fit into it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colorflow.errors import ConfigError

# How long the head of a cluster may take to answer.
ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Pool:
    """The workers of a job.

    Args:
        device: where each of them computes.
        count: how many fit into the cluster as it is now.
        cpus: of each, which is the number of photos it works on at the same time.
        gpus: of each, 0 or 1.
    """

    device: str
    count: int
    cpus: int
    gpus: int


def choose_pool(nodes: Sequence[Mapping[str, Any]], device: str, jobs: int) -> Pool:
    """Choose the workers of a job: one per GPU, or one per CPU where there are none.

    Args:
        nodes: what ``ray.nodes()`` says.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        jobs: CPUs of a worker; 0 for one, or with GPUs for an equal share of the node's.

    Returns:
        The workers.

    Raises:
        ConfigError: the cluster has nothing to compute on, or not what was asked for.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device {device}: expected auto, cpu or cuda with --engine ray")
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    sizes = [(int(found.get("CPU", 0)), int(found.get("GPU", 0))) for found in alive]
    with_gpu = [(cpus, gpus) for cpus, gpus in sizes if gpus]
    if device == "cuda" and not with_gpu:
        raise ConfigError("--device cuda: expected GPUs in the Ray cluster, found none")
    if with_gpu and device != "cpu":
        cpus = jobs or max(1, min(cpus // gpus for cpus, gpus in with_gpu))
        pool = Pool("cuda", sum(min(g, c // cpus) for c, g in with_gpu), cpus, 1)
    else:
        cpus = jobs or 1
        pool = Pool("cpu", sum(c // cpus for c, _ in sizes), cpus, 0)
    if not pool.count:
        largest = max((c for c, _ in sizes), default=0)
        raise ConfigError(
            f"--engine ray: expected a node with {cpus} CPUs for a worker, found {largest} at "
            "most; add nodes, or ask for less with --jobs"
        )
    return pool


def join(address: str | None) -> None:
    """Become the driver of a job in a cluster.

    Args:
        address: ``host:port`` of its head, or ``"auto"``. Where it is None, that of the variable
            ``RAY_ADDRESS``, a cluster of this machine, or else one that is started for the job.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    # Ray reports to its makers otherwise, and writes on our standard error what it has in its logs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data  # needs packages that ray alone does not bring
    except ImportError as error:
        raise ConfigError(
            f"--engine ray: needs further packages ({error.name}); install them with "
            "pip install 'colorflow-cinn[ray]'"
        ) from error
    if address and address.startswith("ray://"):
        raise ConfigError(
            f"--address {address}: expected host:port; run the command on a machine of the cluster"
        )
    address = address or os.environ.get("RAY_ADDRESS") or None
    try:
        _require_answer(address)
        with _silence():
            ray.init(
                address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        text = " ".join(str(error).split())
        hint = "give the host:port that 'ray start --head' prints"
        if _wants_token(error):
            hint = "it asks for its token: set RAY_AUTH_MODE=token, as Ray's manual tells"
        raise ConfigError(
            f"--address {address or 'not given'}: expected a Ray cluster, could not reach one "
            f"({text}); {hint}"
        ) from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def leave() -> None:
    """End all workers of the job, and the cluster where it was started for the job alone."""
    import ray

    ray.shutdown()


def _require_answer(address: str | None) -> None:
    """Find out in seconds what Ray itself takes minutes to find out."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()


def _wants_token(error: BaseException) -> bool:
    """Tell whether a cluster refused us because we have not shown its token."""
    cause: BaseException | None = error
    while cause is not None:
        # Ray hides the reason deep in texts of causes.
        if "Authentication token" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Close standard error to libraries that are not written in Python, too."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
