"""Drawing latents and turning them into variants: what all tasks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.decoding import rows_per_call
from colorflow.devices import choose_device, one_thread
from colorflow.domains import Colorization, Domain, Finishing, domain_of, finishing_of
from colorflow.draws import Draw, Drawn, require_detail, require_vivid
from colorflow.errors import ConfigError, ShapeError
from colorflow.hints import Hint
from colorflow.images.photo import Photo
from colorflow.images.read import PhotoLike, read_photo
from colorflow.models.checkpoint import CheckpointInfo
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents
from colorflow.networks.backbones import Backbone
from colorflow.networks.precision import choose_precision, in_precision
from colorflow.realization import Code, Realization, Realizer, choose
from colorflow.variants import LogProb, Variant
from colorflow.wishes import Wish, wish_of


class Sampler:
    """A model on a device, with the backbone it was trained with.

    Args:
        model: the flow and its pyramid.
        backbone: the feature network it was trained with.
        device: where to compute; see :func:`colorflow.devices.choose_device`.
        info: what the checkpoint says of itself, where it came from one.
        precision: of the backbone; see :func:`colorflow.networks.precision.choose_precision`.

    Raises:
        ConfigError: the device is not there, or the model is for another task.
    """

    # Domains that models of this task have.
    _kind: ClassVar[Any] = Domain

    def __init__(
        self,
        model: ConditionalINN,
        backbone: Backbone,
        device: str = "auto",
        info: CheckpointInfo | None = None,
        precision: str = "auto",
    ) -> None:
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device, backbone)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.backbone = backbone.eval().requires_grad_(False).to(self.device)
        if self.device.type == "cpu":
            # Convolutions of few channels run several times as fast so.
            self.model.to(memory_format=torch.channels_last)
            self.backbone.to(memory_format=torch.channels_last)
        self._features = in_precision(self.backbone, self.precision)
        self.info = info
        self.domain = domain_of(model.config)
        if not isinstance(self.domain, self._kind):
            raise ConfigError(
                f"model '{model.config.name}': expected one for {self._kind.name}, this one is for "
                f"{self.domain.name}; use another with --model"
            )

    def at_precision(self, precision: str) -> Sampler:
        """Give a sampler of the same weights whose features have another precision.

        Args:
            precision: see :func:`colorflow.networks.precision.choose_precision`.

        Returns:
            This one where it has that precision already.

        Raises:
            ConfigError: the backbone cannot be computed in it.
        """
        if precision == self.precision:
            return self
        return type(self)(self.model, self.backbone, str(self.device), self.info, precision)

    @property
    def model_id(self) -> str:
        """Name and content hash of the model, e.g. ``photo@1a2b3c4d5e6f``."""
        content = self.info.content_hash[:12] if self.info else "unsaved"
        return f"{self.model.config.name}@{content}"

    def draw(
        self,
        photo: Photo,
        n: int = 4,
        saturation: float = 1.0,
        temperature: float | Sequence[float] | None = None,
        seed: int = 0,
        size: tuple[int, int] | None = None,
        content: str | None = None,
    ) -> Latents:
        """Draw latents of a photo independently.

        Args:
            photo: the photo.
            n: how many.
            saturation: factor on the latents.
            temperature: standard deviation, one for all levels or one for each; the model's own
                default where None.
            seed: of the random numbers.
            size: of the condition they are for; the one usual for the photo where None.
            content: hash of the photo, where it is known already.

        Returns:
            ``n`` codes, on the CPU.

        Raises:
            ConfigError: a number is out of range.
        """
        draw = self.plan(photo, n, saturation, temperature, seed, "independent", size, content)
        return draw.latents(range(n))

    def plan(
        self,
        photo: Photo,
        n: int = 4,
        factor: float = 1.0,
        temperature: float | Sequence[float] | None = None,
        seed: int = 0,
        strategy: str = "representative",
        size: tuple[int, int] | None = None,
        content: str | None = None,
    ) -> Draw:
        """Say how the latents of a photo's variants are drawn.

        Args:
            photo: the photo.
            n: how many.
            factor: on the latents: saturation, or strength.
            temperature: standard deviation, one for all levels or one for each; the model's own
                default where None.
            seed: of the random numbers.
            strategy: one of :data:`colorflow.draws.STRATEGIES`.
            size: of the condition they are for; the one usual for the photo where None.
            content: hash of the photo, where it is known already.

        Returns:
            What :meth:`paint` draws by.

        Raises:
            ConfigError: a value is out of range.
        """
        self.domain.require_strength(factor)
        spread = self.model.config.temperature if temperature is None else temperature
        stride = self.domain.geometry.stride
        height, width = size or self.domain.geometry.condition_size(*photo.size)
        return Draw(
            self.model.latent_shapes(height // stride, width // stride),
            content or photo.digest(),
            n,
            seed,
            tuple(spread) if isinstance(spread, Sequence) else spread,
            factor,
            strategy,
        )

    @torch.inference_mode()
    def paint(
        self,
        photos: Sequence[tuple[Photo, Tensor, Code]],
        rows: int | None = None,
        hints: Sequence[Sequence[Hint]] = (),
        vivid: float = 1.0,
    ) -> list[list[Variant]]:
        """Make the variants of several photos at once.

        Args:
            photos: each with its condition, of one size for all, and what its variants are made
                of, equally many.
            rows: samples in a call of the flow, a power of two; the device's own where None.
            hints: of each photo, to which its latents are moved first; none for any where empty.
            vivid: factor on the chroma of the finished pictures, beside the gain of the domain.

        Returns:
            The variants of each photo; their full-size pictures are made when first looked at.

        Raises:
            ShapeError: conditions or codes do not fit each other.
            ImageError: a hint lies outside its photo.
            ImplausibleError: a variant has colours that no photo can have, with each of its seeds.
        """
        vivid = vivid * self.domain.gain
        realizer = Realizer(self.model, self.domain, rows or rows_per_call(self.device), vivid)
        codes: list[Drawn | Latents] = []
        wishes: list[Wish | None] = [None] * len(photos)
        with one_thread(self.device):
            prepared = [self.prepare(condition) for _, condition, _ in photos]
            for (_, _, code), condition in zip(photos, prepared, strict=True):
                codes.append(
                    choose(self.model, code, condition) if isinstance(code, Draw) else code
                )
            for i, wanted in enumerate(hints):
                if wanted:
                    if not isinstance(self.domain, Colorization):
                        raise ConfigError("hints: expected a model for colorization")
                    wishes[i] = wish_of(photos[i][0], wanted, prepared[i].size)
                    if isinstance(code := codes[i], Drawn):
                        codes[i] = code.without_shares()
            realized = realizer.realize(codes, prepared, wishes)
        return [
            self.variants_of(made, finishing_of(self.domain, photo, vivid))
            for (photo, _, _), made in zip(photos, realized, strict=True)
        ]

    def variants_of(self, made: Realization, finishing: Finishing) -> list[Variant]:
        """Turn what came of a photo's draws into variants.

        Args:
            made: targets, latents and draws.
            finishing: makes their pictures.

        Returns:
            One variant per row.
        """
        nats = made.log_prob + made.latents.dimensions * self.domain.log_volume()
        drawn = made.drawn
        return [
            Variant(
                i,
                drawn.draw.seed if drawn else 0,
                made.latents[i],
                made.targets[i],
                float(nats[i]),
                finishing,
                made.residuals[i],
                drawn.numbers[i] if drawn else i,
                drawn.attempts[i] if drawn else 0,
                drawn.shares[i] if drawn else None,
                drawn.scales[i] if drawn else 1.0,
            )
            for i in range(len(made.latents))
        ]

    def disagreement(self, variants: Sequence[Variant]) -> Tensor:
        """Compute how far variants of one photo differ from each other, at the model's size.

            sqrt(var(L) + var(a) + var(b)),   the root mean square CIE76 difference from their mean

        Where all share the photo's lightness, that of a and b.

        Args:
            variants: at least 2.

        Returns:
            [height, width], in units of Delta E.
        """
        values = self.domain.in_lab(torch.stack([variant.target for variant in variants]))
        return values.var(0).sum(0).sqrt()

    def prepare(self, condition: Tensor) -> PreparedCondition:
        """Compute what the flow needs of a photo.

        Args:
            condition: [1, channels, height, width], on any device.

        Returns:
            The prepared condition, on the device of the model.
        """
        condition = condition.to(self.device)
        return self.model.prepare(condition, self.features(condition))

    def features(self, condition: Tensor) -> dict[str, Tensor]:
        """Compute the features of the backbone, at the precision of this sampler.

        Args:
            condition: [photos, channels, height, width], on the device of the model.

        Returns:
            float32 maps by tap.
        """
        features: dict[str, Tensor] = self._features(condition)
        return features

    def _decode(
        self, photo: Photo, latents: Latents, factor: float, vivid: float = 1.0
    ) -> Image.Image:
        height, width = self.model.target_size(latents)
        if len(latents) != 1:
            raise ShapeError(f"decode: expected latents of one picture, got {len(latents)}")
        stride = self.domain.geometry.stride
        condition = self.domain.condition(photo, (height * stride, width * stride))
        self.domain.require_strength(factor)
        code = latents.scale(factor)
        # The gain is for variants: here the colours are those of the latents.
        vivid = require_vivid(vivid) / self.domain.gain
        return self.paint([(photo, condition, code)], vivid=vivid)[0][0].image

    @torch.inference_mode()
    def uncertainty(
        self, photo: PhotoLike, n: int = 16, temperature: float = 1.0, seed: int = 0
    ) -> np.ndarray:
        """Map how far samples differ from each other.

        The value is the root mean square CIE76 colour difference of the samples from their mean,
        sqrt(var(L) + var(a) + var(b)); where all share the photo's lightness, that of a and b.

        Args:
            photo: path, picture or array.
            n: samples, at least 2.
            temperature: of the samples; 1 is the model's own distribution.
            seed: of the samples.

        Returns:
            float32 [height, width], in units of Delta E.

        Raises:
            ImageError: the photo cannot be read.
            ConfigError: fewer than two samples.
        """
        if n < 2:
            raise ConfigError(f"n: expected at least 2 samples for an uncertainty, got {n}")
        photo = read_photo(photo)
        variants = self.variants(photo, n, 1.0, temperature, seed, strategy="independent")
        return self.domain.enlarge(photo, self.disagreement(variants)).numpy()

    def variants(
        self,
        photo: Photo,
        n: int,
        factor: float,
        temperature: float | Sequence[float] | None,
        seed: int,
        hints: Sequence[Hint] = (),
        strategy: str = "representative",
        vivid: float = 1.0,
        detail: float = 1.0,
    ) -> list[Variant]:
        """Make variants of a photo that is read already; what tasks call ``sample``.

        Args:
            photo: the photo.
            n: how many.
            factor: on the latents: saturation, or strength.
            temperature: standard deviation of the latents; the model's own default where None.
            seed: of the random numbers.
            hints: colours wished at places of the photo.
            strategy: one of :data:`colorflow.draws.STRATEGIES`.
            vivid: factor on the chroma of the finished pictures.
            detail: factor on the size at which the model sees the photo.

        Returns:
            ``n`` variants.

        Raises:
            ConfigError: a number is out of range.
            ImplausibleError: a variant has colours that no photo can have, with each of its seeds.
        """
        size = self.domain.geometry.condition_size(*photo.size, require_detail(detail))
        draw = self.plan(photo, n, factor, temperature, seed, strategy, size)
        condition = self.domain.condition(photo, size)
        return self.paint([(photo, condition, draw)], None, [hints], require_vivid(vivid))[0]

    @torch.inference_mode()
    def _encode(self, photo: Photo, partner: Photo | None = None) -> Latents:
        condition, target = self.domain.pair(photo, partner=partner)
        # A code, too, is the same whatever the number of cores.
        with one_thread(self.device):
            latents: Latents = self.model(target.to(self.device), self.prepare(condition))[0]
        return latents.to("cpu")

    @torch.inference_mode()
    def _log_prob(self, photo: Photo, partner: Photo | None = None) -> LogProb:
        condition, target = self.domain.pair(photo, partner=partner)
        with one_thread(self.device):
            nats = self.model.log_prob(target.to(self.device), self.prepare(condition))
        dimensions = target[0].numel()
        return LogProb(float(nats[0]) + dimensions * self.domain.log_volume(), dimensions)
