"""What became of a photo, and the parcel in which it travels until then."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from colorflow.batch.discover import Job
from colorflow.batch.places import Staged, local_copy
from colorflow.files import TEMPORARY
from colorflow.hints import Hint
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo
from colorflow.realization import Code
from colorflow.resources import sha256_of_file
from colorflow.variants import Variant

# When these are met there is no use in trying the next photo.
_FATAL = frozenset({errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)})


@dataclass
class Result:
    """What became of one photo.

    Args:
        source: the file.
        status: ``"ok"``, ``"skipped"`` (done before), ``"stale"`` (results of other settings, of
            another photo or of somebody else are in the way), ``"failed"`` or ``"passed over"``
            (no photo).
        outputs: what was written, or is there already.
        reason: why nothing was written.
        coloured: the photo had colours, which were not used.
        notes: what a user should know, one sentence each.
        seconds: of work, without waiting for others.
        details: what the report says of it beside that.
        fatal: there is no use in going on.
    """

    source: Path
    status: str = "ok"
    outputs: list[Path] = field(default_factory=list)
    reason: str | None = None
    coloured: bool = False
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    fatal: bool = False

    @property
    def error(self) -> str | None:
        """Why the photo failed; None where it did not."""
        return self.reason if self.status == "failed" else None

    def to_dict(self) -> dict[str, Any]:
        """Give the line of the report, as plain data."""
        return {
            "input": str(self.source),
            "status": self.status,
            "outputs": [str(path) for path in self.outputs],
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            **self.details,
            "coloured": self.coloured,
            "warnings": self.notes,
        }

    def note(self, sentence: str) -> None:
        """Add a note, once.

        Args:
            sentence: what a user should know.
        """
        if sentence not in self.notes:
            self.notes.append(sentence)

    def fail(self, error: BaseException, place: Path | None = None) -> None:
        """Turn into a failure.

        Args:
            error: what happened.
            place: under which the photo was worked on, if that is not its own.
        """
        text = _told(error).removeprefix("<picture>: ")
        name = str(self.source)
        if place is not None:
            text = text.replace(str(place), name)
        self.status, self.reason = "failed", text if name in text else f"{name}: {text}"
        self.outputs = []
        cause: BaseException | None = error
        while cause is not None:
            self.fatal |= isinstance(cause, OSError) and cause.errno in _FATAL
            cause = cause.__cause__


def _told(error: BaseException) -> str:
    """Put an error in one line; those of the system name the file that was to be there."""
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename
        where = Path(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None
        if where is not None and where.suffix == TEMPORARY:
            where = where.parent
        return error.strerror if where is None else f"{where}: {error.strerror}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@dataclass
class Parcel:
    """A photo on its way through the stages, with what each of them added.

    Args:
        job: the photo.
        outputs: where its results go.
        result: what will become of it.

    Attributes:
        hints: as the user gives them, at places of the whole photo.
        placed: the same at places of what the model sees, inside the border of a scan.
    """

    job: Job
    outputs: list[Path]
    result: Result
    file: Path = Path()
    hash: str = ""
    keep: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    pixels: int = 0
    cost: int = 0
    admitted: bool = False
    halvings: int = 0
    photo: Photo | None = None
    metadata: Metadata = field(default_factory=Metadata)
    deep: bool = False
    alpha: bool = False
    condition: Tensor | None = None
    code: Code | None = None
    hints: tuple[Hint, ...] = ()
    placed: tuple[Hint, ...] = ()
    made_by: dict[str, Any] = field(default_factory=dict)
    staged: list[Staged] = field(default_factory=list)
    pending: int = 0
    error: BaseException | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fetched(self) -> Path:
        """Give the photo's file on this machine; one that is far away is fetched once."""
        if self.file == Path():
            self.file = self.keep.enter_context(local_copy(self.job.source))
        return self.file

    def content(self) -> str:
        """Hash the photo's file, once: SHA-256 of its bytes."""
        self.hash = self.hash or sha256_of_file(self.fetched())
        return self.hash

    def leaf_done(self, error: BaseException | None = None) -> bool:
        """Count one of the results as done.

        Args:
            error: what prevented it, if anything did.

        Returns:
            Whether it was the last.
        """
        with self.lock:
            self.error = self.error or error
            self.pending -= 1
            return self.pending == 0

    def settle(self) -> Result:
        """Give all results their names, or none where one of them failed.

        Returns:
            What became of the photo.
        """
        if self.error is None:
            try:
                for staged in self.staged:
                    staged.commit()
                self.result.outputs = list(self.outputs)
            except Exception as error:
                self.error = error
        if self.error is not None:
            self.discard()
            self.result.fail(self.error, self.file if self.file != Path() else None)
        return self.result

    def worked(self, seconds: float) -> None:
        """Count time of work.

        Args:
            seconds: that a stage took.
        """
        with self.lock:
            self.result.seconds += seconds

    def discard(self) -> None:
        """Remove what is written under other names, and a copy of a photo that is far away."""
        self.keep.close()
        for staged in self.staged:
            staged.discard()


@dataclass
class Leaf:
    """Results of a photo on their way to the disk: one, or all of a small photo.

    Args:
        parcel: the photo.
        outputs: where they go.
        variants: what is painted.
        files: names and contents that are to be written.
        cost: bytes that making them takes.
        admitted: they are reserved.
    """

    parcel: Parcel
    outputs: Sequence[Path]
    variants: Sequence[Variant]
    files: list[tuple[Path, bytes]] = field(default_factory=list)
    cost: int = 0
    admitted: bool = False


def timed(work: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
    """Count the time of a stage for its photos, each an equal part; waiting does not count.

    Args:
        work: of the stage, on parcels or leaves.

    Returns:
        The same, counting.
    """

    def counting(items: list[Any]) -> list[Any]:
        start = time.monotonic()
        parcels = [item.parcel if isinstance(item, Leaf) else item for item in items]
        try:
            return work(items)
        finally:
            for parcel in parcels:
                parcel.worked((time.monotonic() - start) / len(parcels))

    return counting
