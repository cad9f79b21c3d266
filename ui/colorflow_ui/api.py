"""The named HTTP endpoints: one call each, of which nothing is remembered.

Their names and parameters are a promise; ``tests/ui/api.json`` holds them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from colorflow.draws import STRATEGIES, require_detail, require_strategy, require_vivid
from colorflow.errors import ConfigError
from colorflow.hints import FAR
from colorflow_ui.batch_tab import colour_files
from colorflow_ui.drawing import heat_map, peaks
from colorflow_ui.engine import BatchOptions, Engine, FileOptions, Sitting, Take
from colorflow_ui.hint_rows import rows_from_json, rows_to_json
from colorflow_ui.lanes import batch_lane, compute_lane, quick_lane
from colorflow_ui.texts import FORMATS, METADATA
from colorflow_ui.visitors import Visit, Visitors
from colorflow_ui.widgets import message_of, picture_types

MAX_SAMPLES = 12
FORMAT_NAMES = [value for _, value in FORMATS]
METADATA_NAMES = [value for _, value in METADATA]


def _answering(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what an endpoint raises into an answer."""

    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            raise gr.Error(message_of(error), print_exception=False) from error

    return run


class Endpoints:
    """What the endpoints do; a ``photo`` is the path of an upload.

    Args:
        engine: does the work.
        visitors: whose files these are.
    """

    def __init__(self, engine: Engine, visitors: Visitors) -> None:
        self.engine = engine
        self.visitors = visitors

    @_answering
    def colorize(
        self,
        request: gr.Request,
        photo: str | None,
        samples: float,
        saturation: float,
        seed: float,
        format: str,  # noqa: A002 - the name of the endpoint's parameter
        metadata: str,
        hints: str,
        draw: str,
        vivid: float,
        detail: float,
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """Colour a photo: full-size files, and what there is to say of each."""
        visit = self.visitors.visit(request.session_hash)
        factor, how = self._strength("saturation", saturation), _drawing(draw, detail)
        chroma = require_vivid(_given("vivid", vivid))
        options = FileOptions(format, metadata)
        sitting = self._open(visit, photo)
        takes = _takes(sitting, samples, seed, how, hints or "", chroma)
        return _save(visit, sitting, takes, (factor, chroma), options)

    @_answering
    def translate(
        self,
        request: gr.Request,
        photo: str | None,
        samples: float,
        strength: float,
        seed: float,
        format: str,  # noqa: A002
        metadata: str,
        draw: str,
        detail: float,
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """Translate a photo, e.g. into night: full-size files, and what there is to say of each."""
        visit = self.visitors.visit(request.session_hash)
        factor, how = self._strength("strength", strength), _drawing(draw, detail)
        options = FileOptions(format, metadata)
        sitting = self._open(visit, photo)
        takes = _takes(sitting, samples, seed, how)
        return _save(visit, sitting, takes, (factor, 1.0), options)

    @_answering
    def transfer(
        self,
        request: gr.Request,
        reference: str | None,
        photo: str | None,
        shares: str,
        saturation: float,
        format: str,  # noqa: A002
        metadata: str,
    ) -> str:
        """Colour a photo with the colours of another; shares are a JSON list, finest first."""
        visit = self.visitors.visit(request.session_hash)
        levels = self.engine.levels
        try:
            wanted = json.loads(shares) if (shares or "").strip() else [1.0] * levels
            values = [float(share) for share in wanted]
        except (ValueError, TypeError) as error:
            raise ConfigError(f"shares: expected {levels} numbers in a JSON list") from error
        factor, options = self._strength("saturation", saturation), FileOptions(format, metadata)
        sitting = self._open(visit, photo)
        take = sitting.transferred(self._open(visit, reference, True), values, 0)
        return str(visit.put(sitting.save(take, factor, options, 1)))

    @_answering
    def uncertainty(self, request: gr.Request, photo: str | None) -> tuple[str, dict[str, Any]]:
        """Map where colourings of a photo differ: a picture, and figures in Delta E."""
        visit = self.visitors.visit(request.session_hash)
        sitting = self._open(visit, photo)
        delta_e = sitting.uncertainty()
        height, width = sitting.size
        down, across = height / delta_e.shape[0], width / delta_e.shape[1]
        places = [
            {"x": round(x * across), "y": round(y * down), "delta_e": round(value, 2)}
            for x, y, value in peaks(delta_e)
        ]
        path = visit.put_picture(heat_map(sitting.grey, delta_e))
        mean = round(float(delta_e.mean()), 3)
        return str(path), {"mean_delta_e": mean, "most": places, "notes": [*sitting.notes]}

    @_answering
    def batch(
        self,
        request: gr.Request,
        photos: list[str] | None,
        samples: float,
        saturation: float,
        seed: float,
        format: str,  # noqa: A002
        metadata: str,
        draw: str,
        vivid: float,
        detail: float,
    ) -> tuple[str, list[dict[str, Any]]]:
        """Colour several photos: a zip of all files and a report, and the report's lines."""
        strategy, size = _drawing(draw, detail)
        options = BatchOptions(
            _whole("samples", samples, 1, MAX_SAMPLES),
            self._strength("saturation", saturation),
            _whole("seed", seed, 0, 2**53),
            FileOptions(format, metadata),
            strategy,
            require_vivid(_given("vivid", vivid)),
            size,
        )
        visit = self.visitors.visit(request.session_hash)
        return colour_files(self.engine, visit, photos or [], options, lambda *_: None)

    @_answering
    def about(self) -> dict[str, str]:
        """Tell model, device and versions."""
        return dict(self.engine.about())

    def _open(self, visit: Visit, upload: str | None, coloured: bool = False) -> Sitting:
        if not upload:
            raise ConfigError("photo: expected a file, got nothing")
        source = visit.adopt(Path(upload))
        return self.engine.open(source, source.name, coloured)

    def _strength(self, name: str, value: float | None) -> float:
        high = self.engine.max_strength
        if value is None or not 0 <= value <= high:
            raise ConfigError(f"{name}: expected a number from 0 to {high:g}, got {value}")
        return float(value)


def add_endpoints(endpoints: Endpoints, night: Endpoints | None = None) -> None:
    """Connect the endpoints; their fields are part of the page, but not to be seen.

    Args:
        endpoints: what they do.
        night: what the endpoint that translates does, where there is one.
    """
    with gr.Row(visible=False):
        photo = gr.File(label="photo", file_types=picture_types(), type="filepath")
        reference = gr.File(label="reference", file_types=picture_types(), type="filepath")
        photos = gr.File(label="photos", file_count="multiple", type="filepath")
        samples = gr.Number(4, label="samples", precision=0)
        saturation = gr.Number(1.0, label="saturation")
        strength = gr.Number(1.0, label="strength")
        seed = gr.Number(0, label="seed", precision=0)
        kind = gr.Dropdown(FORMAT_NAMES, value="keep", label="format")
        metadata = gr.Dropdown(METADATA_NAMES, value="keep", label="metadata")
        hints = gr.Textbox("", label="hints")
        shares = gr.Textbox("", label="shares")
        draw = gr.Dropdown([*STRATEGIES], value="representative", label="draw")
        vivid = gr.Number(1.0, label="vivid")
        detail = gr.Number(1.0, label="detail")
        files = gr.File(label="files", file_count="multiple")
        file = gr.File(label="file")
        facts = gr.JSON(label="facts")
        runner = gr.Button()
    compute = compute_lane(endpoints.engine)
    # Last, so that calls of before, which do not name them, go on with gradio_client.
    how, later = [saturation, seed, kind, metadata], [draw, vivid, detail]
    todo: list[tuple[str, Callable[..., Any], list[Any], list[Any], dict[str, Any]]] = [
        (
            "colorize",
            endpoints.colorize,
            [photo, samples, *how, hints, *later],
            [files, facts],
            compute,
        ),
        (
            "transfer",
            endpoints.transfer,
            [reference, photo, shares, saturation, kind, metadata],
            [file],
            compute,
        ),
        ("uncertainty", endpoints.uncertainty, [photo], [file, facts], compute),
        ("batch", endpoints.batch, [photos, samples, *how, *later], [file, facts], batch_lane()),
        ("about", endpoints.about, [], [facts], quick_lane(endpoints.engine)),
    ]
    if night is not None:
        inputs = [photo, samples, strength, seed, kind, metadata, draw, detail]
        lane = compute_lane(night.engine)
        todo.append(("translate", night.translate, inputs, [files, facts], lane))
    for name, function, inputs, outputs, lane in todo:
        runner.click(function, inputs, outputs, api_name=name, **lane)


def _save(
    visit: Visit,
    sitting: Sitting,
    takes: Iterator[Take],
    look: tuple[float, float],
    options: FileOptions,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Make files of variants, of a saturation and a vividness, and tell what there is to say."""
    paths, facts = [], []
    for number, take in enumerate(takes, 1):
        saved = sitting.save(take, look[0], options, number, look[1])
        paths.append(str(visit.put(saved)))
        said = {"file": saved.name, "variant": number, "number": take.number}
        said |= {"redrawn": take.redrawn, "typicality": round(take.typicality, 4)}
        said["share"] = None if take.share is None else round(take.share, 3)
        said |= {"notes": [*sitting.notes, *_notes(take), *saved.notes]}
        said["residuals"] = [round(off, 2) for off in take.residuals]
        facts.append(said)
    return paths, facts


def _notes(take: Take) -> list[str]:
    """Say what the command would: hints that were missed, and a draw that was replaced."""
    missed = [
        f"Hint {number} was missed by {off:.0f} Delta E; it may contradict another one."
        for number, off in enumerate(take.residuals, 1)
        if off > FAR
    ]
    again = "It was drawn again, as the first draw had impossible colours."
    return [*missed, *([again] if take.redrawn else [])]


def _takes(
    sitting: Sitting,
    samples: float,
    seed: float,
    how: tuple[str, float],
    hints: str = "",
    vivid: float = 1.0,
) -> Iterator[Take]:
    count, number = _whole("samples", samples, 1, MAX_SAMPLES), _whole("seed", seed, 0, 2**53)
    if not hints.strip():
        return sitting.draw(count, number, 1.0, *how)
    points = json.loads(rows_to_json(rows_from_json(hints)))
    return sitting.hinted(points, count, number, *how, vivid)


def _drawing(draw: str | None, detail: float | None) -> tuple[str, float]:
    require_strategy(str(draw))
    return str(draw), require_detail(_given("detail", detail))


def _whole(name: str, value: float | None, low: int, high: int) -> int:
    if value is None or int(value) != value or not low <= value <= high:
        raise ConfigError(f"{name}: expected a whole number from {low} to {high}, got {value}")
    return int(value)


def _given(name: str, value: float | None) -> float:
    if value is None:
        raise ConfigError(f"{name}: expected a number, got nothing")
    return float(value)
