"""What is told of a run: one line per report, and figures that are means of what was seen."""

from __future__ import annotations

import math
import types
from typing import Any

import pytest
import torch
from lightning import LightningModule

import colorflow.training.reports as module_under_test
from colorflow.training.batches import Timed
from colorflow.training.config import PhaseConfig
from colorflow.training.module import PhaseModule
from colorflow.training.reports import Pulse, summary_line

ENTRY = {
    "phase": "flow",
    "step": 400,
    "progress": 0.254,
    "images_per_second": 51.26,
    "data_wait": 0.0123,
    "skipped": 0,
    "held_back": {
        "grey": 0.64,
        "regressor": 0.36,
        "bits_per_dim": 4.5678,
        "best@0.7": 0.25,
        "one@0.7": 0.5,
    },
}


def test_a_report_is_told_in_one_line():
    assert summary_line(ENTRY) == (
        "flow 25%, step 400, 4.568 bits/dim, regressor 0.750 of grey, best of 8 at 0.7 0.625, "
        "51.3 images/s, 1.2% waiting for data"
    )


def test_the_line_leaves_out_what_was_not_measured_and_tells_of_skipped_steps():
    held = {"grey": 0.0, "regressor": 0.36}
    line = summary_line({**ENTRY, "phase": "regress", "skipped": 3, "held_back": held})
    assert line == (
        "regress 25%, step 400, regressor - of grey, 51.3 images/s, 1.2% waiting for data, "
        "3 steps skipped"
    )


@pytest.mark.parametrize(
    ("bits", "quality"), [(4.5678, "4.568 bits/dim"), (math.nan, "loss 0.250")]
)
def test_without_held_back_photos_the_line_tells_of_training(bits: float, quality: str):
    line = summary_line({**ENTRY, "held_back": {}, "bits_per_dim": bits, "loss": 0.25})
    assert line == (
        f"flow 25%, step 400, {quality} in training, 51.3 images/s, 1.2% waiting for data"
    )


class Clock:
    """A pulse, a phase it listens to, and a clock that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pace: PhaseConfig) -> None:
        self.now = 50.0
        fake = types.SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(module_under_test, "time", fake)
        self.shown: list[dict[str, float]] = []
        self.pulse = Pulse(self.shown.append, lambda nats: 10 * nats)
        self.module = PhaseModule.__new__(PhaseModule)
        LightningModule.__init__(self.module)
        self.module.pace, self.module.batches = pace, Timed(())
        self.module.config = types.SimpleNamespace(batch=6)
        self.module.elapsed, self.module.skipped, self.module.last_nll = 0.0, 0, math.nan
        self.trainer: Any = types.SimpleNamespace(
            global_step=0,
            world_size=1,
            is_global_zero=True,
            logger=None,
            optimizers=[types.SimpleNamespace(param_groups=[{"lr": 0.25}])],
        )
        self.module._trainer = self.trainer
        self.pulse.on_train_start(self.trainer, self.module)

    def step(self, work: float, wait: float, loss: float, nll: float = math.nan) -> None:
        self.now += work + wait
        self.module.batches.seconds += wait
        self.module.elapsed += work + wait
        self.module.last_nll = nll
        self.trainer.global_step += 1
        outputs = {"loss": torch.tensor(loss)}
        self.pulse.on_train_batch_end(self.trainer, self.module, outputs, None, 0)


def test_the_pulse_tells_speed_waiting_and_means(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch, PhaseConfig(steps=10))
    clock.step(work=1.0, wait=1.0, loss=3.0, nll=2.0)
    clock.now += 500  # a report: neither work nor waiting
    clock.pulse.on_validation_end(clock.trainer, clock.module)
    clock.step(work=2.0, wait=0.0, loss=2.0, nll=1.0)
    figures = clock.shown[-1]
    assert figures["step"] == 2
    assert figures["progress"] == pytest.approx(0.2)
    assert figures["images_per_second"] == pytest.approx(6 * 2 / 4)
    assert figures["data_wait"] == pytest.approx(1 / 4)
    assert figures["loss"] == pytest.approx(2.5)
    assert figures["bits_per_dim"] == pytest.approx(15.0)
    assert figures["seconds_left"] == pytest.approx(8 * 2.0)
    assert figures["learning_rate"] == 0.25


def test_by_the_clock_the_time_left_is_what_is_left_of_it(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch, PhaseConfig(minutes=1))
    clock.step(work=15.0, wait=5.0, loss=1.0)
    assert clock.shown[-1]["seconds_left"] == pytest.approx(40.0)
    clock.step(work=100.0, wait=0.0, loss=1.0)
    assert clock.shown[-1]["seconds_left"] == 0.0
    assert clock.shown[-1]["progress"] == 1.0


def test_a_loss_that_is_not_finite_spoils_no_mean(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch, PhaseConfig(steps=10))
    clock.step(1.0, 0.0, loss=2.0, nll=3.0)
    clock.step(1.0, 0.0, loss=math.nan, nll=math.inf)
    assert clock.shown[-1]["loss"] == 2.0
    assert clock.shown[-1]["bits_per_dim"] == 30.0


def test_without_a_likelihood_there_are_no_bits(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch, PhaseConfig(steps=10))
    clock.step(1.0, 0.0, loss=2.0)
    assert math.isnan(clock.shown[-1]["bits_per_dim"])
