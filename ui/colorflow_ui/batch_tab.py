"""The tab for several photos: files in, one zip with results and report out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from colorflow.errors import ConfigError
from colorflow_ui.desk import Desk
from colorflow_ui.engine import BatchOptions, Engine, FileOptions
from colorflow_ui.lanes import batch_lane
from colorflow_ui.texts import EMPTY_BATCH, FORMATS, METADATA
from colorflow_ui.visitors import Visit
from colorflow_ui.widgets import (
    draw_settings,
    empty_html,
    guarded,
    help_html,
    notice_html,
    picture_types,
    plain_html,
    strength_slider,
    table_html,
    vivid_slider,
)

TAB = "batch"
MAX_FILES = 50

Tell = Callable[[int, int, str], None]


class BatchTab:
    """Builds the tab and connects it.

    Args:
        desk: does the work.
    """

    def __init__(self, desk: Desk) -> None:
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                photos = gr.File(
                    label=f"Your photos, up to {MAX_FILES}",
                    file_count="multiple",
                    file_types=picture_types(),
                    type="filepath",
                    height=220,
                    elem_id=f"{TAB}-photos",
                )
                samples = gr.Slider(1, 8, value=2, step=1, label="Variants of each")
                saturation = strength_slider("saturation", TAB, desk.engine.max_strength)
                plain_html(help_html("saturation", "What is saturation?"))
                vivid = vivid_slider(TAB)
                plain_html(help_html("vivid", "What is vivid?"))
                with gr.Accordion("More settings", open=False):
                    strategy, detail = draw_settings(TAB)
                with gr.Accordion("File options", open=False):
                    kind = gr.Radio(FORMATS, value="keep", label="Format")
                    metadata = gr.Radio(
                        METADATA, value="keep", label="What the files say about the photos"
                    )
                start = gr.Button("Colour them all", variant="primary", elem_id=f"{TAB}-start")
            with gr.Column(scale=8, min_width=300):
                notice = plain_html(name=f"{TAB}-notice")
                empty = plain_html(empty_html(EMPTY_BATCH), f"{TAB}-empty")
                with gr.Column(visible=False) as result:
                    table = plain_html(name=f"{TAB}-table")
                    file = gr.DownloadButton(
                        "Download all (zip)", variant="primary", elem_id=f"{TAB}-file"
                    )
        outputs = [notice, empty, result, table, file]

        @guarded(len(outputs) - 1)
        def colour(
            paths: list[str] | None,
            n: float,
            saturation: float,
            vivid: float,
            strategy: str,
            detail: float,
            kind: str,
            metadata: str,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it in
        ) -> Iterator[Any]:
            file, how = FileOptions(kind, metadata), (strategy, float(vivid), float(detail))
            options = BatchOptions(int(n), float(saturation), 0, file, *how)

            def tell(done: int, total: int, name: str) -> None:
                progress((done, total), desc=name, unit="photos")

            visit = desk.visitors.visit(request.session_hash)
            progress((0, len(paths or [])), desc="Reading", unit="photos")
            archive, lines = colour_files(desk.engine, visit, paths or [], options, tell)
            failed = sum(1 for line in lines if not line["outputs"])
            text = f"{failed} of {len(lines)} could not be coloured; the table says why."
            rows = [[line["input"], _fate(line), len(line["outputs"])] for line in lines]
            hidden, shown = gr.update(visible=False), gr.update(visible=True)
            told = table_html(["Photo", "What became of it", "Files"], rows)
            yield [notice_html(text if failed else "", "error"), hidden, shown, told, archive]

        start.click(
            colour,
            [photos, samples, saturation, vivid, strategy, detail, kind, metadata],
            outputs,
            show_progress_on=[empty, table],
            **batch_lane(),
            api_visibility="private",
        )


def colour_files(
    engine: Engine, visit: Visit, paths: Sequence[str], options: BatchOptions, tell: Tell
) -> tuple[str, list[dict[str, Any]]]:
    """Colour several photos.

    Args:
        engine: does the work.
        visit: whose files these are.
        paths: of the uploads.
        options: how.
        tell: is told how many are done, of how many, and the name of the last.

    Returns:
        Path of the zip, and the lines of its report.

    Raises:
        ConfigError: there are none, or too many.
    """
    if not 1 <= len(paths) <= MAX_FILES:
        raise ConfigError(
            f"Choose 1 to {MAX_FILES} photos, got {len(paths)}; for more there is the command "
            "line: colorflow colorize"
        )
    folder = visit.subfolder()
    photos = [(visit.adopt(Path(path), folder), Path(path).name) for path in paths]
    archive, lines = engine.batch(photos, options, folder, tell)
    return str(archive), lines


def _fate(line: dict[str, Any]) -> str:
    if not line["outputs"]:
        return str(line["reason"])
    return "; ".join(["done", *line["warnings"]])
