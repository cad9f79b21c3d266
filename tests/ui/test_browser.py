"""The page in a real browser, with the bundled model: what a visitor does and sees."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from colorflow_ui.engine import FileOptions
from colorflow_ui.launch import Server
from colorflow_ui.local_engine import LocalEngine
from tests.ui.browsing import PHONE, needs_chromium, open_tab, upload

pytestmark = needs_chromium


SHARE = re.compile(r"(\d) · (\d+) % of what seems plausible( · drawn again)?")


def variants(page, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('#colorize-variants img').length == {count}")


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
    shares = [SHARE.fullmatch(text) for text in captions]
    assert [int(share[1]) for share in shares if share] == [*range(1, 9)]
    assert sum(int(share[2]) for share in shares if share) == pytest.approx(100, abs=4)
    page.locator("#colorize-variants button.thumbnail-item").nth(2).click()
    page.locator("#colorize-compare img").last.wait_for()
    first = after(page, "colorize")
    page.locator("#colorize-saturation input[type=range]").fill("0.5")
    page.wait_for_function(
        "before => [...document.querySelectorAll('#colorize-compare img')].pop().src != before",
        arg=first,
    )
    page.locator("#colorize-compare img").last.wait_for()
    calm = after(page, "colorize")
    page.locator("#colorize-vivid input[type=range]").fill("1.5")
    page.wait_for_function(
        "before => [...document.querySelectorAll('#colorize-compare img')].pop().src != before",
        arg=calm,
    )
    assert "seed 0" in page.locator("#colorize-title").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "pagoda_v3.png"
    sitting = engine.open(grey, grey.name)
    take = [*sitting.draw(8, 0, 1.0)][2]
    assert path.read_bytes() == sitting.save(take, 0.5, FileOptions(), 3, 1.5).data
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


def test_independent_draws_with_more_detail_have_no_share(visit, grey, engine: LocalEngine):
    page = visit()
    page.get_by_role("button", name="More settings").first.click()
    page.locator("#colorize-detail").get_by_text("1.5 times").click()
    upload(page, "colorize", grey)
    variants(page, 8)
    label = page.locator("#colorize-variants .caption-label")
    assert label.filter(has_text="plausible").count() == 8
    page.locator("#colorize-draw").get_by_text("Independent").click()
    label.filter(has_text="seed 0").nth(7).wait_for()
    assert label.filter(has_text="plausible").count() == 0
    page.locator("#colorize-variants button.thumbnail-item").nth(1).click()
    page.locator("#colorize-compare img").last.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download in full size").click()
    take = [*engine.open(grey, grey.name).draw(2, 0, 1.0, "independent", 1.5)][1]
    saved = engine.open(grey, grey.name).save(take, 1.0, FileOptions(), 2)
    assert download.value.path().read_bytes() == saved.data


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


def test_closing_the_page_removes_the_photos(visit, grey, server: Server):
    visitors = server.page.visitors
    wait_until(lambda: len(visitors) == 0)  # those of the tests before
    page = visit()
    upload(page, "colorize", grey)
    variants(page, 8)
    assert len(visitors) == 1
    page.context.close()
    # The files go just after the visitor.
    wait_until(lambda: not any((server.folder / "visitors").iterdir()))
    assert len(visitors) == 0


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
