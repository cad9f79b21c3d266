"""How the page looks: a quiet theme, since the photos are what has colours here."""

from __future__ import annotations

from pathlib import Path

import gradio as gr


def theme() -> gr.themes.Base:
    """Build the theme; fonts are those of the system, nothing is fetched from elsewhere.

    Returns:
        The theme.
    """
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="lg",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="*background_fill_primary",
        block_title_text_weight="600",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_large_text_weight="500",
        button_large_text_size="*text_md",
        button_large_padding="8px 14px",
        slider_color="*primary_600",
        # Quiet, but with the contrast that small text needs.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        color_accent="*primary_700",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )


def stylesheet() -> Path:
    """Give the stylesheet that goes with the theme.

    Returns:
        Path of the file.
    """
    return Path(__file__).with_name("style.css")
