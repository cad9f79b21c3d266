"""Results carry what their source said, in every format, by the readings of ``blocks.py``."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from xml.etree import ElementTree

import icc
import numpy as np
import pytest
import tifffile
from blocks import (
    ARTIST,
    IIM,
    LATITUDE,
    MAKER_NOTE,
    PLACES,
    blocks_of,
    camera_block,
    entries,
    further,
    jpeg_segments,
    png_chunks,
)
from pictures import FORMATS, LOSSLESS
from PIL import Image, ImageCms
from results import MADE_BY, PROVENANCE, deep, smooth

from colorflow.errors import ImageError
from colorflow.images.exif import ExifBlock
from colorflow.images.metadata import Metadata
from colorflow.images.read import read_photo
from colorflow.images.write import encode_image, write_image

# ---- blocks, format by format ----


@pytest.mark.parametrize("suffix", FORMATS)
def test_exif_keeps_its_bytes(suffix, metadata):
    block = blocks_of(encode_image(smooth(), suffix, metadata, MADE_BY))["exif"]
    main = entries(block)[0]
    assert main[0x013B][:3] == (2, len(ARTIST), ARTIST)
    assert main[0x0112][2] == b"\0\1"
    exif = further(block, main, 0x8769)
    assert exif[0x829A][:3] == (5, 1, struct.pack(">II", 10, 2500))
    assert exif[0x9204][:3] == (10, 1, struct.pack(">ii", -1, 3))
    assert exif[0x927C][:3] == (7, len(MAKER_NOTE), MAKER_NOTE)
    assert struct.unpack(">I", exif[0xA002][2]) == (640,)
    assert further(block, main, 0x8825)[2][2] == LATITUDE
    if suffix != ".tif":
        assert exif[0x927C][3] == camera_block().index(MAKER_NOTE) - 6


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("made_by", [None, MADE_BY])
def test_xmp_is_kept_and_says_what_was_done(suffix, metadata, made_by):
    packet = blocks_of(encode_image(smooth(), suffix, metadata, made_by))["xmp"]
    ElementTree.fromstring(packet)
    assert b'xmp:Rating="4"' in packet
    assert b'tiff:Orientation="1"' in packet
    assert (PROVENANCE in packet) == (made_by is not None)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("source", [None, b"damaged", b"<a/>"])
def test_every_coloured_result_says_so(suffix, source):
    packet = blocks_of(encode_image(smooth(), suffix, Metadata(xmp=source), MADE_BY))["xmp"]
    ElementTree.fromstring(packet)
    assert PROVENANCE in packet


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_about_which_nothing_is_known_carries_nothing(suffix):
    found = blocks_of(encode_image(smooth(), suffix))
    assert set(found) <= {"exif"}
    assert ("exif" in found) == (suffix == ".tif")


@pytest.mark.parametrize("suffix", FORMATS)
def test_iptc_is_kept_where_there_is_a_place_for_it(suffix, metadata):
    found = blocks_of(encode_image(smooth(), suffix, metadata))
    assert found.get("iptc") == (IIM if suffix in (".jpg", ".tif") else None)


def test_pillow_finds_the_iptc_record(metadata):
    with Image.open(io.BytesIO(encode_image(smooth(), ".jpg", metadata))) as picture:
        assert picture.info["photoshop"] == {0x0404: IIM}


@pytest.mark.parametrize("suffix", FORMATS)
def test_results_are_tagged_as_srgb_where_the_source_had_a_profile(suffix, metadata):
    profile = blocks_of(encode_image(smooth(), suffix, metadata))["icc"]
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert "sRGB" in name
    assert profile[16:20] == b"RGB "
    assert "icc" not in blocks_of(encode_image(smooth(), suffix, Metadata(), MADE_BY))
    # Nor does a profile come along that the picture was opened with.
    picture = smooth()
    picture.info["icc_profile"] = icc.grey(icc.gamma(2.2))
    assert "icc" not in blocks_of(encode_image(picture, suffix))


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_tagged_result_is_read_back_unchanged(tmp_path, suffix, metadata):
    write_image(smooth(), tmp_path / f"out{suffix}", metadata)
    assert np.array_equal(read_photo(tmp_path / f"out{suffix}").pixels, np.asarray(smooth()))


@pytest.mark.parametrize("deep_pixels", [False, True])
def test_resolution(metadata, deep_pixels):
    image = deep(40, 50, 3) if deep_pixels else smooth()
    (header,) = [
        content
        for kind, content in png_chunks(encode_image(image, ".png", metadata))
        if kind == b"pHYs"
    ]
    assert header == struct.pack(">IIB", round(300 / 0.0254), round(240 / 0.0254), 1)
    with tifffile.TiffFile(io.BytesIO(encode_image(image, ".tif", metadata))) as tiff:
        tags = tiff.pages[0].tags
        values = [tags[name].value for name in ("XResolution", "YResolution")]
        assert [over / under for over, under in values] == [300, 240]
        assert tags["ResolutionUnit"].value == 2
    jfif = jpeg_segments(encode_image(image, ".jpg", metadata))[0]
    assert jfif[0] == 0xE0
    assert jfif[1][7:12] == struct.pack(">BHH", 1, 300, 240)


def test_resolution_that_only_the_exif_block_knows(metadata):
    data = encode_image(smooth(), ".tif", replace(metadata, dpi=None))
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        assert tiff.pages[0].tags["XResolution"].value == (300, 1)


# ---- thumbnails ----


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("deep_pixels", [False, True])
def test_thumbnail_shows_the_coloured_picture(suffix, metadata, deep_pixels):
    image = np.asarray(smooth()).astype(np.uint16) * 257 if deep_pixels else smooth()
    block = blocks_of(encode_image(image, suffix, metadata))["exif"].removeprefix(b"Exif\0\0")
    first = entries(block, entries(block)[1])[0]
    at, size = (struct.unpack(">I", first[code][2])[0] for code in (0x0201, 0x0202))
    with Image.open(io.BytesIO(block[at : at + size])) as small:
        assert small.format == "JPEG"
        assert small.size == (160, 120)
        difference = np.asarray(small).astype(int) - np.asarray(smooth().resize((160, 120)))
        assert np.abs(difference).mean() < 3
    assert block.count(b"\xff\xd8\xff") == 1  # the grey one is gone


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_thumbnail_where_the_source_had_none(suffix):
    block = Metadata(exif=ExifBlock.parse(camera_block(thumbnail=False)).upright().to_bytes())
    assert entries(blocks_of(encode_image(smooth(), suffix, block))["exif"])[1] == 0


def test_a_tiff_has_one_page(metadata):
    with tifffile.TiffFile(io.BytesIO(encode_image(smooth(), ".tif", metadata, MADE_BY))) as tiff:
        assert len(tiff.pages) == 1
        assert tiff.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert np.array_equal(tiff.asarray(), np.asarray(smooth()))
        assert tiff.pages[0].tags["ExifTag"].value["DateTimeOriginal"] == "1931:05:07 12:00:00"


# ---- policies ----


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_trace_of_the_place_without_gps(suffix, metadata):
    data = encode_image(smooth(), suffix, metadata.apply("no-gps"), MADE_BY)
    for place in PLACES:
        assert place not in data
    assert ARTIST in data
    assert b'xmp:Rating="4"' in data


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_stripped_result_says_nothing_of_its_source(suffix, metadata):
    data = encode_image(smooth(), suffix, metadata.apply("strip"), MADE_BY)
    for word in (*PLACES, ARTIST, b"Rating", b"1931:05:07", b"caption", MAKER_NOTE):
        assert word not in data
    assert PROVENANCE in data
    assert "icc" not in blocks_of(data)
    assert read_from(data).dpi == (
        None if suffix == ".webp" else pytest.approx((300, 240), abs=0.05)
    )


def read_from(data: bytes) -> Metadata:
    from colorflow.images.metadata import metadata_of_picture, metadata_of_tiff

    file = io.BytesIO(data)
    if data[:2] in (b"II", b"MM"):
        return metadata_of_tiff(file)[0]
    with Image.open(file) as picture:
        return metadata_of_picture(picture)[0]


# ---- determinism ----


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("deep_pixels", [False, True])
def test_the_same_call_gives_the_same_bytes(suffix, metadata, deep_pixels, tmp_path):
    image = deep(40, 50, 4) if deep_pixels else smooth()
    data = encode_image(image, suffix, metadata, MADE_BY)
    assert data == encode_image(image, suffix, metadata, MADE_BY)
    write_image(image, tmp_path / f"out{suffix}", metadata, MADE_BY)
    assert (tmp_path / f"out{suffix}").read_bytes() == data


@pytest.mark.parametrize("suffix", FORMATS)
def test_metadata_of_a_result_is_kept_once_more(suffix, metadata, tmp_path):
    write_image(smooth(), tmp_path / f"one{suffix}", metadata, MADE_BY)
    once = read_photo(tmp_path / f"one{suffix}")
    assert once.notes == []
    write_image(smooth(), tmp_path / f"two{suffix}", once.metadata, MADE_BY)
    twice = read_photo(tmp_path / f"two{suffix}")
    assert twice.metadata == once.metadata


def test_an_unknown_suffix_is_named():
    with pytest.raises(ImageError, match=r"expected a name ending in \.jpg.*'\.bmp'"):
        encode_image(smooth(), ".bmp")
