"""Training from the command line: what is refused, what is told, what is gone on with."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from quick_training import QUICK, TINY
from safetensors.torch import load_file

from colorflow.cli.main import main
from colorflow.cli.train import progress_line
from colorflow.models.checkpoint import load_checkpoint
from colorflow.training.plan import read_plan

Run = Callable[..., tuple[int, str]]

FIGURES = {
    "step": 1200.0,
    "bits_per_dim": 4.5678,
    "loss": 0.98765,
    "images_per_second": 51.26,
    "seconds_left": 3725.9,
}


@pytest.fixture
def train(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run ``colorflow train colorize`` in this process; give its exit code and standard error."""

    def run(*arguments: object) -> tuple[int, str]:
        words = ["colorflow", "train", "colorize", "--cache", str(cache), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        assert captured.out == ""
        return code, captured.err

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, photos: Path, cache: Path) -> Path:
    """A run to resume: two steps, finished."""
    from colorflow.training.config import training_preset
    from colorflow.training.overrides import override
    from colorflow.training.plan import RunPlan
    from colorflow.training.run import start

    settings = [*QUICK[1::2], "flow.steps=0"]
    config = override(training_preset("tiny"), settings)
    out = tmp_path_factory.mktemp("run") / "out"
    start(RunPlan(config, photos, None, out, cache, "cpu"), lambda line: None)
    return out


def assert_one_line(stderr: str, *parts: object) -> None:
    assert len(stderr.strip().splitlines()) == 1
    assert stderr.startswith("colorflow: ")
    for part in parts:
        assert str(part) in stderr


# --- arguments


def test_init_brings_its_own_architecture_and_weights(
    train: Run, photos: Path, tiny_checkpoint: Path, tmp_path: Path
):
    out = tmp_path / "out"
    quick = (*QUICK, "--set", "flow.steps=2", "--device", "cpu")
    code, stderr = train("--data", photos, "--out", out, "--init", tiny_checkpoint, *quick)
    assert code == 0, stderr
    assert "beginning with the weights of" in stderr
    begun, ours = load_file(tiny_checkpoint), load_file(out / "model.safetensors")
    assert {n: v.shape for n, v in begun.items()} == {n: v.shape for n, v in ours.items()}


@pytest.mark.parametrize(
    ("model", "code", "parts"),
    [
        ("nowhere.safetensors", 1, ["nowhere.safetensors", "no such file"]),
        ("night", 2, ["translation", "colorflow train translate"]),
    ],
)
def test_init_with_a_model_that_does_not_serve(
    model: str, code: int, parts: list[str], train: Run, photos: Path, tmp_path: Path
):
    found, stderr = train("--data", photos, "--out", tmp_path / "out", "--init", model)
    assert found == code
    assert_one_line(stderr, *parts)
    assert not (tmp_path / "out").exists()


def test_a_resumed_run_cannot_begin_again(train: Run, run: Path, tiny_checkpoint: Path):
    code, stderr = train("--resume", run, "--init", tiny_checkpoint)
    assert code == 2
    assert_one_line(stderr, "a run begins once", "leave --init out")


@pytest.mark.parametrize("given", ["--data", "--out"])
def test_a_missing_folder_exits_2_and_says_which(given: str, train: Run, tmp_path: Path):
    code, stderr = train(given, tmp_path, *TINY)
    assert code == 2
    assert_one_line(stderr, "--out" if given == "--data" else "--data", "--resume")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--set", "flow.stepz=3"], ["flow.stepz", "nearest: flow.steps"]),
        (["--set", "flow.steps"], ["flow.steps", "key=value"]),
        (["--set", "flow.steps=-3"], ["steps", "-3"]),
        (["--preset", "huge"], ["huge", "paper, photo, tiny"]),
        (["--devices", "3"], ["multiple of the 3 processes", "8"]),
    ],
)
def test_wrong_arguments_exit_2_with_a_line_and_leave_nothing(
    arguments: list[str], parts: list[str], train: Run, photos: Path, tmp_path: Path
):
    code, stderr = train("--data", photos, "--out", tmp_path / "out", *TINY, *arguments)
    assert code == 2
    assert_one_line(stderr, *parts)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_photos_exits_4(train: Run, tmp_path: Path):
    code, stderr = train("--data", tmp_path, "--out", tmp_path / "out", *TINY)
    assert code == 4
    assert_one_line(stderr, tmp_path)
    assert not (tmp_path / "out" / "config.json").exists()


def test_a_run_tells_its_photos_its_reports_and_its_end_on_standard_error(
    train: Run, photos: Path, tmp_path: Path
):
    val = tmp_path / "val"
    val.mkdir()
    (val / "same.png").write_bytes((photos / "2.png").read_bytes())
    out = tmp_path / "out"
    code, stderr = train(
        "--data", photos, "--val", val, "--out", out, *TINY, *QUICK, "--set", "flow.steps=2",
        "--threads", 1,
    )  # fmt: skip
    assert code == 0
    lines = stderr.splitlines()
    assert lines[0] == f"{photos}: 8 photos"
    (warning,) = [line for line in lines if line.startswith("warning: 1 photos")]
    assert warning.endswith(f": same.png; all of them are in {out / 'split.json'}")
    assert any(line.startswith("flow 100%, step 2, ") for line in lines)
    assert lines[-1] == f"done: {out / 'model.safetensors'}"
    # Neither advice of Lightning's nor a traceback.
    known = (str(photos), str(val), "warning: 1", "feature", "regress 100%", "flow 100%", "done")
    assert [line for line in lines if not line.startswith(known)] == []


def test_val_none_trains_on_all_photos_keeps_the_last_weights_and_resumes(
    train: Run, photos: Path, tmp_path: Path
):
    out = tmp_path / "out"
    quick = (*TINY, *QUICK, "--set", "flow.steps=4", "--set", "report_steps=2")
    code, stderr = train("--data", photos, "--val", "none", "--out", out, *quick)
    assert code == 0, stderr
    assert "--val none: nothing is held back, all 8 photos train" in stderr
    (report,) = [line for line in stderr.splitlines() if line.startswith("flow 100%, step 4, ")]
    assert " bits/dim in training, " in report
    facts = load_checkpoint(out / "model.safetensors")[1].provenance
    assert (facts["photos"], facts["held_back"]) == (8, 0)
    assert (facts["report"]["step"], facts["report"]["held_back"]) == (4, {})
    last, kept = (load_file(out / f"{name}.safetensors") for name in ("flow", "model"))
    assert all(torch.equal(value, kept[name]) for name, value in last.items())
    assert (out / "samples.png").exists()
    assert read_plan(out).hold_back is False
    assert train("--resume", out, "--val", "none")[0] == 0
    code, stderr = train("--resume", out, "--val", photos)
    assert code == 2
    assert_one_line(stderr, "expected the run's --val, none", f"got {photos}")


def test_one_photo_is_trained_on_and_held_back_with_a_warning(
    train: Run, photos: Path, tmp_path: Path
):
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.png").write_bytes((photos / "0.png").read_bytes())
    code, stderr = train(
        "--data", one, "--out", tmp_path / "out", *TINY, *QUICK, "--set", "flow.steps=0"
    )
    assert code == 0, stderr
    (warning,) = [line for line in stderr.splitlines() if line.startswith("warning")]
    assert "trained on and held back both" in warning


# --- resuming


def test_a_finished_run_can_be_resumed_with_its_own_arguments(train: Run, run: Path, photos: Path):
    code, stderr = train(
        "--resume", run, "--out", run, "--data", photos, *TINY, *QUICK, "--set", "flow.steps=0"
    )
    assert code == 0, stderr
    assert stderr.splitlines()[-1] == f"done: {run / 'model.safetensors'}"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--set", "seed=3"], ["seed: 0 in the run, 3 asked for"]),
        (["--preset", "tiny"], ["batch: 4 in the run, 8 asked for", "regress.steps"]),
        (["--data", "elsewhere"], ["--data", "got elsewhere"]),
        (["--val", "elsewhere"], ["--val", "not given, got elsewhere"]),
        (["--val", "none"], ["--val", "not given, got none"]),
        (["--out", "elsewhere"], ["--out"]),
    ],
)
def test_a_run_is_not_resumed_with_other_arguments(
    arguments: list[str], parts: list[str], train: Run, run: Path
):
    before = (run / "config.json").read_bytes()
    code, stderr = train("--resume", run, *arguments)
    assert code == 2
    assert_one_line(stderr, *parts)
    assert (run / "config.json").read_bytes() == before


def test_a_folder_without_a_run_cannot_be_resumed(train: Run, tmp_path: Path):
    code, stderr = train("--resume", tmp_path)
    assert code == 2
    assert_one_line(stderr, tmp_path, "config.json")


def test_a_run_is_not_started_over_another(train: Run, run: Path, photos: Path):
    code, stderr = train("--data", photos, "--out", run, *TINY)
    assert code == 2
    assert_one_line(stderr, f"--resume {run}")


# --- progress


def test_progress_is_one_line_of_step_quality_speed_and_time_left():
    assert progress_line(FIGURES) == "step 1200  4.568 bits/dim  51.3 images/s  1:02:05 left"
    soon = {**FIGURES, "bits_per_dim": math.nan, "seconds_left": 9.0}
    assert progress_line(soon) == "step 1200  loss 0.988  51.3 images/s  0:00:09 left"
