"""EXIF blocks keep every byte about the photo, and nothing about the source's pixels."""

from __future__ import annotations

import io
import struct

import pytest
from blocks import ARTIST, LATITUDE, MAKER_NOTE, camera_block, directory, entries, further
from PIL import ExifTags, Image

from colorflow.images.exif import ExifBlock
from colorflow.images.tiff_tags import Tag, bytes_tag

ORDERS = ["<", ">"]


def upright(order: str = ">", orientation: int = 1) -> ExifBlock:
    return ExifBlock.parse(camera_block(order, orientation)).upright()


def small_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 12), "red").save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("order", ORDERS)
def test_values_keep_their_bytes_and_types(order):
    source, block = camera_block(order), upright(order).to_bytes()
    before, after = entries(source)[0], entries(block)[0]
    assert after[0x013B][:3] == (2, len(ARTIST), ARTIST)
    for code in (0x8769, 0x8825):
        old, new = further(source, before, code), further(block, after, code)
        # All but what says that the pixels are in another colour space.
        same = set(old) - {0xA001, 0xA005}
        assert {c: old[c][:3] for c in same} == {c: new[c][:3] for c in same}


@pytest.mark.parametrize("order", ORDERS)
def test_pillow_reads_the_block_likewise(order):
    exif = Image.Exif()
    exif.load(upright(order, 6).to_bytes())
    assert exif[ExifTags.Base.Orientation] == 1
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ExposureTime] == 10 / 2500
    assert details[ExifTags.Base.ExposureBiasValue] == -1 / 3
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[2] == (52.0, 31.0, 12.345)


def test_a_maker_note_stays_in_its_place_whatever_is_added():
    source = camera_block()
    at = source.index(MAKER_NOTE)
    block = upright().of_result("x" * 700, (3, 4))
    assert block.to_bytes().index(MAKER_NOTE) == at
    assert block.to_bytes(small_jpeg()).index(MAKER_NOTE) == at
    # Where the directory itself needs the place, the note moves, whole.
    main = dict.fromkeys(range(0x9C9B, 0x9CA0), (3, 1, b"\0\1"))
    note = {0x927C: (7, 30, b"N" * 30)}
    head = b"MM\0*\0\0\0\x08" + directory(">", 8, main | {0x8769: (4, 1, struct.pack(">I", 200))})
    tight = head.ljust(200, b"\0") + directory(">", 200, note)
    block = ExifBlock.parse(tight)
    moved = ExifBlock(">", block.main, {0x927C: block.exif[0x927C]})
    data = ExifBlock.parse(moved.of_result("y" * 300, (1, 1)).to_bytes())
    assert data.exif[0x927C].data == b"N" * 30


@pytest.mark.parametrize("size", [8, 207, 208])
def test_directories_and_values_begin_at_even_bytes(size):
    source = upright()
    at = source.exif[0x927C].offset
    note = Tag(7, size, b"N" * size, at)
    odd = {code: bytes_tag(b"odd") for code in (0x9C9B, 0x9C9D)} | {0x010E: bytes_tag(b"seven\0\0")}
    block = ExifBlock(">", source.main | odd, source.exif | {0x927C: note}, source.gps)
    data = block.of_result("x" * 501, (1, 1)).to_bytes(small_jpeg())
    main, following = entries(data)
    found = [main, further(data, main, 0x8769), further(data, main, 0x8825)]
    assert found[1][0x927C][2:] == (note.data, at)
    assert following % 2 == 0
    small = entries(data, following)[0]
    assert struct.unpack(">I", small[0x0201][2])[0] % 2 == 0
    for tags in [*found, small]:
        assert all(where % 2 == 0 for _, _, value, where in tags.values() if len(value) > 4)
    for code in (0x8769, 0x8825):
        assert struct.unpack(">I", main[code][2])[0] % 2 == 0


def test_a_maker_note_that_claims_the_place_of_the_first_directory():
    # Overlapping entries of a hostile block.
    note = (7, 40, None)
    main = {0x013B: (2, 8, b"someone\0"), 0x8769: (4, 1, struct.pack(">I", 100))}
    data = bytearray(b"MM\0*\0\0\0\x08" + directory(">", 8, main).ljust(200, b"\0"))
    sub = struct.pack(">H", 1) + struct.pack(">HHII", 0x927C, *note[:2], 10) + bytes(4)
    data[100 : 100 + len(sub)] = sub
    again = ExifBlock.parse(ExifBlock.parse(bytes(data)).upright().to_bytes())
    assert again.main[0x013B].data == b"someone\0"
    assert again.exif[0x927C].data == bytes(data[10:50])


@pytest.mark.parametrize("order", ORDERS)
def test_orientation_and_resolution_are_those_of_the_upright_photo(order):
    for orientation in range(1, 9):
        main = entries(upright(order, orientation).to_bytes())[0]
        assert struct.unpack(order + "H", main[0x0112][2]) == (1,)
        across = struct.unpack(order + "II", main[0x011A][2])
        assert across == ((240, 1) if orientation > 4 else (300, 1))


def test_the_block_says_srgb_and_nothing_about_stored_pixels():
    block = upright().to_bytes()
    main = entries(block)[0]
    assert 0x0100 not in main
    exif = further(block, main, 0x8769)
    assert exif[0xA001][2] == b"\0\1"
    assert further(block, exif, 0xA005)[1][2] == b"R98\0"


def test_thumbnail_of_the_source_is_noticed_and_left_out():
    block = ExifBlock.parse(camera_block())
    assert block.thumbnail
    assert not ExifBlock.parse(camera_block(thumbnail=False)).thumbnail
    assert b"\xff\xd8" not in block.upright().to_bytes()
    assert entries(block.upright().to_bytes())[1] == 0


@pytest.mark.parametrize("order", ORDERS)
def test_a_new_thumbnail_is_the_second_directory(order):
    picture = small_jpeg()
    block = upright(order).to_bytes(picture)
    first, following = entries(block, entries(block)[1])
    assert following == 0
    at, size = (struct.unpack(order + "I", first[code][2])[0] for code in (0x0201, 0x0202))
    assert block.removeprefix(b"Exif\0\0")[at : at + size] == picture
    exif = Image.Exif()
    exif.load(block)
    assert exif.get_ifd(ExifTags.IFD.IFD1)[0x0201] == at


def test_without_place_no_byte_of_it_is_left():
    source = upright()
    assert LATITUDE in source.to_bytes()
    block = source.without_place().to_bytes()
    assert LATITUDE not in block
    assert 0x8825 not in entries(block)[0]
    assert MAKER_NOTE not in block
    assert ARTIST in block


def test_result_says_its_own_size_and_how_it_was_made():
    block = upright().of_result('{"a": 1}', (480, 640)).to_bytes()
    main = entries(block)[0]
    assert main[0x9213][2] == b'{"a": 1}\0'
    exif = further(block, main, 0x8769)
    assert struct.unpack(">I", exif[0xA002][2] + b"") == (640,)
    assert struct.unpack(">I", exif[0xA003][2]) == (480,)
    # A block that says nothing of the size is not made to.
    assert not ExifBlock().of_result("x", (480, 640)).exif


def test_an_empty_block_is_no_bytes():
    assert ExifBlock().to_bytes() == b""


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", b"Exif\0\0", b"MM\0*\0\0\0\2", b"MM\0*\0\0\xff\xff", b"II+\0" + bytes(40)],
)
def test_what_is_no_block_is_refused(data):
    with pytest.raises(ValueError, match="no "):
        ExifBlock.parse(data)


def test_blocks_that_break_off_or_are_altered_give_what_is_left_of_them():
    source = camera_block()
    for end in range(16, len(source), 7):
        ExifBlock.parse(source[:end]).upright().to_bytes()
    for at in range(14, len(source)):
        altered = bytearray(source)
        altered[at] ^= 0xFF
        block = ExifBlock.parse(bytes(altered)).upright()
        assert ExifBlock.parse(block.to_bytes()).main.keys() == block.main.keys()


def test_directories_that_lead_back_to_themselves_end():
    main = {0x8769: (4, 1, struct.pack(">I", 8)), 0x8825: (4, 1, struct.pack(">I", 8))}
    main[0x013B] = (2, len(ARTIST), ARTIST)
    block = b"MM\0*\0\0\0\x08" + directory(">", 8, main, following=8)
    found = ExifBlock.parse(block)
    # Each is read once, with the pointers of the copies as plain entries.
    assert found.main.keys() == {0x013B}
    assert found.exif.keys() == found.gps.keys() == {0x013B, 0x8769, 0x8825}
    written = found.upright().to_bytes()
    again, following = entries(written)
    assert again.keys() == {0x0112, 0x013B, 0x8769, 0x8825}
    assert again[0x013B][2] == further(written, again, 0x8769)[0x013B][2] == ARTIST
    assert following == 0


def test_many_entries_for_the_same_bytes_do_not_fill_the_memory():
    big = 60_000
    body = struct.pack(">H", 3000)
    for code in range(3000):
        body += struct.pack(">HHII", code, 7, big, 8)
    block = b"MM\0*\0\0\0\x08" + body.ljust(big + 100, b"\0")
    kept = ExifBlock.parse(block)
    assert sum(len(tag.data) for tag in kept.main.values()) <= 16 << 20
