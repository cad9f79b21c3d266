"""One phase of training as a Lightning module."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from colorflow.errors import ColorflowError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.latents import derive_seed
from colorflow.networks.backbones import Backbone
from colorflow.training.batches import Batch, Timed, features_of
from colorflow.training.config import TrainConfig
from colorflow.training.data import TrainingData
from colorflow.training.losses import likelihood_loss, regression_loss
from colorflow.training.measure import figures_of

# After so many steps in a row without a finite gradient nothing will come of the run.
HOPELESS = 100


class PhaseModule(LightningModule):
    """Trains a model in one phase: ``regress``, ``flow`` or ``joint``.

    The learning rate rises linearly over the warm-up and falls to zero as a cosine of the share
    of the phase that is done, by steps or by the time spent in training.

    Args:
        model: to train.
        backbone: that makes the features; trained in the joint phase alone.
        data: what to train on.
        config: of the run.
        phase: its name.
    """

    def __init__(
        self,
        model: ConditionalINN,
        backbone: Backbone,
        data: TrainingData,
        config: TrainConfig,
        phase: str,
    ) -> None:
        super().__init__()
        self.model = model
        self.config, self.phase, self.data = config, phase, data
        self.pace = config.phase(phase)
        self.joint = phase == "joint"
        # In a tuple it is not registered: the checkpoints of a frozen backbone need not hold it.
        self._unregistered = (backbone.requires_grad_(self.joint),)
        self.backbone = backbone if self.joint else None
        model.requires_grad_(phase != "regress")
        model.pyramid.requires_grad_(True)
        if model.head is not None:
            model.head.requires_grad_(True)
        self.elapsed = 0.0
        self.skipped = self.skipped_in_a_row = 0
        self.last_nll = math.nan
        self.figures: dict[str, list[Tensor]] = {}
        self.batches = Timed(())
        self._mark = 0.0

    def on_fit_start(self) -> None:
        """Move the frozen backbone to the device of the model."""
        self._unregistered[0].to(self.device)

    def train_dataloader(self) -> Timed:
        """Give the batches from the current step on."""
        trainer = self.trainer
        place = trainer.global_rank, trainer.world_size
        self.batches = Timed(self.data.train_loader(trainer.global_step, *place))
        return self.batches

    def val_dataloader(self) -> TrainingData:
        """Give the photos that reports are measured on; every process measures all of them."""
        return self.data

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give AdamW over what the phase trains."""
        return torch.optim.AdamW(
            [p for p in self.parameters() if p.requires_grad],
            lr=self.pace.learning_rate,
            weight_decay=self.config.weight_decay,
        )

    @property
    def progress(self) -> float:
        """Share of the phase that is done, from 0."""
        if self.pace.steps:
            return self.trainer.global_step / self.pace.steps
        return self.elapsed / (60 * self.pace.minutes)

    def features(self, batch: Batch) -> Mapping[str, Tensor]:
        """Give the backbone's features of a batch: cached, or computed now."""
        cached = features_of(batch)
        if cached:
            return cached
        with torch.set_grad_enabled(self.joint and torch.is_grad_enabled()):
            features: dict[str, Tensor] = self._unregistered[0](batch["condition"])
            return features

    def on_train_start(self) -> None:
        """Start the clock."""
        self._mark = time.monotonic()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> int | None:
        """Set the learning rate, and seed dropout by the step; -1 where the phase is over."""
        step = self.trainer.global_step
        if self.progress >= 1:  # resumed at its very end
            self.trainer.should_stop = True
            return -1
        rate = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        rate *= min(1.0, (step + 1) / max(1, self.config.warmup))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.pace.learning_rate * rate
        # Dropout takes no generator; seeded by step and process it needs no saved state either.
        torch.manual_seed(derive_seed(self.config.seed, self.phase, step) + self.global_rank)
        return None

    def training_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """Compute the loss of a batch."""
        target = batch["target"]
        features = self.features(batch)
        if self.phase == "regress":
            return regression_loss(self.model, batch["condition"], features, target)
        config = self.config
        loss, nll = likelihood_loss(
            self.model,
            batch["condition"],
            features,
            target,
            self._noise(target),
            config.worst,
            config.regression,
        )
        self.last_nll = float(nll)
        return loss

    def _noise(self, target: Tensor) -> Tensor:
        # Drawn for the whole step and cut to the share of this process, so that the number of
        # processes makes no difference.
        seed = derive_seed(self.config.seed, "noise", self.trainer.global_step)
        generator = torch.Generator().manual_seed(seed)
        size = (len(target) * self.trainer.world_size, *target.shape[1:])
        noise = torch.randn(size, generator=generator) * self.config.data.noise
        start = len(target) * self.global_rank
        return noise[start : start + len(target)].to(target)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Leave out a step whose gradient is not finite, and count it."""
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if torch.isfinite(norm):
            self.skipped_in_a_row = 0
            return
        # Without gradients the optimizer leaves weights and moments as they are.
        optimizer.zero_grad(set_to_none=True)
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row >= HOPELESS:
            raise ColorflowError(
                f"{self.phase}: {HOPELESS} steps in a row had no finite gradient, at step "
                f"{self.trainer.global_step}; lower {self.phase}.learning_rate and start again"
            )

    def on_train_batch_end(self, outputs: STEP_OUTPUT, batch: Batch, batch_idx: int) -> None:
        """Stop the clock for this step; end the phase when its time has come."""
        now = time.monotonic()
        self.elapsed += now - self._mark
        self._mark = now
        if self.trainer.world_size > 1 and not self.pace.steps:
            # All processes must agree on the learning rate and on the last step.
            self.elapsed = float(self.trainer.strategy.broadcast(self.elapsed))
        if self.progress >= 1:
            self.trainer.should_stop = True

    def on_validation_start(self) -> None:
        """Forget the figures of the last report."""
        self.figures = {}

    def on_validation_end(self) -> None:
        """Start the clock again: reports don't count as training."""
        self._mark = time.monotonic()

    def validation_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """Measure photos that are held back."""
        # In float32, as the model is used afterwards; round trips in bfloat16 mean nothing.
        with torch.autocast(self.device.type, enabled=False):
            figures = figures_of(
                self.model,
                batch["condition"],
                self.features(batch),
                batch["target"],
                samples=0 if self.phase == "regress" else 8,
                noise=self.config.data.noise,
                seed=batch_idx,
            )
        for name, values in figures.items():
            self.figures.setdefault(name, []).append(values.float().cpu())
        return None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the clock and the count of skipped steps."""
        # Checkpoints are written before the step that they belong to is on the clock.
        elapsed = self.elapsed + time.monotonic() - self._mark
        checkpoint["pace"] = {"elapsed": elapsed, "skipped": self.skipped}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the clock and the count of skipped steps again."""
        self.elapsed = checkpoint["pace"]["elapsed"]
        self.skipped = checkpoint["pace"]["skipped"]
