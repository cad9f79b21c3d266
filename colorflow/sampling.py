"""Drawing latents and turning them into variants: what all tasks have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorflow.decoding import decode, rows_per_call
from colorflow.devices import choose_device, one_thread
from colorflow.domains import Colorization, Domain, domain_of
from colorflow.errors import ConfigError, ShapeError
from colorflow.hints import Hint
from colorflow.images.photo import Photo
from colorflow.images.read import PhotoLike, read_photo
from colorflow.models.checkpoint import CheckpointInfo
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents, derive_seed
from colorflow.networks.backbones import Backbone
from colorflow.steering import steer
from colorflow.variants import LogProb, Variant
from colorflow.wishes import Wish, residuals_of, wish_of


class Sampler:
    """A model on a device, with the backbone it was trained with.

    Args:
        model: the flow and its pyramid.
        backbone: the feature network it was trained with.
        device: where to compute; see :func:`colorflow.devices.choose_device`.
        info: what the checkpoint says of itself, where it came from one.

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
    ) -> None:
        self.device = choose_device(device)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.backbone = backbone.eval().requires_grad_(False).to(self.device)
        self.info = info
        self.domain = domain_of(model.config)
        if not isinstance(self.domain, self._kind):
            raise ConfigError(
                f"model '{model.config.name}': expected one for {self._kind.name}, this one is for "
                f"{self.domain.name}; use another with --model"
            )

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
        """Draw the latents of a photo's variants.

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
        spread = self.model.config.temperature if temperature is None else temperature
        levels = spread if isinstance(spread, Sequence) else [spread]
        for name, value in (("saturation", saturation), *(("temperature", t) for t in levels)):
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name}: expected a number >= 0, got {value}")
        content = content or photo.digest()
        stride = self.domain.geometry.stride
        size = size or self.domain.geometry.condition_size(*photo.size)
        drawn = Latents.sample(
            self.model.latent_shapes(size[0] // stride, size[1] // stride),
            [derive_seed(seed, content, index) for index in range(n)],
        )
        return drawn.scale(spread).scale(saturation)

    @torch.inference_mode()
    def paint(
        self,
        photos: Sequence[tuple[Photo, Tensor, Latents]],
        seed: int = 0,
        rows: int | None = None,
        hints: Sequence[Sequence[Hint]] = (),
    ) -> list[list[Variant]]:
        """Turn latents into variants, of several photos at once.

        Args:
            photos: each with its condition, of one size for all, and its codes, equally many.
            seed: the user's, noted in the variants.
            rows: samples in a call of the flow, a power of two; the device's own where None.
            hints: of each photo, to which its codes are moved first; none for any where empty.

        Returns:
            The variants of each photo; their full-size pictures are made when first looked at.

        Raises:
            ShapeError: conditions or codes do not fit each other.
            ImageError: a hint lies outside its photo.
        """
        rows = rows or rows_per_call(self.device)
        codes = [code for _, _, code in photos]
        wishes: list[Wish | None] = [None] * len(photos)
        with one_thread(self.device):
            prepared = [self.prepare(condition) for _, condition, _ in photos]
            for i, wanted in enumerate(hints):
                if wanted:
                    if not isinstance(self.domain, Colorization):
                        raise ConfigError("hints: expected a model for colorization")
                    wishes[i] = wish = wish_of(photos[i][0], wanted, prepared[i].size)
                    chroma = self.domain.chroma
                    codes[i] = steer(self.model, codes[i], prepared[i], wish, chroma, rows)
            decoded = decode(self.model, codes, prepared, rows)
            residuals = [
                residuals_of(wish, self.domain.in_lab(targets))
                for wish, (targets, _) in zip(wishes, decoded, strict=True)
            ]
        volume = self.domain.log_volume()
        results = []
        for (photo, _, _), code, (targets, log_prob), left in zip(
            photos, codes, decoded, residuals, strict=True
        ):
            finishing = self.domain.finishing(photo)
            nats = log_prob + code.dimensions * volume
            results.append(
                [
                    Variant(i, seed, code[i], targets[i], float(nats[i]), finishing, left[i])
                    for i in range(len(code))
                ]
            )
        return results

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
        return self.model.prepare(condition, self.backbone(condition))

    def _decode(self, photo: Photo, latents: Latents, factor: float) -> Image.Image:
        height, width = self.model.target_size(latents)
        if len(latents) != 1:
            raise ShapeError(f"decode: expected latents of one picture, got {len(latents)}")
        stride = self.domain.geometry.stride
        condition = self.domain.condition(photo, (height * stride, width * stride))
        return self.paint([(photo, condition, latents.scale(factor))])[0][0].image

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
        variants = self.variants(photo, n, 1.0, temperature, seed)
        return self.domain.enlarge(photo, self.disagreement(variants)).numpy()

    @torch.inference_mode()
    def variants(
        self,
        photo: Photo,
        n: int,
        factor: float,
        temperature: float | None,
        seed: int,
        hints: Sequence[Hint] = (),
    ) -> list[Variant]:
        """Draw variants of a photo that is read already; what tasks call ``sample``.

        Args:
            photo: the photo.
            n: how many.
            factor: on the latents: saturation, or strength.
            temperature: standard deviation of the latents; the model's own default where None.
            seed: of the random numbers.
            hints: colours wished at places of the photo.

        Returns:
            ``n`` variants.

        Raises:
            ConfigError: a number is out of range.
        """
        if n < 1:
            raise ConfigError(f"n: expected at least 1 variant, got {n}")
        code = self.draw(photo, n, factor, temperature, seed)
        condition = self.domain.condition(photo)
        return self.paint([(photo, condition, code)], seed, hints=[hints])[0]

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
