"""Settings of Pillow and tifffile that hold for the whole process, set while files are read."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

LIBRARIES = ("PIL", "tifffile")


class _Shared:
    """Sets the limit of Pillow and the filters of ``warnings``, for all threads together.

    The first thread to enter saves what there was, the last one to leave restores it: a thread that
    did so by itself would undo what another one still needs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: list[int] = []
        self._warnings = warnings.catch_warnings()
        self._limit: int | None = None

    def enter(self, max_pixels: int) -> None:
        with self._lock:
            if not self._limits:
                self._limit = Image.MAX_IMAGE_PIXELS
                self._warnings = warnings.catch_warnings()
                self._warnings.__enter__()
                for name in LIBRARIES:
                    warnings.filterwarnings("ignore", module=rf"{name}\b")
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            self._limits.append(max_pixels)
            self._set_limit()

    def leave(self, max_pixels: int) -> None:
        with self._lock:
            self._limits.remove(max_pixels)
            if self._limits:
                self._set_limit()
            else:
                Image.MAX_IMAGE_PIXELS = self._limit
                self._warnings.__exit__(None, None, None)

    def _set_limit(self) -> None:
        # Never lower than what the rest of the program works with.
        Image.MAX_IMAGE_PIXELS = max(*self._limits, self._limit or 0)


_SHARED = _Shared()


@contextlib.contextmanager
def image_libraries(max_pixels: int) -> Iterator[None]:
    """Prepare Pillow and tifffile for reading files.

    Python warnings of both are ignored. Their log records reach the handlers that the program has
    set up; without any, ``logging`` would print them to standard error. Messages that libtiff
    prints about damaged data cannot be suppressed here.

    Args:
        max_pixels: the limit that replaces Pillow's own where it is higher. Pillow refuses
            pictures, and pictures within files, of more than twice as many.
    """
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    _SHARED.enter(max_pixels)
    try:
        yield
    finally:
        _SHARED.leave(max_pixels)
