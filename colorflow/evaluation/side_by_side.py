"""Work on several photos at once, with results in their order and independent of the cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from colorflow.batch.run import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def workers_for(device: torch.device) -> int:
    """Tell how many photos to work on at once.

    Args:
        device: where models compute.

    Returns:
        One per core, or 1 where they share a device.
    """
    return available_cores() if device.type == "cpu" else 1


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Work on items in threads, each with one thread of PyTorch.

    Call it under :func:`colorflow.devices.one_thread`, which sees to it that the caller computes as
    before afterwards. Where the iteration ends early, items that are not begun are left.

    Args:
        work: done to each item; what it raises is raised where its result is due.
        items: taken a few at a time.
        workers: threads.

    Yields:
        The results, in the order of the items.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
