"""IPTC records keep all that is about the photo."""

from __future__ import annotations

import struct

import pytest
from blocks import IIM

from colorflow.images.iptc import clean_record, jpeg_segment, resource_of

PREVIEW = b"\x1c\2\xc8\0\2\0\1\x1c\2\xc9\0\2\0\1"
PREVIEW += b"\x1c\2\xca" + struct.pack(">H", 4) + b"\xff\xd8\xff\xd9"


def resource(kind: int, data: bytes, name: bytes = b"") -> bytes:
    named = bytes([len(name)]) + name
    named += bytes(len(named) % 2)
    head = b"8BIM" + struct.pack(">H", kind) + named + struct.pack(">I", len(data))
    return head + data + bytes(len(data) % 2)


def test_a_record_stays_as_it_is():
    assert clean_record(IIM) == IIM


def test_padding_of_tiff_files_goes():
    assert clean_record(IIM + bytes(3)) == IIM


def test_zeros_at_the_end_of_the_last_entry_stay():
    record = IIM + b"\x1c\2\x05\0\3ab\0"
    assert clean_record(record) == record


def test_a_small_picture_of_the_source_goes():
    assert clean_record(PREVIEW + IIM) == IIM


def test_without_place():
    codes = b"\x1c\2\x1a\0\3DEU\x1c\2\x1b\0\4Land"
    record = clean_record(codes + IIM, without_place=True)
    for place in (b"Musterstadt", b"Uferstrasse", b"Land", b"DEU", b"Germania"):
        assert place in IIM
        assert place not in record
    assert "Fähre".encode() in record
    assert b"A caption of some length." in record


def test_long_entries():
    text = b"x" * 40_000
    long = b"\x1c\2\x78\x80\4" + struct.pack(">I", len(text)) + text
    assert clean_record(long + IIM) == long + IIM
    assert clean_record(long + IIM, without_place=True).startswith(long + b"\x1c\1\x5a")


@pytest.mark.parametrize(
    "record",
    [b"nonsense", b"\x1c", b"\x1c\2\x05", IIM[:-1], IIM + b"x", b"\x1c\2\5\xff\xffxxxx"],
)
def test_what_is_no_record_is_refused(record):
    with pytest.raises(ValueError, match="IPTC dataset"):
        clean_record(record)


@pytest.mark.parametrize("name", [b"", b"odd", b"even"])
def test_the_record_is_found_among_other_resources(name):
    block = resource(0x040C, b"thumb") + resource(0x0404, IIM, name) + resource(0x03ED, bytes(16))
    assert resource_of(block) == IIM
    assert resource_of(resource(0x040C, b"thumb")) is None


def test_resources_that_break_off_hold_no_record():
    block = resource(0x03F3, b"abc") + resource(0x0404, IIM)
    whole = len(block) - len(IIM) % 2
    assert resource_of(block[:whole]) == IIM
    for end in range(whole):
        assert resource_of(block[:end]) is None


def test_segment_of_a_jpeg_file():
    for record in (IIM, IIM + b"\x1c\2\5\0\2xy"):
        segment = jpeg_segment(record)
        assert segment[:2] == b"\xff\xed"
        assert struct.unpack(">H", segment[2:4]) == (len(segment) - 2,)
        assert segment[4:18] == b"Photoshop 3.0\0"
        assert resource_of(segment[18:]) == record
        assert len(segment) % 2 == 0


def test_a_record_too_long_for_a_segment_is_left_out():
    assert jpeg_segment(b"x" * 66_000) == b""
    assert jpeg_segment(b"x" * 65_508) == b""
    # The length counts itself.
    assert jpeg_segment(b"x" * 65_506)[2:4] == b"\xff\xfe"
