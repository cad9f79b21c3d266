"""Jobs that are killed, and files that are broken in every way."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batch.fuzz import make_files
from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import discover
from colorflow.batch.painters import SamplePainter
from colorflow.batch.report import NAME
from colorflow.batch.run import run_jobs

COMMAND = [sys.executable, "-c", "from colorflow.cli.main import main; main()"]


@pytest.mark.parametrize("count", [80, pytest.param(500, marks=pytest.mark.slow)])
def test_malformed_files_fail_one_by_one_and_the_good_ones_get_done(tiny, tmp_path, count):
    files = make_files(tmp_path / "in", count, seed=count)
    jobs = discover([tmp_path / "in"], tmp_path / "out").jobs
    results = {}
    last = time.monotonic()
    for result in run_jobs(
        SamplePainter(tiny, BatchConfig(samples=1)), jobs, BatchConfig(samples=1)
    ):
        results[result.source.name] = result
        assert time.monotonic() - last < 60  # a hang
        last = time.monotonic()
    assert set(results) == set(files)
    for name, result in results.items():
        assert result.status in ("ok", "failed")
        if files[name]:
            assert result.status == "ok", result.reason
        if result.status == "failed":
            assert name in result.reason
            assert "unexpected" not in result.reason
            assert "\n" not in result.reason
        assert all(path.exists() for path in result.outputs)
    outputs = {p.name for r in results.values() for p in r.outputs}
    assert {p.name for p in (tmp_path / "out").rglob("*")} == outputs
    assert sum(r.status == "failed" for r in results.values()) > count / 3


def _photos(folder: Path, grey: np.ndarray, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        picture = Image.fromarray(np.roll(grey, number, axis=1))
        picture.save(folder / f"{number:03}.{('jpg', 'png')[number % 2]}")


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NAME
    }


@pytest.mark.parametrize(
    ("count", "kills"), [(40, 3), pytest.param(200, 20, marks=pytest.mark.slow)]
)
def test_a_job_that_is_killed_again_and_again_ends_with_the_same_bytes(
    tmp_path, grey_cat, tiny_checkpoint, count, kills
):
    _photos(tmp_path / "in", grey_cat, count)
    base = ["colorize", str(tmp_path / "in"), "--samples", "2", "--model", str(tiny_checkpoint)]
    base += ["--device", "cpu"]
    subprocess.run([*COMMAND, *base, "-o", str(tmp_path / "whole")], check=True)
    generator = np.random.default_rng(count)
    out = tmp_path / "out"
    killed = 0
    for _ in range(kills):
        process = subprocess.Popen(
            [*COMMAND, *base, "-o", str(out), "--json"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        # Kill somewhere between this many further photos and the next.
        for _ in range(1 + int(generator.integers(max(2, count // kills)))):
            if not process.stdout.readline().startswith('{"input"'):
                break
        time.sleep(generator.uniform(0, 0.05))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert killed >= kills - 1
    run = subprocess.run([*COMMAND, *base, "-o", str(out)], check=False)
    assert run.returncode == 0
    assert _hashes(out) == _hashes(tmp_path / "whole")  # temporary files would show here
    lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
    assert sorted(Path(line["input"]).name for line in lines[1:]) == sorted(
        path.name for path in (tmp_path / "in").iterdir()
    )
    assert {line["status"] for line in lines[1:]} <= {"ok", "skipped"}
