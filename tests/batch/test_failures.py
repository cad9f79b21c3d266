"""Jobs in which something goes wrong: broken photos, a full disk, short memory, an early end."""

from __future__ import annotations

import errno
import threading
import time

import pytest
from PIL import Image

from batch.jobs import run, tree
from colorflow.batch import leaves, line
from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter
from colorflow.batch.run import run_jobs
from colorflow.errors import ImageError


def test_broken_files_fail_alone_and_leave_nothing(tiny, folder, tmp_path):
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:900])
    found = {r.source.name: r for r in run(tiny, folder, tmp_path / "out")}
    broken = {"empty.jpg", "text.png", "cut.jpg"}
    assert {name for name, r in found.items() if r.status == "failed"} == broken
    for name in broken:
        assert name in found[name].reason
        assert "\n" not in found[name].reason
        assert found[name].outputs == []
    assert len(tree(tmp_path / "out")) == 4


def test_a_photo_is_done_as_a_whole_or_not_at_all(tiny, folder, tmp_path, monkeypatch):
    """A failure with the second variant leaves what an earlier run made of the first."""
    out = tmp_path / "out"
    run(tiny, folder, out)
    before = tree(out)
    write = line.stage

    def second_fails(path, data, owner):
        if path.name == "a_v2.jpg":
            raise OSError(errno.EIO, "Input/output error")
        return write(path, data, owner)

    monkeypatch.setattr(line, "stage", second_fails)
    found = run(tiny, folder, out, seed=3, rerun="overwrite")
    assert [r.status for r in found] == ["failed", "ok"]
    after = tree(out)
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} == {
        "sub/b_v1.png",
        "sub/b_v2.png",
    }


def test_a_full_disk_ends_the_job(tiny, folder, tmp_path, monkeypatch):
    def full(path, data, owner):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(line, "stage", full)
    before = tree(tmp_path)
    with pytest.raises(ImageError, match="No space left"):
        run(tiny, folder, tmp_path / "out")
    assert tree(tmp_path) == before


def test_the_first_failure_ends_the_job_on_request(tiny, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(50):
        (tmp_path / f"in/{number}.jpg").touch()
    found = run(tiny, tmp_path / "in", tmp_path / "out", fail_fast=True)
    assert len(found) == 1


def test_leaving_a_job_leaves_no_threads_and_no_temporary_files(
    tiny, folder, tmp_path, grey_cat, monkeypatch
):
    for number in range(30):
        Image.fromarray(grey_cat).save(folder / f"{number}.png")
    finish = line.Line.finish

    def slow_second(self, leaves):
        # So that photos are left with their first result written and the second still to come.
        stem = leaves[0].outputs[0].stem
        if stem.endswith("_v2") and stem != "a_v2":
            time.sleep(0.3)
        return finish(self, leaves)

    monkeypatch.setattr(leaves, "TOGETHER_PIXELS", 1)
    monkeypatch.setattr(line.Line, "finish", slow_second)
    out = tmp_path / "out"
    config = BatchConfig(samples=2, jobs=4)
    threads = threading.active_count()
    running = run_jobs(SamplePainter(tiny, config), discover([folder], out).jobs, config)
    first = next(running)
    running.close()
    assert threading.active_count() == threads
    assert all(path.exists() for path in first.outputs)
    assert not list(out.rglob(".*"))
    assert 2 <= len(tree(out)) < 60


def test_memory_that_is_short_for_good_fails_the_photo_and_never_writes_grey(
    tiny, folder, tmp_path, monkeypatch
):
    def short(*arguments, **settings):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(type(tiny), "paint", short)
    found = run(tiny, folder, tmp_path / "out")
    assert [r.status for r in found] == ["failed", "failed"]
    assert "memory" in found[0].reason
    assert not tree(tmp_path / "out")


def test_memory_that_is_short_for_large_calls_only_costs_bits_not_photos(
    tiny, folder, tmp_path, monkeypatch
):
    paint = type(tiny).paint

    def short(self, photos, rows=None, hints=(), vivid=1.0):
        if len(photos) > 1 or rows > 1:
            raise MemoryError
        return paint(self, photos, rows, hints, vivid)

    monkeypatch.setattr(type(tiny), "paint", short)
    found = run(tiny, folder, tmp_path / "out")
    assert [r.status for r in found] == ["ok", "ok"]
    assert found[0].notes == []


def test_a_smaller_work_size_is_the_last_resort_and_is_said(
    tiny, folder, tmp_path, monkeypatch, grey_cat
):
    paint = type(tiny).paint
    sizes = []

    def short(self, photos, rows=None, hints=(), vivid=1.0):
        sizes.append(tuple(photos[0][1].shape[2:]))
        if max(sizes[-1]) > 16:
            raise MemoryError
        return paint(self, photos, rows, hints, vivid)

    monkeypatch.setattr(type(tiny), "paint", short)
    Image.fromarray(grey_cat[:, :100]).save(folder / "a.jpg")
    (folder / "sub/b.png").unlink()
    (result,) = run(tiny, folder, tmp_path / "out")
    assert sizes[-1] == (16, 16)
    assert result.status == "ok"
    assert "memory was short" in result.notes[0]


@pytest.mark.parametrize("memory", [1, 10**6, 10**9])
def test_however_little_memory_photos_may_take_all_get_done(tiny, folder, tmp_path, memory):
    run(tiny, folder, tmp_path / "plenty", samples=5)
    run(tiny, folder, tmp_path / "out", samples=5, memory=memory, jobs=4)
    assert tree(tmp_path / "out") == tree(tmp_path / "plenty")


def test_only_so_many_large_results_are_in_work_at_once(tiny, folder, tmp_path, monkeypatch):
    lock, now, most = threading.Lock(), 0, 0
    finish = line.Line.finish

    def counted(self, leaves):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        result = finish(self, leaves)
        with lock:
            now -= 1
        return result

    monkeypatch.setattr(line.Line, "finish", counted)
    # Of 12 bytes per pixel, two results of 15 000 pixels fit into half of this, three do not.
    run(tiny, folder / "a.jpg", tmp_path / "out", samples=9, memory=2 * 400_000, jobs=6)
    assert most <= 2


def test_impossible_colours_are_drawn_again_and_noted_or_fail_their_photo_alone(
    tiny, folder, tmp_path, monkeypatch
):
    means = sorted(float(v.target.mean()) for v in tiny.sample(folder / "a.jpg", n=4))
    limit = (means[2] + means[3]) / 2
    wide = tiny.sample(folder / "sub/b.png", n=1)[0].target.shape[2]

    def plausible(targets):
        return (targets.mean((1, 2, 3)) < limit) & (targets.shape[3] != wide)

    monkeypatch.setattr(tiny.domain, "plausible", plausible)
    first, second = run(tiny, folder, tmp_path / "out", samples=4)
    assert (first.status, second.status) == ("ok", "failed")
    again = [told["variant"] for told in first.details["variants"] if "redrawn" in told]
    assert len(again) == 1
    assert first.notes == [
        f"variant {again[0]}: drawn again, as the first draw had impossible colours"
    ]
    assert "lower saturation" in second.reason
    assert "\n" not in second.reason
    assert sorted(tree(tmp_path / "out")) == [f"a_v{k}.jpg" for k in range(1, 5)]
