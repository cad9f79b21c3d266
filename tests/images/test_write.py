"""Results are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from pictures import FORMATS, LOSSLESS, read_back, smooth_image
from PIL import Image

from colorflow.errors import ImageError
from colorflow.images import write
from colorflow.images.write import encode_image, write_image

SUFFIXES = [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".JPG", ".Png"]


def random_image(*shape: int) -> Image.Image:
    rng = np.random.default_rng(6)
    return Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))


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


# ---- failure ----


def fail_half_way(file, *_):
    file.write(b"first half")
    raise OSError("disk full")


@pytest.mark.parametrize("suffix", FORMATS)
def test_failure_leaves_nothing_behind(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(write, "_encode", fail_half_way)
    with pytest.raises(ImageError, match="disk full") as caught:
        write_image(smooth_image(), tmp_path / f"result{suffix}")
    assert f"result{suffix}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert leftovers(tmp_path) == []


def test_failure_leaves_an_older_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "result.png"
    path.write_bytes(b"older")
    monkeypatch.setattr(write, "_encode", fail_half_way)
    with pytest.raises(ImageError):
        write_image(smooth_image(), path)
    assert path.read_bytes() == b"older"
    assert leftovers(tmp_path) == ["result.png"]


def test_interruption_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "_encode", interrupt)
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
