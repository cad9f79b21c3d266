"""The tab that says what this is, on what it runs, and what it cannot do."""

from __future__ import annotations

import gradio as gr

from colorflow_ui.engine import Engine
from colorflow_ui.texts import LIMITS
from colorflow_ui.widgets import facts_html, plain_html


class AboutTab:
    """Builds the tab.

    Args:
        engine: tells about itself.
        others: engines of further tabs, whose cards are shown.
    """

    def __init__(self, engine: Engine, *others: Engine) -> None:
        with gr.Row():
            with gr.Column(scale=5, min_width=280):
                gr.Markdown(LIMITS)
                plain_html(facts_html(engine.about()), "about-facts")
            with gr.Column(scale=7, min_width=300):
                gr.Markdown(engine.card(), elem_id="about-card")
                for number, other in enumerate(others, 2):
                    gr.Markdown(other.card(), elem_id=f"about-card-{number}")
