"""Working on one photo for a while: what its colourings share is computed once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from colorflow.decoding import rows_per_call
from colorflow.devices import one_thread
from colorflow.domains import finishing_of
from colorflow.draws import Drawn, require_vivid
from colorflow.errors import ConfigError
from colorflow.images.lab import lightness_to_grey
from colorflow.images.photo import Photo
from colorflow.images.planes import resize_plane
from colorflow.models.latents import Latents
from colorflow.realization import Realizer, choose
from colorflow.sampling import Sampler
from colorflow.variants import Variant


class PhotoSession:
    """A photo and everything that its colourings share, at the size of a preview.

    Another saturation, or another code, takes the inverse pass of the flow only. The photo itself
    is not kept: memory does not depend on its size.

    Args:
        sampler: the model.
        photo: the photo.
        side: longest side of the previews in pixels; smaller photos keep their size.
        size: height and width of the condition; the one usual for the photo where None.

    Raises:
        ConfigError: the side is not positive.
    """

    def __init__(
        self,
        sampler: Sampler,
        photo: Photo,
        side: int = 1024,
        size: tuple[int, int] | None = None,
    ) -> None:
        if side < 1:
            raise ConfigError(f"side: expected at least 1 pixel, got {side}")
        self.sampler = sampler
        self.size = photo.size
        self.digest = photo.digest()
        self.condition_size = size or sampler.domain.geometry.condition_size(*photo.size)
        condition = sampler.domain.condition(photo, self.condition_size)
        with torch.inference_mode(), one_thread(sampler.device):
            self.prepared = sampler.prepare(condition)
        with one_thread():
            self._small = self._reduced(photo, side)
        self._finishing = {side: sampler.domain.finishing(self._small, sampler.domain.gain)}

    @property
    def before(self) -> Image.Image:
        """A preview of what is given of the photo: mode ``L`` where that is its lightness."""
        with one_thread():
            if self.sampler.domain.condition_channels > 1:
                given = torch.from_numpy(self._small.pixels)
            else:
                given = lightness_to_grey(self._small.lightness).clamp(0, 1)
        return Image.fromarray((given * 255).round().to(torch.uint8).numpy())

    def draw(
        self,
        n: int,
        temperature: float | Sequence[float] | None = None,
        seed: int = 0,
        strategy: str = "representative",
    ) -> Drawn:
        """Draw codes, the same as :meth:`colorflow.sampling.Sampler.sample` for the photo.

        Args:
            n: how many.
            temperature: standard deviation; the model's own default where None.
            seed: of the random numbers.
            strategy: one of :data:`colorflow.draws.STRATEGIES`.

        Returns:
            ``n`` draws of saturation 1, on the CPU.

        Raises:
            ConfigError: a number is out of range.
        """
        draw = self.sampler.plan(
            self._small, n, 1.0, temperature, seed, strategy, self.condition_size, self.digest
        )
        with torch.inference_mode(), one_thread(self.sampler.device):
            return choose(self.sampler.model, draw, self.prepared)

    def paint(self, code: Drawn | Latents, saturation: float = 1.0) -> list[Variant]:
        """Turn codes into variants, bit for bit those of the photo at its full size.

        Args:
            code: draws of this session, or latents of any number of pictures, at the photo's
                geometry.
            saturation: factor on the latents.

        Returns:
            The variants; their pictures are previews.

        Raises:
            ConfigError: the saturation is out of range.
            ImplausibleError: a variant has colours that no photo can have.
        """
        self.sampler.domain.require_strength(saturation)
        realizer = Realizer(
            self.sampler.model, self.sampler.domain, rows_per_call(self.sampler.device)
        )
        with torch.inference_mode(), one_thread(self.sampler.device):
            (made,) = realizer.realize([code.scale(saturation)], [self.prepared])
        return self.sampler.variants_of(made, next(iter(self._finishing.values())))

    def picture(self, variant: Variant, side: int | None = None, vivid: float = 1.0) -> Image.Image:
        """Make a preview of a variant.

        Args:
            variant: of :meth:`paint`.
            side: longest side in pixels, at most that of the session, which is usual.
            vivid: factor on the chroma of the preview.

        Returns:
            An ``RGB`` picture.

        Raises:
            ConfigError: the factor is out of range.
        """
        require_vivid(vivid)
        gain = self.sampler.domain.gain
        with one_thread():
            if side is None:
                finishing = variant.finishing
            else:
                if side not in self._finishing:
                    small = self._reduced(self._small, side)
                    self._finishing[side] = self.sampler.domain.finishing(small, gain)
                finishing = self._finishing[side]
            return finishing.with_vivid(vivid * gain).pictures([variant.target])[0]

    def full_size(self, variant: Variant, photo: Photo, vivid: float = 1.0) -> Variant:
        """Give a variant that makes pictures of the photo's own size.

        Args:
            variant: of :meth:`paint`.
            photo: the photo of this session, read again.
            vivid: factor on the chroma of its pictures.

        Returns:
            The variant.

        Raises:
            ConfigError: it is another photo, or the factor is out of range.
        """
        require_vivid(vivid)
        if photo.digest() != self.digest:
            raise ConfigError(f"{photo.name}: expected the photo of this session, got another")
        finishing = finishing_of(self.sampler.domain, photo, vivid * self.sampler.domain.gain)
        return dataclasses.replace(variant, finishing=finishing)

    def uncertainty(self, n: int = 16, temperature: float = 1.0, seed: int = 0) -> np.ndarray:
        """Map how far samples differ from each other; see :meth:`Colorizer.uncertainty`.

        Args:
            n: samples, at least 2.
            temperature: of the samples.
            seed: of the samples.

        Returns:
            float32 [height, width] of a preview, in units of Delta E.

        Raises:
            ConfigError: fewer than two samples.
        """
        if n < 2:
            raise ConfigError(f"n: expected at least 2 samples for an uncertainty, got {n}")
        variants = self.paint(self.draw(n, temperature, seed, "independent"))
        delta_e = self.sampler.disagreement(variants)
        with one_thread():
            return self.sampler.domain.enlarge(self._small, delta_e).numpy()

    def _reduced(self, photo: Photo, side: int) -> Photo:
        """Make a small photo, float32, of what the model is given of it."""
        height, width = photo.size
        scale = min(1.0, side / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        if self.sampler.domain.condition_channels > 1:
            planes = self.sampler.domain.condition(photo, size)[0]
            return Photo(planes.permute(1, 2, 0).contiguous().numpy())
        lightness = resize_plane(photo.lightness_rows, size)[0].clamp(0, 100)
        return Photo(lightness_to_grey(lightness).clamp(0, 1).numpy())
