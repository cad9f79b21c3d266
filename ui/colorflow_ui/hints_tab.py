"""The tab where colours that are known are put on the photo."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from colorflow.errors import ConfigError
from colorflow_ui.desk import Desk
from colorflow_ui.drawing import marked
from colorflow_ui.hint_rows import Row, hint_at, rows_from_json, rows_of, rows_to_json
from colorflow_ui.lanes import compute_lane, quick_lane
from colorflow_ui.texts import EMPTY_HINTS
from colorflow_ui.viewer import Viewer
from colorflow_ui.visitors import Bench
from colorflow_ui.widgets import (
    empty_html,
    guarded,
    help_html,
    lead,
    notice_html,
    photo_input,
    plain_html,
    variants_gallery,
)

TAB = "hints"
MAX_HINTS = 40


class HintsTab:
    """Builds the tab and connects it.

    Args:
        desk: does the work.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._build()
        self._connect()

    def _build(self) -> None:
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self.photo = photo_input("Your photo", f"{TAB}-photo")
                self.colour = gr.ColorPicker(
                    "#b5412d", label="Colour of the next point", elem_id=f"{TAB}-colour"
                )
                self.table = gr.Dataframe(
                    headers=["x", "y", "colour"],
                    datatype=["number", "number", "str"],
                    type="array",
                    interactive=True,
                    label="Points, in pixels of the photo; can be edited",
                    row_count=0,
                    column_count=3,
                    elem_id=f"{TAB}-table",
                )
                with gr.Row():
                    self.undo = gr.Button("Remove the last", min_width=110, elem_id=f"{TAB}-undo")
                    self.wipe = gr.Button("Remove all", min_width=110)
                with gr.Accordion("The points as JSON", open=False):
                    self.json = gr.Textbox(
                        show_label=False,
                        lines=4,
                        buttons=["copy"],
                        placeholder='[{"x": 120, "y": 80, "hex": "#b5412d"}]',
                        info="What colorflow colorize --hints takes.",
                        elem_id=f"{TAB}-json",
                    )
                    self.take = gr.Button("Use this JSON")
                self.count = gr.Slider(1, 6, value=3, step=1, label="How many variants")
                self.start = gr.Button(
                    "Colour with these points", variant="primary", elem_id=f"{TAB}-start"
                )
                plain_html(help_html("hints", "How are points used?"))
            with gr.Column(scale=8, min_width=300):
                self.notice = plain_html(name=f"{TAB}-notice")
                self.empty = plain_html(empty_html(EMPTY_HINTS), f"{TAB}-empty")
                with gr.Column(visible=False) as self.canvas:
                    lead("Click where the colour belongs")
                    self.picture = gr.Image(
                        type="filepath",
                        interactive=False,
                        show_label=False,
                        buttons=[],
                        height=520,
                        elem_id="paint-on",
                    )
                with gr.Column(visible=False) as self.results:
                    lead("Variants", "Click one to compare, adjust and download it.")
                    self.gallery = variants_gallery(f"{TAB}-variants")
                self.viewer = Viewer(self.desk, TAB, self.notice)

    def _connect(self) -> None:
        desk, viewer = self.desk, self.viewer
        points = [self.notice, self.picture, self.table, self.json]
        opened = [*points, self.empty, self.canvas, self.results, *viewer.shown]
        found = [self.notice, self.results, self.gallery, *viewer.shown]

        def drawn(key: str | None, rows: Sequence[Row]) -> list[Any]:
            picture = self.draw(key, rows)
            return ["", picture, [list(row) for row in rows], rows_to_json(rows)]

        @guarded(len(opened) - 1)
        def open_photo(path: str | None, request: gr.Request) -> Iterator[Any]:
            key = request.session_hash
            shown, hidden = gr.update(visible=True), gr.update(visible=False)
            if path is None:
                desk.close(key, TAB)
                yield ["", None, [], "", shown, hidden, hidden, *viewer.hide()]
                return
            bench = desk.open(key, TAB, path)
            values = drawn(key, [])
            values[0] = notice_html(" ".join(bench.sitting.notes))
            yield [*values, hidden, shown, hidden, *viewer.hide()]

        @guarded(len(points) - 1)
        def click(
            table: list[list[Any]], colour: str, event: gr.SelectData, request: gr.Request
        ) -> Iterator[Any]:
            key = request.session_hash
            rows = self.add(key, rows_of(table), (event.index[0], event.index[1]), colour)
            yield drawn(key, rows)

        @guarded(len(points) - 1)
        def edit(table: list[list[Any]], request: gr.Request) -> Iterator[Any]:
            values = drawn(request.session_hash, rows_of(table))
            # The table is what is being typed into.
            yield [values[0], values[1], gr.skip(), values[3]]

        @guarded(len(points) - 1)
        def undo(table: list[list[Any]], request: gr.Request) -> Iterator[Any]:
            yield drawn(request.session_hash, rows_of(table)[:-1])

        @guarded(len(points) - 1)
        def wipe(request: gr.Request) -> Iterator[Any]:
            yield drawn(request.session_hash, [])

        @guarded(len(points) - 1)
        def take(text: str, request: gr.Request) -> Iterator[Any]:
            yield drawn(request.session_hash, rows_from_json(text))

        @guarded(len(found) - 1)
        def start(table: list[list[Any]], n: float, request: gr.Request) -> Iterator[Any]:
            key = request.session_hash
            yield [notice_html("Looking for colourings with these colours …"), *[gr.skip()] * 5]
            for shown in self.colour_by(key, rows_of(table), int(n)):
                items = gr.update(value=shown, selected_index=None)
                yield ["", gr.update(visible=True), items, *viewer.hide()]

        @guarded(len(viewer.shown))
        def pick(
            saturation: float, vivid: float, event: gr.SelectData, request: gr.Request
        ) -> Iterator[Any]:
            key = request.session_hash
            desk.pick(key, TAB, int(event.index))
            yield [self.misses(desk.bench(key, TAB)), *viewer.show(key, saturation, vivid)]

        quick: dict[str, Any] = {
            **quick_lane(desk.engine),
            "api_visibility": "private",
            "show_progress": "hidden",
        }
        for event in (self.photo.upload, self.photo.clear):
            event(open_photo, self.photo, opened, **quick)
        self.picture.select(click, [self.table, self.colour], points, **quick)
        self.table.input(edit, self.table, points, **quick)
        self.undo.click(undo, self.table, points, **quick)
        self.wipe.click(wipe, None, points, **quick)
        self.take.click(take, self.json, points, **quick)
        self.start.click(
            start,
            [self.table, self.count],
            found,
            **compute_lane(desk.engine),
            api_visibility="private",
        )
        picked = self.gallery.select(pick, viewer.factors, [self.notice, *viewer.shown], **quick)
        picked.success(None, None, None, js=viewer.scroll)

    def add(
        self, key: str | None, rows: Sequence[Row], place: tuple[float, float], colour: str
    ) -> list[Row]:
        """Add a point where the preview was clicked.

        Args:
            key: of the visitor.
            rows: the points so far.
            place: x and y in pixels of the preview.
            colour: as the colour picker gives it.

        Returns:
            All points, in pixels of the photo.

        Raises:
            ConfigError: there are too many.
        """
        if len(rows) >= MAX_HINTS:
            raise ConfigError(f"hints: expected at most {MAX_HINTS} points; remove one first")
        sitting = self.desk.bench(key, TAB).sitting
        shown = sitting.grey.height, sitting.grey.width
        return [*rows, hint_at(place, shown, sitting.size, colour)]

    def draw(self, key: str | None, rows: Sequence[Row]) -> str:
        """Draw the points on the preview.

        Args:
            key: of the visitor.
            rows: the points.

        Returns:
            Path of the picture.
        """
        visit = self.desk.visitors.visit(key)
        sitting = visit.bench(TAB).sitting
        height, width = sitting.size
        across, down = sitting.grey.width / width, sitting.grey.height / height
        marks = [((x + 0.5) * across, (y + 0.5) * down, colour) for x, y, colour in rows]
        return str(visit.put_picture(marked(sitting.grey, marks)))

    def colour_by(
        self, key: str | None, rows: Sequence[Row], n: int
    ) -> Iterator[list[tuple[str, str]]]:
        """Find variants with the colours of the points.

        Args:
            key: of the visitor.
            rows: the points.
            n: how many variants.

        Yields:
            All variants, each time one is found.

        Raises:
            ConfigError: there are no points, or one lies outside the photo.
        """
        if not rows:
            raise ConfigError("Click on the photo first: there are no points yet.")
        bench = self.desk.clear(key, TAB)
        takes = bench.sitting.hinted(json.loads(rows_to_json(rows)), n, 0)
        yield from self.desk.fill(key, TAB, takes)

    def misses(self, bench: Bench) -> str:
        """Say how far the picked variant misses each point.

        Args:
            bench: what is open.

        Returns:
            A notice.
        """
        listed = ", ".join(f"{i}: {off:.1f}" for i, off in enumerate(bench.take().residuals, 1))
        return notice_html(f"Colour difference left at each point (Delta E): {listed}")
