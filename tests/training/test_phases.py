"""The phases of a run: those left out, the joint one, and steps of theirs that go wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import colorflow.training.module as module_under_test
from colorflow.colorize import Colorizer
from colorflow.errors import ColorflowError
from colorflow.models.checkpoint import load_checkpoint
from colorflow.networks.backbones import load_backbone
from colorflow.training.run import start
from training.runs import Make, log_of, nowhere


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
    bundled = load_backbone("photo", colorizer.info.config.taps).state_dict()
    changed = {
        name for name, value in bundled.items() if not torch.equal(own[name].half(), value.half())
    }
    kernels = {name for name in bundled if name.startswith("layers.")}
    assert {name for name in kernels if name.endswith("weight")} <= changed <= kernels
    last = load_checkpoint(out / "joint.safetensors")[1]
    assert last.content_hash == colorizer.info.content_hash


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
