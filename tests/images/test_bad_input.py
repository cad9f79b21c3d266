"""Bad input is read where it can be, or refused in one line; what is too large, undecoded."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import random_pixels, saved
from PIL import Image

from colorflow.errors import ImageError
from colorflow.images.read import MAX_PIXELS, read_photo


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header names a size, with next to no data behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def message_for(source: Path | Image.Image, **options) -> str:
    with pytest.raises(ImageError) as caught:
        read_photo(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    if isinstance(source, Path):
        assert source.name in message
    return message


# ---- bad input ----


def test_missing_file(tmp_path):
    assert "found nothing" in message_for(tmp_path / "missing.jpg")


def test_empty_file(tmp_path):
    path = tmp_path / "nothing.jpg"
    path.touch()
    assert "empty file (0 bytes)" in message_for(path)


def test_file_of_zero_bytes_only(tmp_path):
    path = tmp_path / "zeros.jpg"
    path.write_bytes(bytes(5000))
    assert "unknown kind" in message_for(path)


def test_text_with_the_name_of_a_picture(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("This is no picture.\n" * 100)
    assert "unknown kind" in message_for(path)


def test_folder(tmp_path):
    path = tmp_path / "directory.png"
    path.mkdir()
    assert "found a folder" in message_for(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".gif", ".webp", ".bmp"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.97])
def test_file_that_breaks_off(tmp_path, suffix, share):
    path = saved(tmp_path, Image.fromarray(random_pixels(80, 80, 3)), f"cut{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    message_for(path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_a_photo(tmp_path):
    pixels = random_pixels(8, 8)
    path = saved(tmp_path, Image.fromarray(pixels), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09damage")
    assert np.array_equal(read_photo(path).pixels, pixels)


def test_mislabelled_picture_is_read(tmp_path):
    pixels = random_pixels(6, 7)
    path = saved(tmp_path, Image.fromarray(pixels), "really_png.jpg", format="PNG")
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels)
    assert photo.format == "PNG"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_file_without_permission(tmp_path):
    path = saved(tmp_path, Image.new("L", (3, 3)))
    path.chmod(0)
    assert "permissions" in message_for(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_float_picture_with_impossible_values(tmp_path, value):
    picture = Image.fromarray(np.array([[value, 0.5]], np.float32))
    assert "1 of its values" in message_for(saved(tmp_path, picture, "wrong.tif"))
    assert "1 of its values" in message_for(picture)


def test_picture_object_of_a_file_that_breaks_off(tmp_path):
    path = saved(tmp_path, Image.fromarray(random_pixels(80, 80, 3)), "cut.jpg")
    path.write_bytes(path.read_bytes()[:3000])
    with Image.open(path) as picture:
        message_for(picture)


# ---- size limits ----


@pytest.mark.parametrize("side", [15000, 100_000])  # 0.7 and 30 GB of pixels
def test_decompression_bomb_is_refused_without_decoding(tmp_path, monkeypatch, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(side, side))

    def decode(*_):
        raise AssertionError("was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    assert f"{MAX_PIXELS:,} pixels" in message_for(path)


def test_limit_is_the_callers(tmp_path):
    path = saved(tmp_path, Image.new("L", (20, 20)))
    assert read_photo(path, max_pixels=400).size == (20, 20)
    message = message_for(path, max_pixels=399)
    assert "399 pixels" in message
    assert "--max-pixels" in message
    with Image.open(path) as picture:
        assert "399 pixels" in message_for(picture, max_pixels=399)


def test_limit_of_pillow_does_not_undercut_ours(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("L", (20, 20)))
    # Pillow refuses pictures of more than twice this.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_photo(path, max_pixels=400).size == (20, 20)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_large_picture_below_the_limit_gives_no_warning(tmp_path, monkeypatch, recwarn):
    path = saved(tmp_path, Image.new("L", (20, 20)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    assert read_photo(path, max_pixels=400).size == (20, 20)
    assert not recwarn.list
