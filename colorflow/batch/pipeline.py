"""Running many items through stages on several threads, with bounded memory and no idle core.

A worker always takes the task nearest to the end of the line: items leave as early as they can, and
new ones come in only where nothing else is to be done. Stages may work on groups of items that fit
together; a group is waited for as long as there is other work, and no longer. Two pools of threads
share the stages: one computes, as many threads as cores; one waits for disks and networks.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Done:
    """What a stage returns instead of an item when there is nothing left to do for it.

    Args:
        result: for the one who iterates over :meth:`Pipeline.run`.
    """

    result: Any


@dataclass
class Stage:
    """One step of the line.

    Args:
        name: for messages.
        work: takes items, returns what comes of them: items for the next stage, or :class:`Done`.
        pool: of the threads that do it.
        size: items worked on together, at most.
        group: items of equal group may be worked on together.
        slots: threads at it at the same time, at most; 0 for any number.
        admit: asked, one thread at a time, whether an item may start now; reserves what it needs.
    """

    name: str
    work: Callable[[list[Any]], list[Any]]
    pool: str
    size: int = 1
    group: Callable[[Any], Hashable] = field(default=lambda item: None)
    slots: int = 0
    admit: Callable[[Any], bool] = field(default=lambda item: True)


@dataclass
class _Queue:
    """What waits before a stage, by group; groups in the order of their oldest item."""

    stage: Stage
    groups: dict[Hashable, deque[Any]] = field(default_factory=dict)
    running: int = 0

    def put(self, item: Any) -> None:
        self.groups.setdefault(self.stage.group(item), deque()).append(item)

    def take(self, partial: bool) -> list[Any]:
        if self.stage.slots and self.running >= self.stage.slots:
            return []
        for group, waiting in self.groups.items():
            if len(waiting) < self.stage.size and not partial:
                continue
            if not self.stage.admit(waiting[0]):
                return []
            taken = [waiting.popleft()]
            while waiting and len(taken) < self.stage.size and self.stage.admit(waiting[0]):
                taken.append(waiting.popleft())
            if not waiting:
                del self.groups[group]
            return taken
        return []


class Pipeline:
    """Stages, the threads that work at them, and what is in between.

    Args:
        source: the items; taken one at a time, by one thread at a time.
        stages: first to last.
        capacity: items between source and result, at most.
        threads: number of threads of each pool.
        fail: says what comes of an item whose stage raised an error; may raise, which ends all.
    """

    def __init__(
        self,
        source: Iterator[Any],
        stages: Sequence[Stage],
        capacity: int,
        threads: Mapping[str, int],
        fail: Callable[[Any, Exception], list[Done]],
    ) -> None:
        self.source = source
        self.queues = [_Queue(stage) for stage in stages]
        self.capacity = capacity
        self.threads = threads
        self.fail = fail
        self.inside = 0
        self.exhausted = self.stopped = False
        self.error: BaseException | None = None
        self.changed = threading.Condition()
        self.results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run(self) -> Generator[Any, None, None]:
        """Work, and yield the results as they come.

        Leaving the iteration early stops the threads; what they are at is finished first.

        Yields:
            The results; one item is inside until one :class:`Done` has come of it.

        Raises:
            Exception: whatever ``fail`` or the source raised.
        """
        before = torch.get_num_threads()
        workers = [
            threading.Thread(target=self._worker, args=(pool,), name=f"{pool}-{k}", daemon=True)
            for pool, count in self.threads.items()
            for k in range(count)
        ]
        for worker in workers:
            worker.start()
        try:
            while not self._finished():
                try:
                    # Waiting in short turns lets Ctrl-C through on every system.
                    yield self.results.get(timeout=0.2)
                except queue.Empty:
                    continue
            while self.error is None and not self.results.empty():
                yield self.results.get()
        finally:
            with self.changed:
                self.stopped = True
                self.changed.notify_all()
            for worker in workers:
                worker.join()
            torch.set_num_threads(before)
        if self.error is not None:
            raise self.error

    def _finished(self) -> bool:
        with self.changed:
            return self.error is not None or (self.exhausted and not self.inside)

    def _worker(self, pool: str) -> None:
        # Photos beside each other use the cores better than threads inside one operation.
        torch.set_num_threads(1)
        while True:
            with self.changed:
                index, items = self._next(pool)
                while index is None:
                    if self.stopped or self.error or (self.exhausted and not self.inside):
                        self.changed.notify_all()
                        return
                    self.changed.wait()
                    index, items = self._next(pool)
            outcome, error = self._perform(self.queues[index].stage, items)
            with self.changed:
                self.queues[index].running -= 1
                if error is not None:
                    self.error = self.error or error
                for item in outcome:
                    if isinstance(item, Done):
                        self.inside -= 1
                        self.results.put(item.result)
                    else:
                        self.queues[index + 1].put(item)
                self.changed.notify_all()

    def _next(self, pool: str) -> tuple[int | None, list[Any]]:
        """Choose a task; called with the lock held."""
        if self.stopped or self.error:
            return None, []
        # Full groups and new items before groups that might yet grow.
        for partial in (False, True):
            for index in reversed(range(len(self.queues))):
                entry = self.queues[index]
                if entry.stage.pool != pool:
                    continue
                if index == 0:
                    self._refill()
                items = entry.take(partial or entry.stage.size == 1)
                if items:
                    entry.running += 1
                    return index, items
        return None, []

    def _refill(self) -> None:
        """Take one more item from the source where there is room and the first queue is empty."""
        if self.exhausted or self.inside >= self.capacity or self.queues[0].groups:
            return
        try:
            item = next(self.source)
        except StopIteration:
            self.exhausted = True
            self.changed.notify_all()
        except Exception as error:
            self.error = error
            self.changed.notify_all()
        else:
            self.inside += 1
            self.queues[0].put(item)

    def _perform(self, stage: Stage, items: list[Any]) -> tuple[list[Any], Exception | None]:
        """Work on a group; where it fails, on each item alone, so that only the culprit fails."""
        try:
            return stage.work(items), None
        except Exception as error:
            if len(items) == 1:
                try:
                    return [*self.fail(items[0], error)], None
                except Exception as fatal:
                    return [], fatal
        outcomes: list[Any] = []
        for item in items:
            outcome, fatal_error = self._perform(stage, [item])
            outcomes += outcome
            if fatal_error is not None:
                return outcomes, fatal_error
        return outcomes, None
