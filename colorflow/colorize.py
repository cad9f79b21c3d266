"""What a user asks for: colour variants, latent codes, transfer, uncertainty, likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorflow.devices import choose_device, one_thread
from colorflow.errors import CheckpointError, ConfigError, ShapeError
from colorflow.hints import Hint, require_inside
from colorflow.images.read import PhotoLike, read_photo
from colorflow.models.checkpoint import load_checkpoint
from colorflow.models.latents import Latents
from colorflow.models.matching import matching_backbone
from colorflow.resources import bundled
from colorflow.sampling import Sampler
from colorflow.variants import LogProb, Variant


class Colorizer(Sampler):
    """Turns grey photos into colour photos, and colour photos into latent codes.

    Source: Ardizzone et al., "Guided Image Generation with Conditional Invertible Neural
    Networks" (2019).

    Args:
        model: the flow and its pyramid.
        backbone: the feature network it was trained with.
        device: where to compute; see :func:`colorflow.devices.choose_device`.
        info: what the checkpoint says of itself, where it came from one.

    Raises:
        ConfigError: the device is not there.
    """

    @classmethod
    def from_pretrained(
        cls, name: str | Path = "photo", device: str = "auto", backbone: str | None = None
    ) -> Colorizer:
        """Load a bundled model, or one of your own.

        Args:
            name: ``"photo"``, or the path of a ``.safetensors`` file.
            device: where to compute.
            backbone: source of the backbone weights, where it is not the one the model names.

        Returns:
            The colorizer.

        Raises:
            CheckpointError: a file is missing, damaged, or the backbone is not the one the model
                was trained with.
            ConfigError: the device is not there.
        """
        choose_device(device)  # fail on a typing error before reading files
        path = bundled("pretrained", "photo.safetensors") if name == "photo" else Path(name)
        model, info = load_checkpoint(path)
        if info.part:
            raise CheckpointError(
                f"{path}: expected a whole model, the file holds the {info.part} alone; it serves "
                "colorflow evaluate --head"
            )
        return cls(model, matching_backbone(info, backbone), device, info)

    @torch.inference_mode()
    def sample(
        self,
        photo: PhotoLike,
        n: int = 4,
        saturation: float = 1.0,
        temperature: float | None = None,
        seed: int = 0,
        hints: Sequence[Hint] = (),
    ) -> list[Variant]:
        """Draw colourings of a photo.

        Latents are drawn from N(0, 1) and scaled by temperature * saturation. The same photo, seed
        and index give the same variant, however many are drawn and in whatever order. With hints
        each is then moved to a colouring near it that respects them; see
        :func:`colorflow.steering.steer`.

        Args:
            photo: path, picture or array; of a colour photo only the lightness is used.
            n: how many.
            saturation: 0 is the mode-like, muted picture, 1 is as sampled.
            temperature: standard deviation of the latents; the model's own default where None.
            seed: of the random numbers.
            hints: colours wished at places of the upright photo.

        Returns:
            ``n`` variants; their full-size pictures are made when first looked at. Their
            ``residuals`` tell how far from each hint they stayed.

        Raises:
            ImageError: the photo cannot be read, or a hint lies outside.
            ConfigError: a number is out of range.
        """
        if n < 1:
            raise ConfigError(f"n: expected at least 1 variant, got {n}")
        photo = read_photo(photo)
        require_inside(hints, photo.size, photo.name)
        code = self.draw(photo, n, saturation, temperature, seed)
        condition = self.domain.condition(photo)
        return self.paint([(photo, condition, code)], seed, hints=[hints])[0]

    @torch.inference_mode()
    def encode(self, photo: PhotoLike) -> Latents:
        """Give the exact latent code of a colour photo.

        Args:
            photo: path, picture or array with colours.

        Returns:
            Latents of one picture, on the CPU.

        Raises:
            ImageError: the photo cannot be read.
        """
        condition, target = self.domain.pair(read_photo(photo))
        # A code, too, is the same whatever the number of cores.
        with one_thread(self.device):
            latents: Latents = self.model(target.to(self.device), self.prepare(condition))[0]
        return latents.to("cpu")

    @torch.inference_mode()
    def decode(self, photo: PhotoLike, latents: Latents, saturation: float = 1.0) -> Image.Image:
        """Colour a photo by a given latent code.

        The photo is processed in the latents' geometry, stretched where its own differs, so that
        codes of other photos need no resampling.

        Args:
            photo: path, picture or array; only its lightness is used.
            latents: of one picture.
            saturation: factor on the latents.

        Returns:
            The picture, of the photo's size.

        Raises:
            ImageError: the photo cannot be read.
            ShapeError: the latents are not of one picture of this model.
            ConfigError: the saturation is negative.
        """
        photo = read_photo(photo)
        height, width = self.model.target_size(latents)
        if len(latents) != 1:
            raise ShapeError(f"decode: expected latents of one picture, got {len(latents)}")
        stride = self.domain.geometry.stride
        condition = self.domain.condition(photo, (height * stride, width * stride))
        return self.paint([(photo, condition, latents.scale(saturation))])[0][0].image

    def transfer(
        self, reference: PhotoLike, target: PhotoLike, saturation: float = 1.0
    ) -> Image.Image:
        """Colour a photo by the latent code of another.

        Works best where both show a similar layout, e.g. photos of one series.

        Args:
            reference: a colour photo.
            target: the photo to colour; only its lightness is used.
            saturation: factor on the latents.

        Returns:
            The picture, of the target's size.

        Raises:
            ImageError: a photo cannot be read.
        """
        return self.decode(target, self.encode(reference), saturation)

    @torch.inference_mode()
    def uncertainty(
        self, photo: PhotoLike, n: int = 16, temperature: float = 1.0, seed: int = 0
    ) -> np.ndarray:
        """Map how far samples differ from each other.

        The value is the root mean square CIE76 colour difference of the samples from their mean,
        sqrt(var(a) + var(b)), since all share the lightness.

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
        variants = self.sample(photo, n=n, temperature=temperature, seed=seed)
        return self.domain.enlarge(photo, self.disagreement(variants)).numpy()

    @torch.inference_mode()
    def log_prob(self, photo: PhotoLike) -> LogProb:
        """Score the chroma of a colour photo given its lightness.

            log p(ab | L) = log N(z; 0, 1) + log|det dz/dx| + d log|dx/dab|,   x = ab / scale

        Args:
            photo: path, picture or array with colours.

        Returns:
            The log-density over Lab units at the model's size.

        Raises:
            ImageError: the photo cannot be read.
        """
        condition, target = self.domain.pair(read_photo(photo))
        with one_thread(self.device):
            nats = self.model.log_prob(target.to(self.device), self.prepare(condition))
        dimensions = target[0].numel()
        return LogProb(float(nats[0]) + dimensions * self.domain.log_volume(), dimensions)
