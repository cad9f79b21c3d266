"""The chosen variant: before and after, saturation, vivid, and the file to take home."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from colorflow_ui.desk import Desk
from colorflow_ui.engine import FileOptions
from colorflow_ui.lanes import compute_lane, quick_lane
from colorflow_ui.texts import FORMATS, METADATA
from colorflow_ui.widgets import (
    compare_slider,
    guarded,
    help_html,
    notice_html,
    plain_html,
    strength_slider,
    vivid_slider,
)

# The browser fetches the file once there is one; the timeout lets the page take its name first.
CLICK = "(file) => {{ if (file) setTimeout(() => document.getElementById('{name}').click(), 50); }}"

# What was asked for may lie below the edge of the screen.
SCROLL = """() => {{
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  setTimeout(() => document.getElementById('{name}').scrollIntoView(
    {{behavior: still ? 'auto' : 'smooth', block: 'start'}}), 100);
}}"""


class Viewer:
    """Shows and saves the variant that is picked in a tab.

    Args:
        desk: does the work.
        tab: name of the tab.
        notice: where messages go.
        several: there are several variants, which have numbers.
        strength: what the factor on the codes is called; a key of :data:`HELP`, too.
        vivid: whether the chroma of the picture can be changed.
    """

    def __init__(
        self,
        desk: Desk,
        tab: str,
        notice: gr.HTML,
        several: bool = True,
        strength: str = "saturation",
        vivid: bool = True,
    ) -> None:
        self.desk, self.tab, self.notice, self.several = desk, tab, notice, several
        with gr.Column(visible=False, elem_id=f"{tab}-viewer") as self.panel:
            self.title = gr.Markdown(elem_id=f"{tab}-title")
            self.slider = compare_slider(f"{tab}-compare")
            with gr.Row():
                with gr.Column(scale=3, min_width=260):
                    self.saturation = strength_slider(strength, tab, desk.engine.max_strength)
                    plain_html(help_html(strength, f"What is {strength}?"))
                    self.vivid = vivid_slider(tab, vivid)
                    if vivid:
                        plain_html(help_html("vivid", "What is vivid?"))
                with gr.Column(scale=2, min_width=220):
                    self.save = gr.Button(
                        "Download in full size", variant="primary", elem_id=f"{tab}-save"
                    )
                    self.file = gr.DownloadButton(elem_classes="ghost", elem_id=f"{tab}-file")
            with gr.Accordion("File options", open=False):
                self.format = gr.Radio(FORMATS, value="keep", label="Format")
                self.metadata = gr.Radio(
                    METADATA, value="keep", label="What the file says about the photo"
                )
        self._connect()

    @property
    def scroll(self) -> str:
        """JavaScript that brings the viewer into sight."""
        return SCROLL.format(name=f"{self.tab}-viewer")

    @property
    def factors(self) -> list[gr.Slider]:
        """What :meth:`show` is given: saturation, or strength, and vivid."""
        return [self.saturation, self.vivid]

    @property
    def shown(self) -> list[gr.components.Component | gr.Column]:
        """What :meth:`show` sets."""
        return [self.panel, self.title, self.slider]

    def show(self, key: str | None, saturation: float, vivid: float = 1.0) -> list[Any]:
        """Give the values of :attr:`shown` for the picked variant."""
        seen = self.desk.compare(key, self.tab, saturation, vivid)
        title = f"**Variant {seen.caption}**" if self.several else f"**{seen.label}**"
        return [gr.update(visible=True), title, (seen.before, seen.after)]

    def hide(self) -> list[Any]:
        """Give the values of :attr:`shown` where nothing is picked."""
        return [gr.update(visible=False), "", None]

    def _connect(self) -> None:
        @guarded(1)
        def adjust(saturation: float, vivid: float, request: gr.Request) -> Iterator[Any]:
            seen = self.desk.compare(request.session_hash, self.tab, saturation, vivid)
            yield ["", (seen.before, seen.after)]

        @guarded(1)
        def save(
            saturation: float, vivid: float, kind: str, metadata: str, request: gr.Request
        ) -> Iterator[Any]:
            # Without the file of before, an error leaves nothing for the browser to fetch.
            yield ["", None]
            options = FileOptions(kind, metadata)
            key = request.session_hash
            path, notes = self.desk.save(key, self.tab, saturation, options, vivid)
            yield [notice_html(" ".join(notes)), path]

        gr.on(
            [slider.input for slider in self.factors],
            adjust,
            [*self.factors],
            [self.notice, self.slider],
            trigger_mode="always_last",
            show_progress="hidden",
            **quick_lane(self.desk.engine),
            api_visibility="private",
        )
        self.save.click(
            save,
            [*self.factors, self.format, self.metadata],
            [self.notice, self.file],
            **compute_lane(self.desk.engine),
            api_visibility="private",
        ).success(None, [self.file], None, js=CLICK.format(name=f"{self.tab}-file"))
