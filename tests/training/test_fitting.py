"""Averaged weights, and signals that are heeded once and then given back."""

from __future__ import annotations

import os
import signal
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from lightning import LightningModule
from torch import nn

from colorflow.training.fitting import Averaging, StopOnSignal, TrainingStoppedError


class One(LightningModule):
    """A module of one weight and one buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))
        self.register_buffer("fixed", torch.tensor(0.0))


def averaged(decay: float, values: list[float]) -> One:
    """Let the weight take some values, step by step; give the module at the end of training."""
    module, averaging = One(), Averaging(decay)
    averaging.setup(types.SimpleNamespace(), module, "fit")
    for step, value in enumerate(values, 1):
        module.weight.data.fill_(value)
        module.fixed.fill_(value)
        averaging.on_train_batch_end(types.SimpleNamespace(global_step=step), module, None, None, 0)
    averaging.on_train_end(types.SimpleNamespace(), module)
    return module


def test_weights_are_averaged_quickly_at_first_and_slowly_later():
    # n = 1, 2 … weights were averaged before; the first is taken whole.
    values = [1.0, 0.0, 2.0, 5.0, 3.0]
    mean = values[0]
    for count, value in enumerate(values[1:], 1):
        decay = min(0.3, (count + 1) / (count + 10))
        mean = decay * mean + (1 - decay) * value
    assert averaged(0.3, values).weight.item() == pytest.approx(mean)
    assert averaged(0.0, values).weight.item() == 3.0


def test_the_average_of_a_weight_at_rest_is_that_weight_to_the_bit():
    assert averaged(0.998, [0.1] * 20).weight.item() == torch.tensor(0.1).item()


def test_buffers_are_taken_as_they_are():
    assert averaged(0.9, [1.0, 2.0, 4.0]).fixed.item() == 4.0


@pytest.fixture
def stop(tmp_path: Path) -> Iterator[StopOnSignal]:
    callback = StopOnSignal(
        tmp_path / "state.safetensors", "colorflow train colorize --resume run", 5
    )
    callback.on_train_start(types.SimpleNamespace(), One())
    yield callback
    callback.restore()


def end_of_step(stop: StopOnSignal, others: bool = False) -> list[Path]:
    """Run the hook after a step; give the checkpoints it has saved."""
    saved: list[Path] = []
    trainer = types.SimpleNamespace(
        world_size=2 if others else 1,
        should_stop=False,
        global_step=7,
        save_checkpoint=saved.append,
        strategy=types.SimpleNamespace(reduce_boolean_decision=lambda asked, **_: asked or others),
    )
    if not (stop.asked or others):
        stop.on_train_batch_end(trainer, One(), None, None, 0)
        return saved
    with pytest.raises(TrainingStoppedError) as caught:
        stop.on_train_batch_end(trainer, One(), None, None, 0)
    for part in ("step 7", stop.resume):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    return saved


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops_after_the_step(stop: StopOnSignal, number: signal.Signals):
    assert end_of_step(stop) == []
    os.kill(os.getpid(), number)
    assert end_of_step(stop) == [stop.path]


def test_a_signal_to_another_process_of_the_run_stops_this_one(stop: StopOnSignal):
    assert end_of_step(stop, others=True) == [stop.path]


def test_a_second_interrupt_is_obeyed_at_once(stop: StopOnSignal):
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_signals_are_given_back(tmp_path: Path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    callback = StopOnSignal(tmp_path, tmp_path, 5)
    callback.on_train_start(types.SimpleNamespace(), One())
    assert signal.getsignal(signal.SIGINT) is not before[0]
    os.kill(os.getpid(), signal.SIGINT)
    callback.restore()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
