"""What a file said arrives, damaged parts are left out with a note, and policies leave out more."""

from __future__ import annotations

import struct
from pathlib import Path

import icc
import numpy as np
import pytest
import tifffile
from blocks import ARTIST, IIM, LATITUDE, PACKET, PLACES, camera_block, described_jpeg
from packets import packet, read
from PIL import Image, PngImagePlugin

from colorflow.errors import ConfigError
from colorflow.images.metadata import Metadata
from colorflow.images.read import read_metadata, read_photo


def described(folder: Path, suffix: str) -> Path:
    """A grey file with all blocks its format holds."""
    if suffix == ".jpg":
        return described_jpeg(folder)
    path = folder / f"described{suffix}"
    block = camera_block()
    grey = Image.linear_gradient("L")
    if suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", PACKET.decode())
        grey.save(path, exif=block, pnginfo=info, dpi=(300, 240))
    elif suffix == ".tif":
        tags = [(700, 1, len(PACKET), PACKET, True), (33723, 7, len(IIM), IIM, True)]
        tags += [(315, 2, len(ARTIST), ARTIST, True)]
        options = {"resolution": (300, 240), "resolutionunit": 2, "byteorder": ">"}
        tifffile.imwrite(path, np.asarray(grey), extratags=tags, metadata=None, **options)
    else:
        grey.convert("RGB").save(path, exif=block, xmp=PACKET)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_every_block_of_a_file_arrives(tmp_path, suffix):
    path = described(tmp_path, suffix)
    photo = read_photo(path)
    found = photo.metadata
    assert photo.notes == []
    if suffix == ".avif":  # Pillow's writer of AVIF spoils the rest
        assert b"1931:05:07" in found.exif
    else:
        assert ARTIST in found.exif
        assert (LATITUDE in found.exif) == (suffix != ".tif")
    assert b"xmp:Rating" in found.xmp
    assert found.iptc == (IIM if suffix in (".jpg", ".tif") else None)
    assert found.thumbnail == (suffix not in (".tif", ".avif"))
    if suffix in (".jpg", ".png", ".tif"):
        assert found.dpi == pytest.approx((300, 240), abs=0.05)
    assert not found.profile
    assert read_metadata(path) == found


def test_a_profile_is_noticed_whatever_it_is_worth(tmp_path):
    for profile in (icc.grey(icc.gamma(2.2)), b"damaged"):
        path = described_jpeg(tmp_path, icc_profile=profile)
        assert read_photo(path).metadata.profile


def test_resolution_of_a_photo_on_its_side(tmp_path):
    assert read_photo(described_jpeg(tmp_path, orientation=6)).metadata.dpi == (240, 300)
    assert read_photo(described_jpeg(tmp_path, orientation=3)).metadata.dpi == (300, 240)


def test_the_frame_of_a_panorama_goes_once_the_photo_is_turned(tmp_path):
    pano = packet('GPano:FullPanoWidthPixels="64" xmp:Rating="4"')
    for orientation in (1, 3, 6):
        path = tmp_path / "pano.jpg"
        block = camera_block(orientation=orientation)
        Image.linear_gradient("L").resize((64, 32)).save(path, exif=block, xmp=pano)
        found = read(read_photo(path).metadata.xmp)
        assert found["xmp:Rating"] == "4"
        assert ("GPano:FullPanoWidthPixels" in found) == (orientation == 1)


def test_iptc_of_tiff_files_in_all_its_forms(tmp_path):
    whole = IIM + bytes(-len(IIM) % 4)
    words = [int.from_bytes(whole[at : at + 4], "big") for at in range(0, len(whole), 4)]
    resource = b"8BIM\4\4\0\0" + struct.pack(">I", len(IIM)) + IIM
    cases = [
        (33723, 4, len(words), words, True),  # words in the file's order, so not of this order
        (
            33723,
            4,
            len(words),
            [int.from_bytes(word.to_bytes(4, "big"), "little") for word in words],
            True,
        ),
        (33723, 1, len(IIM), IIM, True),
        (34377, 7, len(resource), resource, True),
    ]
    for tag in cases:
        path = tmp_path / "scan.tif"
        tifffile.imwrite(
            path, np.zeros((4, 5), np.uint8), extratags=[tag], metadata=None, byteorder="<"
        )
        assert read_metadata(path).iptc == IIM


def test_resolution_of_a_tiff_in_centimetres_or_in_no_unit(tmp_path):
    for unit, expected in ((3, (254, 508)), (1, None)):
        path = tmp_path / "scan.tif"
        options = {"resolution": (100, 200), "resolutionunit": unit}
        tifffile.imwrite(path, np.zeros((4, 5), np.uint8), metadata=None, **options)
        assert read_metadata(path).dpi == (pytest.approx(expected) if expected else None)


def test_resolution_of_a_tiff_that_divides_by_nought(tmp_path):
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, np.zeros((4, 5), np.uint8), resolution=((300, 1), (300, 1)))
    data = path.read_bytes()
    at = data.index(struct.pack("<II", 300, 1))
    path.write_bytes(data[:at] + struct.pack("<II", 300, 0) * 2 + data[at + 16 :])
    photo = read_photo(path)
    assert photo.metadata.dpi in (None, (0, 0))


def test_a_tiff_of_64_bit_offsets_is_read(tmp_path):
    path = tmp_path / "scan.tif"
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    tifffile.imwrite(path, pixels, bigtiff=True, metadata=None, datetime="1931:05:07 12:00:00")
    photo = read_photo(path)
    assert np.array_equal(photo.pixels, pixels)
    assert read_metadata(path) == photo.metadata


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    ("option", "word"),
    [
        ({"exif": b"Exif\0\0garbage of some length"}, "EXIF block"),
        ({"exif": b"Exif\0\0MM\0*\0\0\xff\xff" + bytes(20)}, "EXIF block"),
        ({"xmp": PACKET[:900]}, "XMP packet"),
        ({"xmp": b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}, "XMP packet"),
    ],
)
def test_damaged_blocks_are_left_out_with_a_note(tmp_path, option, word):
    path = tmp_path / "photo.webp"
    Image.linear_gradient("L").convert("RGB").save(path, lossless=True, **option)
    photo = read_photo(path)
    assert len(photo.notes) == 1
    assert word in photo.notes[0]
    assert photo.notes[0].endswith("left out")
    assert "\n" not in photo.notes[0]
    assert photo.metadata == Metadata()


def test_damaged_iptc_is_left_out_with_a_note(tmp_path):
    resource = b"8BIM\4\4\0\0" + struct.pack(">I", 8) + b"nonsense"
    extra = b"\xff\xed" + struct.pack(">H", 16 + len(resource)) + b"Photoshop 3.0\0" + resource
    photo = read_photo(described_jpeg(tmp_path, extra=extra))
    assert photo.metadata.iptc is None
    assert ["IPTC record" in note for note in photo.notes] == [True]


def test_keeping_keeps(tmp_path):
    metadata = read_metadata(described_jpeg(tmp_path))
    assert metadata.apply("keep") == metadata


def test_without_gps_no_byte_of_the_place_is_left(tmp_path):
    metadata = read_metadata(described_jpeg(tmp_path, icc_profile=b"x"))
    before = metadata.exif + metadata.xmp + metadata.iptc
    rest = metadata.apply("no-gps")
    after = rest.exif + rest.xmp + rest.iptc
    for place in PLACES:
        assert place in before
        assert place not in after
    assert ARTIST in rest.exif
    assert b"A caption of some length." in rest.iptc
    assert b"xmp:Rating" in rest.xmp
    assert (rest.dpi, rest.thumbnail, rest.profile) == (metadata.dpi, True, True)


def test_blocks_that_cannot_be_searched_go_without_gps():
    metadata = Metadata(exif=b"GPS", xmp=b"GPS", iptc=b"GPS").apply("no-gps")
    assert metadata == Metadata()


def test_stripping_leaves_the_resolution_only(tmp_path):
    metadata = read_metadata(described_jpeg(tmp_path, icc_profile=b"x"))
    assert metadata.apply("strip") == Metadata(dpi=(300, 240))


def test_an_unknown_policy_is_named():
    with pytest.raises(ConfigError, match="expected one of keep, no-gps, strip, got 'gps'"):
        Metadata().apply("gps")
