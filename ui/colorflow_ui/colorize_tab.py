"""The first tab: a photo, its variants, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from colorflow_ui.desk import Desk
from colorflow_ui.engine import Take
from colorflow_ui.lanes import compute_lane, quick_lane
from colorflow_ui.sitting import new_seed
from colorflow_ui.texts import COLORIZE, VariantWords
from colorflow_ui.viewer import Viewer
from colorflow_ui.widgets import (
    draw_settings,
    empty_html,
    guarded,
    help_html,
    lead,
    notice_html,
    photo_input,
    plain_html,
    variants_gallery,
)

EDITS = 4  # variants of an edit

# How many variants, variety, strategy, detail.
Settings = tuple[Any, ...]


class ColorizeTab:
    """Builds the tab and connects it.

    Args:
        desk: does the work.
        examples: thumbnails and the photos they stand for.
        words: of the tab.
    """

    def __init__(
        self, desk: Desk, examples: list[tuple[Path, Path]], words: VariantWords = COLORIZE
    ) -> None:
        self.desk = desk
        self.words = words
        self.examples = examples
        self._build()
        self._connect()

    def _build(self) -> None:
        tab = self.words.tab
        with gr.Row():
            with gr.Column(scale=4, min_width=280):
                self.photo = photo_input("Your photo", f"{tab}-photo")
                lead("Or try an example")
                self.samples_of = gr.Gallery(
                    [(str(thumb), photo.stem) for thumb, photo in self.examples],
                    show_label=False,
                    allow_preview=False,
                    object_fit="cover",
                    columns=5,
                    height="auto",
                    buttons=[],
                    interactive=False,
                    elem_classes="examples",
                    elem_id=f"{tab}-examples",
                )
                self.again = gr.Button(self.words.again, interactive=False, elem_id=f"{tab}-again")
                with gr.Accordion("More settings", open=False):
                    self.count = gr.Slider(1, 12, value=8, step=1, label="How many variants")
                    self.variety = gr.Slider(0, 1.5, value=1, step=0.05, label="Variety")
                    self.seed = gr.Number(
                        0, precision=0, minimum=0, label="Seed", info=self.words.same
                    )
                    plain_html(help_html("variety", "What is variety (temperature)?"))
                    self.strategy, self.detail = draw_settings(tab)
            with gr.Column(scale=8, min_width=300):
                self.notice = plain_html(name=f"{tab}-notice")
                self.empty = plain_html(empty_html(self.words.empty), f"{tab}-empty")
                with gr.Column(visible=False) as self.results:
                    lead("Variants", "Click one to compare, adjust and download it.")
                    self.gallery = variants_gallery(f"{tab}-variants")
                    plain_html(help_html("share", "What do the percentages mean?"))
                    plain_html(help_html("typicality", "What does “typical” mean?"))
                words = self.words
                self.viewer = Viewer(
                    self.desk, tab, self.notice, strength=words.strength, vivid=words.vivid
                )
                with self.viewer.panel:
                    self._build_edits()

    def _build_edits(self) -> None:
        tab = self.words.tab
        lead("Make others from this one")
        with gr.Row():
            self.near = gr.Button("More like this", min_width=120, elem_id=f"{tab}-near")
            self.mood = gr.Button("New mood, same details", min_width=190, elem_id=f"{tab}-mood")
            self.details = gr.Button(
                "Same mood, new details", min_width=190, elem_id=f"{tab}-details"
            )
        plain_html(help_html("edits", "What do these do?"))
        with gr.Row():
            self.other = gr.Dropdown([], label="Blend with variant", min_width=140)
            self.share = gr.Slider(0, 1, value=0.5, step=0.05, label="How much", min_width=160)
        self.blend = gr.Button("Blend the two", elem_id=f"{tab}-blend")

    def _connect(self) -> None:
        desk, viewer, tab = self.desk, self.viewer, self.words.tab
        changed = [self.empty, self.results, self.gallery, self.other, self.again]
        outputs = [self.notice, *changed, self.seed, *viewer.shown]
        fresh = [gr.skip()] * 3

        def listed(key: str | None, shown: Any, picked: bool = True) -> list[Any]:
            bench = desk.bench(key, tab)
            numbers = list(bench.takes)
            index = numbers.index(bench.picked) if bench.picked in numbers else None
            items = gr.update(value=shown, selected_index=index if picked else None)
            blends = [n for n in numbers if n != bench.picked]
            choice = gr.update(choices=blends, value=blends[0] if blends else None)
            return [gr.update(visible=False), gr.update(visible=True), items, choice]

        def drawn(key: str | None, settings: Settings, seed: float) -> Iterator[Any]:
            bench = desk.clear(key, tab)
            notes = notice_html(" ".join(bench.sitting.notes))
            n, variety, strategy, detail = settings
            takes = bench.sitting.draw(
                int(n), int(seed or 0), float(variety), strategy, float(detail)
            )
            again = gr.update(interactive=True)
            for shown in desk.fill(key, tab, takes):
                yield [notes, *listed(key, shown, False), again, int(seed or 0), *viewer.hide()]

        @guarded(len(outputs) - 1)
        def open_photo(
            request: gr.Request, path: str | None, seed: float, *settings: Any
        ) -> Iterator[Any]:
            key = request.session_hash
            if path is None:
                desk.close(key, tab)
                hidden = gr.update(visible=False)
                off = gr.update(interactive=False)
                nothing = [gr.update(visible=True), hidden, [], gr.skip(), off, gr.skip()]
                yield ["", *nothing, *viewer.hide()]
                return
            desk.open(key, tab, path)
            yield from drawn(key, settings, seed)

        @guarded(len(outputs) - 1)
        def open_example(
            event: gr.SelectData, request: gr.Request, seed: float, *settings: Any
        ) -> Iterator[Any]:
            key = request.session_hash
            desk.open(key, tab, str(self.examples[int(event.index)][1]))
            yield from drawn(key, settings, seed)

        @guarded(len(outputs) - 1)
        def draw_again(request: gr.Request, *settings: Any) -> Iterator[Any]:
            yield from drawn(request.session_hash, settings, new_seed())

        @guarded(len(outputs) - 1)
        def draw_otherwise(request: gr.Request, seed: float, *settings: Any) -> Iterator[Any]:
            if tab in desk.visitors.visit(request.session_hash).benches:
                yield from drawn(request.session_hash, settings, seed)

        @guarded(4)
        def pick(
            saturation: float, vivid: float, event: gr.SelectData, request: gr.Request
        ) -> Iterator[Any]:
            key = request.session_hash
            desk.pick(key, tab, int(event.index))
            others = [n for n in desk.bench(key, tab).takes if n != desk.bench(key, tab).picked]
            choice = gr.update(choices=others, value=others[0] if others else None)
            yield ["", choice, *viewer.show(key, saturation, vivid)]

        def added(key: str | None, takes: Iterator[Take]) -> Iterator[Any]:
            for shown in desk.fill(key, tab, takes):
                yield ["", *listed(key, shown), gr.skip(), gr.skip(), *fresh]

        @guarded(len(outputs) - 1)
        def near(request: gr.Request) -> Iterator[Any]:
            bench = desk.bench(request.session_hash, tab)
            takes = bench.sitting.more_like(bench.take(), EDITS, new_seed())
            yield from added(request.session_hash, takes)

        def redraw(part: str) -> Any:
            @guarded(len(outputs) - 1)
            def run(request: gr.Request) -> Iterator[Any]:
                bench = desk.bench(request.session_hash, tab)
                takes = bench.sitting.redraw(bench.take(), part, EDITS, new_seed())
                yield from added(request.session_hash, takes)

            return run

        @guarded(len(outputs) - 1)
        def blend(other: float | None, share: float, request: gr.Request) -> Iterator[Any]:
            bench = desk.bench(request.session_hash, tab)
            second = bench.take(int(other or 0))
            takes = iter([bench.sitting.blend(bench.take(), second, float(share))])
            yield from added(request.session_hash, takes)

        settings = [self.count, self.variety, self.strategy, self.detail]
        work = {**compute_lane(desk.engine), "api_visibility": "private"}
        with_seed = [self.seed, *settings]
        quiet = {**work, "show_progress": "hidden"}
        self.photo.upload(open_photo, [self.photo, *with_seed], outputs, **quiet)
        self.photo.clear(open_photo, [self.photo, *with_seed], outputs, **quiet)
        self.samples_of.select(open_example, with_seed, outputs, **quiet)
        self.again.click(draw_again, settings, outputs, **quiet)
        changes = [self.count.release, self.variety.release, self.seed.submit]
        gr.on(
            [*changes, self.strategy.input, self.detail.input],
            draw_otherwise,
            with_seed,
            outputs,
            **quiet,
        )
        self.gallery.select(
            pick,
            viewer.factors,
            [self.notice, self.other, *viewer.shown],
            **quick_lane(desk.engine),
            api_visibility="private",
            show_progress="hidden",
        ).success(None, None, None, js=viewer.scroll)
        self.near.click(near, None, outputs, **quiet)
        self.mood.click(redraw("mood"), None, outputs, **quiet)
        self.details.click(redraw("details"), None, outputs, **quiet)
        self.blend.click(blend, [self.other, self.share], outputs, **quiet)
