"""Times of the web page as a visitor sees them, measured in a browser.

    python scripts/bench_ui.py --rounds 5

From choosing a 2000-pixel photo until the first variant, and all eight, are painted; from moving
the saturation slider until the new picture is; from a click on a variant until it is compared.
The server is a process of its own; medians and the slowest of all rounds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench_ui_load import address
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from colorflow.resources import bundled

PAINTED = """([selector, count]) => {
  const images = [...document.querySelectorAll(selector)];
  return images.filter(i => i.complete && i.naturalWidth > 0).length >= count;
}"""
REPLACED = """before => {
  const image = [...document.querySelectorAll('#colorize-compare img')].pop();
  return image.src != before && image.complete && image.naturalWidth > 0;
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=2000, help="Longer side of the photo.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        with Image.open(bundled("examples", "stream.jpg")) as picture:
            height = round(picture.height * options.side / picture.width)
            picture.convert("L").resize((options.side, height)).save(photo, quality=92)
        code = "from colorflow.cli.main import main; main()"
        server = subprocess.Popen(
            [sys.executable, "-c", code, "ui", "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            times = measure(address(server), photo, options.rounds)
        finally:
            server.terminate()
            server.wait(30)
    print(f"photo of {options.side} pixels, {options.rounds} rounds: median (slowest), seconds")
    for name, values in times.items():
        print(f"{name}: {statistics.median(values):.2f} ({max(values):.2f})")


def measure(url: str, photo: Path, rounds: int) -> dict[str, list[float]]:
    """Go through the page as a visitor would.

    Args:
        url: of the page.
        photo: to upload.
        rounds: how often.

    Returns:
        Seconds by what was waited for.
    """
    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(rounds):
            page = browser.new_page(viewport={"width": 1280, "height": 1600})
            page.goto(url)
            page.get_by_text("Your variants appear here").wait_for()
            page.wait_for_timeout(500)
            round_of(page, photo, times)
            page.close()
        browser.close()
    return times


def round_of(page: Page, photo: Path, times: dict[str, list[float]]) -> None:
    """Measure one visit.

    Args:
        page: just opened.
        photo: to upload.
        times: takes the seconds.
    """
    start = time.perf_counter()

    def lap(name: str) -> None:
        times.setdefault(name, []).append(time.perf_counter() - start)

    def wait(script: str, value: Any) -> None:
        page.wait_for_function(script, arg=value, polling=20)

    page.set_input_files("#colorize-photo input[type=file]", photo)
    wait(PAINTED, ["#colorize-variants img", 1])
    lap("first variant")
    wait(PAINTED, ["#colorize-variants img", 8])
    lap("eight variants")
    start = time.perf_counter()
    page.locator("#colorize-variants button.thumbnail-item").nth(2).click()
    wait(PAINTED, ["#colorize-compare img", 2])
    lap("pick")
    for value in ("0.5", "1.6", "0.8"):
        before = page.locator("#colorize-compare img").last.get_attribute("src")
        start = time.perf_counter()
        page.locator("#colorize-saturation input[type=range]").fill(value)
        wait(REPLACED, before)
        lap("saturation")


if __name__ == "__main__":
    main()
