"""What a user asks for: colour variants, latent codes, transfer, uncertainty, likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from colorflow.domains import Colorization
from colorflow.hints import Hint, move_inside, require_inside
from colorflow.images.border import without_border
from colorflow.images.read import PhotoLike, read_photo
from colorflow.loading import load_model
from colorflow.models.latents import Latents
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

    _kind = Colorization
    domain: Colorization

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "photo",
        device: str = "auto",
        backbone: str | None = None,
        precision: str = "auto",
    ) -> Colorizer:
        """Load a bundled model, or one of your own.

        Args:
            name: ``"photo"``, or the path of a ``.safetensors`` file.
            device: where to compute.
            backbone: source of the backbone weights, where it is not the one the model names.
            precision: of the backbone: ``"auto"``, ``"32"`` or ``"bf16"``.

        Returns:
            The colorizer.

        Raises:
            CheckpointError: a file is missing, damaged, or the backbone is not the one the model
                was trained with.
            ConfigError: the device is not there, or the model is for another task.
        """
        return cls(*load_model(name, device, backbone), precision)

    @torch.inference_mode()
    def sample(
        self,
        photo: PhotoLike,
        n: int = 4,
        saturation: float = 1.0,
        temperature: float | Sequence[float] | None = None,
        seed: int = 0,
        hints: Sequence[Hint] = (),
        draw: str = "representative",
        vivid: float = 1.0,
        detail: float = 1.0,
        ignore_border: bool = False,
    ) -> list[Variant]:
        """Draw colourings of a photo.

        Latents are drawn from N(0, 1) and scaled by temperature * saturation. The same photo, seed
        and index give the same variant, however many are drawn and in whatever order. With hints
        each is then moved to a colouring near it that respects them; see
        :func:`colorflow.steering.steer`.

        Representative variants are chosen among 32 draws so that every draw is near to one of them;
        see :mod:`colorflow.representatives`. Independent ones are the draws themselves.

        Args:
            photo: path, picture or array; of a colour photo only the lightness is used.
            n: how many.
            saturation: 0 is the mode-like, muted picture, 1 is as sampled; at most 1.5.
            temperature: standard deviation of the latents; the model's own default where None.
            seed: of the random numbers.
            hints: colours wished at places of the upright photo.
            draw: ``"representative"`` or ``"independent"``.
            vivid: factor on the chroma of the finished pictures, 0 to 2; colours stay within sRGB.
            detail: 1, 1.5 or 2: the model sees the photo at that many times its usual size, for
                small faces and small coloured things; memory and time grow with the square.
            ignore_border: colour the picture inside the border of a scan as if it had none, and
                leave the border as it is; see :func:`colorflow.images.border.find_border`.

        Returns:
            ``n`` variants; their full-size pictures are made when first looked at. Their
            ``residuals`` tell how far from each hint they stayed.

        Raises:
            ImageError: the photo cannot be read, or a hint lies outside it or on the border.
            ConfigError: a number is out of range.
            ImplausibleError: a variant has colours that no photo can have, with each of its seeds.
        """
        photo = read_photo(photo)
        require_inside(hints, photo.size, photo.name)
        if ignore_border:
            photo = without_border(photo)
        if photo.frame:
            hints = move_inside(hints, photo.frame.border.corner, photo.size, photo.name)
        return self.variants(photo, n, saturation, temperature, seed, hints, draw, vivid, detail)

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
        return self._encode(read_photo(photo))

    def decode(
        self, photo: PhotoLike, latents: Latents, saturation: float = 1.0, vivid: float = 1.0
    ) -> Image.Image:
        """Colour a photo by a given latent code.

        The photo is processed in the latents' geometry, stretched where its own differs, so that
        codes of other photos need no resampling. Encoding and decoding leave colours as they are;
        with ``vivid=colorizer.domain.gain`` the picture is that of a variant with these latents.

        Args:
            photo: path, picture or array; only its lightness is used.
            latents: of one picture.
            saturation: factor on the latents.
            vivid: factor on the chroma of the finished picture, 0 to 2.

        Returns:
            The picture, of the photo's size.

        Raises:
            ImageError: the photo cannot be read.
            ShapeError: the latents are not of one picture of this model.
            ConfigError: the saturation is out of range.
            ImplausibleError: the result has colours that no photo can have.
        """
        return self._decode(read_photo(photo), latents, saturation, vivid)

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
        return self._log_prob(read_photo(photo))
