"""Jobs over a Ray cluster of several nodes, all of them on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter, TransferPainter
from colorflow.batch.ray_engine import RayEngine, Sources
from colorflow.batch.report import NAME
from colorflow.batch.run import plan_job, run_jobs
from colorflow.errors import ConfigError

# Shells start jobs in the background deaf to Ctrl-C, and the tests may run in such a one.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
COMMAND = [sys.executable, "-c", f"{HEED}from colorflow.cli.main import main; main()"]
SMALL = {"object_store_memory": 80 << 20}
CONFIG = BatchConfig(samples=2)


@pytest.fixture(scope="module")
def cluster():
    """A head that does not compute, and two nodes of one CPU each."""
    from ray.cluster_utils import Cluster

    with (
        pytest.MonkeyPatch.context() as patch,
        # Names of sockets have to be short.
        tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder,
    ):
        # The head also notes its address beside its own files: nothing may be left in /tmp/ray.
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("OMP_NUM_THREADS", "1")
        # A node is taken for lost after seconds, not half a minute.
        health = {"health_check_period_ms": 1000, "health_check_failure_threshold": 2}
        head = {"num_cpus": 0, "include_dashboard": False, **SMALL}
        head["_system_config"] = health
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, **SMALL)
            yield cluster
        finally:
            cluster.shutdown()


def photos(folder: Path, grey: np.ndarray, count: int) -> Path:
    (folder / "sub").mkdir(parents=True)
    for number in range(count):
        picture = Image.fromarray(np.roll(grey, number, axis=1))
        picture.save(
            folder / ("sub", ".")[number % 2] / f"{number:02}.{('jpg', 'png')[number % 3 == 0]}"
        )
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """All files but reports; temporary ones would show."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def locally(tiny, source: Path, out: Path) -> dict[str, bytes]:
    list(run_jobs(SamplePainter(tiny, CONFIG), discover([source], out).jobs, CONFIG))
    return tree(out)


def over(cluster, painter, sources, source: Path, out: Path, config=CONFIG, each=lambda r: None):
    out.mkdir(exist_ok=True)
    jobs = discover([source], out).jobs
    engine = RayEngine(cluster.address, "cpu")
    try:
        plan = plan_job(jobs, painter, config)
        results = []
        for result in engine.run(painter, sources, plan, config, out):
            results.append(result)
            each(result)
        return results
    finally:
        engine.close()


@pytest.mark.slow
def test_results_are_those_of_the_local_engine_and_broken_files_fail_alone(
    cluster, tiny, tiny_checkpoint, grey_cat, tmp_path
):
    source = photos(tmp_path / "in", grey_cat, 12)
    (source / "empty.jpg").touch()
    (source / "sub/text.png").write_text("no picture")
    whole = locally(tiny, source, tmp_path / "whole")
    painter = SamplePainter(tiny, CONFIG)
    found = over(cluster, painter, Sources(str(tiny_checkpoint)), source, tmp_path / "out")
    assert tree(tmp_path / "out") == whole
    assert sorted(r.source for r in found) == sorted(p for p in source.rglob("*.*"))
    failed = {r.source.name: r.reason for r in found if r.status == "failed"}
    assert set(failed) == {"empty.jpg", "text.png"}
    assert failed["empty.jpg"].startswith(str(source / "empty.jpg"))
    assert {r.status for r in found if r.source.name not in failed} == {"ok"}
    done = next(r for r in found if r.status == "ok")
    assert len(done.details["variants"]) == 2
    assert all(path.exists() for path in done.outputs)


@pytest.mark.slow
def test_translations_are_those_of_the_local_engine(
    cluster, tiny_translator, tiny_translator_checkpoint, cat, tmp_path
):
    source = tmp_path / "in"
    source.mkdir()
    for number in range(4):
        cat.crop((8 * number, 0, 8 * number + 100, 100)).save(source / f"{number}.png")
    config = BatchConfig(samples=2, saturation=0.8)
    painter = SamplePainter(tiny_translator, config)
    list(run_jobs(painter, discover([source], tmp_path / "whole").jobs, config))
    sources = Sources(str(tiny_translator_checkpoint))
    found = over(cluster, painter, sources, source, tmp_path / "out", config)
    assert {result.status for result in found} == {"ok"}
    assert len(tree(tmp_path / "out")) == 8
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def busy(node) -> bool:
    """Whether a worker of a node is at work on photos."""
    raylet = node.all_processes["raylet"][0].process.pid
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == raylet and b".submit" in (entry / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.slow
def test_a_node_that_is_lost_costs_time_and_nothing_else(
    cluster, tiny, tiny_checkpoint, grey_cat, tmp_path
):
    source = photos(tmp_path / "in", grey_cat, 60)
    whole = locally(tiny, source, tmp_path / "whole")
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    # Of another job, which is at work in the same folder.
    foreign = out / "sub" / f".colorflow-{socket.gethostname()}~{os.getppid()}~another-ab.tmp"
    foreign.touch()
    doomed = next(iter(cluster.worker_nodes))
    killed = []

    def kill(result):
        if not killed and busy(doomed):
            killed.append(result)
            cluster.remove_node(doomed, allow_graceful=False)

    try:
        painter = SamplePainter(tiny, CONFIG)
        found = over(cluster, painter, Sources(str(tiny_checkpoint)), source, out, each=kill)
    finally:
        if killed:
            cluster.add_node(num_cpus=1, **SMALL)
    assert killed
    assert sorted(r.source for r in found) == sorted(p for p in source.rglob("*.*"))
    # Also those that the lost worker had written, but not told of.
    assert {r.status for r in found} == {"ok"}
    assert any("worker" in note for r in found for note in r.notes)
    foreign.unlink()
    assert tree(out) == whole


@pytest.mark.slow
def test_transfer_needs_neither_model_nor_reference_on_the_nodes(
    cluster, tiny, tiny_checkpoint, cat, grey_cat, tmp_path
):
    cat.save(tmp_path / "reference.png")
    source = photos(tmp_path / "in", grey_cat, 3)
    painter = TransferPainter(tiny, tmp_path / "reference.png", CONFIG)
    jobs = discover([source], tmp_path / "whole").jobs
    list(run_jobs(painter, jobs, CONFIG))
    sources = Sources(str(tiny_checkpoint), tmp_path / "reference.png")
    over(cluster, painter, sources, source, tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def command(cluster, model: Path, *arguments: object, cwd: Path) -> subprocess.Popen[str]:
    options = ["--model", model, "--engine", "ray", "--address", cluster.address, "--device", "cpu"]
    return subprocess.Popen(
        [*COMMAND, *map(str, [*arguments, *options])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


@pytest.mark.slow
def test_the_command_is_interrupted_and_goes_on(cluster, tiny, tiny_checkpoint, grey_cat, tmp_path):
    source = photos(tmp_path / "in", grey_cat, 60)
    whole = locally(tiny, source, tmp_path / "whole")
    # Relative names: the workers' folder is another one.
    line = ["colorize", "in", "-o", "out", "--samples", 2, "--json"]
    process = command(cluster, tiny_checkpoint, *line, cwd=tmp_path)
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert first["status"] == "ok"
    assert first["input"].startswith("in/")
    assert len(rest.splitlines()) < 60
    time.sleep(1)
    assert set(tree(tmp_path / "out")) <= set(whole)  # temporary files would show
    process = command(cluster, tiny_checkpoint, *line, cwd=tmp_path)
    data, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    lines = [json.loads(text) for text in data.splitlines()]
    assert lines[-1]["summary"].keys() == {"ok", "skipped"}
    assert errors.count("\n") == 2, errors
    assert tree(tmp_path / "out") == whole
    report = [json.loads(text) for text in (tmp_path / "out" / NAME).read_text().splitlines()[1:]]
    assert sorted(entry["input"] for entry in report) == sorted(map(str, source.rglob("*.*")))


@pytest.mark.slow
def test_nodes_that_are_not_fit_for_the_job_are_named(cluster, tiny, grey_cat, tmp_path):
    source = photos(tmp_path / "in", grey_cat, 2)
    painter = SamplePainter(tiny, CONFIG)
    # The bundled model instead of the one whose settings the driver knows.
    with pytest.raises(ConfigError, match="same model"):
        over(cluster, painter, Sources("photo"), source, tmp_path / "out")
    assert tree(tmp_path / "out") == {}
