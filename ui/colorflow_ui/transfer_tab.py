"""The tab that hands the colours of one photo to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from colorflow_ui.desk import Desk
from colorflow_ui.lanes import compute_lane
from colorflow_ui.texts import EMPTY_TRANSFER, level_names
from colorflow_ui.viewer import Viewer
from colorflow_ui.widgets import empty_html, guarded, help_html, photo_input, plain_html

TAB = "transfer"
REFERENCE = "transfer-reference"


class TransferTab:
    """Builds the tab and connects it.

    Args:
        desk: does the work.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        names = level_names(desk.engine.levels)
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                reference = photo_input("Colour photo: the reference", f"{TAB}-reference")
                photo = photo_input("Grey photo: to be coloured", f"{TAB}-photo")
                # Coarse first: what changes most comes first.
                sliders = [
                    gr.Slider(0, 1, value=1, step=0.05, label=name, elem_id=f"{TAB}-level-{level}")
                    for level, name in reversed(list(enumerate(names)))
                ]
                plain_html(help_html("shares", "What do these sliders do?"))
            with gr.Column(scale=8, min_width=300):
                notice = plain_html(name=f"{TAB}-notice")
                empty = plain_html(empty_html(EMPTY_TRANSFER), f"{TAB}-empty")
                viewer = Viewer(desk, TAB, notice, several=False, vivid=False)
        outputs = [notice, empty, *viewer.shown]

        def shown(key: str | None, saturation: float, shares: tuple[float, ...]) -> list[Any]:
            if not self.ready(key):
                return ["", gr.update(visible=True), *viewer.hide()]
            self.transfer(key, shares[::-1])
            return ["", gr.update(visible=False), *viewer.show(key, saturation)]

        def opener(tab: str, coloured: bool) -> Any:
            @guarded(len(outputs) - 1)
            def open_photo(
                request: gr.Request, path: str | None, saturation: float, *shares: float
            ) -> Iterator[Any]:
                key = request.session_hash
                if path is None:
                    desk.close(key, tab)
                else:
                    desk.open(key, tab, path, coloured)
                yield shown(key, saturation, shares)

            return open_photo

        @guarded(len(outputs) - 1)
        def again(request: gr.Request, saturation: float, *shares: float) -> Iterator[Any]:
            yield shown(request.session_hash, saturation, shares)

        work = {**compute_lane(desk.engine), "api_visibility": "private"}
        settings = [viewer.saturation, *sliders]
        for part, tab, coloured in ((reference, REFERENCE, True), (photo, TAB, False)):
            for event in (part.upload, part.clear):
                event(opener(tab, coloured), [part, *settings], outputs, **work)
        gr.on(
            [slider.release for slider in sliders],
            again,
            settings,
            outputs,
            trigger_mode="always_last",
            show_progress="hidden",
            **work,
        )

    def ready(self, key: str | None) -> bool:
        """Tell whether both photos are open.

        Args:
            key: of the visitor.

        Returns:
            Whether :meth:`transfer` can be called.
        """
        return {TAB, REFERENCE} <= set(self.desk.visitors.visit(key).benches)

    def transfer(self, key: str | None, shares: tuple[float, ...]) -> None:
        """Colour the grey photo, and pick the result.

        Args:
            key: of the visitor.
            shares: of the reference per level, finest first.
        """
        reference = self.desk.bench(key, REFERENCE).sitting
        bench = self.desk.clear(key, TAB)
        take = bench.sitting.transferred(reference, [float(share) for share in shares], 0)
        bench.picked = bench.add(take)
