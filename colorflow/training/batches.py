"""The batch of every step, as a function of (seed, step) alone.

Nothing depends on what came before: a run that is resumed, and a run spread over several
processes, sees exactly the photos an undisturbed single process would see.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from colorflow.models.latents import derive_seed
from colorflow.training.cache import FeatureCache
from colorflow.training.views import Views

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Schedule:
    """Which items make up the batch of a step: shuffled rounds over all items, end to end.

    Args:
        items: how many there are.
        batch: items per step, over all processes.
        seed: of the order.
        rank: of this process.
        world: number of processes.
    """

    items: int
    batch: int
    seed: int
    rank: int = 0
    world: int = 1

    def draws(self, step: int) -> list[int]:
        """Number the draws of this process at a step; no two steps or processes share one.

        Args:
            step: from 0.

        Returns:
            Their numbers, consecutive.
        """
        share = self.batch // self.world
        first = step * self.batch + self.rank * share
        return list(range(first, first + share))

    def item(self, draw: int) -> int:
        """Give the item of a draw.

        Args:
            draw: its number.

        Returns:
            An item; every one comes once in each round of ``items`` draws.
        """
        order = _order(self.items, self.seed, draw // self.items)
        return int(order[draw % self.items])


@lru_cache(maxsize=4)
def _order(items: int, seed: int, turn: int) -> Tensor:
    generator = torch.Generator().manual_seed(derive_seed(seed, "order", turn))
    return torch.randperm(items, generator=generator)


class CachedBatches(IterableDataset[Batch]):
    """Batches of cached features, for ever, one ahead of the consumer.

    Args:
        cache: that holds the rows.
        rows: to draw from.
        schedule: of the steps; its items are positions in ``rows``.
        start: first step.
    """

    def __init__(
        self, cache: FeatureCache, rows: Sequence[int], schedule: Schedule, start: int = 0
    ) -> None:
        self.cache, self.rows, self.schedule, self.start = cache, rows, schedule, start

    def batch(self, step: int) -> Batch:
        """Read the batch of a step."""
        schedule = self.schedule
        return self.cache.read([self.rows[schedule.item(d)] for d in schedule.draws(step)])

    def __iter__(self) -> Iterator[Batch]:
        step = self.start
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self.batch, step)
            while True:
                current = ahead.result()
                step += 1
                ahead = reader.submit(self.batch, step)
                yield current


class PhotoBatches(IterableDataset[Batch]):
    """Batches of freshly cropped photos, for ever; the processes of a loader share the steps.

    Args:
        views: makes the pairs.
        schedule: of the steps; its items are positions of photos.
        start: first step.
    """

    def __init__(self, views: Views, schedule: Schedule, start: int = 0) -> None:
        self.views, self.schedule, self.start = views, schedule, start

    def batch(self, step: int) -> Batch:
        """Make the batch of a step: every draw is a crop of its own."""
        pairs = [self.views.pair(self.schedule.item(d), d + 1) for d in self.schedule.draws(step)]
        condition = torch.stack([pair[0] for pair in pairs])
        return {"condition": condition, "target": torch.stack([pair[1] for pair in pairs])}

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        offset, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        step = self.start + offset
        while True:
            yield self.batch(step)
            step += stride


class Timed:
    """An iterable that adds up how long its consumer had to wait.

    Args:
        batches: what to iterate over.
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.batches = batches
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Batch]:
        source = iter(self.batches)
        while True:
            start = time.monotonic()
            try:
                batch = next(source)
            except StopIteration:
                return
            self.seconds += time.monotonic() - start
            yield batch


def features_of(batch: Batch) -> Batch:
    """Pick the backbone's features out of a batch; empty where they are not cached.

    Args:
        batch: as read from a cache or made of photos.

    Returns:
        Its entries but for condition and target.
    """
    return {k: v for k, v in batch.items() if k not in ("condition", "target")}
