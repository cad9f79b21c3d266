"""Colouring many photos one after the other; one that fails does not stop the others."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from colorflow.batch.discover import Job, check_collisions
from colorflow.colorize import Colorizer
from colorflow.errors import ColorflowError, ConfigError, ImageError
from colorflow.images.contact_sheet import ContactSheet
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.write import output_suffix, write_image

# What can go wrong with one photo without concerning the next: our own errors, files, memory.
PER_FILE = (ColorflowError, OSError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class ColorizeConfig:
    """How to colour.

    Args:
        samples: variants per photo.
        saturation: factor on the latents; 0 is muted, 1 as sampled.
        temperature: standard deviation of the latents; None for the model's default.
        seed: of the samples.
        format: ``"keep"``, ``"jpg"``, ``"png"``, ``"webp"`` or ``"tif"``.
    """

    samples: int = 4
    saturation: float = 1.0
    temperature: float | None = None
    seed: int = 0
    format: str = "keep"


@dataclass
class Result:
    """What became of one photo.

    Args:
        source: the file.
        outputs: what was written.
        error: why nothing was written, or None.
        coloured: the photo had colours, which were not used.
        notes: what a user should know, one sentence each.
        seconds: it took.
    """

    source: Path
    outputs: list[Path] = field(default_factory=list)
    error: str | None = None
    coloured: bool = False
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def variant_path(job: Job, variant: int, wanted: str) -> Path:
    """Name the result of one variant.

    Args:
        job: the photo.
        variant: counted from 1.
        wanted: format, as in :class:`ColorizeConfig`.

    Returns:
        ``out/tree/name_v1.jpg``.
    """
    suffix = output_suffix(job.source.suffix, wanted)
    return job.target.with_name(f"{job.target.name}_v{variant}{suffix}")


def require_writable(folder: Path) -> None:
    """Make the output folder and see that files can be written there.

    Args:
        folder: of the results.

    Raises:
        ImageError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ImageError(
            f"{folder}: expected a folder to write to ({error.strerror or error}); "
            "choose another with -o"
        ) from error


def colorize_jobs(
    colorizer: Colorizer,
    jobs: Sequence[Job],
    config: ColorizeConfig,
    sheet: ContactSheet | None = None,
) -> Iterator[Result]:
    """Colour photos, each into its variants.

    Args:
        colorizer: the model.
        jobs: the photos.
        config: how.
        sheet: collects a row per photo, where wanted; the caller flushes it.

    Yields:
        One result per photo, in order.

    Raises:
        ConfigError: results would overwrite each other or an input.
    """
    check_collisions(
        [
            (job.source, variant_path(job, variant, config.format))
            for job in jobs
            for variant in range(1, config.samples + 1)
        ],
        sheet.page_paths(len(jobs)) if sheet else (),
    )

    def work(job: Job, photo: Photo, result: Result) -> None:
        variants = colorizer.sample(
            photo, config.samples, config.saturation, config.temperature, config.seed
        )
        pictures: list[Image.Image] = [photo.thumbnail(sheet.height)] if sheet else []
        for variant in variants:
            path = variant_path(job, variant.index + 1, config.format)
            made_by = describe(colorizer, config, variant.index, variant.log_prob)
            image = variant.image
            _write(image, path, photo, made_by, result)
            if sheet:
                pictures.append(image.reduce(max(1, image.height // (2 * sheet.height))))
            del variant.image  # twelve megapixels times sixteen variants would add up
        if sheet:
            sheet.add(job.source.name, pictures)

    for job in jobs:
        yield _guarded(job, work)


def transfer_jobs(
    colorizer: Colorizer,
    reference: Path,
    jobs: Sequence[Job],
    saturation: float = 1.0,
    wanted: str = "keep",
) -> Iterator[Result]:
    """Colour photos by the latent code of a reference.

    Args:
        colorizer: the model.
        reference: a colour photo.
        jobs: the photos.
        saturation: factor on the latents.
        wanted: format of the results.

    Yields:
        One result per photo, in order.

    Raises:
        ImageError: the reference cannot be read or has no colours.
        ConfigError: results would overwrite each other or an input.
    """

    def path_of(job: Job) -> Path:
        suffix = output_suffix(job.source.suffix, wanted)
        return job.target.with_name(f"{job.target.name}_transfer{suffix}")

    check_collisions([(job.source, path_of(job)) for job in jobs], inputs=[reference])
    model = read_photo(reference)
    if not model.is_coloured():
        raise ImageError(f"{reference}: expected a colour photo as reference, this one is grey")
    code = colorizer.encode(model)
    made_by = {
        "model": colorizer.model_id,
        "reference": reference.name,
        "reference_sha256": model.digest(),
        "saturation": saturation,
    }

    def work(job: Job, photo: Photo, result: Result) -> None:
        _write(colorizer.decode(photo, code, saturation), path_of(job), photo, made_by, result)

    for job in jobs:
        yield _guarded(job, work)


def describe(
    colorizer: Colorizer, config: ColorizeConfig, index: int, log_prob: float
) -> dict[str, Any]:
    """List what it takes to make a variant again.

    Args:
        colorizer: the model.
        config: how.
        index: of the sample, from 0.
        log_prob: of its chroma, in nats.

    Returns:
        Plain data for :func:`colorflow.images.write.write_image`.
    """
    default = colorizer.model.config.temperature
    return {
        "model": colorizer.model_id,
        "seed": config.seed,
        "variant": index + 1,
        "temperature": default if config.temperature is None else config.temperature,
        "saturation": config.saturation,
        "log_prob_nats": round(log_prob, 2),
    }


def _guarded(job: Job, work: Callable[[Job, Photo, Result], None]) -> Result:
    start = time.monotonic()
    result = Result(job.source)
    try:
        photo = read_photo(job.source)
        result.coloured = photo.is_coloured()
        result.notes += photo.notes
        work(job, photo, result)
    except ConfigError:
        raise  # a setting that is wrong for this photo is wrong for all
    except PER_FILE as error:
        # A photo is done or not done: variants written before the failure would look like all.
        for path in result.outputs:
            with contextlib.suppress(OSError):
                os.unlink(path)
        result.outputs.clear()
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        name = str(job.source)
        result.error = text if name in text else f"{name}: {text}"
    result.seconds = time.monotonic() - start
    return result


def _write(
    image: Image.Image, path: Path, photo: Photo, made_by: dict[str, Any], result: Result
) -> None:
    if path.suffix.lower() in (".jpg", ".jpeg") and photo.alpha is not None:
        note = "its transparency is lost in JPEG; keep it with --format png"
        if note not in result.notes:
            result.notes.append(note)
    write_image(image, path, photo.metadata, made_by)
    result.outputs.append(path)
