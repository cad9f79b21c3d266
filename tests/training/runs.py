"""What runs leave behind, compared; and ways to disturb them."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors.torch import load_file

from colorflow.training.plan import RunPlan

Make = Callable[..., RunPlan]
Figures = dict[str, float]
Show = Callable[[Figures], None]

SETTINGS = ("regress.steps=6", "flow.steps=24", "report_steps=10")


def nowhere(line: str) -> None:
    """Take a line of the log and drop it."""


def log_of(run: Path) -> list[dict[str, Any]]:
    """Read the log of a run as strict JSON."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(f"{word} is not JSON")

    lines = (run / "log.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def reported(run: Path) -> list[tuple[Any, ...]]:
    """What a log says of the model, and not of the time it took."""
    names = ("phase", "step", "photos_seen", "skipped", "held_back")
    return [tuple(entry[name] for name in names) for entry in log_of(run)]


def assert_same_model(ours: Path, theirs: Path) -> None:
    for name in ("regress", "flow", "joint", "model"):
        path, other = ours / f"{name}.safetensors", theirs / f"{name}.safetensors"
        assert path.exists() == other.exists()
        if path.exists():
            mine, their = load_file(path), load_file(other)
            assert mine.keys() == their.keys()
            assert [n for n, value in mine.items() if not torch.equal(value, their[n])] == []


def at(phase: str, step: int, act: Callable[[], object]) -> Show:
    """Do something after a step of a phase."""

    def show(figures: Figures) -> None:
        regress = math.isnan(figures["bits_per_dim"])
        if figures["step"] == step and regress == (phase == "regress"):
            act()

    return show


def interrupting(phase: str, step: int) -> Show:
    """Send an interrupt after a step of a phase, as Ctrl-C would."""
    return at(phase, step, lambda: os.kill(os.getpid(), signal.SIGINT))


def crashing(phase: str, step: int) -> Show:
    """Fail after a step of a phase, as a power cut would."""

    def fail() -> NoReturn:
        raise RuntimeError("power cut")

    return at(phase, step, fail)
