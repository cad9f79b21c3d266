"""Files of kinds that need a package more, and the limit of size."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from blocks import ARTIST, PACKET, camera_block
from PIL import Image, features

from colorflow.errors import ImageError
from colorflow.images.formats import readable_suffixes
from colorflow.images.opening import opened_by_pillow, turned_upright
from colorflow.images.read import read_metadata, read_photo


def smooth() -> Image.Image:
    y, x = np.mgrid[:48, :64]
    return Image.fromarray(np.stack([3 * x, 4 * y, 180 - x - y], axis=2).astype(np.uint8))


def heic(folder: Path, **options) -> Path:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = folder / "photo.heic"
    pillow_heif.from_pillow(smooth()).save(path, quality=95, **options)
    return path


def test_suffixes_of_what_can_be_read():
    assert {".jpg", ".tif", ".heic", ".heif", ".avif"} <= readable_suffixes()


def test_heic_is_read_with_what_it_says(tmp_path):
    path = heic(tmp_path, exif=camera_block(), xmp=PACKET.replace(b'tion="6"', b'tion="1"'))
    photo = read_photo(path)
    assert photo.format == "HEIF"
    assert np.abs(photo.pixels.astype(int) - np.asarray(smooth())).max() < 20
    assert ARTIST in photo.metadata.exif
    assert photo.metadata.thumbnail
    assert b"xmp:Rating" in photo.metadata.xmp
    assert read_metadata(path) == photo.metadata


def test_heic_is_not_made_known_to_pillow(tmp_path):
    path = heic(tmp_path)
    read_photo(path)
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(path)


def test_heic_without_its_package_names_the_way_to_it(tmp_path, monkeypatch):
    path = heic(tmp_path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for read in (read_photo, read_metadata):
        with pytest.raises(ImageError, match=r"pip install 'colorflow-cinn\[heic\]'") as caught:
            read(path)
        assert "photo.heic" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_heic_is_measured_before_it_is_decoded(tmp_path, monkeypatch):
    path = heic(tmp_path)
    import pillow_heif

    monkeypatch.setattr(pillow_heif.HeifFile, "to_pillow", None)
    with pytest.raises(ImageError, match="99 pixels"):
        read_photo(path, max_pixels=99)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_heic_that_breaks_off(tmp_path, share):
    path = heic(tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageError, match=r"photo\.heic") as caught:
        read_photo(path)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read_and_measured(tmp_path):
    path = tmp_path / "photo.avif"
    smooth().save(path, quality=95)
    photo = read_photo(path)
    assert np.abs(photo.pixels.astype(int) - np.asarray(smooth())).max() < 20
    with pytest.raises(ImageError, match="99 pixels"):
        read_photo(path, max_pixels=99)


def test_avif_without_support_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "photo.avif"
    path.write_bytes(b"\0\0\0\x1cftypavif" + bytes(50))
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(ImageError, match=r"photo\.avif.*Pillow"):
        read_photo(path)


def test_a_picture_that_stands_upright_is_not_copied(tmp_path):
    smooth().save(tmp_path / "plain.jpg")
    with (tmp_path / "plain.jpg").open("rb") as file:
        picture = opened_by_pillow(file)
        assert turned_upright(picture) is picture
