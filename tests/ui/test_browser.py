"""The page in a real browser, with the bundled model: what a visitor does and sees."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.resources import bundled
from colorflow_ui.engine import FileOptions
from colorflow_ui.launch import Server
from colorflow_ui.local_engine import LocalEngine

api = pytest.importorskip("playwright.sync_api")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here; apt-get install chromium"
)
DESK, PHONE = (1280, 900), (390, 844)
WAIT = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with api.sync_playwright() as playwright:
        # Root may not use the sandbox; in a test, the page is our own.
        options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, server: Server) -> Iterator[Callable[..., object]]:
    """Open the page in a browser of its own, as often as called."""
    contexts = []

    def go(size: tuple[int, int] = DESK, scheme: str = "light") -> object:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(server.url)
        page.get_by_text("Your variants appear here").wait_for()
        return page

    yield go
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey photo of 640 x 427 pixels."""
    path = tmp_path_factory.mktemp("photos") / "pagoda.png"
    with Image.open(bundled("examples", "pagoda.jpg")) as picture:
        picture.convert("L").save(path)
    return path


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey photo, higher than wide, larger than its preview."""
    path = tmp_path_factory.mktemp("photos") / "portrait.jpg"
    with Image.open(bundled("examples", "astronaut.jpg")) as picture:
        picture.convert("L").crop((60, 0, 420, 512)).resize((1080, 1536)).save(path)
    return path


def upload(page, tab: str, path: Path) -> None:
    page.set_input_files(f"#{tab}-photo input[type=file]", path)


def variants(page, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('#colorize-variants img').length == {count}")


def open_tab(page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()


def after(page, tab: str) -> str:
    """Give the address of the coloured side of the comparison."""
    return str(page.locator(f"#{tab}-compare img").last.get_attribute("src"))


def test_upload_choose_adjust_take_home(visit, grey, engine: LocalEngine, tmp_path):
    page = visit()
    elsewhere = []
    page.on("request", lambda request: elsewhere.append(request.url))
    upload(page, "colorize", grey)
    variants(page, 8)
    captions = page.locator("#colorize-variants .caption-label").all_inner_texts()
    assert captions[2].startswith("3 · seed 0 · ")
    page.locator("#colorize-variants button.thumbnail-item").nth(2).click()
    page.locator("#colorize-compare img").last.wait_for()
    first = after(page, "colorize")
    page.locator("#colorize-saturation input[type=range]").fill("0.5")
    page.wait_for_function(
        "before => [...document.querySelectorAll('#colorize-compare img')].pop().src != before",
        arg=first,
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "pagoda_v3.png"
    sitting = engine.open(grey, grey.name)
    take = [*sitting.draw(8, 0, 1.0)][2]
    assert path.read_bytes() == sitting.save(take, 0.5, FileOptions(), 3).data
    local = (page.url.rsplit("?", 1)[0], "data:", "blob:")
    assert [url for url in elsewhere if not url.startswith(local)] == []


def test_others_are_made_from_one(visit, grey):
    page = visit()
    upload(page, "colorize", grey)
    variants(page, 8)
    page.locator("#colorize-variants button.thumbnail-item").first.click()
    page.locator("#colorize-viewer").wait_for()
    count = 8
    for name, more in (
        ("More like this", 4),
        ("New mood, same details", 4),
        ("Same mood, new details", 4),
        ("Blend the two", 1),
    ):
        page.get_by_role("button", name=name).click()
        count += more
        variants(page, count)
    labels = page.locator("#colorize-variants .caption-label").all_inner_texts()
    assert "more like this" in labels[8]
    assert "new mood" in labels[12]
    assert "new details" in labels[16]
    assert "blend" in labels[20]
    page.get_by_role("button", name="Other colours").click()
    variants(page, 8)
    assert not page.locator("#colorize-viewer").is_visible()


def test_an_example_and_the_keyboard_are_enough(visit):
    page = visit()
    page.locator("#colorize-examples button").nth(2).focus()
    page.keyboard.press("Enter")
    variants(page, 8)
    page.locator("#colorize-variants button.thumbnail-item").nth(1).focus()
    page.keyboard.press("Enter")
    page.locator("#colorize-compare img").last.wait_for()
    page.locator("#colorize-viewer details.help summary").first.focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("How strong the colours are").first.is_visible()


def test_a_broken_file_is_explained_and_the_next_one_works(visit, grey, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    page = visit()
    upload(page, "colorize", broken)
    notice = page.get_by_role("alert").filter(has_text="broken.jpg")
    notice.wait_for()
    assert "choose another" in notice.inner_text()
    assert "/tmp" not in notice.inner_text()
    assert page.get_by_text("Your variants appear here").is_visible()
    page.locator("#colorize-photo").get_by_label("Clear").click()
    upload(page, "colorize", grey)
    variants(page, 8)
    assert page.get_by_role("alert").filter(has_text="broken.jpg").count() == 0


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_hints_land_where_a_portrait_is_clicked(visit, portrait, size):
    page = visit(size)
    open_tab(page, "Hints")
    upload(page, "hints", portrait)
    image = page.locator("#paint-on img")
    image.wait_for()
    page.get_by_role("button", name="The points as JSON").click()
    for number, (across, down) in enumerate([(0.5, 0.25), (0.1, 0.9)], 1):
        click_on(page, image, across, down)
        page.wait_for_function(
            "n => (document.querySelector('#hints-json textarea').value.match(/hex/g) || [])"
            ".length == n",
            arg=number,
        )
    hints = json.loads(page.locator("#hints-json textarea").input_value())
    # Within two pixels of the screen, which are up to nine of the photo here.
    for hint, (across, down) in zip(hints, [(0.5, 0.25), (0.1, 0.9)], strict=True):
        assert hint["x"] == pytest.approx(across * 1080, abs=9)
        assert hint["y"] == pytest.approx(down * 1536, abs=9)
    page.get_by_role("button", name="Remove the last").click()
    page.wait_for_function(
        "document.querySelector('#hints-json textarea').value.match(/hex/g).length == 1"
    )


def test_points_can_be_typed_and_colour_the_photo(visit, portrait):
    page = visit()
    open_tab(page, "Hints")
    upload(page, "hints", portrait)
    image = page.locator("#paint-on img")
    image.wait_for()
    page.get_by_role("button", name="The points as JSON").click()
    json_of = page.locator("#hints-json textarea")
    json_of.fill('[{"x": 540, "y": 1100, "hex": "#d9743a"}]')
    page.get_by_role("button", name="Use this JSON").click()
    cell = (
        page.locator("#hints-table [role=gridcell], #hints-table td")
        .filter(has_text="540")
        .filter(visible=True)
        .first
    )
    cell.dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("520")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#hints-json textarea').value.includes('520')")
    assert json.loads(json_of.input_value()) == [{"x": 520, "y": 1100, "hex": "#d9743a"}]
    page.get_by_role("button", name="Colour with these points").click()
    page.locator("#hints-variants img").nth(2).wait_for(timeout=3 * WAIT)
    page.locator("#hints-variants button.thumbnail-item").first.click()
    page.get_by_text("Colour difference left at each point").wait_for()


def click_on(page, image, across: float, down: float) -> None:
    """Click at a share of the width and height of the picture itself, not of its frame."""
    image.scroll_into_view_if_needed()
    frame = image.evaluate(
        "e => { const r = e.getBoundingClientRect();"
        " return [r.x, r.y, r.width, r.height, e.naturalWidth, e.naturalHeight]; }"
    )
    x, y, width, height, natural_width, natural_height = frame
    scale = min(width / natural_width, height / natural_height, 1)
    shown = natural_width * scale, natural_height * scale
    page.mouse.click(
        x + (width - shown[0]) / 2 + across * shown[0],
        y + (height - shown[1]) / 2 + down * shown[1],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit, grey, scheme):
    page = visit(PHONE, scheme)
    upload(page, "colorize", grey)
    variants(page, 8)
    page.locator("#colorize-variants button.thumbnail-item").first.click()
    page.locator("#colorize-compare img").last.wait_for()
    for name in ("Colorize", "Hints", "Transfer", "Uncertainty", "Batch", "About"):
        open_tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], name
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == (scheme == "dark")


def test_transfer_uncertainty_and_a_batch(visit, grey, tmp_path):
    page = visit()
    open_tab(page, "Transfer")
    page.set_input_files("#transfer-reference input[type=file]", bundled("examples", "sunset.jpg"))
    upload(page, "transfer", grey)
    page.locator("#transfer-compare img").last.wait_for()
    open_tab(page, "Uncertainty")
    upload(page, "uncertainty", grey)
    page.get_by_text("colourings differ by").wait_for()
    open_tab(page, "Batch")
    page.set_input_files("#batch-photos input[type=file]", [grey, bundled("examples", "cat.jpg")])
    api.expect(page.locator("#batch-photos")).to_contain_text(
        re.compile(r"cat\s*\.jpg"), timeout=WAIT
    )
    page.get_by_role("button", name="Colour them all").click()
    page.get_by_role("button", name="Download all").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    assert download.value.suggested_filename == "colorflow.zip"


def test_closing_the_page_removes_the_photos(visit, grey, server: Server):
    visitors = server.page.visitors
    wait_until(lambda: len(visitors) == 0)  # those of the tests before
    page = visit()
    upload(page, "colorize", grey)
    variants(page, 8)
    assert len(visitors) == 1
    page.context.close()
    wait_until(lambda: len(visitors) == 0)
    assert list((server.folder / "visitors").iterdir()) == []


def test_two_visitors_see_their_own_photos(visit, grey, portrait):
    pages = [visit(), visit()]
    for page, photo in zip(pages, (grey, portrait), strict=True):
        upload(page, "colorize", photo)
    for page in pages:
        variants(page, 8)
        page.wait_for_function(
            "[...document.querySelectorAll('#colorize-variants img')].every(i => i.naturalWidth)"
        )
    shapes = [
        page.evaluate(
            "[...document.querySelectorAll('#colorize-variants img')]"
            ".map(i => i.naturalWidth > i.naturalHeight)"
        )
        for page in pages
    ]
    assert shapes == [[True] * 8, [False] * 8]


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(200):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def test_a_day_becomes_several_nights(visit, tmp_path):
    from colorflow.translate import Translator

    page = visit()
    open_tab(page, "Night")
    page.get_by_text("Your nights appear here").wait_for()
    day = bundled("examples", "pagoda.jpg")
    upload(page, "night", day)
    count = "document.querySelectorAll('#night-variants img').length == 8"
    page.wait_for_function(count, timeout=3 * WAIT)
    page.locator("#night-variants button.thumbnail-item").nth(1).click()
    page.locator("#night-compare img").last.wait_for()
    page.get_by_text("What is strength?").wait_for()
    with page.expect_download() as download:
        page.locator("#night-save").click()
    path = tmp_path / "night.jpg"
    download.value.save_as(path)
    assert download.value.suggested_filename == "pagoda_v2.jpg"
    variant = Translator.from_pretrained("night", "cpu").sample(day, n=2)[1]
    with Image.open(path) as found:
        assert found.size == variant.image.size
        difference = np.abs(np.asarray(found, float) - np.asarray(variant.image, float))
    assert difference.mean() < 2  # JPEG of quality 95
    assert b"strength" in path.read_bytes()
