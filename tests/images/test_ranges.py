"""Values of every range come out between black and white, with a note where that was a guess."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image
from scans import chunk, png, saved

from colorflow.images.read import read_photo


def ramp(top: float, kind: type = np.uint16, bottom: float = 0) -> np.ndarray:
    return np.linspace(bottom, top, 20 * 30).reshape(20, 30).astype(kind)


def tiff(folder, values: np.ndarray, **tags: float):
    """A grey TIFF; tags are lowest and highest value, ``s_min``, ``s_max``, ``old_max``."""
    letter = {"f": "f", "i": "h", "u": "H"}[values.dtype.kind]
    codes = {"s_min": (340, letter), "s_max": (341, letter), "old_max": (281, "H")}
    extra = [(*codes[name], 1, value, True) for name, value in tags.items()]
    path = folder / "range.tif"
    tifffile.imwrite(path, values, photometric="minisblack", metadata=None, extratags=extra)
    return path


def unit(photo) -> np.ndarray:
    return photo.pixels / {"uint8": 255, "uint16": 65535, "float32": 1}[str(photo.pixels.dtype)]


# ---- floats ----


@pytest.mark.parametrize("top", [4.02, 100.0, 300.7, 20000.5])
def test_floats_beyond_one_end_at_their_top(tmp_path, top):
    photo = read_photo(tiff(tmp_path, ramp(top, np.float32)))
    np.testing.assert_allclose(unit(photo), ramp(1, np.float32), atol=1e-5)
    assert photo.notes == [
        f"values 0 to {top:.4g} without a stated range: 0 to {top:.4g} was taken for black to white"
        if top % 1
        else f"values 0 to {top:.0f} without a stated range: 0 to {top:.0f} "
        "was taken for black to white"
    ]


@pytest.mark.parametrize(("top", "white"), [(254.6, 255), (255.4, 255), (60000.5, 65535)])
def test_floats_on_the_scale_of_integers(tmp_path, top, white):
    photo = read_photo(tiff(tmp_path, ramp(top, np.float32)))
    np.testing.assert_allclose(unit(photo), ramp(top, np.float32).clip(0, white) / white, atol=1e-5)
    assert f"0 to {white} was taken" in photo.notes[0]


@pytest.mark.parametrize(("top", "white"), [(40, 255), (4000, 4095), (20000, 65535)])
def test_floats_that_are_whole_numbers_are_scaled_like_integers(tmp_path, top, white):
    values = np.round(ramp(top, np.float32))
    photo = read_photo(tiff(tmp_path, values))
    np.testing.assert_allclose(unit(photo), values / white, atol=1e-5)
    assert f"0 to {white} was taken" in photo.notes[0]


def test_floats_up_to_one_stay(tmp_path):
    values = ramp(0.4, np.float32)
    for path in (tiff(tmp_path, values), tiff(tmp_path, values, s_min=0.0, s_max=0.4)):
        photo = read_photo(path)
        assert np.array_equal(photo.pixels, values)
        assert photo.notes == []


def test_negative_floats_are_black_and_counted(tmp_path):
    values = ramp(1, np.float32)
    values[0, :7] = -0.25
    photo = read_photo(tiff(tmp_path, values))
    assert np.array_equal(photo.pixels, values.clip(0))
    assert photo.notes == ["7 of its 600 values are negative and were taken for black"]
    picture = read_photo(Image.fromarray(values))
    assert np.array_equal(picture.pixels, values.clip(0))


def test_negative_floats_of_a_stated_range(tmp_path):
    values = ramp(3, np.float32, bottom=-1)
    photo = read_photo(tiff(tmp_path, values, s_min=-1.0, s_max=3.0))
    np.testing.assert_allclose(unit(photo), ramp(1, np.float32), atol=1e-5)
    assert photo.notes == ["-1 to 3, as its file states, was taken for black to white"]


# ---- 16 bits ----


@pytest.mark.parametrize("top", [1000, 4095, 16000])
def test_fewer_bits_in_words_of_16_are_noticed(tmp_path, top):
    limit = {1000: 1023, 4095: 4095, 16000: 16383}[top]
    values = ramp(top)
    for photo in (
        read_photo(tiff(tmp_path, values)),
        read_photo(saved(tmp_path, png(values[..., None]), "a.png")),
    ):
        np.testing.assert_allclose(unit(photo), values / limit, atol=1e-5)
        assert photo.notes == [
            f"values 0 to {top} without a stated range: 0 to {limit} was taken for black to white"
        ]


def test_colours_of_fewer_bits_are_scaled_together(tmp_path):
    values = np.stack([ramp(1000), ramp(2000), ramp(4000)], axis=2)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", metadata=None)
    photo = read_photo(tmp_path / "a.tif")
    np.testing.assert_allclose(unit(photo), values / 4095, atol=1e-5)
    assert "0 to 4095 was taken" in photo.notes[0]


def test_a_dark_scan_stays_dark(tmp_path):
    values = np.repeat(ramp(1500), 4, axis=0)
    values[-1, -1] = 3000  # a single bright spot
    photo = read_photo(tiff(tmp_path, values))
    assert np.array_equal(photo.pixels, values)
    assert "3000 of 65535 and come out dark" in photo.notes[0]


def test_a_drawing_of_few_values_stays(tmp_path):
    values = np.where(ramp(1) > 0.5, 4000, 0).astype(np.uint16)
    assert np.array_equal(read_photo(tiff(tmp_path, values)).pixels, values)


@pytest.mark.parametrize("tags", [{"s_min": 0, "s_max": 2000}, {"old_max": 2000}])
def test_a_stated_range_is_used(tmp_path, tags):
    values = ramp(1200)
    photo = read_photo(tiff(tmp_path, values, **tags))
    np.testing.assert_allclose(unit(photo), values / 2000, atol=1e-5)
    assert photo.notes == ["0 to 2000, as its file states, was taken for black to white"]


def test_statistics_of_a_bright_picture_are_no_range(tmp_path):
    values = ramp(50000, bottom=20000)
    photo = read_photo(tiff(tmp_path, values, s_min=20000, s_max=50000))
    assert np.array_equal(photo.pixels, values)
    assert photo.notes == []


# ---- other integers ----


def test_signed_values(tmp_path):
    values = ramp(32767, np.int16, bottom=-32768)
    photo = read_photo(tiff(tmp_path, values))
    assert np.array_equal(photo.pixels, values.astype(int) + 32768)
    assert "-32768 to 32767 was taken" in photo.notes[0]


def test_signed_values_that_are_never_negative(tmp_path):
    values = ramp(20000, np.int16)
    photo = read_photo(tiff(tmp_path, values))
    np.testing.assert_allclose(unit(photo), values / 32767, atol=1e-5)
    assert "0 to 32767 was taken" in photo.notes[0]


def test_signed_values_of_a_stated_range(tmp_path):
    values = ramp(900, np.int16, bottom=-100)
    photo = read_photo(tiff(tmp_path, values, s_min=-100, s_max=900))
    np.testing.assert_allclose(unit(photo), (values + 100) / 1000, atol=1e-5)
    assert photo.notes == ["-100 to 900, as its file states, was taken for black to white"]


def test_signed_bytes(tmp_path):
    values = ramp(127, np.int8, bottom=-128)
    photo = read_photo(tiff(tmp_path, values))
    assert np.array_equal(photo.pixels, (values.astype(int) + 128))
    assert photo.pixels.dtype == np.uint8
    assert "-128 to 127 was taken" in photo.notes[0]


def test_bytes_that_are_called_signed_but_are_not(tmp_path):
    values = ramp(255, np.uint8)
    photo = read_photo(tiff(tmp_path, values.view(np.int8)))
    assert np.array_equal(photo.pixels, values)
    assert "called signed" in photo.notes[0]


@pytest.mark.parametrize(
    ("kind", "top", "white"),
    [
        (np.uint32, 4_000_000_000, 2**32 - 1),
        (np.uint32, 100_000, 100_000),
        (np.int32, 70_000, 70_000),
        (np.int32, 50_000, 65535),
        (np.int32, 200, 255),
    ],
)
def test_32_bits(tmp_path, kind, top, white):
    values = ramp(top, kind)
    photo = read_photo(tiff(tmp_path, values))
    np.testing.assert_allclose(unit(photo), values / white, atol=1e-5)
    assert f"0 to {white} was taken" in photo.notes[0]


# ---- significant bits of PNG ----


def test_significant_bits_of_a_png_whose_values_are_not_scaled(tmp_path):
    values = ramp(1500)
    photo = read_photo(saved(tmp_path, png(values[..., None], chunk(b"sBIT", b"\x0c")), "a.png"))
    np.testing.assert_allclose(unit(photo), values / 4095, atol=1e-4)
    assert photo.notes == []


def test_significant_bits_of_a_png_that_keeps_to_the_standard(tmp_path):
    values = np.round(ramp(60)).astype(np.uint16) << 4  # dark, scaled up from 12 bits
    photo = read_photo(saved(tmp_path, png(values[..., None], chunk(b"sBIT", b"\x0c")), "a.png"))
    assert np.array_equal(photo.pixels, values)
