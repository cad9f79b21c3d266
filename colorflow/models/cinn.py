"""The multiscale conditional invertible network, put together from a config."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from colorflow.errors import ShapeError
from colorflow.models.condition import HoistedCondition, PreparedCondition
from colorflow.models.config import ModelConfig
from colorflow.models.latents import Latents, Shape
from colorflow.networks.backbones import tap_channels, tap_stride
from colorflow.networks.pyramid import FeaturePyramid, Pyramid, Tap
from colorflow.networks.subnets import ConvSubnet, LinearSubnet
from colorflow.transforms import (
    AffineCoupling,
    ConditionalAffine,
    Flatten,
    Haar,
    Multiscale,
    RandomOrthogonal,
    Split,
    Transform,
)


class ConditionalINN(nn.Module):
    """A conditional normalizing flow: target <-> latents, given a photo.

    Training runs target -> latents and maximises log p(target | photo) = log N(z; 0, 1) + log_det.
    Sampling runs latents -> target. The condition is prepared once per photo.

    Source: Ardizzone et al. (2019); Ardizzone et al., "Conditional Invertible Neural Networks for
    Diverse Image-to-Image Translation" (2020).

    Args:
        config: the architecture.

    Raises:
        ConfigError: parts of the config do not fit each other.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.pyramid_width
        taps = [Tap(name, tap_channels(name), tap_stride(name)) for name in config.taps]
        inputs, channels = config.condition_channels, config.target_channels
        self.pyramid = FeaturePyramid(
            taps, config.condition_strides, width, inputs, config.dropout, config.encoder
        )
        self.head = nn.Conv2d(width, 2 * channels, 1) if config.affine_start else None
        if self.head is not None:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.hoists = nn.ModuleList()
        generator = torch.Generator().manual_seed(config.mixing_seed)
        transforms: list[Transform] = []
        starts: list[int] = []  # of the stages and of the tail
        # Which condition each transform takes: None, "head", or (hoist, position within it).
        self._routes: list[str | tuple[int, int] | None] = []

        def add(transform: Transform, route: str | tuple[int, int] | None = None) -> None:
            transforms.append(transform)
            self._routes.append(route)

        if config.affine_start:
            add(ConditionalAffine(channels), "head")
        for index, stage in enumerate(config.stages):
            starts.append(len(transforms))
            if stage.downsample:
                add(Haar())
                channels *= 4
            if 0 < stage.keep < channels:
                add(Split(stage.keep))
                channels = stage.keep
            # Without a fully connected tail, the coarsest couplings see the global vector.
            last = index == len(config.stages) - 1 and config.tail is None
            self.hoists.append(HoistedCondition(width, stage.couplings, stage.hidden, True, last))

            def conv_subnet(inputs: int, outputs: int, hidden: int = stage.hidden) -> nn.Module:
                return ConvSubnet(inputs, outputs, hidden, config.kernels, config.slope)

            for position in range(stage.couplings):
                add(RandomOrthogonal(channels, generator))
                add(
                    AffineCoupling(channels, conv_subnet, config.clamp_limit, config.clamp),
                    (index, position),
                )
        if config.tail is not None:
            tail = config.tail
            starts.append(len(transforms))
            add(Haar())
            channels *= 4
            if tail.keep < channels:
                add(Split(tail.keep))
                channels = tail.keep
            side = config.side // config.coarsest_stride
            add(Flatten((channels, side, side)))
            length = channels * side * side
            self.hoists.append(HoistedCondition(width, tail.couplings, tail.hidden, False, True))

            def linear_subnet(inputs: int, outputs: int) -> nn.Module:
                return LinearSubnet(inputs, outputs, tail.hidden, config.slope)

            for position in range(tail.couplings):
                add(RandomOrthogonal(length, generator))
                add(
                    AffineCoupling(length, linear_subnet, config.clamp_limit, config.clamp),
                    (len(config.stages), position),
                )
        self.flow = Multiscale(transforms)
        # All but the two finest stages: a tenth of the work.
        self._coarse_start = starts[min(2, len(starts) - 1)]

    def latent_shapes(self, height: int, width: int) -> tuple[Shape, ...]:
        """Give the shapes of the latents of a target.

        Args:
            height: of the target.
            width: of the target.

        Returns:
            One shape per level, finest first, without the count.
        """
        channels, shapes = self.config.target_channels, []
        keeps = [(s.downsample, s.keep) for s in self.config.stages]
        if self.config.tail:
            keeps.append((True, self.config.tail.keep))
        for downsample, keep in keeps:
            if downsample:
                channels, height, width = channels * 4, height // 2, width // 2
            if keep and keep < channels:
                shapes.append((channels - keep, height, width))
                channels = keep
        last: Shape = (channels, height, width)
        if self.config.tail:
            last = (channels * height * width,)
        return (*shapes, last)

    def target_size(self, latents: Latents) -> tuple[int, int]:
        """Give the size of the target some latents decode to.

        Args:
            latents: of this model.

        Returns:
            Height and width of the target.

        Raises:
            ShapeError: no target has latents of these shapes.
        """
        config = self.config
        reach = config.coarsest_stride // config.stride
        if config.tail:
            size = config.side // config.stride, config.side // config.stride
        elif len(latents.shapes[-1]) == 3:
            size = latents.shapes[-1][1] * reach, latents.shapes[-1][2] * reach
        else:
            size = 0, 0
        if latents.shapes != self.latent_shapes(*size):
            raise ShapeError(
                f"latents: expected levels like {self.latent_shapes(4 * reach, 4 * reach)} of "
                f"model '{config.name}', got {latents.shapes}; they belong to another model"
            )
        return size

    def prepare(self, condition: Tensor, features: Mapping[str, Tensor]) -> PreparedCondition:
        """Compute everything the flow needs of some photos, for all its couplings.

        Args:
            condition: [photos, channels, height, width].
            features: of the backbone, by tap.

        Returns:
            The prepared condition.

        Raises:
            ConditionError: features are missing or sides do not fit.
        """
        pyramid = self.pyramid(condition, features)
        stride = self.config.stride
        size = int(condition.shape[2]) // stride, int(condition.shape[3]) // stride
        return PreparedCondition(self._terms(pyramid), size)

    def _terms(self, pyramid: Pyramid) -> tuple[Tensor | None, ...]:
        hoisted: list[Any] = []
        strides: list[int | None] = [*self.config.stage_strides]
        if self.config.tail:
            strides.append(None)
        for hoist, stride in zip(self.hoists, strides, strict=True):
            condition_map = None if stride is None else pyramid.maps[stride]
            hoisted.append(hoist(condition_map, pyramid.summary))
        terms: list[Tensor | None] = []
        for route in self._routes:
            if isinstance(route, tuple):
                terms.append(hoisted[route[0]][route[1]])
            elif route and self.head is not None:
                terms.append(self.head(pyramid.maps[self.config.stride]))
            else:
                terms.append(None)
        return tuple(terms)

    def predict(self, condition: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """Predict the target as a deterministic regressor does: the shift of the affine start.

        Args:
            condition: [photos, channels, height, width].
            features: of the backbone, by tap.

        Returns:
            [photos, target channels, height / stride, width / stride].
        """
        if self.head is None:
            raise ShapeError("predict: this model has no affine start and so no regressor")
        finest = self.pyramid(condition, features).maps[self.config.stride]
        shift: Tensor = self.head(finest)[:, : self.config.target_channels]
        return shift

    def forward(self, target: Tensor, prepared: PreparedCondition) -> tuple[Latents, Tensor]:
        """Encode targets.

        Args:
            target: [batch, channels, height, width], batch a multiple of the prepared photos.
            prepared: of :meth:`prepare`.

        Returns:
            The latents, and log|det dz/dtarget| [batch] in nats.

        Raises:
            ShapeError: the target does not fit the condition.
        """
        channels = self.config.target_channels
        if target.dim() != 4 or tuple(target.shape[1:]) != (channels, *prepared.size):
            raise ShapeError(
                f"ConditionalINN: expected targets [batch, {channels}, "
                f"{prepared.size[0]}, {prepared.size[1]}], got {list(target.shape)}"
            )
        levels, log_det = self.flow(target, prepared.terms)
        scaled = self._scaled(levels, inverse=True)
        return scaled, log_det - self._log_scale(scaled)

    def inverse(self, latents: Latents, prepared: PreparedCondition) -> tuple[Tensor, Tensor]:
        """Decode latents, of any number of samples per photo in one call.

        Args:
            latents: sample s of photo b is row b * n + s.
            prepared: of :meth:`prepare`, for b photos.

        Returns:
            Targets [batch, channels, height, width], and log|det dtarget/dz| [batch] in nats.

        Raises:
            ShapeError: the latents do not fit the condition.
        """
        expected = self.latent_shapes(*prepared.size)
        if latents.shapes != expected:
            raise ShapeError(
                f"ConditionalINN: expected latents of shapes {expected} for a target of "
                f"{prepared.size[0]} x {prepared.size[1]}, got {latents.shapes}"
            )
        levels = self._scaled(latents.levels).levels
        target, log_det = self.flow.inverse(levels, prepared.terms)
        return target, log_det + self._log_scale(latents)

    def coarse(self, latents: Latents, prepared: PreparedCondition) -> Tensor:
        """Decode only the coarse stages, all but the two finest, which decide the overall colours.

        Args:
            latents: sample s of photo b is row b * n + s; of their levels only the coarse ones
                are used.
            prepared: of :meth:`prepare`, for b photos.

        Returns:
            What the finer stages would go on with, [batch, channels, height, width].
        """
        count = self.flow.latents_from(self._coarse_start)
        levels = self._scaled(latents.levels).levels[-count:]
        return self.flow.inverse_down_to(self._coarse_start, levels, prepared.terms)[0]

    def _scaled(self, levels: tuple[Tensor, ...], inverse: bool = False) -> Latents:
        """Take standard normal latents to those of the flow, or back."""
        scale = self.config.latent_scale
        if not scale:
            return Latents(levels)
        return Latents(levels).scale([1 / s if inverse else s for s in scale])

    def _log_scale(self, latents: Latents) -> float:
        """Give the log-determinant of that scaling, in nats."""
        return sum(
            math.prod(shape) * math.log(scale)
            for shape, scale in zip(latents.shapes, self.config.latent_scale, strict=False)
        )

    def log_prob(self, target: Tensor, prepared: PreparedCondition) -> Tensor:
        """Compute log p(target | photo), in nats, on the model's scale.

        Args:
            target: [batch, target channels, height, width].
            prepared: of :meth:`prepare`.

        Returns:
            [batch].
        """
        latents, log_det = self(target, prepared)
        nats: Tensor = latents.log_prob() + log_det
        return nats
