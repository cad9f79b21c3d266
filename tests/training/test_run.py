"""Whole runs on a handful of photos: what they leave behind, and how they go on."""

from __future__ import annotations

import json
import math
import os
import signal
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

import colorflow.training.checkpoint_io as checkpoint_io
import colorflow.training.module as module_under_test
import colorflow.training.reports as reports
from colorflow.colorize import Colorizer
from colorflow.errors import CheckpointError, ColorflowError, ConfigError, NothingFoundError
from colorflow.models.checkpoint import load_checkpoint
from colorflow.networks.backbones import load_backbone
from colorflow.training.fitting import TrainingStoppedError
from colorflow.training.plan import RunPlan, read_plan
from colorflow.training.run import proceed, start

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


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, plan: Make) -> Path:
    """An undisturbed run of two phases."""
    out = tmp_path_factory.mktemp("run") / "undisturbed"
    assert start(plan(out, *SETTINGS), nowhere) == out / "model.safetensors"
    return out


# --- what a run leaves behind


def test_a_run_leaves_its_config_log_model_and_pictures(finished: Path):
    assert {path.name for path in finished.iterdir()} >= {
        *("config.json", "log.jsonl", "model.safetensors", "samples.png", "temperatures.png"),
        *("regress.safetensors", "flow.safetensors", "tensorboard", "pictures", "survey.json"),
    }
    assert json.loads((finished / "config.json").read_text())["config"]["flow"]["steps"] == 24
    assert list((finished / "checkpoints").iterdir()) == []  # of phases under way alone
    for path in (finished / "samples.png", finished / "temperatures.png"):
        with Image.open(path) as picture:
            assert picture.convert("RGB").getextrema() != ((255, 255),) * 3
    assert not list(finished.rglob(".colorflow-*"))


def test_the_log_tells_of_every_report_and_the_run_learns(finished: Path):
    log = log_of(finished)
    steps = [(entry["phase"], entry["step"]) for entry in log]
    assert steps == [("regress", 6), ("flow", 10), ("flow", 20), ("flow", 24)]
    assert [entry["photos_seen"] for entry in log] == [24, 40, 80, 96]
    assert log[0]["bits_per_dim"] is None  # the first phase has no likelihood
    assert log[-1]["progress"] == 1.0
    for name in ("loss", "bits_per_dim"):
        assert log[3][name] < log[2][name] < log[1][name]
    bits = [entry["held_back"]["bits_per_dim"] for entry in log[1:]]
    assert bits[2] < bits[1] < bits[0] - 0.02
    assert log[0]["held_back"]["regressor"] < log[0]["held_back"]["grey"]


def test_the_model_colours_and_says_what_it_was_trained_on(finished: Path, grey_cat: np.ndarray):
    colorizer = Colorizer.from_pretrained(finished / "model.safetensors", device="cpu")
    assert np.asarray(colorizer.sample(grey_cat, n=1)[0].image).shape == (100, 150, 3)
    facts = colorizer.info.provenance
    assert (facts["photos"], facts["held_back"]) == (7, 1)
    assert facts["training"]["flow"]["steps"] == 24
    assert facts["report"] == log_of(finished)[-1]


def test_the_last_report_and_the_end_of_the_last_phase_are_one_model(finished: Path):
    model, flow = (load_file(finished / f"{name}.safetensors") for name in ("model", "flow"))
    assert all(torch.equal(model[name], flow[name]) for name in model)


def test_mixing_and_statistics_stay_fixed_after_the_first_phase(finished: Path):
    first, last = (load_file(finished / f"{name}.safetensors") for name in ("regress", "flow"))
    learned = {name for name in first if not torch.equal(first[name], last[name])}
    model, _ = load_checkpoint(finished / "flow.safetensors")
    fixed = {name for name, _ in model.named_buffers()}
    assert fixed
    assert not learned & fixed
    assert learned >= {name for name, _ in model.named_parameters() if "bias" not in name}
    # Features of VGG are far from standardised; the statistics are those of the photos.
    assert last["pyramid.mean_conv3_3"].abs().max() > 1


def test_a_run_repeats_to_the_last_bit(finished: Path, plan: Make, tmp_path: Path):
    start(plan(tmp_path / "again", *SETTINGS), nowhere)
    assert_same_model(tmp_path / "again", finished)
    assert reported(tmp_path / "again") == reported(finished)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_given_back_after_a_run(number: signal.Signals, plan: Make, tmp_path: Path):
    before = signal.getsignal(number)
    try:
        start(plan(tmp_path / "run", "regress.steps=1", "flow.steps=0"), nowhere)
        assert signal.getsignal(number) == before
    finally:
        signal.signal(number, before)


def test_another_seed_is_another_run(finished: Path, plan: Make, tmp_path: Path):
    start(plan(tmp_path / "other", *SETTINGS, "seed=1", "flow.steps=1"), nowhere)
    ours = load_file(tmp_path / "other" / "regress.safetensors")["head.weight"]
    assert not torch.equal(ours, load_file(finished / "regress.safetensors")["head.weight"])


def test_bits_are_those_of_lab_values(plan: Make, tmp_path: Path):
    settings = ("regress.steps=0", "flow.steps=2", "regression=0", "worst=1e9")
    start(plan(tmp_path / "run", *settings), nowhere)
    (entry,) = log_of(tmp_path / "run")
    # The loss is in nats of a density over (a, b) / 20.
    bits = (entry["loss"] + math.log(20)) / math.log(2)
    assert entry["bits_per_dim"] == pytest.approx(bits, rel=1e-6)
    assert entry["held_back"]["bits_per_dim"] == pytest.approx(bits, abs=1.0)


def test_weights_are_averaged_and_gradients_bounded(plan: Make, tmp_path: Path):
    heads = {}
    for setting in ("ema=0", "ema=0.9", "clip=1e-12"):
        start(plan(tmp_path / setting, "regress.steps=3", "flow.steps=0", setting), nowhere)
        heads[setting] = load_file(tmp_path / setting / "model.safetensors")["head.weight"].norm()
    # The head begins at zero and moves away from there: its average lags behind.
    assert 1e-3 < heads["ema=0.9"] < 0.97 * heads["ema=0"]
    assert heads["clip=1e-12"] < 0.01 * heads["ema=0.9"]


@pytest.mark.parametrize("precision", ["bf16", "32"])
def test_a_run_without_a_cache_learns_as_well(precision: str, plan: Make, tmp_path: Path):
    settings = ("data.cache=false", f"precision={precision}", "flow.steps=12", "report_steps=6")
    start(plan(tmp_path / "run", "regress.steps=2", *settings), nowhere)
    log = log_of(tmp_path / "run")
    assert log[-1]["held_back"]["bits_per_dim"] < log[-2]["held_back"]["bits_per_dim"]
    assert log[-1]["held_back"]["round_trip"] < 1e-4  # reports are measured in float32
    assert load_file(tmp_path / "run" / "model.safetensors")["head.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "phases"),
    [
        (["regress.steps=0", "flow.steps=2"], ["flow"]),
        (["regress.steps=2", "flow.steps=0"], ["regress"]),
    ],
)
def test_phases_can_be_left_out(settings: list[str], phases: list[str], plan: Make, tmp_path: Path):
    out = tmp_path / "run"
    start(plan(out, *settings), nowhere)
    assert [entry["phase"] for entry in log_of(out)] == phases
    for name in ("regress", "flow"):
        assert (out / f"{name}.safetensors").exists() == (name in phases)
    # Whichever phase is the first measures the statistics of the taps.
    assert load_file(out / "model.safetensors")["pyramid.mean_conv3_3"].abs().max() > 1


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


def test_a_run_without_photos_leaves_its_folder_free(
    plan: Make, tmp_path: Path, grey_cat: np.ndarray
):
    (tmp_path / "grey").mkdir()
    Image.fromarray(grey_cat).save(tmp_path / "grey" / "1.png")
    made = plan(tmp_path / "run", "regress.steps=0", "flow.steps=1")
    wrong = RunPlan(made.config, tmp_path / "grey", None, made.out, made.cache, "cpu")
    for _ in range(2):
        with pytest.raises(NothingFoundError, match="1 grey"):
            start(wrong, nowhere)
    assert start(made, nowhere).exists()


def test_a_run_that_never_began_leaves_no_folder(plan: Make, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    made = plan(tmp_path / "run", "regress.steps=0", "flow.steps=1")
    with pytest.raises(NothingFoundError):
        start(RunPlan(made.config, tmp_path / "empty", None, made.out, made.cache, "cpu"), nowhere)
    assert not made.out.exists()


# --- the joint phase


@pytest.mark.parametrize("cache", ["true", "false"])
def test_the_joint_phase_trains_the_backbone_and_the_model_carries_it(
    cache: str, plan: Make, tmp_path: Path, grey_cat: np.ndarray
):
    out = tmp_path / "run"
    settings = ("regress.steps=0", "flow.steps=2", "joint.steps=2", "joint.learning_rate=1e-3")
    start(plan(out, *settings, f"data.cache={cache}", "warmup=0"), nowhere)
    assert [entry["phase"] for entry in log_of(out)] == ["flow", "joint"]
    assert load_checkpoint(out / "flow.safetensors")[1].backbone is None
    colorizer = Colorizer.from_pretrained(out / "model.safetensors", device="cpu")
    assert np.asarray(colorizer.sample(grey_cat, n=1)[0].image).shape == (100, 150, 3)
    assert colorizer.info.backbone is not None
    own = colorizer.info.backbone.state_dict()
    bundled = load_backbone("hed", colorizer.info.config.taps).state_dict()
    changed = {
        name for name, value in bundled.items() if not torch.equal(own[name].half(), value.half())
    }
    kernels = {name for name in bundled if name.startswith("layers.")}
    assert {name for name in kernels if name.endswith("weight")} <= changed <= kernels
    last = load_checkpoint(out / "joint.safetensors")[1]
    assert last.content_hash == colorizer.info.content_hash


def test_a_joint_phase_that_is_interrupted_ends_as_if_it_had_not_been(plan: Make, tmp_path: Path):
    settings = ("regress.steps=0", "flow.steps=1", "joint.steps=4", "report_steps=3")
    start(plan(tmp_path / "whole", *settings), nowhere)
    out = tmp_path / "run"
    with pytest.raises(TrainingStoppedError, match="step 2"):
        start(plan(out, *settings), nowhere, interrupting("joint", 2))
    proceed(read_plan(out), nowhere)
    assert_same_model(out, tmp_path / "whole")


# --- steps that go wrong


def poisoned(monkeypatch: pytest.MonkeyPatch, bad: Callable[[int], bool]) -> None:
    """Make the loss not a number at some calls."""
    loss = module_under_test.likelihood_loss
    calls = [0]

    def spoiled(*arguments: Any) -> tuple[Tensor, Tensor]:
        calls[0] += 1
        value, nll = loss(*arguments)
        return (value * math.nan, nll * math.nan) if bad(calls[0]) else (value, nll)

    monkeypatch.setattr(module_under_test, "likelihood_loss", spoiled)


def test_a_bad_step_is_skipped_and_counted(
    plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    poisoned(monkeypatch, lambda call: call == 3)
    out, lines = tmp_path / "run", []
    start(plan(out, "regress.steps=0", "flow.steps=6", "report_steps=2"), lines.append)
    assert [entry["skipped"] for entry in log_of(out)] == [0, 1, 1]
    assert "1 steps skipped" in "\n".join(lines)
    state = load_file(out / "model.safetensors")
    assert all(torch.isfinite(value).all() for value in state.values())


def test_a_run_all_of_whose_steps_are_bad_ends_with_a_line(
    plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module_under_test, "HOPELESS", 5)
    poisoned(monkeypatch, lambda call: call > 2)
    with pytest.raises(ColorflowError) as caught:
        start(plan(tmp_path / "run", "regress.steps=0", "flow.steps=50"), nowhere)
    assert "5 steps in a row" in str(caught.value)
    assert "flow.learning_rate" in str(caught.value)
    assert "\n" not in str(caught.value)


# --- photos of other folders


def test_photos_to_report_on_can_be_given_and_shared_ones_are_named(
    plan: Make, photos: Path, tmp_path: Path, cat: Image.Image
):
    val = tmp_path / "val"
    val.mkdir()
    (val / "copy.png").write_bytes((photos / "3.png").read_bytes())
    cat.rotate(90, expand=True).save(val / "own.png")
    lines: list[str] = []
    start(plan(tmp_path / "run", "regress.steps=1", "flow.steps=0", val=val), lines.append)
    warnings = [line for line in lines if line.startswith("warning")]
    assert len(warnings) == 1
    assert "1 photos of --val are among those of --data too" in warnings[0]
    assert f"{photos / '3.png'} = {val / 'copy.png'}" in warnings[0]
    facts = load_checkpoint(tmp_path / "run" / "model.safetensors")[1].provenance
    assert (facts["photos"], facts["held_back"]) == (8, 2)


def test_without_photos_to_report_on_some_are_held_back_and_it_is_said(plan: Make, tmp_path: Path):
    lines: list[str] = []
    start(plan(tmp_path / "run", "regress.steps=1", "flow.steps=0"), lines.append)
    assert lines[0].endswith("8 photos")
    assert "1 photos are held back for the reports, 7 train" in lines[1]
    assert lines[-1] == f"done: {tmp_path / 'run' / 'model.safetensors'}"
