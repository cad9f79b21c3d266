"""Runs that are stopped, killed or cut short go on as if they had not been."""

from __future__ import annotations

import os
import signal
import types
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import colorflow.training.checkpoint_io as checkpoint_io
import colorflow.training.module as module_under_test
import colorflow.training.reports as reports
from colorflow.errors import CheckpointError, ConfigError
from colorflow.training.fitting import TrainingStoppedError
from colorflow.training.plan import read_plan
from colorflow.training.run import proceed, start
from training.runs import (
    SETTINGS,
    Figures,
    Make,
    assert_same_model,
    crashing,
    interrupting,
    log_of,
    nowhere,
    reported,
)

# --- going on


def test_a_run_that_is_interrupted_in_every_phase_ends_as_if_it_had_not_been(
    finished: Path, plan: Make, tmp_path: Path
):
    out = tmp_path / "run"
    with pytest.raises(TrainingStoppedError, match=rf"step 3, .* --resume {out}"):
        start(plan(out, *SETTINGS), nowhere, interrupting("regress", 3))
    assert (out / "checkpoints" / "regress.safetensors").exists()
    for step in (7, 16):
        with pytest.raises(TrainingStoppedError, match=f"step {step}"):
            proceed(read_plan(out), nowhere, interrupting("flow", step))
    lines: list[str] = []
    steps: list[float] = []
    proceed(read_plan(out), lines.append, lambda figures: steps.append(figures["step"]))
    assert any("going on from" in line for line in lines)
    assert steps == list(range(17, 25))
    assert_same_model(out, finished)
    assert reported(out) == reported(finished)


@pytest.mark.parametrize(
    ("phase", "step", "first"), [("regress", 4, 1), ("flow", 3, 1), ("flow", 13, 11)]
)
def test_a_run_that_was_killed_goes_on_from_what_was_saved_last(
    phase: str, step: int, first: int, finished: Path, plan: Make, tmp_path: Path
):
    out = tmp_path / "run"
    with pytest.raises(RuntimeError, match="power cut"):
        start(plan(out, *SETTINGS), nowhere, crashing(phase, step))
    steps: list[float] = []
    proceed(read_plan(out), nowhere, lambda figures: steps.append(figures["step"]))
    assert steps[0] == first
    assert_same_model(out, finished)
    assert reported(out) == reported(finished)


def test_a_run_killed_in_its_last_report_ends_as_if_it_had_not_been(
    plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = ("regress.steps=0", "flow.steps=4", "report_steps=2")
    start(plan(tmp_path / "whole", *settings), nowhere)
    out = tmp_path / "run"
    save = reports.Report.save

    def cut(self: reports.Report, module: Any) -> None:
        if self.last["step"] == 4:
            raise RuntimeError("power cut")
        save(self, module)

    with monkeypatch.context() as patch:
        patch.setattr(reports.Report, "save", cut)
        with pytest.raises(RuntimeError, match="power cut"):
            start(plan(out, *settings), nowhere)
    proceed(read_plan(out), nowhere)
    assert_same_model(out, tmp_path / "whole")


def test_an_interrupt_at_the_last_step_of_a_phase_changes_nothing(
    finished: Path, plan: Make, tmp_path: Path
):
    out = tmp_path / "run"
    with pytest.raises(TrainingStoppedError):
        start(plan(out, *SETTINGS), nowhere, interrupting("regress", 6))
    proceed(read_plan(out), nowhere)
    assert_same_model(out, finished)


def test_an_interrupt_during_the_last_report_of_a_phase_is_heeded(plan: Make, tmp_path: Path):
    def say(line: str) -> None:
        if line.startswith("regress 100%"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingStoppedError):
        start(plan(tmp_path / "run", *SETTINGS), say)


def test_an_interrupt_at_the_step_of_a_report_loses_no_report(
    finished: Path, plan: Make, tmp_path: Path
):
    out = tmp_path / "run"
    with pytest.raises(TrainingStoppedError):
        start(plan(out, *SETTINGS), nowhere, interrupting("flow", 10))
    proceed(read_plan(out), nowhere)
    assert_same_model(out, finished)
    assert reported(out) == reported(finished)


def test_a_full_disk_ends_the_run_with_a_line_and_the_run_goes_on(
    finished: Path, plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, save, calls = tmp_path / "run", checkpoint_io.save_file, [0]

    def full(tensors: dict[str, Tensor], target: Path, metadata: dict[str, str]) -> None:
        calls[0] += 1
        if calls[0] == 2:  # at step 20 of the second phase
            Path(target).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(tensors, target, metadata=metadata)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_io, "save_file", full)
        with pytest.raises(CheckpointError, match=r"No space left on device.*--resume"):
            start(plan(out, *SETTINGS), nowhere)
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["flow.safetensors"]
    steps: list[float] = []
    proceed(read_plan(out), nowhere, lambda figures: steps.append(figures["step"]))
    assert steps[0] == 11
    assert_same_model(out, finished)
    assert reported(out) == reported(finished)


def test_a_finished_run_has_nothing_left_to_do(finished: Path):
    before = {path: path.read_bytes() for path in finished.glob("*.safetensors")}
    steps: list[float] = []
    proceed(read_plan(finished), nowhere, lambda figures: steps.append(figures["step"]))
    assert steps == []
    assert {path: path.read_bytes() for path in finished.glob("*.safetensors")} == before


def test_by_the_clock_an_interrupted_run_trains_no_longer_than_an_undisturbed_one(
    plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = [0.0]
    monkeypatch.setattr(module_under_test, "time", types.SimpleNamespace(monotonic=lambda: now[0]))

    def tick(figures: Figures) -> None:
        now[0] += 1.0  # every step takes one second

    def tick_and_interrupt(figures: Figures) -> None:
        tick(figures)
        interrupting("flow", 5)(figures)

    settings = ("regress.steps=0", "flow.steps=0", "flow.minutes=0.125", "report_steps=3")
    start(plan(tmp_path / "whole", *settings), nowhere, tick)
    assert log_of(tmp_path / "whole")[-1]["step"] == 8  # 7.5 seconds
    out = tmp_path / "run"
    with pytest.raises(TrainingStoppedError):
        start(plan(out, *settings), nowhere, tick_and_interrupt)
    proceed(read_plan(out), nowhere, tick)
    assert log_of(out)[-1]["minutes"] == pytest.approx(8 / 60)
    assert reported(out) == reported(tmp_path / "whole")
    assert_same_model(out, tmp_path / "whole")


def test_a_folder_that_holds_a_run_is_not_started_into(finished: Path, plan: Make):
    before = reported(finished)
    with pytest.raises(ConfigError, match=f"--resume {finished}"):
        start(plan(finished, *SETTINGS, "seed=9"), nowhere)
    assert read_plan(finished).config.seed == 0
    assert reported(finished) == before


# --- the joint phase


def test_a_joint_phase_that_is_interrupted_ends_as_if_it_had_not_been(plan: Make, tmp_path: Path):
    settings = ("regress.steps=0", "flow.steps=1", "joint.steps=4", "report_steps=3")
    start(plan(tmp_path / "whole", *settings), nowhere)
    out = tmp_path / "run"
    with pytest.raises(TrainingStoppedError, match="step 2"):
        start(plan(out, *settings), nowhere, interrupting("joint", 2))
    proceed(read_plan(out), nowhere)
    assert_same_model(out, tmp_path / "whole")
