"""EfficientNet-Lite, a small image classifier, read off at the end of named stages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorflow.errors import ConfigError, ShapeError


@dataclass(frozen=True)
class MobileStage:
    """A row of inverted bottlenecks.

    Args:
        repeats: how many bottlenecks.
        kernel: of the depthwise convolution.
        stride: of the first bottleneck.
        expand: factor from its input channels to its hidden channels.
        channels: that it gives.
        lopsided: pad for the stride at the right and bottom only. At the size the network was
            trained for, 260 pixels, "same" padding of even maps comes out so, and of the odd ones
            further down as even; its weights expect that.
    """

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int
    lopsided: bool = False


STEM_CHANNELS = 32
# EfficientNet-Lite2: B0 with 1.1 times the channels, rounded to eights, and 1.2 times the repeats,
# but for the first and the last stage; no squeeze-and-excitation.
LITE2_STAGES: tuple[MobileStage, ...] = (
    MobileStage(1, 3, 1, 1, 16),
    MobileStage(3, 3, 2, 6, 24, lopsided=True),
    MobileStage(3, 5, 2, 6, 48),
    MobileStage(4, 3, 2, 6, 88),
    MobileStage(4, 5, 1, 6, 120),
    MobileStage(5, 5, 2, 6, 208),
    MobileStage(1, 3, 1, 6, 352),
)
STAGES: tuple[str, ...] = tuple(f"stage{i}" for i in range(1, len(LITE2_STAGES) + 1))
# The network was trained on photos of 260 pixels; those the flow is conditioned on have half that
# size, so that they are enlarged, and a feature covers half as many pixels as its stride says.
ENLARGE = 2


def stage_channels(stage: str) -> int:
    """Give the number of channels of a stage, e.g. 120 for ``stage5``.

    Args:
        stage: ``stage1`` … ``stage7``.

    Returns:
        Its output channels.

    Raises:
        ConfigError: there is no such stage.
    """
    return LITE2_STAGES[_index(stage)].channels


def stage_stride(stage: str) -> int:
    """Give the pixels of the photo per feature, before it is enlarged, e.g. 8 for ``stage5``.

    Args:
        stage: ``stage1`` … ``stage7``.

    Returns:
        The stride.

    Raises:
        ConfigError: there is no such stage.
    """
    stride = 2  # of the stem
    for entry in LITE2_STAGES[: _index(stage) + 1]:
        stride *= entry.stride
    return stride // ENLARGE


class Bottleneck(nn.Module):
    """Widen, filter each channel, narrow; added to the input where the shapes allow.

    Batch normalisation is folded into the convolutions.

    Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018).

    Args:
        inputs: channels of x.
        stage: the row it belongs to.
        first: whether it is the first of the row, the one that has the stride.
    """

    def __init__(self, inputs: int, stage: MobileStage, first: bool) -> None:
        super().__init__()
        hidden = inputs * stage.expand
        stride = stage.stride if first else 1
        self.lopsided = stage.lopsided and first
        self.residual = stride == 1 and inputs == stage.channels
        self.expand = nn.Conv2d(inputs, hidden, 1) if stage.expand > 1 else None
        pad = 0 if self.lopsided else stage.kernel // 2
        self.depthwise = nn.Conv2d(hidden, hidden, stage.kernel, stride, pad, groups=hidden)
        self.project = nn.Conv2d(hidden, stage.channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the bottleneck.

        Args:
            x: [batch, inputs, height, width].

        Returns:
            [batch, channels, height / stride, width / stride].
        """
        h = x if self.expand is None else functional.relu6(self.expand(x))
        if self.lopsided:
            h = functional.pad(h, (0, 1, 0, 1))
        h = self.project(functional.relu6(self.depthwise(h)))
        result: Tensor = x + h if self.residual else h
        return result


class EfficientNetLiteFeatures(nn.Module):
    """Feature maps of EfficientNet-Lite2, taken at the end of each named stage.

    The input is a grey or an RGB photo in [0, 1]; it is enlarged twofold, and normalised inside.

    Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
    (2019); the Lite variants are of the same authors' public code (2020).

    Args:
        taps: stages to return, in this order.
        mean: per-channel mean of (R, G, B), on the scale of [0, 1].
        std: per-channel divisor of (R, G, B), on the scale of [0, 1].

    Raises:
        ConfigError: a stage does not exist.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        taps: Iterable[str] = ("stage5", "stage7"),
        mean: tuple[float, float, float] = (127 / 255, 127 / 255, 127 / 255),
        std: tuple[float, float, float] = (128 / 255, 128 / 255, 128 / 255),
    ) -> None:
        super().__init__()
        self.taps = tuple(taps)
        deepest = max(_index(tap) for tap in self.taps)
        self.layers = nn.ModuleDict({"stem": nn.Conv2d(3, STEM_CHANNELS, 3, 2)})
        channels = STEM_CHANNELS
        for name, stage in zip(STAGES[: deepest + 1], LITE2_STAGES, strict=False):
            blocks = []
            for number in range(stage.repeats):
                blocks.append(Bottleneck(channels, stage, first=number == 0))
                channels = stage.channels
            self.layers[name] = nn.Sequential(*blocks)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, photo: Tensor) -> dict[str, Tensor]:
        """Compute the features of a batch of photos.

        Args:
            photo: grey [batch, 1, height, width] or RGB [batch, 3, height, width], in [0, 1].

        Returns:
            One map per tap, [batch, channels, height / stride, width / stride].

        Raises:
            ShapeError: the photo has neither one nor three channels.
        """
        if photo.dim() != 4 or photo.shape[1] not in (1, 3):
            raise ShapeError(
                "EfficientNetLiteFeatures: expected [batch, 1 or 3, height, width], got "
                f"{list(photo.shape)}"
            )
        # Not in bfloat16, in which neither the bicubic weights nor the grey values are exact.
        exact = photo if photo.dtype == torch.float64 else photo.float()
        large = functional.interpolate(
            exact, scale_factor=ENLARGE, mode="bicubic", align_corners=False
        ).clamp(0, 1)
        x = ((large - self.mean.to(large)) / self.std.to(large)).to(self.mean.dtype)
        x = functional.relu6(self.layers["stem"](functional.pad(x, (0, 1, 0, 1))))
        features: dict[str, Tensor] = {}
        for name, layer in self.layers.items():
            if name == "stem":
                continue
            x = layer(x)
            if name in self.taps:
                features[name] = x
        return {tap: features[tap] for tap in self.taps}


def _index(stage: str) -> int:
    if stage not in STAGES:
        raise ConfigError(f"EfficientNet-Lite tap '{stage}': expected one of {', '.join(STAGES)}")
    return STAGES.index(stage)
