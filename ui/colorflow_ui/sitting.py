"""A photo that is open, over the task layer."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from colorflow.batch.config import BatchConfig
from colorflow.batch.encoding import encode_variant, is_deep
from colorflow.colorize import Colorizer
from colorflow.decoding import rows_per_call
from colorflow.draws import Drawn
from colorflow.editing import levels_of, more_like, tail_probability, with_levels
from colorflow.errors import ImageError, TooLargeError
from colorflow.hints import hints_to_json, parse_hints
from colorflow.images.formats import WRITERS, output_suffix
from colorflow.images.metadata import Policy
from colorflow.images.photo import Photo
from colorflow.models.latents import Latents, derive_seed
from colorflow.photo_session import PhotoSession
from colorflow.resources import sha256_of_file
from colorflow.sampling import Sampler
from colorflow.variants import Variant
from colorflow_ui.engine import FileOptions, Saved, Sitting, Take
from colorflow_ui.history import edited, history_of, named

PREVIEW_SIDE = 1024
# Near enough to be seen as the same colouring, far enough to be seen as another picture.
NEAR = 0.5


class PhotoSitting:
    """A photo that is open; of its pixels only a preview is kept.

    Args:
        colorizer: the model.
        photo: the photo.
        name: the visitor's name of the file.
        reread: gives the photo again, for results of its own size.
    """

    def __init__(
        self, colorizer: Sampler, photo: Photo, name: str, reread: Callable[[], Photo]
    ) -> None:
        self.colorizer = colorizer
        self.name = name
        self.size = photo.size
        self.reread = reread
        self.session = PhotoSession(colorizer, photo, PREVIEW_SIDE)
        self.grey: Image.Image = self.session.before
        unused = colorizer.domain.condition_channels == 1 and photo.is_coloured()
        notes = ["It has colours already, which are not used."] if unused else []
        self.notes = (*notes, *(f"It {note}." for note in photo.notes))
        self._code: Latents | None = None
        self._others: dict[tuple[int, int], PhotoSession] = {}

    def draw(
        self,
        n: int,
        seed: int,
        variety: float,
        strategy: str = "representative",
        detail: float = 1.0,
    ) -> Iterator[Take]:
        """Draw variants; see :class:`colorflow_ui.engine.Sitting`."""
        temperature = None if variety == 1 else tuple(variety * t for t in self._usual())
        config = BatchConfig(
            samples=n, seed=seed, temperature=temperature, draw=strategy, detail=detail
        )
        size = self.colorizer.domain.geometry.condition_size(*self.size, detail)
        codes = self._session(size).draw(n, temperature, seed, strategy)
        yield from self._takes(codes, f"seed {seed}", {"config": config}, temperature)

    def more_like(self, take: Take, n: int, seed: int) -> Iterator[Take]:
        """Draw similar variants; see :class:`colorflow_ui.engine.Sitting`."""
        codes = more_like(take.code.latents, NEAR, self._seeds(seed, n))
        yield from self._takes(codes, "more like this", edited("more like this", seed, take))

    def redraw(self, take: Take, part: str, n: int, seed: int) -> Iterator[Take]:
        """Draw a part again; see :class:`colorflow_ui.engine.Sitting`."""
        code = take.code.latents
        fresh = self._fresh(code, n, seed)
        codes = with_levels(code, fresh, levels_of(part, len(code.levels)))
        yield from self._takes(codes, f"new {part}", edited(f"new {part}", seed, take))

    def blend(self, first: Take, second: Take, share: float) -> Take:
        """Blend two variants; see :class:`colorflow_ui.engine.Sitting`."""
        code = first.code.latents.interpolate(second.code.latents, share)
        origin = {"edit": "blend", "of": [named(first), named(second)], "share": share}
        return next(self._takes(code, f"blend, {share:.0%}", origin))

    def hinted(
        self,
        hints: Sequence[Mapping[str, Any]],
        n: int,
        seed: int,
        strategy: str = "representative",
        detail: float = 1.0,
        vivid: float = 1.0,
    ) -> Iterator[Take]:
        """Find variants by hints; see :class:`colorflow_ui.engine.Sitting`."""
        parsed = parse_hints(list(hints), "hints")
        config = BatchConfig(samples=n, seed=seed, draw=strategy, detail=detail, vivid=vivid)
        colorizer, how = cast(Colorizer, self.colorizer), (strategy, vivid, detail)
        variants = colorizer.sample(self.reread(), n, 1.0, None, seed, parsed, *how)
        origin = {"config": config, "hints": hints_to_json(parsed)}
        codes = Latents.cat([variant.latents for variant in variants])
        takes = self._takes(codes, f"seed {seed}", origin)
        for take, variant in zip(takes, variants, strict=True):
            # The full-size finishing would keep the photo in memory.
            code = dataclasses.replace(variant, finishing=take.code.finishing)
            yield dataclasses.replace(
                take,
                code=code,
                residuals=variant.residuals,
                number=variant.number,
                redrawn=variant.attempt,
            )

    def transferred(self, reference: Sitting, shares: Sequence[float], seed: int) -> Take:
        """Take the colours of a reference; see :class:`colorflow_ui.engine.Sitting`."""
        theirs = cast(PhotoSitting, reference)
        code = theirs.encoded()
        mixed = self._fresh(code, 1, seed).mix(code, shares)
        origin = {
            "edit": "transfer",
            "reference": theirs.name,
            "reference_sha256": theirs.session.digest,
            "shares": [*shares],
            "seed": seed,
        }
        return next(self._takes(mixed, f"Colours of {theirs.name}", origin))

    def encoded(self) -> Latents:
        """Give the code of a colour photo, which is computed once."""
        if self._code is None:
            self._code = cast(Colorizer, self.colorizer).encode(self.reread())
        return self._code

    def picture(self, take: Take, saturation: float, side: int, vivid: float = 1.0) -> Image.Image:
        """Make a preview; see :class:`colorflow_ui.engine.Sitting`."""
        variant = self._variant(take, saturation)
        session = self._session_of(variant.latents)
        vivid = self._vivid(take, vivid)
        return session.picture(variant, None if side >= PREVIEW_SIDE else side, vivid)

    def _vivid(self, take: Take, vivid: float) -> float:
        """Leave colours that are transferred as they are; variants get the gain of the task."""
        transferred = take.origin.get("edit") == "transfer"
        return vivid / self.colorizer.domain.gain if transferred else vivid

    def uncertainty(self) -> np.ndarray:
        """Map how far samples differ; see :class:`colorflow_ui.engine.Sitting`."""
        return self.session.uncertainty()

    def save(
        self,
        take: Take,
        saturation: float,
        options: FileOptions,
        number: int,
        vivid: float = 1.0,
    ) -> Saved:
        """Make a file; see :class:`colorflow_ui.engine.Sitting`."""
        photo = self.reread()
        vivid = self._vivid(take, vivid)
        variant = self.session.full_size(self._variant(take, saturation), photo, vivid)
        suffix = output_suffix(Path(self.name).suffix, options.format)
        policy, look = cast(Policy, options.metadata), (saturation, vivid)
        hashes = self.session.digest, sha256_of_file(photo.source) if photo.source else ""
        history = history_of(self.colorizer, hashes, take, variant, look, policy)
        metadata = photo.metadata.apply(policy)
        data = encode_variant(variant, suffix, is_deep(photo), metadata, history)
        notes = []
        if photo.alpha is not None and WRITERS[suffix.lower()] == "JPEG":
            notes.append("Its transparency is lost in JPEG; choose PNG to keep it.")
        return Saved(f"{Path(self.name).stem}_v{number}{suffix}", data, tuple(notes))

    def _variant(self, take: Take, saturation: float) -> Variant:
        variant: Variant = take.code
        if saturation == 1:
            return variant
        (painted,) = self._session_of(variant.latents).paint(variant.latents, saturation)
        # It stays the same draw, of another length.
        return dataclasses.replace(
            painted,
            seed=variant.seed,
            number=variant.number,
            attempt=variant.attempt,
            share=variant.share,
            scale=variant.scale,
        )

    def _session_of(self, code: Latents) -> PhotoSession:
        """Give the session of the code's geometry, which is that of a reference in a transfer."""
        height, width = self.colorizer.model.target_size(code)
        stride = self.colorizer.domain.geometry.stride
        return self._session((height * stride, width * stride))

    def _session(self, size: tuple[int, int]) -> PhotoSession:
        """Give the session in which the model sees the photo at a size; one is kept of others."""
        if size == self.session.condition_size:
            return self.session
        session = self._others.get(size)
        if session is None:
            session = PhotoSession(self.colorizer, self.reread(), PREVIEW_SIDE, size)
            self._others = {size: session}
        return session

    def _takes(
        self,
        codes: Drawn | Latents,
        label: str,
        origin: Mapping[str, Any],
        temperature: Sequence[float] | None = None,
    ) -> Iterator[Take]:
        """Paint codes, as many at a time as a call of the flow takes."""
        latents = codes.latents if isinstance(codes, Drawn) else codes
        session = self._session_of(latents)
        together = rows_per_call(self.colorizer.device)
        for start in range(0, len(codes), together):
            for variant in session.paint(codes[start : start + together]):
                # Of the code that was painted: an impossible one was replaced.
                spread = [variant.scale * t for t in temperature or self._usual()]
                (typical,) = tail_probability(variant.latents, spread)
                yield Take(
                    variant,
                    label,
                    typical,
                    {**origin, "index": start + variant.index},
                    share=variant.share,
                    number=variant.number if isinstance(codes, Drawn) else None,
                    redrawn=variant.attempt,
                )

    def _usual(self) -> tuple[float, ...]:
        usual = self.colorizer.model.config.temperature
        levels = self.colorizer.model.config.levels
        return usual if isinstance(usual, tuple) else (usual,) * levels

    def _fresh(self, code: Latents, n: int, seed: int) -> Latents:
        return Latents.sample(code.shapes, self._seeds(seed, n)).scale(self._usual())

    def _seeds(self, seed: int, n: int) -> list[int]:
        return [derive_seed(seed, self.session.digest, index) for index in range(n)]


def reader(path: Path, name: str, max_pixels: int) -> Callable[[], Photo]:
    """Give what reads a visitor's file.

    Args:
        path: of the file on this machine, which no message names.
        name: the visitor's name of it.
        max_pixels: the largest picture to accept.

    Returns:
        A function that raises ``ImageError`` where the file cannot be read.
    """
    from colorflow.images.read import read_photo

    def read() -> Photo:
        try:
            return read_photo(path, max_pixels)
        except TooLargeError as error:
            raise ImageError(
                f"{name}: expected at most {max_pixels // 10**6} megapixels; scale it down first"
            ) from error
        except ImageError as error:
            raise ImageError(str(error).replace(str(path), name)) from error

    return read


def new_seed() -> int:
    """Draw a seed that a person can read out and type.

    Returns:
        A number below 100 000.
    """
    return secrets.randbelow(100_000)
