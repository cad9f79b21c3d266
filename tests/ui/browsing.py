"""A real browser: whether there is one, sizes of screens, and what every visitor does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here; apt-get install chromium"
)
DESK, PHONE = (1280, 900), (390, 844)
WAIT = 40_000


def upload(page, tab: str, path: Path) -> None:
    page.set_input_files(f"#{tab}-photo input[type=file]", path)


def open_tab(page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()
