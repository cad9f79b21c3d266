"""The other tabs in a real browser: hints, transfer, uncertainty, batch and night."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from colorflow.resources import bundled
from tests.ui.browsing import DESK, PHONE, WAIT, needs_chromium, open_tab, upload

api = pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium


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
    # The end of the upload's event repeats what came with the picture, an empty list of points;
    # what is typed faster than a person could, on a busy machine, would be lost with it.
    page.wait_for_function("document.querySelector('#hints-json textarea').value === '[]'")
    page.wait_for_timeout(500)
    json_of.fill('[{"x": 540, "y": 1100, "hex": "#d9743a"}]')
    page.get_by_role("button", name="Use this JSON").click()
    cell = (
        page.locator("#hints-table [role=gridcell], #hints-table td")
        .filter(has_text="540")
        .filter(visible=True)
        .first
    )
    cell.dblclick()
    # On a busy machine the cell takes a while to turn into a field.
    field = page.locator("#hints-table input:focus, #hints-table textarea:focus")
    field.fill("520")
    field.press("Enter")
    page.wait_for_function("document.querySelector('#hints-json textarea').value.includes('520')")
    assert json.loads(json_of.input_value()) == [{"x": 520, "y": 1100, "hex": "#d9743a"}]
    page.get_by_role("button", name="Colour with these points").click()
    page.locator("#hints-variants img").nth(2).wait_for(timeout=6 * WAIT)
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
    assert not page.locator("#night-vivid").is_visible()
    assert "% of what seems plausible" in page.locator("#night-title").inner_text()
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
