"""What is painted on the photos of a job: samples, or the latent code of a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from colorflow.batch.config import RECIPE, BatchConfig
from colorflow.batch.existing import BORDER
from colorflow.batch.pick import choose
from colorflow.batch.places import full_name, local_copy
from colorflow.colorize import Colorizer
from colorflow.decoding import photos_per_call, rows_per_call
from colorflow.domains import Finishing, finishing_of
from colorflow.draws import Draw
from colorflow.errors import ImageError
from colorflow.hints import Hint, hints_to_json
from colorflow.images.border import without_border
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.realization import Code
from colorflow.sampling import Sampler
from colorflow.variants import Variant

AGAIN = "--changed or --overwrite"

Prepared = tuple[Photo, Tensor, Code]


class Painter(Protocol):
    """Gives each photo its condition and draws, and turns these into variants.

    ``settings`` is everything that decides the result, ``count`` the number of results per photo,
    ``template`` their usual name, ``together`` how many photos fill a call of the flow, ``again``
    the options that make results again.
    """

    settings: Mapping[str, Any]
    count: int
    template: str
    together: int
    again: str

    @property
    def colorizer(self) -> Sampler:
        """The model."""

    def identify(self, photo: Photo) -> str:
        """Give the hash from which the seeds of a photo's samples come."""

    def inside(self, photo: Photo) -> Photo:
        """Give the picture inside the border of a scan, or the photo itself."""

    def prepare(self, photo: Photo, identity: str, halvings: int = 0) -> Prepared | None:
        """Make what the networks need; halved in size so many times, or None where it cannot be."""

    def hints_of(self, source: Path) -> tuple[Hint, ...]:
        """Give the hints of a photo."""

    def paint(
        self, photos: Sequence[Prepared], rows: int, hints: Sequence[Sequence[Hint]] = ()
    ) -> list[list[Variant]]:
        """Make the variants that are to be written; ``hints`` are of each photo."""

    def finishing(self, photo: Photo) -> Finishing:
        """Make the last step of the variants of a photo."""

    def describe(self, variant: Variant) -> dict[str, Any]:
        """List what it takes to make a variant again, beside the settings."""


def settings_of(painter: Painter, source: Path) -> Mapping[str, Any]:
    """List everything that decides the result of one photo.

    Args:
        painter: what is painted.
        source: the photo.

    Returns:
        The settings of the painter, and the photo's hints where it has any.
    """
    hints = painter.hints_of(source)
    return {**painter.settings, "hints": hints_to_json(hints)} if hints else painter.settings


class SamplePainter:
    """Draws samples, and picks among them.

    Args:
        colorizer: the model.
        config: how.

    Raises:
        ConfigError: the model cannot take the saturation or the detail.
    """

    again = AGAIN

    def __init__(self, colorizer: Sampler, config: BatchConfig) -> None:
        colorizer.domain.require_strength(config.saturation)
        colorizer.domain.geometry.condition_size(1, 1, config.detail)
        self.colorizer = colorizer
        self.config = config
        default = colorizer.model.config.temperature
        self.settings: Mapping[str, Any] = {
            "recipe": RECIPE,
            "model": colorizer.model_id,
            "seed": config.seed,
            "temperature": default if config.temperature is None else config.temperature,
            colorizer.domain.strength: config.saturation,
            "draw": config.draw,
            "vivid": config.vivid,
            "detail": config.detail,
            "pick": config.pick,
            # The one that is picked depends on how many there are to pick from.
            "samples": None if config.pick == "all" else config.samples,
            "quality": config.quality,
            "metadata": config.metadata,
            **_border_setting(config),
        }
        self.count = config.samples if config.pick == "all" else 1
        single = f"{{stem}}_{colorizer.domain.result}{{ext}}"
        self.template = "{stem}_v{k}{ext}" if config.pick == "all" else single
        rows = rows_per_call(colorizer.device)
        self.together = config.batch_size or photos_per_call(config.samples, rows)

    def identify(self, photo: Photo) -> str:
        """Hash the pixels."""
        return photo.digest()

    def inside(self, photo: Photo) -> Photo:
        """Look for a border where the job asks for it."""
        return without_border(photo) if self.config.ignore_border else photo

    def prepare(self, photo: Photo, identity: str, halvings: int = 0) -> Prepared | None:
        """Make the condition, and say how the codes are drawn."""
        geometry = self.colorizer.domain.geometry
        height, width = geometry.condition_size(*photo.size, self.config.detail)
        size = height >> halvings, width >> halvings
        if min(size) < geometry.step or any(side % geometry.step for side in size):
            return None
        draw = self.plan(photo, size, identity)
        return photo, self.colorizer.domain.condition(photo, size), draw

    def plan(self, photo: Photo, size: tuple[int, int], identity: str) -> Draw:
        """Say how the codes of a photo are drawn."""
        config = self.config
        return self.colorizer.plan(
            photo,
            config.samples,
            config.saturation,
            config.temperature,
            config.seed,
            config.draw,
            size,
            identity,
        )

    def hints_of(self, source: Path) -> tuple[Hint, ...]:
        """Look up what the job says of the photo."""
        return self.config.hints.get(full_name(source), ()) if self.config.hints else ()

    def paint(
        self, photos: Sequence[Prepared], rows: int, hints: Sequence[Sequence[Hint]] = ()
    ) -> list[list[Variant]]:
        """Decode the codes, moved to the hints where there are any, and choose."""
        painted = self.colorizer.paint(photos, rows, hints, self.config.vivid)
        return [choose(variants, self.config.pick, self.colorizer.domain) for variants in painted]

    def finishing(self, photo: Photo) -> Finishing:
        """Finish with the gain of the task and the factor of the job."""
        domain = self.colorizer.domain
        return finishing_of(domain, photo, self.config.vivid * domain.gain)

    def describe(self, variant: Variant) -> dict[str, Any]:
        """Name the variant, its density, and how far from its hints it stayed."""
        return {**describe_variant(variant), "precision": self.colorizer.precision}


class TransferPainter:
    """Paints the latent code of a reference.

    Args:
        colorizer: the model.
        reference: a colour photo.
        config: how; of it saturation, quality and metadata matter.

    Raises:
        ImageError: the reference cannot be read or has no colours.
    """

    template = "{stem}_transfer{ext}"
    count = 1
    again = AGAIN

    def __init__(self, colorizer: Colorizer, reference: Path, config: BatchConfig) -> None:
        colorizer.domain.require_strength(config.saturation)
        photo = _photo_at(reference)
        if not photo.is_coloured():
            raise ImageError(f"{reference}: expected a colour photo as reference, this one is grey")
        self.colorizer = colorizer
        self.code = colorizer.encode(photo).scale(config.saturation)
        self.settings: Mapping[str, Any] = {
            "recipe": RECIPE,
            "model": colorizer.model_id,
            "reference": reference.name,
            "reference_sha256": photo.digest(),
            "saturation": config.saturation,
            "quality": config.quality,
            "metadata": config.metadata,
            **_border_setting(config),
        }
        self.config = config
        self.together = config.batch_size or rows_per_call(colorizer.device)

    def identify(self, photo: Photo) -> str:
        """Hash the pixels."""
        return photo.digest()

    def inside(self, photo: Photo) -> Photo:
        """Look for a border where the job asks for it."""
        return without_border(photo) if self.config.ignore_border else photo

    def prepare(self, photo: Photo, identity: str, halvings: int = 0) -> Prepared | None:
        """Make the condition at the geometry of the reference."""
        if halvings:
            return None  # the code has one size
        height, width = self.colorizer.model.target_size(self.code)
        stride = self.colorizer.domain.geometry.stride
        size = height * stride, width * stride
        return photo, self.colorizer.domain.condition(photo, size), self.code

    def hints_of(self, source: Path) -> tuple[Hint, ...]:
        """Give none: the colours are the reference's."""
        return ()

    def paint(
        self, photos: Sequence[Prepared], rows: int, hints: Sequence[Sequence[Hint]] = ()
    ) -> list[list[Variant]]:
        """Decode the code for every photo, neither duller nor stronger than the reference."""
        return self.colorizer.paint(photos, rows, vivid=1 / self.colorizer.domain.gain)

    def finishing(self, photo: Photo) -> Finishing:
        """Finish with the chroma of the reference as it is."""
        return finishing_of(self.colorizer.domain, photo)

    def describe(self, variant: Variant) -> dict[str, Any]:
        """Name the precision of the features, which follows from the machine."""
        return {"precision": self.colorizer.precision}


def describe_variant(variant: Variant) -> dict[str, Any]:
    """List what is known of a variant, for the report and for its own file.

    Args:
        variant: any.

    Returns:
        Plain data: ``number`` of the draw among those of the photo and seed; ``redrawn``, how often
        it was replaced, where it was; ``scale`` of its latents, where they have one; ``share`` of
        what is plausible, where it represents some; ``residuals`` in Delta E, one per hint, where
        there are hints.
    """
    facts: dict[str, Any] = {
        "variant": variant.index + 1,
        "number": variant.number,
        "log_prob_nats": round(variant.log_prob, 2),
    }
    if variant.attempt:
        facts["redrawn"] = variant.attempt
    if variant.scale != 1:
        facts["scale"] = variant.scale
    if variant.share is not None:
        facts["share"] = round(variant.share, 3)
    if variant.residuals:
        facts["residuals"] = [round(value, 2) for value in variant.residuals]
    return facts


def _border_setting(config: BatchConfig) -> dict[str, Any]:
    """Name the setting where it is on only: results of version 0.1 do not know it."""
    return {BORDER: True} if config.ignore_border else {}


def _photo_at(path: Path) -> Photo:
    try:
        with local_copy(path) as local:
            try:
                return read_photo(local)
            except ImageError as error:
                raise ImageError(str(error).replace(str(local), str(path))) from error
    except OSError as error:
        raise ImageError(f"{path}: could not be fetched ({error.strerror or error})") from error
