"""Of metadata too long for a format, the least valuable goes first."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from blocks import ARTIST, IIM, PACKET, blocks_of, camera_block
from pictures import FORMATS
from PIL import Image
from results import MADE_BY, PROVENANCE, deep, smooth

from colorflow.images.exif import ExifBlock
from colorflow.images.metadata import Metadata
from colorflow.images.write import encode_image


def large_block(size: int, note: int = 0) -> Metadata:
    from colorflow.images.tiff_tags import bytes_tag

    block = ExifBlock.parse(camera_block()).upright()
    exif = block.exif | {0x9286: bytes_tag(b"u" * size), 0x927C: bytes_tag(b"n" * note)}
    block = ExifBlock(block.order, block.main, exif, block.gps)
    return Metadata(exif=block.to_bytes(), thumbnail=True)


def test_of_a_block_too_long_for_jpeg_the_least_valuable_goes_first():
    noise = Image.fromarray((deep(400, 500, 3) >> 8).astype(np.uint8))

    def block(metadata: Metadata, suffix: str = ".jpg") -> bytes:
        data = encode_image(noise, suffix, metadata, MADE_BY)
        assert b'"seed": 3' in blocks_of(data)["exif"]
        return blocks_of(data)["exif"]

    small = block(large_block(1000, 1000))
    assert b"\xff\xd8" in small
    no_thumbnail = block(large_block(62_000, 1000))
    assert b"\xff\xd8" not in no_thumbnail
    assert b"nnn" in no_thumbnail
    no_note = block(large_block(60_000, 10_000))
    assert b"nnn" not in no_note
    assert b"uuu" in no_note
    assert ARTIST in no_note
    nothing = block(large_block(70_000))
    assert ARTIST not in nothing
    # Other formats hold all of it.
    whole = block(large_block(70_000, 10_000), ".png")
    assert all(part in whole for part in (ARTIST, b"nnn", b"uuu", b"\xff\xd8"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_packet_too_long_for_jpeg_gives_way_to_the_provenance(suffix):
    packet = PACKET.replace(b"F\xc3\xa4hre", b"x" * 70_000)
    found = blocks_of(encode_image(smooth(), suffix, Metadata(xmp=packet), MADE_BY))["xmp"]
    assert PROVENANCE in found
    assert (b"xmp:Rating" in found) == (suffix != ".jpg")
    bare = blocks_of(encode_image(smooth(), suffix, Metadata(xmp=packet)))
    assert ("xmp" in bare) == (suffix != ".jpg")


def test_a_packet_just_too_long_for_jpeg():
    spare = 65502 - len(encode_packet(0))
    for more, kept in ((spare, True), (spare + 1, False)):
        data = encode_image(smooth(), ".jpg", Metadata(xmp=grown(more)), MADE_BY)
        assert (b"xmp:Rating" in blocks_of(data)["xmp"]) == kept


def grown(more: int) -> bytes:
    return PACKET.replace(b"F\xc3\xa4hre", b"x" * more)


def encode_packet(more: int) -> bytes:
    return blocks_of(encode_image(smooth(), ".png", Metadata(xmp=grown(more)), MADE_BY))["xmp"]


def test_a_record_too_long_for_jpeg_is_left_out():
    record = IIM + b"\x1c\2\x78\x80\4" + struct.pack(">I", 70_000) + b"x" * 70_000
    assert "iptc" not in blocks_of(encode_image(smooth(), ".jpg", Metadata(iptc=record)))
    assert blocks_of(encode_image(smooth(), ".tif", Metadata(iptc=record)))["iptc"] == record
