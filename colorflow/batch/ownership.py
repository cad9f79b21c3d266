"""One job at a time writes into an output folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from colorflow.batch.places import is_local
from colorflow.errors import ColorflowError

LOCK = ".colorflow.lock"
HOLDER = ".colorflow.holder.json"


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own an output folder while the block lasts.

    The lock is the operating system's, which frees it when a process ends, however it ends. A file
    beside it names the process that holds it.

    Args:
        folder: of this machine or mounted, where it has to exist; or a URL, which is not locked.

    Raises:
        ColorflowError: another process owns the folder.
    """
    if not is_local(folder):
        yield
        return
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ColorflowError(
            f"{folder}: {_holder(folder)} is writing there; wait until it is done, or choose "
            "another folder with -o"
        ) from None
    except OSError as error:
        raise ColorflowError(
            f"{folder / LOCK}: expected a file that can be locked ({error.strerror or error}); "
            "remove it, or choose another folder with -o"
        ) from error
    holder = folder / HOLDER
    try:
        facts = {"host": socket.gethostname(), "process": os.getpid(), "since": time.time()}
        with contextlib.suppress(OSError):  # a full disk is told where results are written
            holder.write_text(json.dumps(facts))
        yield
    finally:
        holder.unlink(missing_ok=True)
        # Removed while it is held: who opened it meanwhile sees that and opens it anew.
        if os.name != "nt":
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    try:
        facts = json.loads((folder / HOLDER).read_text())
        since = time.strftime("%H:%M", time.localtime(facts["since"]))
        return f"process {facts['process']} on {facts['host']} (since {since})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
