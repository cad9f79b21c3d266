"""A training run: its folder, its phases, how it is stopped and resumed."""

from __future__ import annotations

import json
import math
import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger

from colorflow import __version__
from colorflow.devices import choose_device
from colorflow.domains import colorization_of
from colorflow.errors import ColorflowError, ConfigError
from colorflow.files import written_whole
from colorflow.models.checkpoint import load_checkpoint, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.networks.backbones import Backbone, backbone_hash, load_backbone
from colorflow.training.checkpoint_io import SafetensorsIO
from colorflow.training.config import PHASES, TrainConfig
from colorflow.training.data import TrainingData, hold_back
from colorflow.training.module import PhaseModule
from colorflow.training.reports import Pulse, Report
from colorflow.training.survey import Survey, survey

CONFIG = "config.json"
Log = Callable[[str], None]
Show = Callable[[dict[str, float]], None]


class TrainingStoppedError(ColorflowError):
    """The user stopped a run; its state is saved."""


@dataclass(frozen=True)
class RunPlan:
    """What a run was started with, as written into its folder.

    Args:
        config: what to train and how.
        data: folder of training photos.
        val: folder of photos held back, or None to hold back some of the training photos.
        out: folder of the run.
        cache: folder of the feature caches, which runs share.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        devices: GPUs, or processes on a CPU, per machine.
        nodes: machines.
    """

    config: TrainConfig
    data: Path
    val: Path | None
    out: Path
    cache: Path
    device: str = "auto"
    devices: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        world = self.devices * self.nodes
        if min(self.devices, self.nodes) < 1 or self.config.batch % world:
            raise ConfigError(
                f"batch: expected a multiple of the {world} processes, got {self.config.batch}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain data, ready for JSON."""
        val = str(self.val.absolute()) if self.val else None
        return {
            "colorflow": __version__,
            "data": str(self.data.absolute()),
            "val": val,
            "cache": str(self.cache.absolute()),
            "device": self.device,
            "devices": self.devices,
            "nodes": self.nodes,
            "config": self.config.to_dict(),
        }


def read_plan(run: Path) -> RunPlan:
    """Read what a run was started with.

    Args:
        run: its folder.

    Returns:
        The plan.

    Raises:
        ConfigError: there is no run in that folder, or its plan cannot be understood.
    """
    path = run / CONFIG
    if not path.is_file():
        raise ConfigError(f"{run}: expected a run to resume, found no {CONFIG} in it")
    try:
        data = json.loads(path.read_text())
        val = Path(data["val"]) if data["val"] else None
        return RunPlan(
            TrainConfig.from_dict(data["config"]),
            Path(data["data"]),
            val,
            run,
            Path(data["cache"]),
            data["device"],
            data["devices"],
            data["nodes"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: cannot be understood ({error})") from error


def differences(old: TrainConfig, new: TrainConfig) -> list[str]:
    """Name the settings in which two configs differ.

    Args:
        old: of the run.
        new: as asked for.

    Returns:
        ``key: old in the run, new asked for``, one for each.
    """

    def leaves(value: Any, key: str = "") -> dict[str, Any]:
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
        if not isinstance(value, dict):
            return {key: value}
        flat: dict[str, Any] = {}
        for name, entry in value.items():
            flat |= leaves(entry, f"{key}.{name}" if key else str(name))
        return flat

    ours, theirs = leaves(old.to_dict()), leaves(new.to_dict())
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return [f"{n}: {ours.get(n)} in the run, {theirs.get(n)} asked for" for n in names]


def start(plan: RunPlan, log: Log = print, show: Show = lambda figures: None) -> Path:
    """Begin a run in a new folder.

    Args:
        plan: what to do.
        log: receives lines.
        show: receives the figures of every step.

    Returns:
        The path of the trained model.

    Raises:
        ConfigError: the folder holds a run already.
        NothingFoundError: there is no photo to train on.
        TrainingStoppedError: the user stopped it.
    """
    path = plan.out / CONFIG
    if _is_first_process():
        if path.exists():
            raise ConfigError(
                f"{plan.out}: holds a run already; go on with --resume {plan.out}, or choose "
                "another --out"
            )
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(plan.to_dict(), indent=2) + "\n")
    try:
        return proceed(plan, log, show)
    except ColorflowError:
        # A run that fails before its first step leaves no folder that would be in the way.
        if (
            not any(plan.out.glob("checkpoints/*"))
            and not (plan.out / "model.safetensors").exists()
        ):
            path.unlink(missing_ok=True)
        raise


def proceed(plan: RunPlan, log: Log = print, show: Show = lambda figures: None) -> Path:
    """Run what is left of a run.

    Args:
        plan: of the run.
        log: receives lines.
        show: receives the figures of every step.

    Returns:
        The path of the trained model.

    Raises:
        NothingFoundError: there is no photo to train on.
        TrainingStoppedError: the user stopped it.
    """
    config = plan.config
    device = choose_device(plan.device)
    identity = backbone_hash(config.model.backbone)
    train, held = _photos(plan, log)
    domain = colorization_of(config.model)
    torch.manual_seed(config.seed)
    model = ConditionalINN(config.model).to(memory_format=torch.channels_last)
    backbone: Backbone = load_backbone(config.model.backbone, config.model.taps)
    provenance = {"training": config.to_dict(), "photos": len(train), "held_back": len(held)}
    fresh = True
    for name in PHASES:
        if not config.phase(name).active:
            continue
        finished = plan.out / f"{name}.safetensors"
        if finished.exists():
            trained, info = load_checkpoint(finished)
            model.load_state_dict(trained.state_dict())
            backbone = info.backbone or backbone
            fresh = False
            continue
        cache = plan.cache if config.data.cache and name != "joint" else None
        data = TrainingData(config, domain, train, held, cache, identity)
        data.prepare(load_backbone(config.model.backbone, config.model.taps), device, log)
        if fresh:
            model.pyramid.set_statistics(data.tap_statistics(backbone))
            fresh = False
        module = PhaseModule(model, backbone, data, config, name)
        pulse = Pulse(show, lambda nats: (nats - domain.log_volume()) / math.log(2))
        report = Report(plan.out, pulse, identity, provenance, log)
        _fit(plan, module, report, pulse, device, log)
        if _is_first_process():
            own = backbone if name == "joint" else None
            save_checkpoint(finished, model.cpu(), identity, provenance, own)
            (plan.out / "checkpoints" / f"{name}.safetensors").unlink(missing_ok=True)
    result = plan.out / "model.safetensors"
    log(f"done: {result}")
    return result


def _photos(plan: RunPlan, log: Log) -> tuple[Any, Any]:
    config = plan.config
    smallest, workers = config.data.smallest, config.data.workers

    def look(folder: Path) -> Survey:
        name = "survey.json" if folder == plan.data else "survey_val.json"
        found = survey(folder, smallest, plan.out / name, workers, log)
        log(found.summary())
        return found

    train = look(plan.data)
    if plan.val is None:
        kept, held = hold_back(train)
        log(f"no --val: {len(held)} photos are held back for the reports, {len(kept)} train")
        return kept, held
    val = look(plan.val)
    shared = train.shared_with(val)
    if shared:
        pairs = "; ".join(f"{ours} = {theirs}" for ours, theirs in shared[:5])
        more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
        log(
            f"warning: {len(shared)} photos of --val are among those of --data too, figures will "
            f"flatter: {pairs}{more}"
        )
    return train.good, val.good


class _Averaging(WeightAveraging):
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


class _Stop(Callback):
    """Turns Ctrl-C and SIGTERM into a saved checkpoint after the current step."""

    def __init__(self, path: Path, run: Path) -> None:
        self.path, self.run = path, run
        self.asked = False
        self._old: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        def ask(number: int, frame: FrameType | None) -> None:
            self.asked = True
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a second one is obeyed

        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, ask)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        asked = self.asked
        if trainer.world_size > 1:
            asked = trainer.strategy.reduce_boolean_decision(asked, all=False)
        if asked and not trainer.should_stop:
            trainer.save_checkpoint(self.path)
            raise TrainingStoppedError(
                f"stopped at step {trainer.global_step}, all is saved; go on with: "
                f"colorflow train colorize --resume {self.run}"
            )

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)


def _fit(
    plan: RunPlan,
    module: PhaseModule,
    report: Report,
    pulse: Pulse,
    device: torch.device,
    log: Log,
) -> None:
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
    stop = _Stop(checkpoint, plan.out)
    logger = TensorBoardLogger(plan.out, name="", version="tensorboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and the like
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
            callbacks=[pulse, report, _Averaging(config.ema), saver, stop],
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
        finally:
            stop.restore()
    if trainer.interrupted:
        raise TrainingStoppedError(
            f"stopped; go on with: colorflow train colorize --resume {plan.out}"
        )


def _is_first_process() -> bool:
    return int(os.environ.get("LOCAL_RANK", 0)) == 0 and int(os.environ.get("NODE_RANK", 0)) == 0
