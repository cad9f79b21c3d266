"""The batch of every step: a function of seed and step, whoever asks, and since when."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader

import colorflow.training.batches as module
from colorflow.training.batches import (
    Batch,
    CachedBatches,
    PhotoBatches,
    Schedule,
    Timed,
    features_of,
)
from colorflow.training.cache import FeatureCache
from colorflow.training.views import Views


def items(schedule: Schedule, step: int) -> list[int]:
    return [schedule.item(draw) for draw in schedule.draws(step)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FeatureCache:
    """Ten rows, each of them three times its number."""
    cache = FeatureCache(tmp_path_factory.mktemp("cache"), {})
    keys = [(str(number), 0) for number in range(10)]
    cache.append(keys, {"x": 3 * torch.arange(10.0)[:, None]})
    return cache


def cached(cache: FeatureCache, start: int, seed: int = 0) -> Iterator[list[float]]:
    rows = [8, 6, 4, 2, 0]
    batches = CachedBatches(cache, rows, Schedule(len(rows), 2, seed), start)
    return (batch["x"].flatten().tolist() for batch in batches)


@pytest.mark.parametrize(("count", "batch"), [(12, 4), (10, 4), (3, 8)])
def test_every_item_comes_once_per_round(count: int, batch: int):
    schedule = Schedule(count, batch, seed=5)
    drawn = [item for step in range(3 * count) for item in items(schedule, step)]
    rounds = [drawn[first : first + count] for first in range(0, 3 * count * batch, count)]
    assert all(sorted(turn) == list(range(count)) for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) > 1  # each shuffled anew


def test_a_step_depends_on_the_seed_and_on_nothing_before_it():
    first, other = Schedule(100, 8, seed=1), Schedule(100, 8, seed=1)
    forwards = [items(first, step) for step in range(60)]
    assert [items(other, step) for step in reversed(range(60))] == forwards[::-1]
    assert [items(Schedule(100, 8, seed=2), step) for step in range(60)] != forwards


@pytest.mark.parametrize("world", [2, 4])
def test_processes_together_see_what_one_process_sees(world: int):
    alone = Schedule(30, 8, seed=3)
    ranks = [Schedule(30, 8, 3, rank, world) for rank in range(world)]
    for step in range(20):
        assert [item for rank in ranks for item in items(rank, step)] == items(alone, step)
        draws = [rank.draws(step) for rank in ranks]
        assert {len(share) for share in draws} == {8 // world}
        assert [draw for share in draws for draw in share] == alone.draws(step)


def test_cached_batches_go_round_all_rows_and_continue_anywhere(cache: FeatureCache):
    whole = list(islice(cached(cache, 0), 10))
    assert Counter(value for batch in whole for value in batch) == dict.fromkeys(
        [24.0, 18.0, 12.0, 6.0, 0.0], 4
    )
    for start in (1, 7):
        assert list(islice(cached(cache, start), 10 - start)) == whole[start:]
    assert list(islice(cached(cache, 0, seed=1), 10)) != whole


def photos(views: Views, start: int, workers: int, count: int) -> list[Batch]:
    batches = PhotoBatches(views, Schedule(len(views.files), 4, seed=0), start)
    return list(islice(DataLoader(batches, batch_size=None, num_workers=workers), count))


def test_photos_are_cropped_anew_for_ever_and_continue_anywhere(views: Views):
    whole = photos(views, 0, 0, 6)
    assert whole[0]["condition"].shape == (4, 1, 32, 32)
    assert whole[0]["target"].shape == (4, 2, 16, 16)
    targets = torch.cat([batch["target"] for batch in whole]).flatten(1)
    assert len(torch.unique(targets, dim=0)) == len(targets)  # three rounds, and no crop twice
    # Batches that are shared out among the loader's processes come in the same order.
    for start, workers in ((4, 0), (1, 2)):
        for ours, theirs in zip(whole[start:], photos(views, start, workers, 6), strict=False):
            assert torch.equal(ours["condition"], theirs["condition"])
            assert torch.equal(ours["target"], theirs["target"])


def test_only_time_spent_on_fetching_counts_as_waiting(monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]
    monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: clock[0]))

    def fetch() -> Iterator[Batch]:
        for number in range(3):
            clock[0] += 2.0
            yield {"x": torch.tensor(number)}

    timed = Timed(fetch())
    seen = []
    for batch in timed:
        seen.append(int(batch["x"]))
        clock[0] += 5.0  # at work
    assert seen == [0, 1, 2]
    assert timed.seconds == 6.0


def test_features_are_all_but_condition_and_target():
    batch = {name: torch.zeros(1) for name in ("condition", "target", "conv2_2", "conv3_3")}
    assert list(features_of(batch)) == ["conv2_2", "conv3_3"]
    assert features_of({"condition": torch.zeros(1), "target": torch.zeros(1)}) == {}
