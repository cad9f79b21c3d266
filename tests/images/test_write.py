"""Results are written whole or not at all, and keep what the source file said."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from colorflow import __version__
from colorflow.errors import ImageError
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.images.write import HISTORY, encode_image, output_suffix, read_history, write_image

SUFFIXES = [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".JPG", ".Png"]
LOSSLESS = [".png", ".tif"]
FORMATS = [".jpg", ".png", ".webp", ".tif"]
MADE_BY = {"seed": 3, "saturation": 1.5, "model": "photo", "name": "Zoë", "steps": [1, 2]}


def random_image(*shape: int) -> Image.Image:
    rng = np.random.default_rng(6)
    return Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))


def smooth_image() -> Image.Image:
    """Slopes that survive lossy encoding."""
    y, x = np.mgrid[:48, :64]
    return Image.fromarray(np.stack([3 * x, 4 * y, 180 - x - y], axis=2).astype(np.uint8))


def camera_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ann Other"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "1931:05:07 12:00:00"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 31.0, 0.0)}
    return exif


def read_back(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
        return picture


def source(folder: Path, picture: Image.Image, name: str, **options) -> Photo:
    picture.save(folder / name, **options)
    return read_photo(folder / name)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- the picture ----


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_picture_of_every_format_is_readable_and_close(tmp_path, suffix):
    image = smooth_image()
    write_image(image, tmp_path / f"result{suffix}")
    back = read_back(tmp_path / f"result{suffix}")
    assert back.size == image.size
    assert back.mode == "RGB"
    difference = np.asarray(back).astype(int) - np.asarray(image)
    assert np.abs(difference).max() <= 8
    assert leftovers(tmp_path) == [f"result{suffix}"]


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("channels", [3, 4])
def test_png_and_tiff_keep_every_pixel(tmp_path, suffix, channels):
    image = random_image(21, 34, channels)
    write_image(image, tmp_path / f"result{suffix}")
    assert np.array_equal(read_back(tmp_path / f"result{suffix}"), image)


@pytest.mark.parametrize("suffix", FORMATS)
def test_alpha_is_kept_where_the_format_has_it(tmp_path, suffix):
    image = smooth_image()
    alpha = Image.linear_gradient("L").resize(image.size)
    image.putalpha(alpha)
    write_image(image, tmp_path / f"result{suffix}")
    back = read_back(tmp_path / f"result{suffix}")
    if suffix == ".jpg":
        assert back.mode == "RGB"
    else:
        assert np.array_equal(back.getchannel("A"), alpha)


def test_jpeg_keeps_chroma_at_full_resolution(tmp_path):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    write_image(Image.fromarray(stripes), tmp_path / "result.jpg")
    back = np.asarray(read_back(tmp_path / "result.jpg")).astype(int)
    assert np.abs(back - stripes).mean() < 10  # 85 with the usual halved chroma


def test_lower_quality_makes_a_smaller_file(tmp_path):
    for suffix in (".jpg", ".webp"):
        sizes = []
        for quality in (40, 95):
            write_image(random_image(60, 60, 3), tmp_path / f"r{suffix}", quality=quality)
            sizes.append((tmp_path / f"r{suffix}").stat().st_size)
        assert sizes[0] < 0.8 * sizes[1]


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


# ---- failure ----


def fail_half_way(path, data):
    with path.open("wb") as file:
        file.write(data[: len(data) // 2])
    raise OSError("disk full")


@pytest.mark.parametrize("suffix", FORMATS)
def test_failure_leaves_nothing_behind(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(Path, "write_bytes", fail_half_way)
    with pytest.raises(ImageError, match="disk full") as caught:
        write_image(smooth_image(), tmp_path / f"result{suffix}")
    assert f"result{suffix}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert leftovers(tmp_path) == []


def test_failure_leaves_an_older_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "result.png"
    path.write_bytes(b"older")
    monkeypatch.setattr(Path, "write_bytes", fail_half_way)
    with pytest.raises(ImageError):
        write_image(smooth_image(), path)
    assert path.read_bytes() == b"older"
    assert leftovers(tmp_path) == ["result.png"]


def test_interruption_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_image(smooth_image(), tmp_path / "result.png")
    assert leftovers(tmp_path) == []


def test_older_file_is_replaced(tmp_path):
    path = tmp_path / "result.png"
    path.write_bytes(b"older")
    write_image(smooth_image(), path)
    assert read_back(path).size == (64, 48)
    assert leftovers(tmp_path) == ["result.png"]


def test_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(ImageError, match=r"result\.png"):
        write_image(smooth_image(), tmp_path / "folder" / "result.png")
    assert leftovers(tmp_path) == ["folder"]


def test_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "result.png").mkdir()
    with pytest.raises(ImageError, match=r"result\.png"):
        write_image(smooth_image(), tmp_path / "result.png")
    assert leftovers(tmp_path) == ["result.png"]


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (4, 4)),
        Image.new("CMYK", (4, 4)),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4, 2), np.uint16),
    ],
)
def test_pictures_of_other_kinds_are_refused(tmp_path, image):
    with pytest.raises(ImageError, match=r"result\.png.*expected"):
        write_image(image, tmp_path / "result.png")
    with pytest.raises(ImageError, match="expected"):
        encode_image(image, ".tif")
    assert leftovers(tmp_path) == []


def test_picture_too_wide_for_the_format(tmp_path):
    # WebP ends at 16383 pixels.
    with pytest.raises(ImageError, match=r"wide\.webp"):
        write_image(Image.new("RGB", (17000, 1)), tmp_path / "wide.webp")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", ["result.bmp", "result", "result.jpg.gif"])
def test_unknown_suffix_is_refused_before_anything_is_made(tmp_path, name):
    with pytest.raises(ImageError, match=r"expected a name ending in \.jpg"):
        write_image(smooth_image(), tmp_path / "new" / name)
    assert leftovers(tmp_path) == []


def test_missing_folders_are_made(tmp_path):
    write_image(smooth_image(), str(tmp_path / "a" / "b" / "result.png"))
    assert read_back(tmp_path / "a" / "b" / "result.png").size == (64, 48)


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX files")
def test_result_has_the_rights_of_any_new_file(tmp_path):
    write_image(smooth_image(), tmp_path / "result.png")
    (tmp_path / "plain").touch()
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("result.png", "plain")]
    assert rights[0] == rights[1]


@pytest.mark.parametrize(
    ("suffix", "wanted", "expected"),
    [
        (".JPG", "keep", ".JPG"),
        (".tiff", "keep", ".tiff"),
        (".bmp", "keep", ".png"),
        (".gif", "keep", ".png"),
        (".HEIC", "keep", ".jpg"),
        (".heif", "keep", ".jpg"),
        (".avif", "keep", ".jpg"),
        (".heic", "tif", ".tif"),
        ("", "keep", ".png"),
        (".jpg", "png", ".png"),
        (".bmp", "tif", ".tif"),
    ],
)
def test_suffix_of_a_result(suffix, wanted, expected):
    assert output_suffix(suffix, wanted) == expected
