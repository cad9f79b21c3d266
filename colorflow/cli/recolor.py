"""The recolor command: variants made again from what their files say."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from colorflow.batch.discover import Job
from colorflow.batch.ownership import owned
from colorflow.batch.places import place
from colorflow.batch.recolor import RecipePainter, find_source, read_recipe
from colorflow.batch.results import Result
from colorflow.batch.run import require_writable, run_jobs
from colorflow.cli.report import Reporter
from colorflow.colorize import Colorizer
from colorflow.draws import require_vivid
from colorflow.errors import ColorflowError, ConfigError, ImageError
from colorflow.images.formats import choice_of
from colorflow.loading import MODELS
from colorflow.sampling import Sampler
from colorflow.translate import load_sampler


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        files: results of colorize.
        out: folder of the new ones; None for that of each file.
        saturation: another one than the file's, or None.
        vivid: another factor on chroma than the file's, or None.
        source: the photo or its folder, or None.
        overwrite: make results again that are there.
        device: where to compute.
        model: name or file; None for the bundled model that the files name.
    """

    files: Sequence[Path]
    out: str | None
    saturation: float | None
    vivid: float | None
    source: Path | None
    overwrite: bool
    device: str
    model: str | None


def run_recolor(request: Request) -> int:
    """Make variants again, and tell about it.

    Args:
        request: what was asked for.

    Returns:
        The exit code.

    Raises:
        ColorflowError: the model cannot be loaded, the place not be written to, or a factor is out
            of range.
    """
    if request.vivid is not None:
        require_vivid(request.vivid)
    colorizer = load_sampler(request.model or _model_of(request.files), request.device)
    if request.saturation is not None:
        colorizer.domain.require_strength(request.saturation)
    if request.source is not None and not request.source.exists():
        raise ConfigError(f"--source {request.source}: expected a photo or its folder, found none")
    if request.out is not None:
        require_writable(place(request.out))
    done = colorizer.domain.done
    reporter = Reporter(len(request.files), str(colorizer.device), colorizer.model_id, done=done)
    for path in request.files:
        try:
            folder = path.parent if request.out is None else Path(request.out)
            if request.out is None:
                require_writable(folder)
            with owned(folder):
                for result in _recolor(colorizer, path, folder, request):
                    reporter.take(result)
        except ColorflowError as error:
            failed = Result(path)
            failed.fail(error)
            reporter.take(failed)
    return reporter.summary(request.out or "their folders", None)


def _model_of(files: Sequence[Path]) -> str:
    """Give the bundled model that made the first file that tells of one, or else the usual one."""
    for path in files:
        with contextlib.suppress(ColorflowError):
            name = read_recipe(path).model.partition("@")[0]
            if name in MODELS:
                return name
    return MODELS[0]


def _recolor(colorizer: Sampler, path: Path, folder: Path, request: Request) -> Sequence[Result]:
    recipe = read_recipe(path)
    painter = RecipePainter(colorizer, recipe, request.saturation, request.vivid)
    source = find_source(path, recipe, request.source)
    if source is None and not isinstance(colorizer, Colorizer):
        raise ImageError(f"{path}: the photo it was made of was not found; name it with --source")
    config = replace(
        painter.config,
        format=choice_of(path),
        rerun="overwrite" if request.overwrite else "skip",
        jobs=1,
    )
    job = Job(source or path, folder / path.stem, named=True)
    results = list(run_jobs(painter, [job], config, inputs=[path]))
    for result in results:
        if source is None:
            result.note(
                "the photo it was made of was not found: lightness was taken from the file itself, "
                "so it is not the same to the last bit; name the photo with --source"
            )
    return results
