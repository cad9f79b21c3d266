"""Keeping within memory."""

import errno

import pytest
import torch

from colorflow.batch.memory import (
    Budget,
    default_memory,
    is_out_of_memory,
    release,
    result_bytes,
    within_memory,
)
from colorflow.errors import ImageError

SHORT = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (SHORT, True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("shapes do not match"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_shortness_of_memory_is_recognised(error, expected):
    assert is_out_of_memory(error) is expected


def test_a_real_shortness_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_a_budget_holds_its_total_but_lets_one_photo_through_alone():
    budget = Budget(100)
    assert budget.take(60)
    assert not budget.take(50)
    assert budget.take(40)
    budget.give_back(60)
    budget.give_back(40)
    assert budget.take(1000)
    assert not budget.take(1)
    budget.give_back(1000)
    assert budget.used == 0


def test_usual_memory_grows_with_the_jobs_and_is_bounded_by_the_machine():
    assert default_memory(1) <= default_memory(4) <= default_memory(10**6)
    import os

    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert default_memory(10**6) <= physical / 2


MEGAPIXELS = 1_000_000


@pytest.mark.parametrize(
    ("suffix", "by_strips", "held", "expected"),
    [
        (".jpg", False, False, 4 * 100 * MEGAPIXELS),
        (".JPEG", False, True, 10 * 100 * MEGAPIXELS),
        (".png", False, False, 10 * 100 * MEGAPIXELS),
        (".webp", False, False, 12 * 100 * MEGAPIXELS),
        (".tif", True, False, 64 << 20),
        (".png", True, True, (64 << 20) + 6 * 100 * MEGAPIXELS),
    ],
)
def test_memory_that_a_result_takes(suffix, by_strips, held, expected):
    assert result_bytes(100 * MEGAPIXELS, suffix, by_strips, held) == expected


def test_small_results_by_strips_take_little():
    assert result_bytes(1000, ".tif", by_strips=True) == 12000


def test_on_two_cores_large_jpegs_are_made_one_by_one_and_deep_tiffs_together():
    budget = Budget(default_memory(2) // 2)
    jpeg, tiff = (
        result_bytes(108 * MEGAPIXELS, *kind) for kind in ((".jpg", False), (".tif", True))
    )
    assert budget.take(jpeg)
    assert not budget.take(jpeg)
    budget.give_back(jpeg)
    assert budget.take(tiff)
    assert budget.take(tiff)


def test_memory_is_released_without_a_fuss():
    kept = torch.ones(1 << 20)
    release()
    assert float(kept.sum()) == 1 << 20


def ladder(limit):
    """Work that fits as long as items times rows times size stays below a limit."""
    calls = []

    def work(items, rows):
        calls.append((len(items), rows, max(items)))
        if len(items) * rows * max(items) > limit:
            raise SHORT
        return [(item, rows) for item in items]

    return work, calls


def halve(item):
    return item // 2 if item > 1 else None


def test_with_enough_memory_there_is_one_call():
    work, calls = ladder(100)
    assert within_memory(work, [4, 4], 4, halve) == [(4, 4), (4, 4)]
    assert len(calls) == 1


def test_first_the_batch_is_halved():
    work, calls = ladder(16)
    assert within_memory(work, [4, 4, 4], 4, halve) == [(4, 4)] * 3
    assert {rows for _, rows, _ in calls} == {4}


def test_then_the_calls_then_the_size():
    work, calls = ladder(8)
    assert within_memory(work, [4], 4, halve) == [(4, 2)]
    work, calls = ladder(2)
    assert within_memory(work, [4], 4, halve) == [(2, 1)]
    assert calls == [(1, 4, 4), (1, 2, 4), (1, 1, 4), (1, 1, 2)]


def test_in_the_end_the_photo_fails():
    work, _ = ladder(0)
    with pytest.raises(ImageError, match="memory"):
        within_memory(work, [4], 4, halve)


def test_other_errors_are_not_retried():
    calls = []

    def work(items, rows):
        calls.append(rows)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        within_memory(work, [1, 2], 4, halve)
    assert calls == [4]
