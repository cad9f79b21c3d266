"""The networks inside couplings, whose first layer takes a hoisted condition term."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorflow.transforms.base import expand_condition


class Subnet(nn.Module):
    """A network whose first layer is linear in (x, condition).

        h = W_x x + W_c c + b,   W_c c + b computed outside, once per photo

    A subclass builds ``first`` (no bias) and ``rest``. Its last layer starts at zero, so that a
    coupling starts as the identity. Without a condition term the constant bias is missing too;
    ``first`` then has one of its own.

    Args:
        hidden: outputs of the first layer, and so channels of the condition term.
        slope: of the leaky rectifier for negative values.
    """

    first: nn.Module
    rest: nn.Module

    def __init__(self, hidden: int, slope: float) -> None:
        super().__init__()
        self.hidden = hidden
        self.slope = slope

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Compute the parameters of a coupling.

        Args:
            x: [batch, in_channels, ...].
            condition: the hoisted term [photos, hidden, ...], batch a multiple of photos.

        Returns:
            [batch, out_channels, ...].

        Raises:
            ShapeError: the batch does not fit the photos.
        """
        h = self.first(x)
        if condition is not None:
            h += expand_condition(condition, len(h), type(self).__name__)
        # In place: allocating the largest maps of the flow took as long as computing with them.
        result: Tensor = self.rest(functional.leaky_relu_(h, self.slope))
        return result


class ConvSubnet(Subnet):
    """Three convolutions on maps of any size.

    Args:
        in_channels: of x.
        out_channels: of the result.
        hidden: width.
        kernels: sizes of the three kernels, odd.
        slope: of the leaky rectifiers.
        conditioned: the first layer gets a condition term, which carries its bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden: int,
        kernels: tuple[int, int, int] = (3, 1, 3),
        slope: float = 0.1,
        conditioned: bool = True,
    ) -> None:
        super().__init__(hidden, slope)
        a, b, c = kernels
        self.first = nn.Conv2d(in_channels, hidden, a, padding=a // 2, bias=not conditioned)
        last = nn.Conv2d(hidden, out_channels, c, padding=c // 2)
        self.rest = nn.Sequential(
            nn.Conv2d(hidden, hidden, b, padding=b // 2), nn.LeakyReLU(slope, inplace=True), last
        )
        _zero(last)


class LinearSubnet(Subnet):
    """Three fully connected layers on vectors.

    Args:
        in_channels: length of x.
        out_channels: length of the result.
        hidden: width.
        slope: of the leaky rectifiers.
        conditioned: the first layer gets a condition term, which carries its bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden: int,
        slope: float = 0.1,
        conditioned: bool = True,
    ) -> None:
        super().__init__(hidden, slope)
        self.first = nn.Linear(in_channels, hidden, bias=not conditioned)
        last = nn.Linear(hidden, out_channels)
        self.rest = nn.Sequential(
            nn.Linear(hidden, hidden), nn.LeakyReLU(slope, inplace=True), last
        )
        _zero(last)


def _zero(layer: nn.Conv2d | nn.Linear) -> None:
    with torch.no_grad():
        layer.weight.zero_()
        if layer.bias is not None:
            layer.bias.zero_()
