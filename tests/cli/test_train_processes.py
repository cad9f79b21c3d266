"""Training from the command line in processes of its own: interrupted, and several at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from quick_training import QUICK, TINY
from safetensors.torch import load_file


def script() -> Path:
    """The installed command; several processes are started by starting it again."""
    return Path(sys.executable).with_name("colorflow")


def heed_interrupts() -> None:
    """A shell ignores interrupts for what it runs in the background; children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_exits_130_and_tells_how_to_go_on(photos: Path, cache: Path, tmp_path: Path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [
            *(script(), "train", "colorize", "--data", photos, "--out", out, "--cache", cache),
            *(*TINY, *QUICK, "--set", "flow.steps=1000000", "--set", "report_steps=5"),
        ],
        stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 90
    checkpoint = out / "checkpoints" / "flow.safetensors"
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    last = stderr.splitlines()[-1]
    assert last.startswith("stopped at step ")
    assert last.endswith(f"colorflow train colorize --resume {out}")
    assert "Traceback" not in stderr
    assert [path.name for path in checkpoint.parent.iterdir()] == ["flow.safetensors"]


@pytest.mark.slow
def test_two_processes_train_the_model_of_one(photos: Path, cache: Path, tmp_path: Path):
    for devices in (1, 2):
        done = subprocess.run(
            [
                *(script(), "train", "colorize", "--data", photos, "--cache", cache),
                *("--out", tmp_path / str(devices), *TINY, "--devices", str(devices)),
                *(*QUICK, "--set", "flow.steps=6", "--set", "report_steps=3"),
                *("--set", "model.dropout=0", "--set", "warmup=2", "--threads", "1"),
            ],
            capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("done: ") == 1  # the first process alone speaks
    logs = [
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("1", "2")
    ]
    assert len(logs[0]) == len(logs[1]) == 3
    for one, two in zip(*logs, strict=True):
        assert (one["phase"], one["step"]) == (two["phase"], two["step"])
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
        if one["phase"] == "flow":
            assert two["bits_per_dim"] == pytest.approx(one["bits_per_dim"], rel=1e-3)
        assert two["held_back"] == pytest.approx(one["held_back"], rel=1e-2, abs=1e-5)
    for name in ("regress", "flow", "model"):
        one, two = (load_file(tmp_path / n / f"{name}.safetensors") for n in ("1", "2"))
        for key, value in one.items():
            assert torch.allclose(value, two[key], atol=1e-5), (name, key)
