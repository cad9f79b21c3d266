"""What a person sees of a run: progress, figures, pictures, and a model to try already."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from colorflow.models.checkpoint import save_checkpoint
from colorflow.training.module import PhaseModule
from colorflow.training.pictures import grid_picture, sweep_picture

LOG = "log.jsonl"
PICTURED = 8
# Steps over which rates are averaged.
WINDOW = 50


class Pulse(Callback):
    """Measures images per second and the share of time spent waiting for data; shows progress.

    Args:
        show: receives the figures of a step: share of the phase that is done, seconds left, loss,
            bits per dimension, images per second, share of waiting, skipped steps.
        bits: nats per dimension of the model -> bits per dimension in physical units.
    """

    def __init__(
        self, show: Callable[[dict[str, float]], None], bits: Callable[[float], float]
    ) -> None:
        self.show, self.bits = show, bits
        self._last = self._waited = 0.0
        self._waits: deque[float] = deque(maxlen=WINDOW)
        self._steps: deque[float] = deque(maxlen=WINDOW)
        self._loss: deque[float] = deque(maxlen=WINDOW)
        self._nll: deque[float] = deque(maxlen=WINDOW)
        self.figures: dict[str, float] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._last = time.monotonic()
        self._waited = _phase(pl_module).batches.seconds

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Time the step, and show where the run is."""
        module = _phase(pl_module)
        now, waited = time.monotonic(), module.batches.seconds
        self._steps.append(now - self._last)
        self._waits.append(waited - self._waited)
        self._last, self._waited = now, waited
        values = torch.tensor([float(outputs["loss"]), module.last_nll])
        if trainer.world_size > 1:  # each process has seen its share of the batch
            reduced = trainer.strategy.reduce(values.to(module.device), reduce_op="mean")
            values = torch.as_tensor(reduced).cpu()
        for kept, value in zip((self._loss, self._nll), values.tolist(), strict=True):
            if math.isfinite(value):
                kept.append(value)
        seconds = sum(self._steps)
        pace = module.pace
        left = pace.minutes * 60 - module.elapsed
        if pace.steps:
            left = (pace.steps - trainer.global_step) * seconds / len(self._steps)
        self.figures = {
            "step": trainer.global_step,
            "progress": min(1.0, module.progress),
            "seconds_left": max(0.0, left),
            "loss": _mean(self._loss),
            "bits_per_dim": self.bits(_mean(self._nll)),
            "images_per_second": module.config.batch * len(self._steps) / seconds,
            "data_wait": sum(self._waits) / seconds,
            "skipped": module.skipped,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        if trainer.is_global_zero:
            self.show(self.figures)
            if trainer.global_step % WINDOW == 0 and trainer.logger:
                prefixed = {f"{module.phase}/{k}": v for k, v in self.figures.items()}
                trainer.logger.log_metrics(prefixed, trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock again: reports are neither work nor waiting."""
        self._last = time.monotonic()


class Report(Callback):
    """Writes figures, pictures and a usable model, of the averaged weights.

    Must stand before the averaging in the list of callbacks: it puts the trained weights back at
    the end of the same hook.

    Args:
        run: folder of the run.
        pulse: that knows the figures of training.
        backbone_hash: of the frozen backbone.
        provenance: facts for the model file.
        say: receives a line per report.
    """

    def __init__(
        self,
        run: Path,
        pulse: Pulse,
        backbone_hash: str,
        provenance: dict[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self.run, self.pulse, self.say = run, pulse, say
        self.backbone_hash, self.provenance = backbone_hash, provenance
        self.last: dict[str, Any] = {}

    @rank_zero_only
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the report."""
        module = _phase(pl_module)
        held = {name: float(torch.cat(v).mean()) for name, v in module.figures.items()}
        worst = module.figures.get("round_trip")
        if worst:
            held["round_trip"] = float(torch.cat(worst).max())
        if "nll" in held:
            held["bits_per_dim"] = self.pulse.bits(held.pop("nll"))
        entry = {
            "phase": module.phase,
            **self.pulse.figures,
            "photos_seen": trainer.global_step * module.config.batch,
            "minutes": module.elapsed / 60,
            "held_back": held,
        }
        with (self.run / LOG).open("a") as file:
            file.write(json.dumps(_finite(entry)) + "\n")
        self.last = _finite(entry)
        self.say(summary_line(entry))
        self.save(module)
        pictures = self._pictures(module)
        for name, picture in pictures.items():
            path = self.run / "pictures" / f"{module.phase}_{name}_{trainer.global_step:07d}.png"
            path.parent.mkdir(exist_ok=True)
            picture.save(path)
            picture.save(self.run / f"{name}.png")
        if trainer.logger:
            prefixed = {f"held_back/{name}": value for name, value in held.items()}
            trainer.logger.log_metrics(prefixed, trainer.global_step)
            for name, picture in pictures.items():
                board = trainer.logger.experiment  # type: ignore[attr-defined]
                board.add_image(name, np.asarray(picture), trainer.global_step, dataformats="HWC")

    def save(self, module: PhaseModule) -> None:
        """Write the model as it is now."""
        provenance = {**self.provenance, "report": self.last}
        path = self.run / "model.safetensors"
        save_checkpoint(path, module.model, self.backbone_hash, provenance, module.backbone)

    def _pictures(self, module: PhaseModule) -> dict[str, Image.Image]:
        if module.phase == "regress":
            return {}
        batch = module.data.pictured(PICTURED)
        chosen = {name: value.to(module.device) for name, value in batch.items()}
        domain = module.data.views.domain
        with torch.inference_mode():
            prepared = module.model.prepare(chosen["condition"], module.features(chosen))
            return {
                "samples": grid_picture(module.model, domain, chosen, prepared),
                "temperatures": sweep_picture(module.model, domain, chosen, prepared),
            }


def summary_line(entry: dict[str, Any]) -> str:
    """Say in one line what a report found.

    Args:
        entry: of the log.

    Returns:
        The line.
    """
    held = entry["held_back"]
    parts = [f"{entry['phase']} {entry['progress']:.0%}", f"step {entry['step']}"]
    if "bits_per_dim" in held:
        parts.append(f"{held['bits_per_dim']:.3f} bits/dim")
    elif not held:
        bits = entry["bits_per_dim"]
        quality = f"{bits:.3f} bits/dim" if math.isfinite(bits) else f"loss {entry['loss']:.3f}"
        parts.append(f"{quality} in training")
    if "regressor" in held:
        parts.append(f"regressor {_ratio(held['regressor'], held['grey'])} of grey")
    for name, value in held.items():
        if name.startswith("best@"):
            parts.append(f"best of 8 at {name[5:]} {_ratio(value, held['grey'])}")
    parts.append(f"{entry['images_per_second']:.1f} images/s")
    parts.append(f"{entry['data_wait']:.1%} waiting for data")
    if entry["skipped"]:
        parts.append(f"{entry['skipped']:.0f} steps skipped")
    return ", ".join(parts)


def _finite(value: Any) -> Any:
    """Replace what strict JSON has no word for by null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _ratio(value: float, grey: float) -> str:
    return f"{math.sqrt(value / grey):.3f}" if grey > 0 else "-"


def _mean(values: deque[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _phase(module: LightningModule) -> PhaseModule:
    if not isinstance(module, PhaseModule):
        raise TypeError(f"expected a PhaseModule, got {type(module).__name__}")
    return module
