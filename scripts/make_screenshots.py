"""Make the pictures of the web page in the README, in a real browser.

    python scripts/make_screenshots.py

Four JPEG files in docs/: choosing and comparing, hints, uncertainty, and a phone in the dark.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from colorflow.resources import bundled
from colorflow_ui.launch import Server, Settings

QUALITY = 82
WIDE, PHONE = (1280, 1160), (390, 844)


def main() -> None:
    """Serve the page, go through it, and write pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Settings(port=0)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, take in (
            ("page-colorize", colorize),
            ("page-hints", hints),
            ("page-uncertainty", uncertainty),
            ("page-phone", phone),
        ):
            picture = take(browser, server.url, Path(folder))
            target = options.out / f"{name}.jpg"
            Image.open(io.BytesIO(picture)).convert("RGB").save(target, quality=QUALITY)
            print(f"{target}: {target.stat().st_size / 1024:.0f} KiB")
        browser.close()


def colorize(browser: Browser, url: str, folder: Path) -> bytes:
    """Show variants, one of them compared."""
    page = opened(browser, url, WIDE)
    page.set_input_files("#colorize-photo input[type=file]", grey("pagoda", folder))
    settled(page, "#colorize-variants img", 8)
    page.locator("#colorize-variants button.thumbnail-item").nth(1).click()
    settled(page, "#colorize-compare img", 2)
    page.wait_for_timeout(500)
    page.evaluate("scrollTo(0, 0)")
    return shot(page)


def hints(browser: Browser, url: str, folder: Path) -> bytes:
    """Show points on a portrait and what became of them."""
    page = opened(browser, url, WIDE)
    page.get_by_role("tab", name="Hints", exact=True).click()
    page.set_input_files("#hints-photo input[type=file]", grey("astronaut", folder))
    settled(page, "#paint-on img", 1)
    points = [(225, 350, "#d9743a"), (235, 130, "#e0b090"), (60, 60, "#7d93b5")]
    data = [{"x": x, "y": y, "hex": colour} for x, y, colour in points]
    fold = page.get_by_role("button", name="The points as JSON")
    fold.click()
    page.locator("#hints-json textarea").fill(json.dumps(data))
    page.get_by_role("button", name="Use this JSON").click()
    page.wait_for_timeout(1500)
    fold.click()
    page.get_by_role("button", name="Colour with these points").click()
    settled(page, "#hints-variants img", 3)
    return shot(page)


def uncertainty(browser: Browser, url: str, folder: Path) -> bytes:
    """Show where the model guesses."""
    page = opened(browser, url, (1280, 900))
    page.get_by_role("tab", name="Uncertainty", exact=True).click()
    page.set_input_files("#uncertainty-photo input[type=file]", grey("coffee", folder))
    settled(page, "#uncertainty-compare img", 2)
    return shot(page)


def phone(browser: Browser, url: str, folder: Path) -> bytes:
    """Show variants on a phone that is set to dark."""
    page = opened(browser, url, PHONE, color_scheme="dark", device_scale_factor=2)
    page.set_input_files("#colorize-photo input[type=file]", grey("dahlia", folder))
    settled(page, "#colorize-variants img", 8)
    page.locator("#colorize-variants").scroll_into_view_if_needed()
    return shot(page)


def opened(browser: Browser, url: str, size: tuple[int, int], **options: Any) -> Page:
    """Open the page.

    Args:
        browser: to open it in.
        url: of the page.
        size: width and height of the window.
        options: of the browser's context.

    Returns:
        The page.
    """
    width, height = size
    viewport: Any = {"width": width, "height": height}
    page = browser.new_page(viewport=viewport, reduced_motion="reduce", **options)
    page.goto(url)
    page.get_by_text("Your variants appear here").wait_for()
    page.wait_for_timeout(500)
    return page


def grey(name: str, folder: Path) -> Path:
    """Make a grey copy of an example.

    Args:
        name: of the example.
        folder: for the copy.

    Returns:
        Its path.
    """
    path = folder / f"{name}.jpg"
    with Image.open(bundled("examples", f"{name}.jpg")) as picture:
        picture.convert("L").save(path, quality=95)
    return path


def settled(page: Page, selector: str, count: int) -> None:
    """Wait until pictures are painted.

    Args:
        page: the page.
        selector: of the pictures.
        count: of them.
    """
    page.wait_for_function(
        """([selector, count]) => [...document.querySelectorAll(selector)]
          .filter(i => i.complete && i.naturalWidth > 0).length >= count""",
        arg=[selector, count],
    )


def shot(page: Page) -> bytes:
    """Photograph the window, once all is quiet, and close the page.

    Args:
        page: the page.

    Returns:
        A PNG file.
    """
    page.wait_for_timeout(1200)
    picture = page.screenshot()
    page.close()
    return picture


if __name__ == "__main__":
    main()
