"""Who is on the page, which photos they have open, and where their files lie."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from colorflow_ui.engine import Saved, Sitting, Take

# Variants of a photo that a visitor keeps; the oldest go first.
MAX_TAKES = 48
# Files that were made for a visitor; older ones are no longer shown anywhere.
MAX_FILES = 160


class NothingOpenError(Exception):
    """The visitor has no such photo or variant open, or no longer."""


@dataclass
class Bench:
    """What a visitor works on in one tab.

    Args:
        sitting: the open photo.
        source: its file, in the visitor's folder.
        grey: preview of the photo without colours.
        takes: its variants, under the numbers by which the visitor knows them.
        shown: previews of the variants, by number.
        picked: number of the chosen one.
        count: of all variants so far.
    """

    sitting: Sitting
    source: Path
    grey: Path
    takes: OrderedDict[int, Take] = field(default_factory=OrderedDict)
    shown: dict[int, Path] = field(default_factory=dict)
    picked: int | None = None
    count: int = 0

    def add(self, take: Take) -> int:
        """Keep a variant.

        Args:
            take: the variant.

        Returns:
            Its number, from 1.
        """
        self.count += 1
        self.takes[self.count] = take
        while len(self.takes) > MAX_TAKES:
            number, _ = self.takes.popitem(last=False)
            self.shown.pop(number, None)
        return self.count

    def take(self, number: int | None = None) -> Take:
        """Give a variant.

        Args:
            number: of the variant; the picked one where None.

        Returns:
            The variant.

        Raises:
            NothingOpenError: there is none.
        """
        number = self.picked if number is None else number
        if number is None or number not in self.takes:
            raise NothingOpenError("Click a variant first.")
        return self.takes[number]


class Visit:
    """One visitor: open photos by tab, and a folder that nobody else is told of.

    Args:
        folder: made here, removed by :meth:`close`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self.folder = folder
        self.benches: dict[str, Bench] = {}
        self.last_seen = time.monotonic()
        self._files: list[Path] = []
        self._lock = threading.Lock()

    def bench(self, tab: str) -> Bench:
        """Give what is open in a tab.

        Args:
            tab: its name.

        Returns:
            The bench.

        Raises:
            NothingOpenError: nothing is.
        """
        try:
            return self.benches[tab]
        except KeyError:
            raise NothingOpenError("Choose a photo first.") from None

    def adopt(self, upload: Path, folder: Path | None = None) -> Path:
        """Put a file that was uploaded into the visitor's own folder.

        Uploads of equal content share a place, from which they are removed by age.

        Args:
            upload: the file.
            folder: of :meth:`subfolder`, for several files; a new one where None.

        Returns:
            Its new path.
        """
        place = self._place() if folder is None else folder / secrets.token_urlsafe(8)
        place.mkdir(mode=0o700, exist_ok=True)
        path = place / upload.name
        try:
            os.link(upload, path)
        except OSError:
            shutil.copyfile(upload, path)
        return path

    def put_picture(self, picture: Image.Image) -> Path:
        """Write a preview, losslessly.

        Args:
            picture: any picture.

        Returns:
            Path of a PNG file.
        """
        path = self._place() / "preview.png"
        picture.save(path, "PNG", compress_level=1)
        return path

    def put(self, saved: Saved) -> Path:
        """Write a file to take home.

        Args:
            saved: the file.

        Returns:
            Its path.
        """
        path = self._place() / Path(saved.name).name
        path.write_bytes(saved.data)
        return path

    def subfolder(self) -> Path:
        """Make a folder for several files."""
        return self._place()

    def close(self) -> None:
        """Remove all files."""
        self.benches.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self) -> Path:
        # Every file has a folder with a name of its own, which cannot be guessed.
        place = self.folder / secrets.token_urlsafe(16)
        try:
            place.mkdir(mode=0o700)
        except FileNotFoundError as error:
            raise NothingOpenError("This page was closed, or idle for too long.") from error
        with self._lock:
            self._files.append(place)
            surplus = self._files[:-MAX_FILES]
            kept = [old for old in surplus if self._in_use(old)]
            self._files = kept + self._files[-MAX_FILES:]
        for old in surplus:
            if old not in kept:
                shutil.rmtree(old, ignore_errors=True)
        return place

    def _in_use(self, place: Path) -> bool:
        benches = list(self.benches.values())
        files = [path for b in benches for path in (b.grey, b.source, *b.shown.values())]
        return any(place == path.parent for path in files)


class Visitors:
    """All visitors; the one who was away longest goes first where there are too many.

    Args:
        root: folder of their folders.
        capacity: how many are kept.
        idle_seconds: after which a visitor counts as gone.
        clock: tells the time, in seconds.
    """

    def __init__(
        self,
        root: Path,
        capacity: int = 64,
        idle_seconds: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root
        self.capacity = capacity
        self.idle_seconds = idle_seconds
        self.clock = clock
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def visit(self, key: str | None) -> Visit:
        """Give the visit of a key, a new one where there is none.

        Args:
            key: of the visitor's session, known to that visitor alone.

        Returns:
            The visit.

        Raises:
            NothingOpenError: there is no key.
        """
        if not key:
            raise NothingOpenError("This page needs a session; reload it.")
        with self._lock:
            visit = self._visits.pop(key, None)
            visit = visit or Visit(self.root / secrets.token_urlsafe(16))
            visit.last_seen = self.clock()
            self._visits[key] = visit
            gone = self._overdue()
        for old in gone:
            old.close()
        return visit

    def leave(self, key: str | None) -> None:
        """Forget a visitor and all of their files.

        Args:
            key: of the session.
        """
        with self._lock:
            visit = self._visits.pop(key or "", None)
        if visit is not None:
            visit.close()

    def sweep(self) -> None:
        """Forget the visitors that were away for too long."""
        with self._lock:
            gone = self._overdue()
        for old in gone:
            old.close()

    def close(self) -> None:
        """Forget everybody."""
        with self._lock:
            gone = list(self._visits.values())
            self._visits.clear()
        for visit in gone:
            visit.close()
        with contextlib.suppress(OSError):
            self.root.rmdir()

    def _overdue(self) -> list[Visit]:
        now, gone = self.clock(), []
        while self._visits:
            key, oldest = next(iter(self._visits.items()))
            crowded = len(self._visits) > self.capacity
            if not crowded and now - oldest.last_seen <= self.idle_seconds:
                break
            gone.append(self._visits.pop(key))
        return gone
