"""The engine of the page over a model in this process, loaded when it is first needed."""

from __future__ import annotations

import json
import platform
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from colorflow import __version__
from colorflow.errors import ColorflowError, ConfigError, ImageError
from colorflow.loading import MODELS
from colorflow.resources import bundled_path
from colorflow_ui.engine import BatchOptions, Sitting

if TYPE_CHECKING:
    from colorflow.sampling import Sampler

# A page serves strangers: a picture may claim fewer pixels than on the command line.
MAX_PIXELS = 64_000_000
REPORT = "colorflow-report.jsonl"


class LocalEngine:
    """Works with one model, shared by all visitors.

    Args:
        model: bundled name, or the path of a ``.safetensors`` file.
        device: where to compute.
        max_pixels: the largest picture to accept.
        translate: the model is a translator; colours of photos are its input.
    """

    def __init__(
        self,
        model: str = "photo",
        device: str = "auto",
        max_pixels: int = MAX_PIXELS,
        translate: bool = False,
    ) -> None:
        self.translate = translate
        self.model = model
        self.device = device
        self.max_pixels = max_pixels
        self._colorizer: Sampler | None = None
        self._lock = threading.Lock()

    @property
    def colorizer(self) -> Sampler:
        """The model, loaded on first use."""
        with self._lock:
            if self._colorizer is None:
                from colorflow.colorize import Colorizer
                from colorflow.translate import Translator

                task = Translator if self.translate else Colorizer
                self._colorizer = task.from_pretrained(self.model, self.device)
            return self._colorizer

    @property
    def levels(self) -> int:
        """Number of levels of the latents."""
        return int(self.colorizer.model.config.levels)

    @property
    def max_strength(self) -> float:
        """The largest factor on the latents; known before there is a model."""
        from colorflow.domains import Colorization, Translation

        return (Translation if self.translate else Colorization).max_strength

    @property
    def lanes(self) -> int:
        """How many photos are worked on at once: one per core, or one stream for a GPU."""
        from colorflow.batch.run import available_cores
        from colorflow.devices import choose_device

        # Not the model's device: the page is built before a model is needed.
        return available_cores() if choose_device(self.device).type == "cpu" else 1

    def warm_up(self) -> None:
        """Load the model and run it once, so that the first visitor does not wait for that."""
        import numpy as np

        from colorflow.images.photo import Photo
        from colorflow_ui.sitting import PhotoSitting

        photo = Photo(np.full((480, 640), 128, np.uint8))
        sitting = PhotoSitting(self.colorizer, photo, "photo.png", lambda: photo)
        for take in sitting.draw(1, 0, 1.0):
            sitting.picture(take, 1.0, 480)

    def open(self, path: Path, name: str, coloured: bool = False) -> Sitting:
        """Read a photo; see :class:`colorflow_ui.engine.Engine`."""
        from colorflow_ui.sitting import PhotoSitting, reader

        read = reader(path, name, self.max_pixels)
        photo = read()
        if coloured and not photo.is_coloured():
            raise ImageError(f"{name}: expected a colour photo, this one is grey; choose another")
        return PhotoSitting(self.colorizer, photo, name, read)

    def batch(
        self,
        photos: Sequence[tuple[Path, str]],
        options: BatchOptions,
        folder: Path,
        progress: Callable[[int, int, str], None],
    ) -> tuple[Path, list[dict[str, Any]]]:
        """Colour several photos; see :class:`colorflow_ui.engine.Engine`."""
        from colorflow.batch.config import BatchConfig
        from colorflow.batch.discover import Job
        from colorflow.batch.memory import pixels_of
        from colorflow.batch.painters import SamplePainter
        from colorflow.batch.results import Result
        from colorflow.batch.run import run_jobs
        from colorflow.images.metadata import Policy

        config = BatchConfig(
            samples=options.samples,
            saturation=options.saturation,
            seed=options.seed,
            format=options.file.format,
            metadata=cast(Policy, options.file.metadata),
            draw=options.draw,
            vivid=options.vivid,
            detail=options.detail,
        )
        out = folder / "results"
        jobs, names, lines = [], {}, []
        for path, stem in _distinct(photos):
            names[str(path)] = stem + path.suffix
            if (pixels := pixels_of(path)) > self.max_pixels:
                reason = f"{path}: expected at most {self.max_pixels:,} pixels, found {pixels:,}"
                refused = Result(path, "failed", reason=reason)
                lines.append(_told(refused.to_dict(), names))
            else:
                jobs.append(Job(path, out / stem, named=True))
        try:
            for result in run_jobs(SamplePainter(self.colorizer, config), jobs, config):
                lines.append(_told(result.to_dict(), names))
                progress(len(lines), len(photos), lines[-1]["input"])
        except ConfigError as error:
            raise ConfigError(_plain(str(error), names, out)) from error
        if not any(line["outputs"] for line in lines):
            reasons = "; ".join(str(line["reason"]) for line in lines)
            raise ImageError(f"None of the photos could be coloured: {reasons}")
        archive = folder / "colorflow.zip"
        _pack(archive, out, lines)
        return archive, lines

    def about(self) -> Mapping[str, str]:
        """Tell model, device and versions; see :class:`colorflow_ui.engine.Engine`."""
        import gradio
        import torch

        info = self.colorizer.info
        return {
            "model": self.colorizer.model_id,
            "parameters": f"{info.parameters:,}" if info else "unknown",
            "device": str(self.colorizer.device),
            "colorflow": __version__,
            "torch": torch.__version__,
            "gradio": gradio.__version__,
            "python": platform.python_version(),
        }

    def card(self) -> str:
        """Give the model's card; see :class:`colorflow_ui.engine.Engine`."""
        if self.model not in MODELS:
            return f"`{Path(self.model).name}` is a model of your own and has no card here."
        path = bundled_path("pretrained", f"{self.model}.md")
        if path is None:
            return "The model's card is not installed."
        # Pictures and other pages that the card refers to are not part of this one.
        text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", path.read_text(encoding="utf-8"))
        return re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


def _distinct(photos: Sequence[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
    """Give every photo a stem of its own, though several may have come under one name."""
    taken: set[str] = set()
    for path, name in photos:
        stem = Path(name).stem or "photo"
        number, unique = 1, stem
        while unique.lower() in taken:
            number += 1
            unique = f"{stem}-{number}"
        taken.add(unique.lower())
        yield path, unique


def _told(line: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Write a line of the report in the visitor's names; paths of this machine are none of it."""
    name = names[line["input"]]
    reason = line["reason"] and line["reason"].replace(line["input"], name)
    outputs = [Path(output).name for output in line["outputs"]]
    return {**line, "input": name, "outputs": outputs, "reason": reason}


def _plain(text: str, names: Mapping[str, str], out: Path) -> str:
    for path, name in names.items():
        text = text.replace(path, name)
    return text.replace(f"{out}/", "")


def _pack(archive: Path, out: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Put results and report into a zip; pictures are compressed already."""
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
            for line in lines:
                for name in line["outputs"]:
                    file.write(out / name, name)
            file.writestr(REPORT, "".join(json.dumps(line) + "\n" for line in lines))
    except OSError as error:
        raise ColorflowError(f"{archive.name}: could not be written ({error.strerror})") from error
