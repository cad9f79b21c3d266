"""One phase under Lightning's trainer: averaging, checkpoints, and stopping when asked."""

from __future__ import annotations

import contextlib
import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger

from colorflow.errors import ColorflowError
from colorflow.training.checkpoint_io import SafetensorsIO
from colorflow.training.module import PhaseModule
from colorflow.training.plan import RunPlan
from colorflow.training.reports import Pulse, Report


class TrainingStoppedError(ColorflowError):
    """The user stopped a run; its state is saved."""


class Averaging(WeightAveraging):
    """Exponential moving average, quick at first and slow later: decay min(ema, (n + 1)/(n + 10)).

    The frozen buffers (mixing matrices, statistics) are left alone.
    """

    def __init__(self, decay: float) -> None:
        def average(means: Any, values: Any, count: Any) -> None:
            number = int(count)
            share = 1 - min(decay, (number + 1) / (number + 10))
            for mean, value in zip(means, values, strict=True):
                mean.lerp_(value, share)

        super().__init__(multi_avg_fn=average, use_buffers=False)


class StopOnSignal(Callback):
    """Turns Ctrl-C and SIGTERM into a saved checkpoint after the current step.

    Args:
        path: of the checkpoint.
        resume: the command that goes on with the run.
        report_steps: where a report is due, it is made before the run stops.
    """

    def __init__(self, path: Path, resume: str, report_steps: int) -> None:
        self.path, self.resume, self.report_steps = path, resume, report_steps
        self.asked = False
        # Read here: later they are those of the trainer, which takes them for itself.
        self._old = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.asked = True
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a second one is obeyed

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save and stop where a signal came, to this process or another one of the run."""
        asked = self.asked
        if trainer.world_size > 1:
            asked = trainer.strategy.reduce_boolean_decision(asked, all=False)
        due = trainer.global_step % self.report_steps == 0
        if asked and not due and not trainer.should_stop:
            trainer.save_checkpoint(self.path)
            raise TrainingStoppedError(
                f"stopped at step {trainer.global_step}, all is saved; go on with: {self.resume}"
            )

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice on workers, tools and services off the screen."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def fit_phase(
    plan: RunPlan,
    module: PhaseModule,
    report: Report,
    pulse: Pulse,
    device: torch.device,
    log: Callable[[str], None],
) -> bool:
    """Run one phase to its end, from its checkpoint where there is one.

    Args:
        plan: of the run.
        module: of the phase; holds the averaged weights afterwards.
        report: that writes figures and pictures.
        pulse: that shows progress.
        device: where to compute.
        log: receives lines.

    Returns:
        Whether the user asked to stop while the phase was ending.

    Raises:
        TrainingStoppedError: the user stopped it.
    """
    config = plan.config
    folder = plan.out / "checkpoints"
    checkpoint = folder / f"{module.phase}.safetensors"
    saver = ModelCheckpoint(
        folder,
        filename=module.phase,
        every_n_train_steps=config.report_steps,
        save_top_k=1,
        enable_version_counter=False,
        save_on_train_epoch_end=False,
    )
    saver.FILE_EXTENSION = ".safetensors"
    stop = StopOnSignal(checkpoint, plan.resume, config.report_steps)
    logger = TensorBoardLogger(plan.out, name="", version="tensorboard")
    with _quiet():
        trainer = Trainer(
            accelerator="gpu" if device.type == "cuda" else device.type,
            devices=plan.devices,
            num_nodes=plan.nodes,
            strategy="ddp" if plan.devices * plan.nodes > 1 else "auto",
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
            max_epochs=-1,
            gradient_clip_val=config.clip,
            val_check_interval=config.report_steps,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            logger=logger,
            callbacks=[pulse, report, Averaging(config.ema), saver, stop],
            plugins=[SafetensorsIO()],
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        resumed = checkpoint if checkpoint.exists() else None
        if resumed:
            log(f"{module.phase}: going on from {resumed}")
        try:
            trainer.fit(module, ckpt_path=resumed)
        except SystemExit as error:  # what the trainer makes of a second Ctrl-C
            raise TrainingStoppedError(
                f"stopped at once; go on from the last checkpoint with: {plan.resume}"
            ) from error
        finally:
            stop.restore()
    if trainer.world_size > 1:
        return bool(trainer.strategy.reduce_boolean_decision(stop.asked, all=False))
    return stop.asked
