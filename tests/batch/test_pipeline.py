"""Items through stages: order of work, groups, bounds, errors, stopping."""

import threading
import time

import pytest
import torch

from colorflow.batch.pipeline import Done, Pipeline, Stage


def finish(items):
    return [Done(item) for item in items]


def no_failure(item, error):
    raise error


def run(count, stages, capacity=8, threads=None, fail=no_failure):
    pipeline = Pipeline(
        iter(range(count)), stages, capacity, threads or {"compute": 2, "io": 1}, fail
    )
    return list(pipeline.run())


@pytest.mark.parametrize("threads", [{"compute": 1, "io": 1}, {"compute": 5, "io": 3}])
def test_every_item_comes_out_once_with_the_work_of_all_stages(threads):
    stages = [
        Stage("add", lambda items: [i + 1000 for i in items], "io"),
        Stage("double", lambda items: [2 * i for i in items], "compute", size=3),
        Stage("end", finish, "io"),
    ]
    results = run(100, stages, threads=threads)
    assert sorted(results) == [2 * (i + 1000) for i in range(100)]


def test_nothing_to_do_ends_at_once():
    assert run(0, [Stage("end", finish, "compute")]) == []


def test_no_more_items_are_inside_than_the_capacity():
    lock, inside, most = threading.Lock(), 0, 0

    def enter(items):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        return items

    def leave(items):
        nonlocal inside
        time.sleep(0.001)
        with lock:
            inside -= 1
        return finish(items)

    stages = [Stage("enter", enter, "io"), Stage("leave", leave, "compute")]
    assert len(run(60, stages, capacity=5, threads={"compute": 2, "io": 4})) == 60
    assert 1 <= most <= 5


def test_groups_hold_what_fits_together_and_are_as_full_as_they_can_be():
    groups = []

    def work(items):
        groups.append(items)
        return finish(items)

    stages = [
        Stage("read", lambda items: items, "compute"),
        Stage("net", work, "compute", size=4, group=lambda i: i % 3),
    ]
    assert sorted(run(36, stages, capacity=12, threads={"compute": 1})) == list(range(36))
    assert all(len({i % 3 for i in group}) == 1 for group in groups)
    assert [len(group) for group in groups] == [4] * 9


def test_a_rare_kind_is_not_waited_for_forever():
    stages = [Stage("net", finish, "compute", size=8, group=lambda i: i)]
    assert sorted(run(20, stages, capacity=3)) == list(range(20))


def test_slots_bound_how_many_work_at_a_stage():
    lock, now, most = threading.Lock(), 0, 0

    def work(items):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return finish(items)

    run(30, [Stage("net", work, "compute", slots=2)], threads={"compute": 6})
    assert most == 2


def test_an_item_waits_until_it_is_admitted():
    free, lock = 2, threading.Lock()

    def admit(item):
        nonlocal free
        if free == 0:
            return False
        free -= 1
        return True

    def work(items):
        nonlocal free
        with lock:
            free += 1
            assert free <= 2
        return finish(items)

    stages = [
        Stage("decode", lambda items: items, "compute", admit=admit),
        Stage("release", work, "io"),
    ]
    assert len(run(40, stages, threads={"compute": 4, "io": 1})) == 40


def test_an_item_can_end_early_and_another_become_many():
    def spread(items):
        (item,) = items
        return [Done(item)] if item % 2 else [(item, k) for k in range(3)]

    seen = []

    def join(items):
        (leaf,) = items
        seen.append(leaf)
        return [Done(leaf[0])] if sum(1 for s in seen if s[0] == leaf[0]) == 3 else []

    stages = [Stage("spread", spread, "compute"), Stage("join", join, "io")]
    assert sorted(run(10, stages)) == list(range(10))
    assert len(seen) == 15


def test_of_a_group_only_the_culprit_fails():
    def work(items):
        if 5 in items:
            raise ValueError("five")
        return finish(items)

    stages = [
        Stage("read", lambda items: items, "compute"),
        Stage("net", work, "compute", size=4),
    ]
    results = run(12, stages, threads={"compute": 1}, fail=lambda item, e: [Done(f"{item}: {e}")])
    assert sorted(map(str, results)) == sorted([*map(str, {*range(12)} - {5}), "5: five"])


def test_a_fatal_error_ends_the_run_and_reaches_the_caller():
    def work(items):
        if items == [3]:
            raise OSError("disk full")
        return finish(items)

    with pytest.raises(OSError, match="disk full"):
        run(1000, [Stage("write", work, "io")])


def test_an_error_of_the_source_reaches_the_caller():
    def source():
        yield 1
        raise RuntimeError("lost")

    pipeline = Pipeline(source(), [Stage("end", finish, "io")], 4, {"io": 2}, no_failure)
    with pytest.raises(RuntimeError, match="lost"):
        list(pipeline.run())


def test_leaving_early_stops_all_threads_after_what_they_are_at():
    ended = []

    def work(items):
        time.sleep(0.01)
        ended.append(items[0])
        return finish(items)

    before = threading.active_count()
    pipeline = Pipeline(iter(range(10**6)), [Stage("w", work, "io")], 4, {"io": 3}, no_failure)
    results = pipeline.run()
    first = [next(results), next(results)]
    results.close()
    assert threading.active_count() == before
    assert set(first) <= set(ended)
    assert len(ended) < 50


def test_items_leave_before_new_ones_come_in():
    done = []

    def noted(name):
        def work(items):
            done.append(f"{name}{items[0]}")
            return finish(items) if name == "c" else items

        return work

    stages = [Stage(name, noted(name), "compute") for name in "abc"]
    run(3, stages, threads={"compute": 1})
    assert done == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_workers_use_one_thread_and_leave_the_callers_alone():
    before = torch.get_num_threads()
    seen = set()
    later = []

    def work(items):
        seen.add(torch.get_num_threads())
        return finish(items)

    try:
        torch.set_num_threads(3)
        run(5, [Stage("w", work, "compute")])
        assert torch.get_num_threads() == 3
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    finally:
        torch.set_num_threads(before)
    assert seen == {1}
    assert later == [3]
