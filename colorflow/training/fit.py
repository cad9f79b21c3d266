"""Training a colorizer on cached features: first the regressor, then the flow, by likelihood."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from colorflow.errors import ConfigError
from colorflow.models.checkpoint import save_checkpoint
from colorflow.models.cinn import TARGET_CHANNELS, ConditionalINN
from colorflow.training.cache import FeatureCache
from colorflow.training.measure import measure


@dataclass(frozen=True)
class FitConfig:
    """How to train.

    Args:
        pretrain_minutes: for the pyramid as a deterministic regressor.
        flow_minutes: for the whole, by likelihood.
        steps: of each phase; where it is not 0 the clock is not looked at, and a run on the same
            machine repeats to the last bit.
        batch: photos per step.
        learning_rate: its peak.
        weight_decay: of AdamW.
        warmup: steps of linear increase.
        noise: standard deviation of the noise added to the target, in units of the model; it
            keeps the density finite where the chroma takes few values.
        regression: weight of the regressor's squared error beside the likelihood.
        clip: bound of the gradient's norm.
        worst: NLL in nats per dimension above which a photo gives no gradient.
        ema: decay of the averaged weights, which are what is kept.
        half: compute networks in bfloat16; what flows through the transforms stays float32. Twice
            as fast on CPUs with AVX512-BF16, slower on those without.
        report_minutes: between reports and checkpoints.
        seed: of order, noise and dropout.
    """

    pretrain_minutes: float = 8.0
    flow_minutes: float = 70.0
    steps: int = 0
    batch: int = 48
    learning_rate: float = 7e-4
    weight_decay: float = 1e-4
    warmup: int = 100
    noise: float = 0.05
    regression: float = 0.1
    clip: float = 1.0
    worst: float = 20.0
    ema: float = 0.998
    half: bool = True
    report_minutes: float = 5.0
    seed: int = 0


Batch = dict[str, Tensor]


def batches(cache: FeatureCache, size: int, seed: int) -> Iterator[Batch]:
    """Read shuffled batches for ever, one ahead of the consumer.

    Args:
        cache: of the training photos.
        size: views per batch.
        seed: of the order.

    Yields:
        Condition, target and features.
    """
    generator = torch.Generator().manual_seed(seed)

    def positions() -> Iterator[Tensor]:
        while True:
            yield from torch.randperm(len(cache), generator=generator).split(size)

    with ThreadPoolExecutor(1) as reader:
        ahead = None
        for chosen in positions():
            current, ahead = ahead, reader.submit(cache.batch, chosen)
            if current is not None:
                yield current.result()


def features_of(batch: Batch) -> Batch:
    """Pick the backbone's features out of a batch.

    Args:
        batch: as read from a cache.

    Returns:
        Its entries but for condition and target.
    """
    return {k: v for k, v in batch.items() if k not in ("condition", "target")}


def tap_statistics(
    cache: FeatureCache, size: int, count: int = 40
) -> dict[str, tuple[Tensor, Tensor]]:
    """Measure mean and deviation of each channel of each tap on some batches.

    Args:
        cache: of the training photos.
        size: views per batch.
        count: batches.

    Returns:
        By tap, mean and standard deviation [channels].
    """
    sums: dict[str, list[Tensor]] = {}
    for _, batch in zip(range(count), batches(cache, size, seed=1), strict=False):
        for tap, value in features_of(batch).items():
            flat = value.transpose(0, 1).flatten(1)
            sums.setdefault(tap, []).append(torch.stack([flat.mean(1), flat.square().mean(1)]))
    statistics = {}
    for tap, parts in sums.items():
        mean, square = torch.stack(parts).mean(0)
        statistics[tap] = (mean, (square - mean.square()).clamp(min=0).sqrt())
    return statistics


def regression_loss(model: ConditionalINN, batch: Batch) -> Tensor:
    """Squared error of the shift, plus the Gaussian NLL of the scale given that shift."""
    prepared = model.prepare(batch["condition"], features_of(batch))
    start, term = model.flow.transforms[0], prepared.terms[0]
    if model.head is None or term is None:
        raise ConfigError("pretraining needs a model with an affine start; set its minutes to 0")
    shift, raw = term.chunk(2, dim=1)
    residual, log_det = start(batch["target"], torch.cat([shift.detach(), raw], 1))
    scale_nll: Tensor = 0.5 * residual.square().mean() - log_det.mean() / residual[0].numel()
    return (shift - batch["target"]).square().mean() + scale_nll


def flow_loss(model: ConditionalINN, batch: Batch, config: FitConfig, noise: Tensor) -> Tensor:
    """NLL per dimension, each photo's bounded, plus a share of the regressor's squared error."""
    prepared = model.prepare(batch["condition"], features_of(batch))
    target = batch["target"] + config.noise * noise
    nll = -model.log_prob(target, prepared) / target[0].numel()
    loss = nll.clamp(max=config.worst).mean()
    if model.head is not None and prepared.terms[0] is not None:
        shift = prepared.terms[0][:, :TARGET_CHANNELS]
        loss = loss + config.regression * (shift - batch["target"]).square().mean()
    return loss


def fit(
    model: ConditionalINN,
    train: FeatureCache,
    validation: FeatureCache,
    out: Path,
    backbone_hash: str,
    config: FitConfig,
    device: torch.device | None = None,
    log: Callable[[str], None] = print,
) -> ConditionalINN:
    """Train a model in two phases and write its averaged weights as it goes.

    The learning rate follows the clock (warm-up, then a cosine to zero at the end of the phase), so
    that a phase ends well trained whatever the machine's speed; or it follows the steps.

    Args:
        model: freshly built.
        train: cache of the training photos.
        validation: cache of photos held back.
        out: checkpoint to write.
        backbone_hash: what the features were computed with.
        config: how to train.
        device: where to compute; the CPU where None.
        log: receives one line per report.

    Returns:
        The averaged model.
    """
    device = device or torch.device("cpu")
    model = model.to(memory_format=torch.channels_last)
    torch.manual_seed(config.seed)  # dropout has no generator argument
    model.pyramid.set_statistics(tap_statistics(train, config.batch))
    model = model.to(device)
    generator = torch.Generator().manual_seed(config.seed)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    seen = 0
    history: list[dict[str, float]] = []
    for phase, minutes in (("regressor", config.pretrain_minutes), ("flow", config.flow_minutes)):
        if minutes <= 0:
            continue
        frozen = phase == "regressor"
        parameters = [*model.pyramid.parameters(), *(model.head.parameters() if model.head else ())]
        if not frozen:
            parameters = list(model.parameters())
        optimizer = torch.optim.AdamW(
            parameters, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        start = last = time.monotonic()
        skipped = step = 0
        running = float("nan")
        for batch in batches(train, config.batch, config.seed + 2 + (not frozen)):
            elapsed = (time.monotonic() - start) / (60 * minutes)
            progress = step / config.steps if config.steps else elapsed
            if progress >= 1:
                break
            rate = 0.5 * (1 + math.cos(math.pi * progress)) * min(1, (step + 1) / config.warmup)
            optimizer.param_groups[0]["lr"] = config.learning_rate * rate
            model.train()
            optimizer.zero_grad(set_to_none=True)
            batch = {name: value.to(device) for name, value in batch.items()}
            with torch.autocast(device.type, torch.bfloat16, enabled=config.half):
                if frozen:
                    loss = regression_loss(model, batch)
                else:
                    noise = torch.randn(batch["target"].shape, generator=generator)
                    loss = flow_loss(model, batch, config, noise.to(device))
            loss.backward()
            norm = nn.utils.clip_grad_norm_(parameters, config.clip)
            step += 1
            if not (torch.isfinite(loss) and torch.isfinite(norm)):
                skipped += 1
                continue
            optimizer.step()
            seen += len(batch["target"])
            _average(average, model, min(config.ema, step / (step + 10)))
            running = loss.item() if math.isnan(running) else 0.98 * running + 0.02 * loss.item()
            if time.monotonic() - last > 60 * config.report_minutes:
                last = time.monotonic()
                figures = _report(average, validation, frozen, config)
                figures |= {"photos": seen, "loss": running, "skipped": skipped}
                history.append(figures)
                log(_line(phase, progress, figures))
                _save(out, average, backbone_hash, config, history)
        figures = _report(average, validation, frozen, config) | {"photos": seen, "loss": running}
        history.append(figures)
        log(_line(phase, 1.0, figures))
        _save(out, average, backbone_hash, config, history)
        # The next phase goes on from the average, which is better than the last step.
        model.load_state_dict(average.state_dict())
    return average


def _report(
    model: ConditionalINN, cache: FeatureCache, frozen: bool, config: FitConfig
) -> dict[str, float]:
    return measure(model, cache, samples=0 if frozen else 8, noise=config.noise)


def _line(phase: str, progress: float, figures: dict[str, float]) -> str:
    shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    return f"{phase} {progress:.0%}: {shown}"


def _save(
    out: Path,
    model: ConditionalINN,
    backbone_hash: str,
    config: FitConfig,
    history: list[dict[str, float]],
) -> None:
    provenance: dict[str, Any] = {"training": config.__dict__, "validation": history[-1]}
    save_checkpoint(out, model, backbone_hash, provenance)


@torch.no_grad()
def _average(average: nn.Module, model: nn.Module, decay: float) -> None:
    for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)
