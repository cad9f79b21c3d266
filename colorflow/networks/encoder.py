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
        self.steps = nn.ModuleList()
        self.refines = nn.ModuleList()
        self._levels: list[int] = []
        inputs, stride = photo_channels, 1
        while stride <= self.strides[-1]:
            step = 2 if stride > 1 else 1
            self.steps.append(nn.Conv2d(inputs, channels, 3, stride=step, padding=1))
            # Above the finest wished stride there is no map to refine, only the way down to it.
            refined = stride >= self.strides[0]
            self.refines.append(
                nn.Conv2d(channels, channels, 3, padding=1) if refined else nn.Identity()
            )
            self._levels.append(stride)
            inputs, stride = channels, 2 * stride
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, SLOPE)
                nn.init.zeros_(layer.bias)
        for refine in self.refines:
            if isinstance(refine, nn.Conv2d):
                # Blocks begin as the identity, so that deep levels begin no larger than fine ones.
                nn.init.zeros_(refine.weight)

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
        for level, step, refine in zip(self._levels, self.steps, self.refines, strict=True):
            # The photo itself is not rectified.
            x = step(x if level == 1 else functional.leaky_relu(x, SLOPE))
            if level in self.strides:
                x = x + refine(functional.leaky_relu(x, SLOPE))
                maps[level] = x
        return maps
