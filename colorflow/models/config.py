"""The typed description of a model: everything needed to build it again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from colorflow.errors import ConfigError
from colorflow.networks.backbones import NONE, check_taps, tap_stride
from colorflow.transforms.clamps import get_clamp

# Of the condition and of the target, by domain.
CHANNELS = {"colorization": (1, 2), "translation": (3, 3)}


@dataclass(frozen=True)
class StageConfig:
    """Couplings at one resolution.

    Args:
        couplings: how many, each after a random orthogonal mixing.
        hidden: width of their subnets.
        downsample: begin with a Haar downsampling.
        keep: channels that go on after the downsampling, the others leave as latents; 0 keeps all.
    """

    couplings: int
    hidden: int
    downsample: bool = True
    keep: int = 0

    def __post_init__(self) -> None:
        if self.couplings < 1 or self.hidden < 1 or self.keep < 0:
            raise ConfigError(f"stage: expected couplings, hidden >= 1 and keep >= 0, got {self}")
        if self.keep and not self.downsample:
            raise ConfigError(f"stage: keep = {self.keep} needs a downsampling before it")


@dataclass(frozen=True)
class TailConfig:
    """Fully connected couplings on the coarsest level; they fix the size of the input.

    Args:
        couplings: how many.
        hidden: width of their subnets.
        keep: channels that enter the tail after one more downsampling.
    """

    couplings: int
    hidden: int
    keep: int

    def __post_init__(self) -> None:
        if min(self.couplings, self.hidden, self.keep) < 1:
            raise ConfigError(f"tail: expected positive numbers, got {self}")


@dataclass(frozen=True)
class ModelConfig:
    """A conditional invertible network, its condition, and the domain it works in.

    Args:
        name: of the preset it came from.
        domain: what is condition and what is target, a key of :data:`CHANNELS`.
        side: shorter side of the condition, in pixels.
        stride: pixels of the condition per pixel of the target.
        target_scale: physical units (of Lab) per unit of the model.
        backbone: source of the backbone weights; ``"none"`` where the encoder stands alone.
        taps: layers of the backbone that are used; none where there is no backbone.
        encoder: channels of an encoder of the photo that is trained from scratch with the flow,
            beside the backbone or alone; 0 for none.
        pyramid_width: channels of the condition maps.
        dropout: on the standardised taps, in training.
        affine_start: begin with shift and log-scale from the condition alone.
        stages: from fine to coarse.
        tail: fully connected couplings at the end, or None for a model of any aspect ratio.
        kernels: sizes of the three convolutions of a subnet.
        slope: of the leaky rectifiers in subnets.
        clamp: name of the soft clamp of the log-scales.
        clamp_limit: bound of the log-scale per half coupling.
        mixing_seed: draws the orthogonal matrices.
        temperature: default standard deviation of the latents when sampling: one number, or one per
            level of the latents, finest first.
        latent_scale: positive factor between the standard normal latents and those of the flow, one
            per level, finest first; none where empty. Fitted after training, on photos held back,
            so that samples at temperature 1 are as spread as the truth.
        first_scale: factor in [0, 1] on the latents of the first representative variant, which
            brings it nearer to the mode.
        share_shrinkage: how far the shares of representative variants are drawn towards equal ones,
            in [0, 1]; fitted so that shares are as often right as they say.
        coarse_metric: rows of a matrix, one column per channel of the map that the coarse stages
            give (:meth:`colorflow.models.cinn.ConditionalINN.coarse`): what that map tells of the
            target, fitted by least squares; representative variants are compared by it. The map is
            compared as it is where there are no rows.
    """

    name: str
    stages: tuple[StageConfig, ...]
    domain: str = "colorization"
    side: int = 128
    stride: int = 4
    target_scale: float = 20.0
    backbone: str = "photo"
    taps: tuple[str, ...] = ("conv4_3", "conv5_3")
    encoder: int = 0
    pyramid_width: int = 128
    dropout: float = 0.1
    affine_start: bool = True
    tail: TailConfig | None = None
    kernels: tuple[int, int, int] = (3, 1, 3)
    slope: float = 0.1
    clamp: str = "atan"
    clamp_limit: float = 1.0
    mixing_seed: int = 0
    temperature: float | tuple[float, ...] = 0.85
    latent_scale: tuple[float, ...] = ()
    first_scale: float = 1.0
    share_shrinkage: float = 0.0
    coarse_metric: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        get_clamp(self.clamp)
        if self.domain not in CHANNELS:
            raise ConfigError(
                f"domain: expected one of {', '.join(CHANNELS)}, the model says {self.domain}"
            )
        self._check_tuple("stages", StageConfig)
        self._check_tuple("kernels", int)
        self._check_backbone()
        positive = ("side", "stride", "target_scale", "pyramid_width", "clamp_limit")
        for field in positive:
            value = getattr(self, field)
            if not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"{field}: expected a positive number, got {value}")
        per_level = isinstance(self.temperature, tuple)
        values = self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)
        plain = all(type(t) in (int, float) and math.isfinite(t) and t >= 0 for t in values)
        if not plain or not any(values):
            raise ConfigError(
                f"temperature: expected numbers >= 0, one of them above, got {self.temperature!r}"
            )
        if per_level and len(values) != self.levels:
            raise ConfigError(
                f"temperature: expected one number or {self.levels}, got {self.temperature}"
            )
        scales = self.latent_scale
        if scales and not (
            len(scales) == self.levels and all(s > 0 and math.isfinite(s) for s in scales)
        ):
            raise ConfigError(
                f"latent_scale: expected {self.levels} positive numbers or none, got {scales}"
            )
        for field in ("first_scale", "share_shrinkage"):
            if not 0 <= getattr(self, field) <= 1:
                raise ConfigError(
                    f"{field}: expected a number in [0, 1], got {getattr(self, field)}"
                )
        rows = self.coarse_metric
        if rows and not (
            len({len(row) for row in rows}) == 1
            and all(math.isfinite(value) for row in rows for value in row)
        ):
            raise ConfigError(f"coarse_metric: expected rows of equally many numbers, got {rows}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: expected a number in [0, 1), got {self.dropout}")
        if len(self.kernels) != 3 or any(k % 2 == 0 or k < 1 for k in self.kernels):
            raise ConfigError(f"kernels: expected three odd sizes, got {self.kernels}")
        self._check_channels()
        if self.side % self.coarsest_stride:
            raise ConfigError(
                f"side: expected a multiple of the coarsest stride {self.coarsest_stride}, "
                f"got {self.side}"
            )
        if any(tap_stride(tap) < min(self.condition_strides) for tap in self.taps):
            raise ConfigError(
                f"taps: the finest condition map has stride {min(self.condition_strides)}, finer "
                f"taps than that cannot be used: {', '.join(self.taps)}"
            )

    def _check_tuple(self, field: str, kind: type) -> None:
        value = getattr(self, field)
        if not isinstance(value, tuple) or not value or not all(type(v) is kind for v in value):
            raise ConfigError(
                f"{field}: expected one or more entries of {kind.__name__}, got {value!r}"
            )

    def _check_backbone(self) -> None:
        if self.encoder < 0:
            raise ConfigError(f"encoder: expected channels, or 0 for none, got {self.encoder}")
        if self.backbone != NONE:
            self._check_tuple("taps", str)
            check_taps(self.taps)
        elif self.taps != () or not self.encoder:
            raise ConfigError(
                f"backbone '{NONE}': expected no taps and an encoder, got taps {list(self.taps)} "
                f"and encoder {self.encoder}; use taps=[] and e.g. encoder=64"
            )

    def _check_channels(self) -> None:
        channels = self.target_channels
        parts = [(stage.downsample, stage.keep) for stage in self.stages]
        if self.tail:
            parts.append((True, self.tail.keep))
        for downsample, keep in parts:
            channels *= 4 if downsample else 1
            if keep > channels:
                raise ConfigError(
                    f"keep: expected at most the {channels} channels there are, got {keep}"
                )
            channels = keep or channels

    @property
    def condition_channels(self) -> int:
        """Channels of the picture the model is given."""
        return CHANNELS[self.domain][0]

    @property
    def target_channels(self) -> int:
        """Channels of what the model predicts."""
        return CHANNELS[self.domain][1]

    @property
    def levels(self) -> int:
        """How many levels the latents have."""
        channels, levels = self.target_channels, 1
        parts = [(stage.downsample, stage.keep) for stage in self.stages]
        if self.tail:
            parts.append((True, self.tail.keep))
        for downsample, keep in parts:
            channels *= 4 if downsample else 1
            levels += 0 < keep < channels
            channels = keep or channels
        return levels

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """Stride of each stage's couplings, in pixels of the condition."""
        strides, stride = [], self.stride
        for stage in self.stages:
            stride *= 2 if stage.downsample else 1
            strides.append(stride)
        return tuple(strides)

    @property
    def coarsest_stride(self) -> int:
        """Stride of the coarsest level, in pixels of the condition."""
        return self.stage_strides[-1] * (2 if self.tail else 1)

    @property
    def condition_strides(self) -> tuple[int, ...]:
        """Strides of the condition maps that the pyramid has to make."""
        finest = self.stride if self.affine_start else self.stage_strides[0]
        stride, strides = self.coarsest_stride, []
        while stride >= finest:
            strides.append(stride)
            stride //= 2
        return tuple(sorted(strides))

    def to_dict(self) -> dict[str, Any]:
        """Give the config as plain data.

        Returns:
            Nested dictionaries, lists, numbers and strings, ready for JSON.
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelConfig:
        """Build a config from plain data, refusing what is unknown or of the wrong type.

        Args:
            data: as written by :meth:`to_dict`.

        Returns:
            The config.

        Raises:
            ConfigError: a field is unknown, missing or wrong.
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"model config: expected named fields, got {data!r}")
        data = dict(data)
        if isinstance(data.get("stages"), (list, tuple)):
            data["stages"] = tuple(_build(StageConfig, s) for s in data["stages"])
        if data.get("tail") is not None:
            data["tail"] = _build(TailConfig, data["tail"])
        for field in ("taps", "kernels", "temperature", "latent_scale"):
            if isinstance(data.get(field), list):
                data[field] = tuple(data[field])
        if "coarse_metric" in data:
            data["coarse_metric"] = tuple(tuple(row) for row in data["coarse_metric"])
        config: ModelConfig = _build(cls, data)
        return config

    def replace(self, **changes: Any) -> ModelConfig:
        """Give a copy with some fields changed.

        Args:
            changes: new values by field.

        Returns:
            The validated copy.

        Raises:
            ConfigError: a field is unknown or wrong.
        """
        return type(self).from_dict({**self.to_dict(), **changes})


def _build(cls: Any, data: Any) -> Any:
    if isinstance(data, cls):
        return data
    if not isinstance(data, Mapping):
        raise ConfigError(f"{cls.__name__}: expected named fields, got {data!r}")
    hints = get_type_hints(cls)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise ConfigError(
            f"{cls.__name__}: unknown field '{unknown[0]}'; known: {', '.join(hints)}"
        )
    for name, value in data.items():
        plain = {int: int, str: str, bool: bool, float: (int, float)}.get(hints[name])
        wrong_bool = isinstance(value, bool) and hints[name] is not bool
        if plain and (not isinstance(value, plain) or wrong_bool):  # type: ignore[arg-type]
            raise ConfigError(
                f"{cls.__name__}.{name}: expected {hints[name].__name__}, got {value!r}"
            )
    try:
        return cls(**data)
    except TypeError as error:
        raise ConfigError(f"{cls.__name__}: {error}") from error
