"""Time a training step from cached features: how much of it is forward, backward and optimizer.

    python scripts/bench_training.py [--preset photo] [--set key=value]... [--threads 1]

Trains on crops of the example photos, of the size and number a real run would read per step. The
first ten steps are not counted.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from colorflow.domains import colorization_of
from colorflow.models.cinn import ConditionalINN
from colorflow.networks.backbones import backbone_hash, load_backbone
from colorflow.resources import bundled
from colorflow.training.config import training_preset
from colorflow.training.data import TrainingData
from colorflow.training.fitting import fit_phase
from colorflow.training.module import PhaseModule
from colorflow.training.overrides import override
from colorflow.training.plan import RunPlan
from colorflow.training.reports import Pulse, Report
from colorflow.training.survey import survey

WARM = 10


class TimedModule(PhaseModule):
    """Adds up the time inside forward, backward and optimizer."""

    useful = 0.0
    begun = 0.0
    taken = 0.0

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Time the step with its closure, which is forward and backward."""
        if self.trainer.global_step == WARM:
            self.begun, self.useful = time.perf_counter(), 0.0
        start = time.perf_counter()
        super().optimizer_step(*args, **kwargs)
        self.useful += time.perf_counter() - start

    def on_train_end(self) -> None:
        """Stop the clock."""
        self.taken = time.perf_counter() - self.begun


def main() -> None:
    """Train some steps, print where the time went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="photo")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = override(training_preset(options.preset), options.settings)
    pace = dataclasses.replace(config.flow, steps=options.steps + WARM, minutes=0)
    # No report and no checkpoint inside what is timed.
    config = dataclasses.replace(config, flow=pace, report_steps=10**6, report_photos=1)
    domain = colorization_of(config.model)
    backbone = load_backbone(config.model.backbone, config.model.taps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = survey(bundled("examples"), 16, log=lambda line: None).good
        plan = RunPlan(config, folder, None, folder / "run", folder / "cache", "cpu")
        identity = backbone_hash(config.model.backbone)
        data = TrainingData(config, domain, photos, photos[:1], plan.cache, identity)
        data.prepare(backbone, torch.device("cpu"), lambda line: None)
        model = ConditionalINN(config.model).to(memory_format=torch.channels_last)
        model.pyramid.set_statistics(data.tap_statistics(backbone, count=2))
        module = TimedModule(model, backbone, data, config, "flow")
        plan.out.mkdir()
        pulse = Pulse(lambda figures: None, lambda nats: nats)
        report = Report(plan.out, pulse, identity, {}, lambda line: None)
        fit_phase(plan, module, report, pulse, torch.device("cpu"), lambda line: None)
    step = module.taken / options.steps
    print(f"{step * 1000:.0f} ms per step of {config.batch}, {config.batch / step:.1f} images/s")
    print(f"forward, backward, optimizer: {module.useful / module.taken:.1%} of it")
    print(f"waiting for data: {pulse.figures['data_wait']:.2%}")


if __name__ == "__main__":
    main()
