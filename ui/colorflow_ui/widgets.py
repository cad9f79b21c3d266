"""Parts that several tabs share: empty states, notices, help, and guarded callbacks."""

from __future__ import annotations

import functools
import html
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from colorflow.draws import MAX_VIVID
from colorflow.errors import ColorflowError
from colorflow.images.formats import readable_suffixes
from colorflow_ui.texts import DETAILS, HELP, STRATEGIES
from colorflow_ui.visitors import NothingOpenError

LOG = "colorflow.ui"


def picture_types() -> list[str]:
    """List the suffixes of the files that the page takes.

    Returns:
        As :func:`colorflow.images.formats.readable_suffixes`, sorted.
    """
    return sorted(readable_suffixes())


def empty_html(text: tuple[str, str]) -> str:
    """Write what stands where nothing is yet.

    Args:
        text: a heading and a sentence.

    Returns:
        HTML.
    """
    return f'<div class="empty"><strong>{text[0]}</strong><p>{text[1]}</p></div>'


def notice_html(text: str, kind: str = "info") -> str:
    """Write a notice, which screen readers read out.

    Args:
        text: plain text; nothing in it is taken for HTML.
        kind: ``"info"`` or ``"error"``.

    Returns:
        HTML; empty where there is no text.
    """
    role = "alert" if kind == "error" else "status"
    return f'<div class="notice {kind}" role="{role}">{html.escape(text)}</div>' if text else ""


def help_html(term: str, title: str) -> str:
    """Write an explanation that opens when asked for, by mouse or keyboard.

    Args:
        term: key of the explanation.
        title: what is explained.

    Returns:
        HTML.
    """
    sign = '<span class="q" aria-hidden="true">?</span>'
    return (
        f'<details class="help"><summary>{sign}<span>{title}</span></summary>'
        f"<p>{HELP[term]}</p></details>"
    )


def table_html(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table.

    Args:
        heads: of its columns.
        rows: their cells; nothing in them is taken for HTML.

    Returns:
        HTML.
    """
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def facts_html(facts: Mapping[str, str]) -> str:
    """Write facts as a table.

    Args:
        facts: name and value.

    Returns:
        HTML.
    """
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in facts.items()
    )
    return f'<table class="facts">{rows}</table>'


def message_of(error: Exception) -> str:
    """Say what went wrong in words for a visitor.

    Args:
        error: what was raised.

    Returns:
        One sentence; of errors that were not foreseen it gives nothing away.
    """
    if isinstance(error, (ColorflowError, NothingOpenError)):
        return str(error)
    logging.getLogger(LOG).error("unexpected error", exc_info=error)
    return "Something went wrong here that should not. Try again, or try another photo."


def guarded(outputs: int) -> Callable[[Callable[..., Iterator[Any]]], Callable[..., Iterator[Any]]]:
    """Turn errors of a callback into a notice, which is its first output.

    Args:
        outputs: how many outputs the callback has beside the notice.

    Returns:
        A decorator of generator functions that yield lists of all outputs.
    """

    def decorate(callback: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(callback)
        def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from callback(*args, **kwargs)
            except Exception as error:
                yield [notice_html(message_of(error), "error"), *[gr.skip()] * outputs]

        return run

    return decorate


def photo_input(label: str, name: str) -> gr.File:
    """Make the place where a photo is dropped or chosen.

    Args:
        label: above it.
        name: its id on the page.

    Returns:
        The component; its value is the path of the upload.
    """
    return gr.File(
        label=label, file_types=picture_types(), type="filepath", height=150, elem_id=name
    )


def strength_slider(name: str, tab: str, maximum: float) -> gr.Slider:
    """Make the control of the factor on the latents.

    Args:
        name: what the factor is called.
        tab: name of the tab.
        maximum: the largest factor.

    Returns:
        The component.
    """
    label, place = name.capitalize(), f"{tab}-saturation"
    return gr.Slider(0, maximum, value=1, step=0.05, label=label, elem_id=place)


def vivid_slider(tab: str, visible: bool = True) -> gr.Slider:
    """Make the control of the factor on the chroma of finished pictures.

    Args:
        tab: name of the tab.
        visible: otherwise it stays at 1.

    Returns:
        The component.
    """
    place = f"{tab}-vivid"
    return gr.Slider(
        0, MAX_VIVID, value=1, step=0.05, label="Vivid", visible=visible, elem_id=place
    )


def draw_settings(tab: str) -> tuple[gr.Radio, gr.Radio]:
    """Make the controls of how variants are drawn.

    Args:
        tab: name of the tab.

    Returns:
        The strategy, and the detail with which the model sees the photo.
    """
    strategy = gr.Radio(
        STRATEGIES, value="representative", label="Which variants", elem_id=f"{tab}-draw"
    )
    plain_html(help_html("draw", "What is the difference?"))
    detail = gr.Radio(DETAILS, value=1.0, label="Detail the model sees", elem_id=f"{tab}-detail")
    plain_html(help_html("detail", "What does more detail do?"))
    return strategy, detail


def variants_gallery(name: str) -> gr.Gallery:
    """Make the place where variants appear.

    Args:
        name: its id on the page.

    Returns:
        The component; its value is a list of paths and captions.
    """
    return gr.Gallery(
        show_label=False,
        allow_preview=False,
        object_fit="contain",
        height="auto",
        buttons=[],
        interactive=False,
        elem_classes="variants",
        elem_id=name,
    )


def compare_slider(name: str, position: float = 50) -> gr.ImageSlider:
    """Make the slider between two pictures.

    Args:
        name: its id on the page.
        position: of the border between them, in per cent from the left.

    Returns:
        The component; its value is a pair of paths.
    """
    return gr.ImageSlider(
        type="filepath",
        interactive=False,
        show_label=False,
        max_height=640,
        slider_position=position,
        buttons=["fullscreen"],
        elem_id=name,
    )


def lead(text: str, more: str = "") -> gr.HTML:
    """Write a small heading.

    Args:
        text: the heading.
        more: a sentence behind it.

    Returns:
        The component.
    """
    return plain_html(f'<p class="lead">{text} <small>{more}</small></p>')


def plain_html(text: str = "", name: str | None = None) -> gr.HTML:
    """Put HTML on the page without the space that Gradio leaves around it.

    Args:
        text: HTML; nothing is shown where it is empty.
        name: its id on the page.

    Returns:
        The component.
    """
    return gr.HTML(text, padding=False, elem_classes="plain", elem_id=name)
