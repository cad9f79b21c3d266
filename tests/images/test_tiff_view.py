"""Of a TIFF file whose first page is a thumbnail, the full picture is read."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image
from scans import deep_pixels

from colorflow.batch.memory import pixels_of
from colorflow.errors import ImageError
from colorflow.images.read import read_photo

SMALL = np.full((4, 6), 200, np.uint8)
DEEP = deep_pixels(20, 30, 3)


def pages(path, *pictures: tuple[np.ndarray, dict]):
    with tifffile.TiffWriter(path) as file:
        for pixels, options in pictures:
            photometric = "rgb" if pixels.ndim == 3 else "minisblack"
            file.write(pixels, **{"photometric": photometric, "metadata": None, **options})
    return path


def test_page_behind_a_thumbnail(tmp_path):
    first = {"subfiletype": 1, "description": "a street", "datetime": "1999:01:02 03:04:05"}
    path = pages(tmp_path / "a.tif", (SMALL, first), (DEEP, {}))
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, DEEP)
    assert photo.notes == ["its first page is a reduced picture (6 x 4), the full one is used"]
    assert b"a street" in photo.metadata.exif
    assert b"1999:01:02 03:04:05" in photo.metadata.exif
    assert pixels_of(path) == 600


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_page_among_the_sub_pages(tmp_path, compression):
    pixels = np.asarray(DEEP // 257, np.uint8)
    path = pages(
        tmp_path / "a.tif",
        (SMALL, {"subfiletype": 1, "subifds": 2}),
        (SMALL, {"subfiletype": 1}),
        (pixels, {"compression": compression}),
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels)
    assert pixels_of(path) == 600


@pytest.mark.parametrize("of_full", [None, 3])
def test_orientation_of_the_first_page_holds_unless_the_full_one_has_its_own(tmp_path, of_full):
    own = {"extratags": [(274, "H", 1, of_full, True)]} if of_full else {}
    first = {"subfiletype": 1, "extratags": [(274, "H", 1, 6, True)]}
    photo = read_photo(pages(tmp_path / "a.tif", (SMALL, first), (DEEP, own)))
    expected = DEEP[::-1, ::-1] if of_full else np.rot90(DEEP, -1)
    assert np.array_equal(photo.pixels, expected)


def test_limit_of_size_is_that_of_the_full_page(tmp_path):
    path = pages(tmp_path / "a.tif", (SMALL, {"subfiletype": 1}), (DEEP, {}))
    with pytest.raises(ImageError, match="claims 30 x 20"):
        read_photo(path, max_pixels=599)


def test_full_pages_are_counted_without_thumbnails(tmp_path):
    path = pages(
        tmp_path / "a.tif", (SMALL, {"subfiletype": 1}), (DEEP, {}), (SMALL, {"subfiletype": 1})
    )
    assert len(read_photo(path).notes) == 1
    path = pages(tmp_path / "b.tif", (SMALL, {"subfiletype": 1}), (DEEP, {}), (DEEP, {}))
    assert "has 2 frames, only the first is used" in read_photo(path).notes


def test_thumbnail_of_camera_raw_data_is_read_with_a_warning(tmp_path):
    raw = {"photometric": "cfa", "extratags": [(33421, "H", 2, (2, 2), True)]}
    path = pages(
        tmp_path / "a.tif",
        (SMALL, {"subfiletype": 1, "subifds": 1}),
        (DEEP[..., 0], raw),
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, SMALL)
    assert "camera raw data" in photo.notes[0]


def test_first_page_is_used_where_all_are_reduced(tmp_path):
    path = pages(tmp_path / "a.tif", (SMALL, {"subfiletype": 1}))
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, SMALL)
    assert photo.notes == []


def test_pages_that_form_a_ring(tmp_path):
    path = pages(tmp_path / "a.tif", (SMALL, {"subfiletype": 1}))
    data = bytearray(path.read_bytes())
    first = int.from_bytes(data[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[end : end + 4] = data[4:8]
    path.write_bytes(data)
    assert np.array_equal(read_photo(path).pixels, SMALL)


@pytest.mark.parametrize("order", "<>")
def test_big_tiff_keeps_what_it_says(tmp_path, order):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        DEEP,
        photometric="rgb",
        bigtiff=True,
        byteorder=order,
        metadata=None,
        description="a street",
        datetime="1999:01:02 03:04:05",
        resolution=(300, 200),
        resolutionunit="inch",
        extratags=[(274, "H", 1, 6, True), (700, "B", 3, b"abc", True)],
    )
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, np.rot90(DEEP, -1))
    assert b"a street" in photo.metadata.exif
    assert b"1999:01:02 03:04:05" in photo.metadata.exif
    assert photo.metadata.dpi == (200, 300)
    assert not any("EXIF" in note for note in photo.notes)
    assert pixels_of(path) == 600


def test_big_tiff_of_a_kind_that_pillow_does_not_know(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, DEEP.astype(np.float32) / 65535, photometric="rgb", bigtiff=True, metadata=None
    )
    np.testing.assert_allclose(read_photo(path).pixels, DEEP / 65535, atol=1e-6)


def test_ordinary_pages_are_not_searched(tmp_path):
    path = tmp_path / "a.tif"
    frames = [Image.new("L", (3, 3), value) for value in (10, 20)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    photo = read_photo(path)
    assert photo.pixels[0, 0] == 10
    assert photo.notes == ["has 2 frames, only the first is used"]
