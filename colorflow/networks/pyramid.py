"""From backbone features to one condition map per flow level and a global vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorflow.errors import ConditionError, ConfigError
from colorflow.networks.encoder import PhotoEncoder


@dataclass(frozen=True)
class Tap:
    """One feature map of the backbone.

    Args:
        name: of the layer.
        channels: of the map.
        stride: pixels of the photo per feature.
    """

    name: str
    channels: int
    stride: int


@dataclass
class Pyramid:
    """What the pyramid makes of a batch of photos.

    Args:
        maps: by stride in pixels of the photo, each [photos, width, height / stride, ...].
        summary: the global vector [photos, width].
    """

    maps: dict[int, Tensor]
    summary: Tensor


class FeaturePyramid(nn.Module):
    """A top-down pyramid over standardised backbone features and the photo itself.

    From the coarsest stride to the finest, each node sees the taps of its stride, the node above
    it (enlarged), the map of an encoder that is trained from scratch where there is one and, at the
    finest, the photo itself folded into channels. The global vector is the mean of the coarsest
    node.

    Source: Lin et al., "Feature Pyramid Networks for Object Detection" (2017), with the taps
    standardised per channel and dropped out in training, which keeps a frozen backbone from being
    memorised.

    Args:
        taps: feature maps of the backbone.
        strides: strides of the wished maps, each twice the one before.
        width: channels of the maps.
        photo_channels: channels of the photo.
        dropout: share of the standardised tap values, and of the encoder's, set to zero in
            training.
        encoder: channels of a :class:`PhotoEncoder` beside the taps, or in their stead; 0 for none.

    Raises:
        ConfigError: strides are not consecutive powers of two, a tap fits none of them, or there
            are neither taps nor an encoder.
    """

    def __init__(
        self,
        taps: Sequence[Tap],
        strides: Sequence[int],
        width: int,
        photo_channels: int = 1,
        dropout: float = 0.1,
        encoder: int = 0,
    ) -> None:
        super().__init__()
        self.strides = tuple(sorted(strides))
        self.taps = tuple(taps)
        self.dropout = dropout
        self.photo_channels = photo_channels
        for fine, coarse in zip(self.strides, self.strides[1:], strict=False):
            if coarse != 2 * fine:
                raise ConfigError(f"pyramid: strides must double, got {list(self.strides)}")
        for tap in self.taps:
            if tap.stride not in self.strides:
                raise ConfigError(
                    f"pyramid: tap '{tap.name}' has stride {tap.stride}, the pyramid has "
                    f"{list(self.strides)}"
                )
            self.register_buffer(f"mean_{tap.name}", torch.zeros(tap.channels))
            self.register_buffer(f"std_{tap.name}", torch.ones(tap.channels))
        if not (self.taps or encoder):
            raise ConfigError("pyramid: expected taps of a backbone or an encoder, got neither")
        finest, coarsest = self.strides[0], self.strides[-1]
        self.encoder = PhotoEncoder(photo_channels, encoder, self.strides) if encoder else None
        self.own = nn.ModuleDict(
            {str(stride): nn.Conv2d(encoder, width, 1) for stride in self.strides if encoder}
        )
        self.laterals = nn.ModuleDict(
            {tap.name: nn.Conv2d(tap.channels, width, 1) for tap in self.taps}
        )
        self.fold = nn.PixelUnshuffle(finest)
        self.photo = nn.Conv2d(photo_channels * finest**2, width, 3, padding=1)
        # Where no tap is as coarse as the coarsest node, the nearest finer tap is averaged down.
        self.deepest = max(self.taps, key=lambda tap: tap.stride, default=None)
        self.top: nn.Conv2d | None = None
        if self.deepest is not None and self.deepest.stride != coarsest:
            self.top = nn.Conv2d(self.deepest.channels, width, 1)
        self.joins = nn.ModuleDict()
        self.refines = nn.ModuleDict()
        for stride in self.strides:
            inputs = sum(tap.stride == stride for tap in self.taps)
            inputs += (stride < coarsest) + (stride == finest)
            inputs += stride == coarsest and self.top is not None
            inputs += self.encoder is not None
            self.joins[str(stride)] = nn.Conv2d(inputs * width, width, 1)
            self.refines[str(stride)] = nn.Conv2d(width, width, 3, padding=1)

    @torch.no_grad()
    def set_statistics(self, statistics: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Fix the standardisation of the taps.

        Args:
            statistics: by tap, mean and standard deviation per channel over the training photos.
        """
        for tap in self.taps:
            mean, std = statistics[tap.name]
            getattr(self, f"mean_{tap.name}").copy_(mean)
            # Channels that never fired among few photos would be blown up by one in which they do.
            least = max(1e-3, 0.1 * float(std.square().mean().sqrt()))
            getattr(self, f"std_{tap.name}").copy_(std.clamp(min=least))

    def _standardised(
        self, features: Mapping[str, Tensor], tap: Tap, size: tuple[int, int]
    ) -> Tensor:
        if tap.name not in features or features[tap.name].shape[1] != tap.channels:
            got = {name: list(value.shape) for name, value in features.items()}
            raise ConditionError(
                f"pyramid: expected features '{tap.name}' with {tap.channels} channels, got {got}"
            )
        expected = size[0] // tap.stride, size[1] // tap.stride
        if tuple(features[tap.name].shape[2:]) != expected:
            raise ConditionError(
                f"pyramid: expected features '{tap.name}' of {expected[0]} x {expected[1]} for "
                f"this photo, got {list(features[tap.name].shape)}"
            )
        shape = (1, -1, 1, 1)
        mean = getattr(self, f"mean_{tap.name}").view(shape)
        std = getattr(self, f"std_{tap.name}").view(shape)
        x = (features[tap.name] - mean) / std
        return functional.dropout(x, self.dropout, self.training)

    def forward(self, photo: Tensor, features: Mapping[str, Tensor]) -> Pyramid:
        """Build the pyramid of a batch of photos.

        Args:
            photo: [photos, channels, height, width], in [0, 1]; sides multiples of the coarsest
                stride.
            features: of the backbone, by tap.

        Returns:
            The maps by stride, and the global vector.

        Raises:
            ConditionError: features are missing, or sides do not fit the strides.
        """
        coarsest = self.strides[-1]
        if photo.dim() != 4 or photo.shape[1] != self.photo_channels:
            raise ConditionError(
                f"pyramid: expected photos [photos, {self.photo_channels}, height, width], got "
                f"{list(photo.shape)}"
            )
        height, width = int(photo.shape[2]), int(photo.shape[3])
        if height % coarsest or width % coarsest:
            raise ConditionError(
                f"pyramid: expected sides that are multiples of {coarsest}, got {height} x {width}"
            )
        taps = {tap.name: self._standardised(features, tap, (height, width)) for tap in self.taps}
        own = self.encoder(photo * 2 - 1) if self.encoder is not None else {}
        maps: dict[int, Tensor] = {}
        above: Tensor | None = None
        for stride in reversed(self.strides):
            inputs = [self.laterals[t.name](taps[t.name]) for t in self.taps if t.stride == stride]
            if own:
                dropped = functional.dropout(own[stride], self.dropout, self.training)
                inputs.append(self.own[str(stride)](dropped))
            if above is None and self.top is not None and self.deepest is not None:
                factor = stride // self.deepest.stride
                inputs.append(self.top(functional.avg_pool2d(taps[self.deepest.name], factor)))
            if above is not None:
                inputs.append(functional.interpolate(above, scale_factor=2, mode="nearest"))
            if stride == self.strides[0]:
                inputs.append(self.photo(self.fold(photo * 2 - 1)))
            joined = functional.leaky_relu(torch.cat(inputs, 1), 0.1)
            x = self.joins[str(stride)](joined)
            above = x + self.refines[str(stride)](functional.leaky_relu(x, 0.1))
            maps[stride] = above
        return Pyramid(maps=maps, summary=maps[coarsest].mean(dim=(2, 3)))
