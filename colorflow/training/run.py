"""A training run from its photos to its model: phase by phase, started or resumed."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from pathlib import Path

import torch

from colorflow.devices import choose_device
from colorflow.domains import domain_of
from colorflow.errors import ColorflowError
from colorflow.models.checkpoint import load_checkpoint, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.networks.backbones import Backbone, backbone_hash, load_backbone
from colorflow.training.config import PHASES
from colorflow.training.data import TrainingData
from colorflow.training.fitting import TrainingStoppedError, fit_phase
from colorflow.training.initial import take_weights
from colorflow.training.module import PhaseModule
from colorflow.training.pairs import survey_pairs
from colorflow.training.plan import CONFIG, RunPlan, write_plan
from colorflow.training.reports import LOG, Pulse, Report
from colorflow.training.sites import sites_line
from colorflow.training.split import (
    SPLIT,
    Split,
    hold_back_given,
    hold_back_nothing,
    hold_back_pairs,
    hold_back_photos,
    write_split,
)
from colorflow.training.survey import Survey, survey

Log = Callable[[str], None]
Show = Callable[[dict[str, float]], None]


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
    if _is_first_process():
        write_plan(plan)
    try:
        return proceed(plan, log, show)
    except ColorflowError:
        # A run that fails before its first step leaves no folder that would be in the way.
        if not _has_begun(plan.out):
            for name in (CONFIG, LOG, SPLIT):
                (plan.out / name).unlink(missing_ok=True)
            # What the survey found stays, where it found anything.
            with contextlib.suppress(OSError):
                plan.out.rmdir()
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
    torch.manual_seed(config.seed)
    model = ConditionalINN(config.model).to(memory_format=torch.channels_last)
    # A run that is resumed has weights of its own, and needs those it began with no more.
    if plan.initial and not _has_begun(plan.out):
        take_weights(model, plan.initial, identity)
        log(f"beginning with the weights of {plan.initial.name}")
    split = _photos(plan, log)
    domain = domain_of(config.model)
    backbone: Backbone = load_backbone(config.model.backbone, config.model.taps)
    provenance = {
        "training": config.to_dict(),
        "initial": plan.initial.told() if plan.initial else None,
        "photos": len(split.train),
        "held_back": len(split.held),
    }
    result = plan.out / "model.safetensors"
    fresh = plan.initial is None
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
        data = TrainingData(config, domain, split.train, split.held, cache, identity)
        data.prepare(load_backbone(config.model.backbone, config.model.taps), device, log)
        if fresh:
            model.pyramid.set_statistics(data.tap_statistics(backbone))
            fresh = False
        module = PhaseModule(model, backbone, data, config, name)
        pulse = Pulse(show, lambda nats: (nats - domain.log_volume()) / math.log(2))
        report = Report(plan.out, pulse, identity, provenance, log)
        asked = fit_phase(plan, module, report, pulse, device, log)
        if _is_first_process():
            own = backbone if name == "joint" else None
            facts = {**provenance, "report": report.last}
            for path in (finished, result):
                save_checkpoint(path, model.cpu(), identity, facts, own)
            (plan.out / "checkpoints" / f"{name}.safetensors").unlink(missing_ok=True)
        if asked:
            raise TrainingStoppedError(
                f"stopped after {name}, all is saved; go on with: {plan.resume}"
            )
    log(f"done: {result}")
    return result


def _has_begun(run: Path) -> bool:
    return any(run.glob("checkpoints/*")) or (run / "model.safetensors").exists()


def _photos(plan: RunPlan, log: Log) -> Split:
    train = _survey(plan, plan.data, "survey.json", log)
    if plan.val is not None:
        val = _survey(plan, plan.val, "survey_val.json", log)
        split = hold_back_given(train, val, plan.out)
    elif not plan.hold_back:
        split = hold_back_nothing(train)
    else:
        split = hold_back_pairs(train) if plan.in_pairs else hold_back_photos(train)
    for note in split.notes:
        log(note)
    if _is_first_process():
        write_split(split, plan.out)
    return split


def _survey(plan: RunPlan, folder: Path, name: str, log: Log) -> Survey:
    smallest = plan.config.data.smallest
    if plan.in_pairs:
        found = survey_pairs(folder, smallest, log, plan.site, plan.out / name)
    else:
        found = survey(folder, smallest, plan.out / name, plan.config.data.workers, log)
    log(found.summary())
    if plan.in_pairs:
        log(sites_line(found))
    return found


def _is_first_process() -> bool:
    return int(os.environ.get("LOCAL_RANK", 0)) == 0 and int(os.environ.get("NODE_RANK", 0)) == 0
