"""Drawing latents and turning them into variants: what all tasks have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from colorflow.decoding import decode, rows_per_call
from colorflow.devices import choose_device, one_thread
from colorflow.domains import colorization_of
from colorflow.errors import ConfigError
from colorflow.hints import Hint
from colorflow.images.photo import Photo
from colorflow.models.checkpoint import CheckpointInfo
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents, derive_seed
from colorflow.networks.backbones import Backbone
from colorflow.steering import steer
from colorflow.variants import Variant
from colorflow.wishes import Wish, wish_of


class Sampler:
    """A model on a device, with the backbone it was trained with.

    Args:
        model: the flow and its pyramid.
        backbone: the feature network it was trained with.
        device: where to compute; see :func:`colorflow.devices.choose_device`.
        info: what the checkpoint says of itself, where it came from one.

    Raises:
        ConfigError: the device is not there.
    """

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
        self.domain = colorization_of(model.config)

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
                    wishes[i] = wish = wish_of(photos[i][0], wanted, prepared[i].size)
                    chroma = self.domain.chroma
                    codes[i] = steer(self.model, codes[i], prepared[i], wish, chroma, rows)
            decoded = decode(self.model, codes, prepared, rows)
            residuals = [
                self._residuals(wish, targets)
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

            sqrt(var(a) + var(b)),   the root mean square CIE76 difference from their mean

        Args:
            variants: at least 2.

        Returns:
            [height, width], in units of Delta E.
        """
        chroma = self.domain.chroma(torch.stack([variant.target for variant in variants]))
        return chroma.var(0).sum(0).sqrt()

    def _residuals(self, wish: Wish | None, targets: Tensor) -> list[tuple[float, ...]]:
        if wish is None:
            return [()] * len(targets)
        # One by one, so that the last bits do not depend on how many there are.
        chroma = self.domain.chroma(targets)
        return [tuple(wish.residuals(one[None])[0].tolist()) for one in chroma]

    def prepare(self, condition: Tensor) -> PreparedCondition:
        """Compute what the flow needs of a photo.

        Args:
            condition: [1, channels, height, width], on any device.

        Returns:
            The prepared condition, on the device of the model.
        """
        condition = condition.to(self.device)
        return self.model.prepare(condition, self.backbone(condition))
