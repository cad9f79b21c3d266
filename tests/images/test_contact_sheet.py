"""Contact sheets: rows of pictures on as many pages as it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.images.contact_sheet import LABEL, MARGIN, ContactSheet

ROW = 40 + LABEL + MARGIN  # height of a row of pictures of 40 pixels


def page(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def sheet_of(*pictures: Image.Image, folder: Path) -> Image.Image:
    sheet = ContactSheet(folder / "sheet.png", height=40)
    sheet.add("", pictures)
    sheet.flush()
    return page(folder / "sheet.png")


def test_page_has_room_for_the_widest_row_and_all_rows(tmp_path):
    sheet = ContactSheet(tmp_path / "sheet.png", height=40)
    sheet.add("one", [Image.new("RGB", (20, 10), "red")])
    sheet.add("two", [Image.new("RGB", (10, 10), "red"), Image.new("L", (5, 10))])
    sheet.flush()
    # Of 40 pixels in height they are 80, and 40 and 20 wide.
    assert page(tmp_path / "sheet.png").size == (80 + 2 * MARGIN, 2 * ROW)
    assert sheet.pages == [tmp_path / "sheet.png"]


def test_pictures_stand_side_by_side_in_order(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    pictures = [Image.new("RGB", (7, 7), colour) for colour in colours]
    sheet = np.asarray(sheet_of(*pictures, folder=tmp_path))
    for index, colour in enumerate(colours):
        left = MARGIN + index * (40 + MARGIN)
        block = sheet[LABEL : LABEL + 40, left : left + 40]
        assert (block == colour).all()
        assert (sheet[LABEL:, left - MARGIN : left] == 255).all()


def test_label_is_written_above_the_pictures(tmp_path):
    sheet = ContactSheet(tmp_path / "sheet.png", height=40)
    sheet.add("Größe 12", [Image.new("RGB", (40, 40), "white")])
    sheet.flush()
    pixels = np.asarray(page(tmp_path / "sheet.png"))
    assert pixels[:LABEL].min() < 100
    assert pixels[LABEL:].min() == 255


def test_full_pages_are_numbered_and_let_go_of_their_rows(tmp_path):
    sheet = ContactSheet(tmp_path / "sheet.png", height=40, rows_per_page=2)
    for index in range(5):
        sheet.add(str(index), [Image.new("RGB", (10, 10))])
        # A page is written as soon as it is full, so no more than its rows are ever held.
        assert len(sheet.pages) == (index + 1) // 2
        assert len(sheet._rows) < 2
    sheet.flush()
    names = ["sheet.png", "sheet_2.png", "sheet_3.png"]
    assert [path.name for path in sheet.pages] == names
    assert [page(tmp_path / name).height for name in names] == [2 * ROW, 2 * ROW, ROW]


def test_nothing_is_written_without_rows(tmp_path):
    sheet = ContactSheet(tmp_path / "sheet.png")
    sheet.flush()
    assert sheet.pages == []
    assert list(tmp_path.iterdir()) == []


def test_flushing_twice_writes_one_page(tmp_path):
    sheet = ContactSheet(tmp_path / "sheet.png", height=40)
    sheet.add("", [Image.new("RGB", (10, 10))])
    sheet.flush()
    sheet.flush()
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_transparent_parts_are_white(tmp_path):
    picture = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 40, 20))
    sheet = np.asarray(sheet_of(picture, folder=tmp_path))[LABEL:, MARGIN:]
    assert (sheet[5, 5] == (255, 0, 0)).all()
    assert (sheet[35, 5] == 255).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "1", "P", "I", "F", "I;16"])
def test_half_light_half_dark_picture_of_any_mode_shows_as_such(tmp_path, mode):
    dark = Image.new("L", (40, 40), 30)
    dark.paste(220, (0, 0, 40, 20))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(dark).astype(np.uint16) * 257)
    else:
        picture = dark.convert("RGB").convert("L").convert(mode)
    sheet = np.asarray(sheet_of(picture, folder=tmp_path))
    assert sheet[LABEL + 5, MARGIN + 20].min() > 200
    assert sheet[LABEL + 35, MARGIN + 20].max() < 80


def test_very_long_picture_does_not_make_a_very_long_page(tmp_path):
    assert sheet_of(Image.new("RGB", (5000, 5)), folder=tmp_path).width <= 4 * 40 + 2 * MARGIN
    assert sheet_of(Image.new("RGB", (2, 5000)), folder=tmp_path).width == 1 + 2 * MARGIN


def test_a_long_label_is_not_cut_off_by_a_narrow_picture(tmp_path):
    sheet = ContactSheet(tmp_path / "sheet.png", height=40)
    sheet.add("a rather long name of a photo.jpg", [Image.new("RGB", (2, 80), "black")])
    sheet.flush()
    with Image.open(sheet.pages[0]) as page:
        dark = np.asarray(page.convert("L"))[:14] < 128
    assert np.flatnonzero(dark.any(0)).max() > 150
