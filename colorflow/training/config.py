"""The typed description of a training run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from colorflow.errors import ConfigError
from colorflow.models.config import ModelConfig
from colorflow.models.presets import preset

PHASES = ("regress", "flow", "joint")
PRECISIONS = ("bf16", "32")


@dataclass(frozen=True)
class DataConfig:
    """What the network is shown.

    Args:
        cache: keep the features of a frozen backbone on disk, so that only the first look at a
            photo pays for the backbone; false draws new crops for ever.
        views: crops of each photo in that cache.
        crop: side of the smallest random crop, as a share of the photo's shorter side, (0, 1].
        smallest: shorter side in pixels below which a photo is left out.
        noise: standard deviation of the Gaussian noise that dequantises the target, in units of
            the model; it keeps the density finite where chroma takes few values.
        workers: processes that decode photos.
        jitter: largest relative change of brightness, contrast and saturation of the condition, in
            [0, 1); for pairs, of which there are few.
    """

    cache: bool = True
    views: int = 4
    crop: float = 0.6
    smallest: int = 64
    noise: float = 0.05
    workers: int = 1
    jitter: float = 0.0

    def __post_init__(self) -> None:
        _require("data.views", self.views, self.views >= 1, "at least 1")
        _require("data.crop", self.crop, 0 < self.crop <= 1, "a number in (0, 1]")
        _require("data.smallest", self.smallest, self.smallest >= 1, "at least 1")
        _require("data.noise", self.noise, 0 <= self.noise < math.inf, "a number >= 0")
        _require("data.workers", self.workers, self.workers >= 0, "a number >= 0")
        _require("data.jitter", self.jitter, 0 <= self.jitter < 1, "a number in [0, 1)")


@dataclass(frozen=True)
class PhaseConfig:
    """How long and how fast one phase trains.

    Args:
        minutes: of training; 0 (with 0 steps) leaves the phase out.
        steps: of the optimizer; where it is not 0 the clock is not looked at, and a run repeats to
            the last bit on the same machine.
        learning_rate: its peak, after the warm-up and before the cosine.
    """

    minutes: float = 0.0
    steps: int = 0
    learning_rate: float = 7e-4

    def __post_init__(self) -> None:
        _require("minutes", self.minutes, 0 <= self.minutes < math.inf, "a number >= 0")
        _require("steps", self.steps, self.steps >= 0, "a number >= 0")
        _require("learning_rate", self.learning_rate, 0 < self.learning_rate < math.inf, "> 0")

    @property
    def active(self) -> bool:
        """Whether the phase is run at all."""
        return self.minutes > 0 or self.steps > 0


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run but the photos.

    Args:
        model: the architecture.
        data: what the network is shown.
        regress: first phase, the pyramid and its head as a deterministic colorizer.
        flow: second phase, everything but the backbone by exact likelihood.
        joint: third phase, the same with the backbone.
        seed: of the first weights, the order, the noise and dropout.
        batch: photos per step, over all processes.
        weight_decay: of AdamW.
        warmup: steps of linear increase of the learning rate.
        regression: weight of the head's squared error beside the likelihood.
        clip: bound of the gradient's norm.
        worst: NLL in nats per dimension above which a photo gives no gradient.
        ema: decay of the averaged weights, which are the ones that are measured and kept.
        precision: of the networks, ``"bf16"`` or ``"32"``; what flows through the transforms is
            float32 with both. bfloat16 is twice as fast on CPUs with AVX512-BF16 and on GPUs.
        report_steps: between reports, pictures and checkpoints.
        report_photos: held-back photos that are measured for a report.
    """

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    regress: PhaseConfig = field(default_factory=lambda: PhaseConfig(minutes=8))
    flow: PhaseConfig = field(default_factory=lambda: PhaseConfig(minutes=84))
    joint: PhaseConfig = field(default_factory=lambda: PhaseConfig(learning_rate=1e-4))
    seed: int = 0
    batch: int = 48
    weight_decay: float = 1e-4
    warmup: int = 100
    regression: float = 0.1
    clip: float = 1.0
    worst: float = 20.0
    ema: float = 0.998
    precision: str = "bf16"
    report_steps: int = 400
    report_photos: int = 256

    def __post_init__(self) -> None:
        for name in ("batch", "report_steps", "report_photos"):
            _require(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        for name in ("weight_decay", "warmup", "regression"):
            value = getattr(self, name)
            _require(name, value, 0 <= value < math.inf, "a number >= 0")
        for name in ("clip", "worst"):
            value = getattr(self, name)
            _require(name, value, 0 < value < math.inf, "a positive number")
        _require("ema", self.ema, 0 <= self.ema < 1, "a number in [0, 1)")
        _require("precision", self.precision, self.precision in PRECISIONS, "bf16 or 32")
        if not any(self.phase(name).active for name in PHASES):
            raise ConfigError("phases: expected one of regress, flow, joint to be run, all are 0")
        if self.regress.active and not self.model.affine_start:
            raise ConfigError(
                "regress: this phase trains the head of the affine start, and the model has none; "
                "use model.affine_start=true, or regress.minutes=0"
            )

    def phase(self, name: str) -> PhaseConfig:
        """Give a phase by its name.

        Args:
            name: one of :data:`PHASES`.

        Returns:
            Its config.
        """
        config: PhaseConfig = getattr(self, name)
        return config

    def to_dict(self) -> dict[str, Any]:
        """Give the config as plain data, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainConfig:
        """Build a config from plain data.

        Args:
            data: as written by :meth:`to_dict`.

        Returns:
            The config.

        Raises:
            ConfigError: a field is unknown, missing or wrong.
        """
        values = dict(data)
        try:
            values["model"] = ModelConfig.from_dict(values["model"])
            values["data"] = DataConfig(**values["data"])
            for name in PHASES:
                values[name] = PhaseConfig(**values[name])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ConfigError(f"training config: {error}; made by another version?") from error


def training_preset(name: str) -> TrainConfig:
    """Give the training run that goes with a preset of the model.

    Args:
        name: of the model's preset.

    Returns:
        The config; of ``tiny`` one that takes seconds.

    Raises:
        ConfigError: there is no such preset.
    """
    model = preset(name)
    if name == "tiny":
        return TrainConfig(
            model,
            DataConfig(smallest=model.side // 2, views=2, workers=0),
            regress=PhaseConfig(steps=40, learning_rate=2e-3),
            flow=PhaseConfig(steps=80, learning_rate=2e-3),
            batch=8,
            warmup=10,
            ema=0.9,
            precision="32",
            report_steps=40,
            report_photos=32,
        )
    if name == "translate-tiny":
        return TrainConfig(
            model,
            DataConfig(smallest=model.side // 2, views=2, workers=0, jitter=0.1),
            regress=PhaseConfig(),
            flow=PhaseConfig(steps=60, learning_rate=2e-3),
            batch=8,
            warmup=10,
            ema=0.9,
            precision="32",
            report_steps=30,
            report_photos=16,
        )
    if name == "translate":
        # Few pairs of few sites: many views of each, strong dropout and weight decay. Choices
        # are rows of the table in docs/translation.md.
        return TrainConfig(
            model,
            DataConfig(views=12, crop=0.7, jitter=0.25),
            regress=PhaseConfig(),
            flow=PhaseConfig(steps=1800),
            batch=24,
            weight_decay=0.05,
            report_steps=200,
        )
    if name == "paper":
        return TrainConfig(
            model,
            DataConfig(cache=False, crop=0.45, smallest=128, workers=8),
            regress=PhaseConfig(),
            flow=PhaseConfig(steps=122_880, learning_rate=1e-4),
            weight_decay=1e-5,
            report_steps=2560,
        )
    # Every choice of ``photo`` is a row of the study in docs/training.md.
    return TrainConfig(
        model, regress=PhaseConfig(), flow=PhaseConfig(minutes=62), weight_decay=0.01
    )


def _require(name: str, value: object, fine: bool, expected: str) -> None:
    if not fine:
        raise ConfigError(f"{name}: expected {expected}, got {value}")
