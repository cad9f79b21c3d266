"""What jobs over a Ray cluster are made of, each part without a cluster."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from upath import UPath

from colorflow import __version__
from colorflow.batch import ray_cluster, ray_engine, ray_worker
from colorflow.batch.config import BatchConfig, settings_hash
from colorflow.batch.discover import Job
from colorflow.batch.painters import SamplePainter
from colorflow.batch.ray_cluster import Pool, choose_pool
from colorflow.batch.ray_engine import ATTEMPTS, RayEngine, Sources
from colorflow.batch.ray_worker import Order, Worker, pack_jobs, unpack_result
from colorflow.batch.run import Plan
from colorflow.cli.batch import run_batch
from colorflow.cli.request import Request
from colorflow.errors import ConfigError, ImageError

CONFIG = BatchConfig(samples=2)


def order(tmp_path, tiny, **settings):
    painter = SamplePainter(tiny, CONFIG)
    marker = tmp_path / "marker"
    told = {
        "config": CONFIG, "device": "cpu", "model": "photo", "backbone": "", "reference": "",
        "files": {}, "version": __version__, "identity": settings_hash(painter.settings),
        "owner": "a1", "marker": str(marker),
    }  # fmt: skip
    return painter, Order(**{**told, **settings})


def colour(painter, given, job, outputs):
    packed_jobs = json.loads(pack_jobs([(5, job, outputs)]))
    (answer,) = ray_worker._colour(painter, given, packed_jobs)
    assert answer["number"] == 5
    return answer


def test_what_a_lost_worker_had_done_is_told_of_as_done_and_older_results_as_skipped(
    tiny, grey_cat, tmp_path
):
    job = Job(tmp_path / "00.png", tmp_path / "00")
    Image.fromarray(grey_cat).save(job.source)
    outputs = [tmp_path / "00_v1.png", tmp_path / "00_v2.png"]
    (tmp_path / "marker").touch()
    painter, first = order(tmp_path, tiny)
    _, again = order(tmp_path, tiny, again=True)
    assert colour(painter, first, job, outputs)["status"] == "ok"
    before = [path.read_bytes() for path in outputs]
    answer = colour(painter, again, job, outputs)
    assert answer["status"] == "ok"
    assert len(answer["details"]["variants"]) == 2
    assert [path.read_bytes() for path in outputs] == before
    assert colour(painter, first, job, outputs)["status"] == "skipped"
    os.utime(outputs[0], (1e9, 1e9))
    os.utime(job.source, (1e9, 1e9))
    assert colour(painter, again, job, outputs)["status"] == "skipped"
    # A user's own file, even if it was put there while the job was at work.
    for path in outputs:
        path.write_bytes(b"precious")
    assert colour(painter, again, job, outputs)["status"] == "stale"
    assert outputs[1].read_bytes() == b"precious"


def test_a_photo_that_a_node_does_not_see_is_said_to_be_so(tiny, tmp_path):
    painter, given = order(tmp_path, tiny)
    job = Job(tmp_path / "gone.jpg", tmp_path / "gone")
    answer = colour(painter, given, job, [tmp_path / "gone_v1.jpg", tmp_path / "gone_v2.jpg"])
    assert answer["status"] == "failed"
    assert "storage that all nodes share" in answer["reason"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"version": "0.0.1"}, "colorflow 0.0.1 on every node"), ({}, "shared storage")],
)
def test_a_worker_on_a_node_that_is_not_fit_says_so_for_each_batch(tiny, tmp_path, settings, why):
    (answer,) = Worker(order(tmp_path, tiny, **settings)[1])({"photos": ["[]"]})
    (text,) = answer["result"]
    with pytest.raises(ConfigError, match=why):
        ray_engine._no_error(json.loads(text))


class Fake(RayEngine):
    """Rounds as they are told, without a cluster."""

    def __init__(self, *rounds):
        self.pool = Pool("cpu", 1, 1, 0)
        self.rounds = list(rounds)
        self.asked = []
        self.closed = False

    def close(self):
        self.closed = True

    def _order(self, *arguments):
        return Order(CONFIG, "cpu", "photo", "", "", {}, "", "", "", "")

    def _round(self, waiting, order):
        self.asked.append((sorted(waiting), order.again))
        yield from self.rounds.pop(0) if self.rounds else ()


def packed(number, status="ok", fatal=False, reason=None):
    return {
        "number": number, "status": status, "written": status == "ok", "reason": reason,
        "coloured": False, "notes": [], "seconds": 1.0, "details": {}, "fatal": fatal,
    }  # fmt: skip


def play(engine, tmp_path, count=4, **settings):
    tmp_path.mkdir(exist_ok=True)
    jobs = [Job(tmp_path / f"{n}.jpg", tmp_path / f"out/{n}") for n in range(count)]
    plan = Plan({job: [job.target.with_suffix(".jpg")] for job in jobs}, [])
    painter = type("Painter", (), {"settings": {}})()
    config = BatchConfig(**settings)
    return engine.run(painter, Sources("photo"), plan, config, tmp_path)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(ray_engine, "LAST_BREATH", 0)


def test_what_is_missing_goes_out_again_and_nothing_comes_twice(quick, tmp_path):
    engine = Fake(
        [packed(0), packed(2), packed(2)], [packed(0), packed(3)], [packed(1, "failed", reason="x")]
    )
    found = list(play(engine, tmp_path))
    assert [(r.source.stem, r.status) for r in found] == [
        ("0", "ok"), ("2", "ok"), ("3", "ok"), ("1", "failed"),
    ]  # fmt: skip
    assert engine.asked == [([0, 1, 2, 3], False), ([1, 3], True), ([1], True)]
    assert [bool(r.notes) for r in found] == [False, False, True, True]
    assert engine.closed


def test_a_photo_that_kills_its_workers_is_given_up(quick, tmp_path):
    engine = Fake([packed(0), packed(1), packed(3)])
    found = list(play(engine, tmp_path))
    assert len(engine.asked) == ATTEMPTS
    assert found[-1].status == "failed"
    assert str(tmp_path / "2.jpg") in found[-1].reason
    assert len(found) == 4


def test_the_first_failure_or_a_full_disk_ends_the_job(quick, tmp_path):
    engine = Fake([packed(0), packed(1, "failed", reason="x"), packed(2)])
    assert len(list(play(engine, tmp_path, fail_fast=True))) == 2
    assert engine.closed
    engine = Fake([packed(0, "failed", fatal=True, reason="No space left"), packed(1)])
    results = play(engine, tmp_path)
    next(results)
    with pytest.raises(ImageError, match="No space left"):
        next(results)
    assert engine.closed


@pytest.mark.parametrize("how", ["done", "left"])
def test_no_temporary_file_of_the_job_is_left_by_whoever_wrote_it(
    quick, tmp_path, monkeypatch, how
):
    monkeypatch.setattr(ray_engine.secrets, "token_hex", lambda size: "a1b2")
    (tmp_path / "out").mkdir()
    theirs = tmp_path / "out/.colorflow-node7~12~c3d4-ff.tmp"

    class Killed(Fake):
        def close(self):
            (tmp_path / "out/.colorflow-node7~12~a1b2-ff.tmp").touch()
            theirs.touch()

    results = play(Killed([packed(n) for n in range(4)]), tmp_path)
    next(results)
    assert list(tmp_path.glob(".colorflow-*"))  # by which workers know the folder
    if how == "done":
        list(results)
    results.close()
    assert list(tmp_path.rglob(".*")) == [theirs]


def nodes(*sizes):
    return [
        {"Alive": True, "Resources": {"CPU": c, "GPU": g} if g else {"CPU": c}} for c, g in sizes
    ]


@pytest.mark.parametrize(
    ("sizes", "device", "jobs", "expected"),
    [
        ([(4, 0), (2, 0)], "auto", 0, Pool("cpu", 6, 1, 0)),
        ([(4, 0), (2, 0)], "cpu", 2, Pool("cpu", 3, 2, 0)),
        ([(5, 0), (1, 0)], "cpu", 2, Pool("cpu", 2, 2, 0)),
        ([(16, 0), (16, 2), (32, 8)], "auto", 0, Pool("cuda", 10, 4, 1)),
        ([(16, 2)], "cuda", 16, Pool("cuda", 1, 16, 1)),
        ([(16, 2)], "cpu", 0, Pool("cpu", 16, 1, 0)),
    ],
)
def test_there_is_a_worker_per_gpu_or_else_per_cpu(sizes, device, jobs, expected):
    assert choose_pool(nodes(*sizes), device, jobs) == expected


def test_clusters_without_what_is_needed_are_refused():
    with pytest.raises(ConfigError, match="GPUs"):
        choose_pool(nodes((4, 0)), "cuda", 0)
    with pytest.raises(ConfigError, match="--jobs"):
        choose_pool(nodes((4, 0)), "cpu", 8)
    with pytest.raises(ConfigError, match="CPU"):
        choose_pool([{"Alive": False, "Resources": {"CPU": 8}}], "auto", 0)
    with pytest.raises(ConfigError, match="mps"):
        choose_pool(nodes((4, 0)), "mps", 0)


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'colorflow-cinn\[ray\]'"):
        ray_cluster.join(None)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "ray://127.0.0.1:1"])
def test_an_address_where_no_cluster_is_says_so_soon(address):
    with pytest.raises(ConfigError, match=address):
        ray_cluster.join(address)


def test_a_cluster_that_asks_for_its_token_is_said_to_do_so(monkeypatch):
    def refuse(*arguments, **settings):
        try:
            raise RuntimeError("InvalidAuthToken: Authentication token is missing or incorrect")
        except RuntimeError as error:
            raise ConnectionError("Failed to connect to Ray cluster at head:1") from error

    monkeypatch.setattr("ray.init", refuse)
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE=token"):
        ray_cluster.join("auto")


def test_an_address_without_the_engine_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError, match="--engine ray"):
        run_batch(Request([str(tmp_path)], str(tmp_path / "out"), address="head:6379"))


def test_memory_is_no_place_that_nodes_share():
    painter = type("Painter", (), {"settings": {}})()
    engine = Fake([])
    out = UPath("memory://out")
    with pytest.raises(ConfigError, match="memory://out"):
        list(engine.run(painter, Sources("photo"), Plan({}, []), CONFIG, out))
    assert engine.asked == []


def test_results_among_the_photos_are_told_of_and_not_given_out(quick, tmp_path):
    own = Job(tmp_path / "a_v1.jpg", tmp_path / "a_v1")
    painter = type("Painter", (), {"settings": {}})()
    engine = Fake()
    found = list(engine.run(painter, Sources("photo"), Plan({}, [own]), CONFIG, tmp_path))
    assert [(r.source, r.status) for r in found] == [(own.source, "skipped")]
    assert engine.asked == []


def test_names_that_are_no_text_and_relative_ones_come_back_as_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = Job(Path("in") / os.fsdecode(b"caf\xe9.jpg"), Path("out/a"), named=True)
    outputs = [Path("out/a_v1.jpg")]
    (entry,) = json.loads(pack_jobs([(7, job, outputs)]).encode("ascii"))
    assert entry["source"] == str(tmp_path / job.source)
    answer = packed(
        7, "failed", reason=f"{entry['source']}: broken; {entry['outputs'][0]} is there"
    )
    result = unpack_result(json.loads(json.dumps(answer)), job, outputs)
    assert result.reason == f"{job.source}: broken; out/a_v1.jpg is there"
    assert result.outputs == []
