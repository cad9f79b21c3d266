"""Borders of scans are found; photos without one stay whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from colorflow.images.border import find_border, without_border
from colorflow.images.frame import Border
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo


def scene(height: int = 300, width: int = 400) -> Image.Image:
    """Blobs of all greys, like the contents of a photo out of focus."""
    noise = np.random.default_rng(3).integers(0, 256, (height // 20, width // 20), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def framed(
    picture: Image.Image, grey: int, left: int, top: int, right: int, bottom: int
) -> Image.Image:
    size = picture.width + left + right, picture.height + top + bottom
    sheet = Image.new("L", size, grey)
    sheet.paste(picture, (left, top))
    return sheet


def noisy(picture: Image.Image, sigma: float = 2.0) -> np.ndarray:
    grain = np.random.default_rng(5).normal(0, sigma, (picture.height, picture.width))
    return (np.asarray(picture) + grain).clip(0, 255).astype(np.uint8)


def assert_close(found: Border | None, left: int, top: int, right: int, bottom: int) -> None:
    """Within 1 % of the sides inward, and at most one pixel outward."""
    assert found is not None
    for side, true in {"left": left, "top": top, "right": right, "bottom": bottom}.items():
        assert true - 1 <= getattr(found, side) <= true + 5, (side, str(found))


@pytest.mark.parametrize("grey", [5, 60, 150, 245])
def test_a_border_of_different_widths_is_found(grey):
    pixels = noisy(framed(scene(), grey, 30, 50, 18, 0))
    found = find_border(Photo(pixels))
    assert_close(found, 30, 50, 18, 0)
    assert found.bottom == 0


@pytest.mark.parametrize("scale", [0.5, 1, 4])
def test_the_border_does_not_depend_on_the_resolution(scale):
    sheet = framed(scene(), 235, 40, 30, 40, 60)
    large = sheet.resize((round(sheet.width * scale), round(sheet.height * scale)))
    found = find_border(Photo(np.asarray(large)))
    true = [round(scale * width) for width in (40, 30, 40, 60)]
    slack = max(2, 0.01 * min(large.size))
    widths = found.left, found.top, found.right, found.bottom
    for width, expected in zip(widths, true, strict=True):
        assert expected - max(1, 0.002 * max(large.size)) <= width <= expected + slack


def test_mount_within_the_background_of_a_scanner_and_a_thin_line():
    sheet = framed(scene(), 20, 3, 3, 3, 3)
    sheet = framed(sheet, 190, 40, 40, 40, 50)
    sheet = framed(sheet, 10, 12, 20, 25, 15)
    assert_close(find_border(Photo(noisy(sheet))), 55, 63, 68, 68)


def test_film_with_holes_and_lettering():
    sheet = framed(scene(), 12, 15, 70, 15, 70)
    draw = ImageDraw.Draw(sheet)
    for x in range(10, sheet.width, 55):
        for y in (25, sheet.height - 55):
            draw.rounded_rectangle((x, y, x + 30, y + 30), radius=8, fill=250)
    draw.text((60, 4), "SAFETY 5063 12A", fill=200)
    assert_close(find_border(Photo(noisy(sheet))), 15, 70, 15, 70)


@pytest.mark.parametrize("degrees", [-2, 1])
def test_of_a_turned_print_the_rectangle_holds_no_border(degrees):
    sheet = framed(scene(), 240, 40, 40, 40, 40)
    mask = framed(Image.new("L", (400, 300), 255), 0, 40, 40, 40, 40)
    turned, inside = (
        picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=fill)
        for picture, fill in ((sheet, 240), (mask, 0))
    )
    found = find_border(Photo(noisy(turned)))
    rows, columns = found.inside((sheet.height, sheet.width))
    assert np.asarray(inside)[rows, columns].mean() > 254.5
    # The rectangle between the corners is 400 cos a - 300 sin a wide.
    angle = np.deg2rad(abs(degrees))
    width = 400 * np.cos(angle) - 300 * np.sin(angle)
    assert width - 10 <= columns.stop - columns.start <= width + 2


def test_uneven_light_and_jpeg_do_not_hide_a_border(tmp_path):
    sheet = np.asarray(framed(scene(), 225, 50, 40, 50, 40))
    light = np.linspace(0.92, 1.05, sheet.shape[1])
    file = tmp_path / "scan.jpg"
    Image.fromarray((sheet * light).clip(0, 255).astype(np.uint8)).save(file, quality=60)
    assert_close(find_border(Photo(np.asarray(Image.open(file)))), 50, 40, 50, 40)


def sky() -> np.ndarray:
    """A white sky over a straight horizon."""
    pixels = np.asarray(scene()).copy()
    pixels[:90] = 250
    return pixels


def vignette() -> np.ndarray:
    y, x = np.mgrid[-1:1:300j, -1:1:400j]
    return (np.asarray(scene()) * np.clip(1.6 - 1.3 * np.hypot(x, y), 0, 1)).astype(np.uint8)


def studio() -> np.ndarray:
    """A round thing before a white background."""
    mask = Image.new("L", (400, 300), 0)
    ImageDraw.Draw(mask).ellipse((90, 40, 310, 300), fill=255)
    white = Image.new("L", (400, 300), 252)
    return np.asarray(Image.composite(scene(), white, mask.filter(ImageFilter.GaussianBlur(1))))


def night() -> np.ndarray:
    """Black, with a few lights."""
    pixels = np.zeros((300, 400), np.uint8)
    for y, x in np.random.default_rng(8).integers(40, 260, (25, 2)):
        pixels[y : y + 9, x : x + 6] = 220
    return pixels


@pytest.mark.parametrize("make", [sky, vignette, studio, night])
def test_photos_without_a_border_stay_whole(make):
    photo = Photo(noisy(Image.fromarray(make())))
    assert find_border(photo) is None
    assert without_border(photo) is photo


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (40, 40)])
def test_plain_pictures_of_any_size_have_no_border(size):
    assert find_border(Photo(np.full(size, 200, np.uint8))) is None


def test_a_border_that_leaves_too_little_is_none():
    assert find_border(Photo(np.asarray(framed(scene(60, 80), 240, 80, 60, 80, 60)))) is None


def test_the_picture_inside_carries_what_belongs_to_the_photo():
    sheet = np.asarray(framed(scene(), 240, 30, 40, 50, 20))
    alpha = np.arange(sheet.size, dtype=np.uint32).reshape(sheet.shape).astype(np.uint8)
    metadata = Metadata()
    photo = Photo(sheet, alpha, Path("scan.png"), "PNG", metadata, ["was upside down"])
    inside = without_border(photo)
    rows, columns = inside.frame.border.inside(photo.size)
    np.testing.assert_array_equal(inside.pixels, sheet[rows, columns])
    np.testing.assert_array_equal(inside.alpha, alpha[rows, columns])
    assert inside.metadata is metadata
    assert (inside.name, inside.format) == ("scan.png", "PNG")
    assert inside.notes == ["was upside down", f"{inside.frame.border}: left as it is"]
    assert photo.notes == ["was upside down"]
    assert inside.digest() == Photo(sheet[rows, columns]).digest()
    # Nothing more is cut off.
    assert without_border(inside) is inside
