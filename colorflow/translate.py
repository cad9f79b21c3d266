"""The task of translating photos: what a user asks a model of photos in pairs for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from colorflow.colorize import Colorizer
from colorflow.domains import Translation
from colorflow.images.border import without_border
from colorflow.images.read import PhotoLike, read_photo
from colorflow.loading import load_model
from colorflow.models.latents import Latents
from colorflow.sampling import Sampler
from colorflow.variants import LogProb, Variant


class Translator(Sampler):
    """Turns photos into other photos of the same scene, several plausible ways each.

        >>> translator = Translator.from_pretrained("night")
        >>> nights = translator.sample("day.jpg", n=4, seed=0)
        >>> nights[0].image.save("night.jpg")

    Source: Ardizzone et al., "Conditional Invertible Neural Networks for Diverse Image-to-Image
    Translation" (2020).

    Args:
        model: the flow and its pyramid.
        backbone: the feature network it was trained with.
        device: where to compute; see :func:`colorflow.devices.choose_device`.
        info: what the checkpoint says of itself, where it came from one.

    Raises:
        ConfigError: the device is not there, or the model is for another task.
    """

    _kind = Translation
    domain: Translation

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "night",
        device: str = "auto",
        backbone: str | None = None,
        precision: str = "auto",
    ) -> Translator:
        """Load a bundled model, or one of your own.

        Args:
            name: ``"night"``, or the path of a ``.safetensors`` file.
            device: where to compute.
            backbone: source of the backbone weights, where it is not the one the model names.
            precision: of the backbone: ``"auto"``, ``"32"`` or ``"bf16"``.

        Returns:
            The translator.

        Raises:
            CheckpointError: a file is missing, damaged, or the backbone is not the one the model
                was trained with.
            ConfigError: the device is not there, or the model is for another task.
        """
        return cls(*load_model(name, device, backbone), precision)

    def sample(
        self,
        photo: PhotoLike,
        n: int = 4,
        strength: float = 1.0,
        temperature: float | Sequence[float] | None = None,
        seed: int = 0,
        draw: str = "representative",
        detail: float = 1.0,
        ignore_border: bool = False,
    ) -> list[Variant]:
        """Draw translations of a photo.

        Latents are drawn from N(0, 1) and scaled by temperature * strength. The same photo, seed
        and index give the same variant, however many are drawn and in whatever order. See
        :meth:`colorflow.colorize.Colorizer.sample` for the two ways to draw.

        Args:
            photo: path, picture or array.
            n: how many.
            strength: 0 is the mode-like, plain picture, 1 is as sampled; at most 1.5.
            temperature: standard deviation of the latents; the model's own default where None.
            seed: of the random numbers.
            draw: ``"representative"`` or ``"independent"``.
            detail: 1, 1.5 or 2: factor on the size at which the model sees the photo.
            ignore_border: translate the picture inside the border of a scan as if it had none, and
                leave the border as it is; see :func:`colorflow.images.border.find_border`.

        Returns:
            ``n`` variants; their full-size pictures are made when first looked at.

        Raises:
            ImageError: the photo cannot be read.
            ConfigError: a number is out of range.
            ImplausibleError: a variant has colours that no photo can have, with each of its seeds.
        """
        photo = read_photo(photo)
        if ignore_border:
            photo = without_border(photo)
        return self.variants(photo, n, strength, temperature, seed, strategy=draw, detail=detail)

    def encode(self, photo: PhotoLike, partner: PhotoLike) -> Latents:
        """Give the exact latent code of a pair.

        Args:
            photo: path, picture or array, e.g. by day.
            partner: of the same scene, e.g. by night.

        Returns:
            Latents of one picture, on the CPU.

        Raises:
            ImageError: a photo cannot be read.
        """
        return self._encode(read_photo(photo), read_photo(partner))

    def decode(self, photo: PhotoLike, latents: Latents, strength: float = 1.0) -> Image.Image:
        """Translate a photo by a given latent code.

        The photo is processed in the latents' geometry, stretched where its own differs, so that
        codes of other photos need no resampling.

        Args:
            photo: path, picture or array.
            latents: of one picture.
            strength: factor on the latents.

        Returns:
            The picture, of the photo's size.

        Raises:
            ImageError: the photo cannot be read.
            ShapeError: the latents are not of one picture of this model.
            ConfigError: the strength is out of range.
            ImplausibleError: the result has colours that no photo can have.
        """
        return self._decode(read_photo(photo), latents, strength)

    def transfer(
        self,
        reference: PhotoLike,
        partner: PhotoLike,
        target: PhotoLike,
        strength: float = 1.0,
    ) -> Image.Image:
        """Translate a photo by the latent code of a pair.

        Args:
            reference: path, picture or array.
            partner: of the same scene as the reference.
            target: the photo to translate.
            strength: factor on the latents.

        Returns:
            The picture, of the target's size.

        Raises:
            ImageError: a photo cannot be read.
        """
        return self.decode(target, self.encode(reference, partner), strength)

    def log_prob(self, photo: PhotoLike, partner: PhotoLike) -> LogProb:
        """Score how plausible a photo is as the partner of another.

            log p(partner | photo) = log N(z; 0, 1) + log|det dz/dx| + d log|dx/dLab|

        Args:
            photo: path, picture or array.
            partner: of the same scene.

        Returns:
            The log-density over Lab units at the model's size.

        Raises:
            ImageError: a photo cannot be read.
        """
        return self._log_prob(read_photo(photo), read_photo(partner))


def load_sampler(
    name: str | Path, device: str = "auto", backbone: str | None = None, precision: str = "auto"
) -> Colorizer | Translator:
    """Load a model of whatever task.

    Args:
        name: a bundled name, or the path of a ``.safetensors`` file.
        device: where to compute.
        backbone: source of the backbone weights, where it is not the one the model names.
        precision: of the backbone: ``"auto"``, ``"32"`` or ``"bf16"``.

    Returns:
        A colorizer or a translator.

    Raises:
        CheckpointError: a file is missing, damaged, or the backbone is not the one the model was
            trained with.
        ConfigError: the device is not there.
    """
    parts = load_model(name, device, backbone)
    kind = Translator if parts[0].config.domain == Translation.name else Colorizer
    return kind(*parts, precision)
