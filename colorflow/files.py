"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# Temporary files tell which process of which machine they belong to, so that those of processes
# that were killed can be told from those of processes that are at work.
_TEMPORARY = re.compile(r"\.colorflow-(?P<host>[^~]*)~(?P<process>\d+)~((?P<owner>\w+)-)?\w+\.tmp")
TEMPORARY = ".tmp"
_ABANDONED_SECONDS = 24 * 3600


class StagedFile:
    """A file that is being written under another name, until it is whole.

    Where the final name is that of a pipe or device, it is written to, and stays what it is.

    Args:
        path: the final name; missing folders are made.
        owner: letters and digits that name a job of several processes, for :func:`sweep`.

    Raises:
        OSError: the folder cannot be made or written to.
    """

    def __init__(self, path: str | Path, owner: str = "") -> None:
        self.path = Path(path)
        self.special = is_special(self.path)
        folder = Path(tempfile.gettempdir()) if self.special else self.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        mark = f"{owner}-{secrets.token_hex(6)}" if owner else secrets.token_hex(6)
        name = f".colorflow-{_host()}~{os.getpid()}~{mark}{TEMPORARY}"
        self.temporary = folder / name
        # Made by the system with the rights any new file gets, which those of tempfile do not.
        os.close(os.open(self.temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        self._mode = stat.S_IMODE(self.temporary.stat().st_mode)

    def commit(self) -> None:
        """Flush to the disk and give the file its final name, in place of an older one.

        Raises:
            OSError: the disk is full, or the name cannot be given.
        """
        if self.special:
            with self.temporary.open("rb") as source, self.path.open("wb") as target:
                shutil.copyfileobj(source, target)
            self.discard()
            return
        with self.temporary.open("rb") as file:
            os.fsync(file.fileno())
        # Some writers, safetensors for one, put a file of their own there that others cannot read.
        if stat.S_IMODE(self.temporary.stat().st_mode) != self._mode:
            self.temporary.chmod(self._mode)
        self.temporary.replace(self.path)

    def discard(self) -> None:
        """Remove the temporary file, if it is still there; never fails."""
        with contextlib.suppress(OSError):
            self.temporary.unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Tell a pipe, a device or another file that is written to as it is from a regular file.

    Args:
        path: of any file; it need not be there.

    Returns:
        True for such a file, and for the names of the standard streams, whatever these lead to.
        False for regular files, folders, and where nothing is.
    """
    name = os.path.abspath(path)
    if name in ("/dev/stdout", "/dev/stderr") or name.startswith(("/dev/fd/", "/proc/")):
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside the final one, which it becomes when the block ends well.

    The content is flushed to the disk before the renaming, so that a file of that name is complete
    even after a power cut. When the block fails, the temporary file is removed and an older file of
    the final name stays as it was.

    Args:
        path: the final name; missing folders are made.

    Yields:
        The path to write to.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    staged = StagedFile(path)
    try:
        yield staged.temporary
        staged.commit()
    finally:
        staged.discard()


def sweep(folder: str | Path, owner: str = "") -> int:
    """Remove temporary files that killed processes left in a folder.

    Those of a process of this machine that is no more, of this very process (a number is given
    again, in containers above all), and those of other machines after a day.

    Args:
        folder: not searched further down.
        owner: remove all of this owner instead, whatever their process, and no others.

    Returns:
        How many were removed.
    """
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _TEMPORARY.fullmatch(entry.name)
            if not found:
                continue
            if owner:
                doomed = found["owner"] == owner
            else:
                doomed = _abandoned(entry, found["host"], int(found["process"]))
            if doomed:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
                    removed += 1
    return removed


def _abandoned(entry: os.DirEntry[str], host: str, process: int) -> bool:
    if host != _host():
        with contextlib.suppress(OSError):
            return time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS
        return False
    if process == os.getpid():
        return True
    if os.name == "nt":
        return time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS
    return not process_is_alive(process)


def process_is_alive(process: int) -> bool:
    """Tell whether a process of this machine is at work.

    Args:
        process: its number.

    Returns:
        False only where there is certainly none. On Windows always True: asking would end it.
    """
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname())
