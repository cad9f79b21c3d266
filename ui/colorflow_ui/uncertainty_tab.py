"""The tab that shows where the samples disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from colorflow_ui.desk import Desk
from colorflow_ui.drawing import heat_map, legend_html, marked, peaks
from colorflow_ui.lanes import compute_lane
from colorflow_ui.texts import EMPTY_UNCERTAINTY
from colorflow_ui.widgets import (
    compare_slider,
    empty_html,
    guarded,
    help_html,
    photo_input,
    plain_html,
)

TAB = "uncertainty"
SURE = 5.0
SHOWN_SIDE = 1024


class UncertaintyTab:
    """Builds the tab and connects it.

    Args:
        desk: does the work.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                photo = photo_input("Your photo", f"{TAB}-photo")
                plain_html(help_html("uncertainty", "How is this measured?"))
            with gr.Column(scale=8, min_width=300):
                notice = plain_html(name=f"{TAB}-notice")
                empty = plain_html(empty_html(EMPTY_UNCERTAINTY), f"{TAB}-empty")
                with gr.Column(visible=False) as result:
                    slider = compare_slider(f"{TAB}-compare", 12)
                    plain_html(legend_html())
                    words = gr.Markdown(elem_id=f"{TAB}-words")
        outputs = [notice, empty, result, slider, words]

        @guarded(len(outputs) - 1)
        def measure(path: str | None, request: gr.Request) -> Iterator[Any]:
            key = request.session_hash
            if path is None:
                desk.close(key, TAB)
                yield ["", gr.update(visible=True), gr.update(visible=False), None, ""]
                return
            before, after, text = self.measure(key, path)
            hidden, shown = gr.update(visible=False), gr.update(visible=True)
            yield ["", hidden, shown, (before, after), text]

        for event in (photo.upload, photo.clear):
            lane = compute_lane(desk.engine)
            event(measure, photo, outputs, **lane, api_visibility="private")

    def measure(self, key: str | None, path: str) -> tuple[str, str, str]:
        """Map the uncertainty of a photo.

        Args:
            key: of the visitor.
            path: of the upload.

        Returns:
            Paths of the grey photo and of the map, and what to say of it.
        """
        bench = self.desk.open(key, TAB, path)
        delta_e = bench.sitting.uncertainty()
        grey: Image.Image = bench.sitting.grey
        places = peaks(delta_e)
        # Marks on a small photo would be coarse: both pictures are enlarged for the screen.
        factor = max(1.0, SHOWN_SIDE / max(grey.size))
        size = round(grey.width * factor), round(grey.height * factor)
        heat = heat_map(grey, delta_e).resize(size)
        marks = [(x * factor, y * factor, "#ffffff") for x, y, _ in places]
        picture = marked(heat, marks)
        visit = self.desk.visitors.visit(key)
        before, after = visit.put_picture(grey.resize(size)), visit.put_picture(picture)
        mean = float(delta_e.mean())
        text = f"On average, colourings differ by **{mean:.0f}** units. "
        if places and places[0][2] > SURE:
            listed = ", ".join(f"{i} ({value:.0f})" for i, (_, _, value) in enumerate(places, 1))
            text += f"They disagree most at the numbered places: {listed}."
        else:
            text += "They agree nearly everywhere."
        return str(before), str(after), text
