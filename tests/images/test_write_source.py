"""Results keep what their source said, and tell how they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import FORMATS, read_back, smooth_image
from PIL import ExifTags, Image

from colorflow import __version__
from colorflow.errors import ImageError
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.write import HISTORY, read_history, write_image

MADE_BY = {"seed": 3, "saturation": 1.5, "model": "photo", "name": "Zoë", "steps": [1, 2]}


def camera_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ann Other"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "1931:05:07 12:00:00"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 31.0, 0.0)}
    return exif


def source(folder: Path, picture: Image.Image, name: str, **options) -> Photo:
    picture.save(folder / name, **options)
    return read_photo(folder / name)


# ---- what the source said ----


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("origin", FORMATS)
def test_exif_of_a_camera_is_kept(tmp_path, origin, target):
    photo = source(tmp_path, smooth_image(), f"in{origin}", exif=camera_exif().tobytes())
    write_image(smooth_image(), tmp_path / f"out{target}", photo.metadata, MADE_BY)
    exif = read_back(tmp_path / f"out{target}").getexif()
    assert exif[ExifTags.Base.Artist] == "Ann Other"


@pytest.mark.parametrize("target", FORMATS)
def test_date_and_place_are_kept(tmp_path, target):
    photo = source(tmp_path, smooth_image(), "in.jpg", exif=camera_exif().tobytes())
    write_image(smooth_image(), tmp_path / f"out{target}", photo.metadata)
    with Image.open(tmp_path / f"out{target}") as picture:
        exif = picture.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "1931:05:07 12:00:00"
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[2] == (52.0, 31.0, 0.0)


@pytest.mark.parametrize("suffix", FORMATS)
def test_orientation_is_applied_once(tmp_path, suffix):
    stored = smooth_image().rotate(90, expand=True)  # as a camera held upright stores it
    exif = camera_exif(orientation=6).tobytes()
    photo = source(tmp_path, stored, f"in{suffix}", exif=exif)
    assert photo.size == (48, 64)
    write_image(Image.fromarray(photo.pixels), tmp_path / f"out{suffix}", photo.metadata)
    again = read_photo(tmp_path / f"out{suffix}")
    assert again.size == (48, 64)
    difference = again.pixels.astype(int) - np.asarray(smooth_image())
    assert np.abs(difference).max() <= 12


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_resolution_is_kept(tmp_path, suffix):
    photo = source(tmp_path, smooth_image(), f"in{suffix}", dpi=(300, 240))
    write_image(smooth_image(), tmp_path / f"out{suffix}", photo.metadata)
    # PNG counts pixels per metre, in whole numbers.
    assert read_back(tmp_path / f"out{suffix}").info["dpi"] == pytest.approx((300, 240), abs=0.05)


@pytest.mark.parametrize("dpi", [(0.0, 0.0), (float("nan"), 1.0), (-72.0, 72.0), (1e9, 1e9)])
@pytest.mark.parametrize("suffix", FORMATS)
def test_impossible_resolution_does_not_spoil_the_result(tmp_path, suffix, dpi):
    write_image(smooth_image(), tmp_path / f"out{suffix}", Metadata(dpi=dpi))
    assert read_back(tmp_path / f"out{suffix}").size == (64, 48)


@pytest.mark.parametrize("exif", [b"nonsense", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x09"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_the_result(tmp_path, exif):
    write_image(smooth_image(), tmp_path / "out.jpg", Metadata(exif=exif), MADE_BY)
    assert read_history(tmp_path / "out.jpg")["seed"] == 3


SCANS = {
    "16-bit": Image.fromarray(np.full((48, 64), 40000, np.uint16)),
    "32-bit": Image.fromarray(np.full((48, 64), 40000, np.int32)),
    "float": Image.fromarray(np.full((48, 64), 0.5, np.float32)),
    "bilevel": Image.new("1", (64, 48)),
    "palette": Image.new("L", (64, 48)).convert("P"),
    "cmyk": Image.new("CMYK", (64, 48)),
    "opaque alpha": Image.new("LA", (64, 48), (90, 255)),  # left out of the result
}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("kind", SCANS)
def test_tags_of_a_tiff_about_its_own_pixels_do_not_spoil_the_result(tmp_path, kind, target):
    photo = source(tmp_path, SCANS[kind], "in.tif")
    write_image(smooth_image(), tmp_path / f"out{target}", photo.metadata, MADE_BY)
    difference = np.asarray(read_back(tmp_path / f"out{target}")).astype(int) - smooth_image()
    assert np.abs(difference).max() <= 8


@pytest.mark.parametrize("target", FORMATS)
def test_long_notes_of_a_tiff_do_not_keep_the_result_from_being_written(tmp_path, target):
    # Photoshop's block of a layered scan; JPEG takes no EXIF of more than 64 kB.
    photo = source(tmp_path, smooth_image(), "in.tif", tiffinfo={34377: b"8BPS" * 20_000})
    write_image(smooth_image(), tmp_path / f"out{target}", photo.metadata, MADE_BY)
    assert read_history(tmp_path / f"out{target}")["seed"] == 3


# ---- history ----


@pytest.mark.parametrize("suffix", FORMATS)
def test_history_gives_back_how_a_picture_was_made(tmp_path, suffix):
    write_image(smooth_image(), tmp_path / f"out{suffix}", made_by=MADE_BY)
    assert read_history(tmp_path / f"out{suffix}") == {"colorflow": __version__, **MADE_BY}


def test_history_of_the_newest_result_counts(tmp_path):
    write_image(smooth_image(), tmp_path / "one.png", made_by={"seed": 1})
    photo = read_photo(tmp_path / "one.png")
    write_image(smooth_image(), tmp_path / "two.png", photo.metadata, made_by={"seed": 2})
    assert read_history(tmp_path / "two.png")["seed"] == 2


@pytest.mark.parametrize("note", [None, "brightened", '{"other": 1}', "[1, 2]", "{broken", 5])
@pytest.mark.parametrize("suffix", FORMATS)
def test_foreign_picture_has_no_history(tmp_path, suffix, note):
    exif = Image.Exif()
    if note is not None:
        exif[HISTORY] = note
    smooth_image().save(tmp_path / f"foreign{suffix}", exif=exif)
    assert read_history(tmp_path / f"foreign{suffix}") is None


def test_history_of_no_picture_is_an_error(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("text.jpg", "missing.jpg"):
        with pytest.raises(ImageError, match=name):
            read_history(tmp_path / name)
