"""The convolutional part of VGG-16, read off at named layers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorflow.errors import ConfigError, ShapeError

# Output channels of each convolution, block by block; a 2 x 2 maximum lies between blocks.
VGG16_BLOCKS: tuple[tuple[int, ...], ...] = (
    (64, 64),
    (128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (512, 512, 512),
)

CONVOLUTIONS: tuple[str, ...] = tuple(
    f"conv{b}_{i}" for b, widths in enumerate(VGG16_BLOCKS, 1) for i in range(1, len(widths) + 1)
)


def tap_channels(tap: str) -> int:
    """Give the number of channels of a named layer, e.g. 512 for ``conv4_3``.

    Args:
        tap: name of a convolution, ``conv1_1`` … ``conv5_3``.

    Returns:
        Its output channels.

    Raises:
        ConfigError: there is no such layer.
    """
    if tap not in CONVOLUTIONS:
        raise ConfigError(f"VGG-16 tap '{tap}': expected one of {', '.join(CONVOLUTIONS)}")
    block, index = int(tap[4]), int(tap[6])
    return VGG16_BLOCKS[block - 1][index - 1]


def tap_stride(tap: str) -> int:
    """Give the stride in pixels of a named layer, e.g. 8 for ``conv4_3``.

    Args:
        tap: name of a convolution, ``conv1_1`` … ``conv5_3``.

    Returns:
        The number of input pixels from one feature to the next.

    Raises:
        ConfigError: there is no such layer.
    """
    tap_channels(tap)
    stride: int = 2 ** (int(tap[4]) - 1)
    return stride


class VGG16Features(nn.Module):
    """Feature maps of VGG-16, taken after the rectifier of each named convolution.

    The input is a grey photo or an RGB photo, in [0, 1]; the network's own normalisation
    ``(x - mean) / std`` is applied inside. A grey photo does not have to be tripled: with g the
    grey value and m the mean of the m_c, conv1_1 sees ``sum_c w_c * (g - m_c) / s_c``, which is a
    convolution of the two channels (g - m, 1) with filters ``sum_c w_c / s_c`` and
    ``sum_c w_c (m - m_c) / s_c``. The channel of ones carries the mean past the zero padding, so
    the result equals the tripled one at the border too.

    Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition" (2015), configuration D.

    Args:
        taps: layers to return, in this order.
        mean: per-channel mean of (R, G, B), on the scale of [0, 1].
        std: per-channel divisor of (R, G, B), on the scale of [0, 1].

    Raises:
        ConfigError: a tap does not exist.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        taps: Iterable[str] = ("conv2_2", "conv3_3", "conv4_3", "conv5_3"),
        mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
        std: tuple[float, float, float] = (0.229, 0.224, 0.225),
    ) -> None:
        super().__init__()
        self.taps = tuple(taps)
        deepest = max(CONVOLUTIONS.index(t) for t in self.taps if tap_channels(t))
        self.layers = nn.ModuleDict()
        channels = 3
        for name in CONVOLUTIONS[: deepest + 1]:
            self.layers[name] = nn.Conv2d(channels, tap_channels(name), 3, padding=1)
            channels = tap_channels(name)
        # Lower precision of the activations; see :mod:`colorflow.networks.precision`.
        self.dtype: torch.dtype | None = None
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, photo: Tensor) -> dict[str, Tensor]:
        """Compute the features of a batch of photos.

        Args:
            photo: grey [batch, 1, height, width] or RGB [batch, 3, height, width], in [0, 1].

        Returns:
            One map per tap, [batch, channels, height / stride, width / stride], non-negative.

        Raises:
            ShapeError: the photo has neither one nor three channels.
        """
        if photo.dim() != 4 or photo.shape[1] not in (1, 3):
            raise ShapeError(
                f"VGG16Features: expected [batch, 1 or 3, height, width], got {list(photo.shape)}"
            )
        features: dict[str, Tensor] = {}
        x = photo
        for name, layer in self.layers.items():
            if name == "conv1_1":
                x = self._first(x)
            else:
                if name.endswith("_1"):
                    x = functional.max_pool2d(x, 2)
                x = layer(x)
            x = functional.relu(x, inplace=True)
            if name in self.taps:
                features[name] = x.to(photo.dtype)
        return {tap: features[tap] for tap in self.taps}

    def _first(self, photo: Tensor) -> Tensor:
        weight = self.layers["conv1_1"].get_parameter("weight")
        bias = self.layers["conv1_1"].get_parameter("bias")
        if photo.shape[1] == 3:
            x = functional.conv2d((photo - self.mean) / self.std, weight, bias, padding=1)
            return x if self.dtype is None else x.to(self.dtype)
        scaled = weight / self.std
        # Around the mean grey, so that the channel of ones carries little.
        middle = self.mean.mean()
        grey, one = scaled.sum(1), (scaled * (middle - self.mean)).sum(1)
        centred = photo - middle
        ones = torch.ones_like(centred)
        filters, channels = [grey, one], [centred, ones]
        if self.dtype is not None:
            # bfloat16 has fewer steps than the grey values of a photo, a sum of two has enough.
            (upper, lower), (c_upper, c_lower) = (
                _in_two(grey, self.dtype),
                _in_two(centred, self.dtype),
            )
            ones = ones.to(self.dtype)
            filters = [upper, upper, lower, *_in_two(one, self.dtype)]
            channels = [c_upper, c_lower, c_upper, ones, ones]
        return functional.conv2d(
            torch.cat(channels, dim=1).contiguous(memory_format=torch.channels_last),
            torch.stack(filters, dim=1).contiguous(memory_format=torch.channels_last),
            bias.to(ones.dtype),
            padding=1,
        )


def _in_two(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Write x as the sum of two numbers of lower precision."""
    upper = x.to(dtype)
    return upper, (x - upper).to(dtype)
