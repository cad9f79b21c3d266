"""Convolutions over the photo itself, trained from scratch together with the flow."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1


class PhotoEncoder(nn.Module):
    """One feature map per stride, of a network that nobody has trained before.

    From stride to stride x' = c(x), y = x' + r(a(x')), with c a convolution of step 2, r one of
    step 1 and a the leaky rectifier: no normalisation, so that a photo's features depend on no
    other photo and on no size.

    Source: Ardizzone et al., "Conditional Invertible Neural Networks for Diverse Image-to-Image
    Translation" (2020), section 4.1: condition networks that are trained with the flow; He et al.,
    "Identity Mappings in Deep Residual Networks" (2016), the form of the blocks.

    Args:
        photo_channels: channels of the photo.
        channels: of every map.
        strides: of the wished maps, each twice the one before; powers of two.
    """

    def __init__(self, photo_channels: int, channels: int, strides: Sequence[int]) -> None:
        super().__init__()
        self.strides = tuple(sorted(strides))
        self.steps = nn.ModuleDict()
        self.refines = nn.ModuleDict()
        inputs, stride = photo_channels, 1
        while stride <= self.strides[-1]:
            step = nn.Conv2d(inputs, channels, 3, stride=min(stride, 2), padding=1)
            nn.init.kaiming_normal_(step.weight, SLOPE)
            self.steps[str(stride)] = step
            # Above the finest wished stride there is no map to refine, only the way down to it.
            if stride in self.strides:
                refine = nn.Conv2d(channels, channels, 3, padding=1)
                # Blocks begin as the identity, so that deep levels begin no larger than fine ones.
                nn.init.zeros_(refine.weight)
                self.refines[str(stride)] = refine
            inputs, stride = channels, 2 * stride
        for layer in (*self.steps.values(), *self.refines.values()):
            nn.init.zeros_(layer.get_parameter("bias"))

    def forward(self, photo: Tensor) -> dict[int, Tensor]:
        """Compute the maps of a batch of photos.

        Args:
            photo: [batch, channels, height, width], in [-1, 1]; sides multiples of the coarsest
                stride.

        Returns:
            By stride, [batch, channels, height / stride, width / stride].
        """
        maps: dict[int, Tensor] = {}
        x = photo
        for level, step in self.steps.items():
            # The photo itself is not rectified.
            x = step(x if x is photo else functional.leaky_relu(x, SLOPE))
            if level in self.refines:
                x = x + self.refines[level](functional.leaky_relu(x, SLOPE))
                maps[int(level)] = x
        return maps
