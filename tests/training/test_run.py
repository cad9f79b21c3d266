"""Whole runs on a handful of photos: what they leave behind, and say of their photos."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from colorflow.colorize import Colorizer
from colorflow.errors import NothingFoundError
from colorflow.models.checkpoint import load_checkpoint
from colorflow.training.plan import RunPlan
from colorflow.training.run import start
from training.runs import SETTINGS, Make, assert_same_model, log_of, nowhere, reported

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


@pytest.mark.parametrize("precision", ["bf16", "32"])
def test_a_run_without_a_cache_learns_as_well(precision: str, plan: Make, tmp_path: Path):
    settings = ("data.cache=false", f"precision={precision}", "flow.steps=12", "report_steps=6")
    start(plan(tmp_path / "run", "regress.steps=2", *settings), nowhere)
    log = log_of(tmp_path / "run")
    assert log[-1]["held_back"]["bits_per_dim"] < log[-2]["held_back"]["bits_per_dim"]
    assert log[-1]["held_back"]["round_trip"] < 1e-4  # reports are measured in float32
    assert load_file(tmp_path / "run" / "model.safetensors")["head.weight"].dtype == torch.float32


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
    listed = tmp_path / "run" / "split.json"
    assert warnings[0].endswith(f"too kind: copy.png; all of them are in {listed}")
    split = json.loads(listed.read_text())
    assert split["shared"] == [[str(photos / "3.png"), str(val / "copy.png")]]
    assert split["held_back"] == [[str(val / "copy.png")], [str(val / "own.png")]]
    facts = load_checkpoint(tmp_path / "run" / "model.safetensors")[1].provenance
    assert (facts["photos"], facts["held_back"]) == (8, 2)


def test_without_photos_to_report_on_some_are_held_back_and_it_is_said(plan: Make, tmp_path: Path):
    lines: list[str] = []
    start(plan(tmp_path / "run", "regress.steps=1", "flow.steps=0"), lines.append)
    assert lines[0].endswith("8 photos")
    assert "1 photos are held back for the reports, 7 train" in lines[1]
    assert lines[-1] == f"done: {tmp_path / 'run' / 'model.safetensors'}"
