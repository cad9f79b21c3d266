"""Text chunks of PNG and comments of JPEG and GIF files are kept, in the form each format has."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from blocks import ARTIST, IIM, LATITUDE, PACKET, blocks_of, camera_block, jpeg_segments, png_chunks
from packets import packet, read
from PIL import Image, PngImagePlugin
from results import MADE_BY

from colorflow.images.metadata import Metadata
from colorflow.images.read import read_metadata, read_photo
from colorflow.images.texts import MAX_TEXTS, with_texts
from colorflow.images.write import encode_image, write_image

TEXTS = (
    ("Title", "Fähre"),
    ("Author", "Zoë"),
    ("Description", "Am Ufer, 1931, Łódź"),
    ("Copyright", "none <known> & free"),
    ("Creation Time", "7 May 1931"),
    ("Software", "Scanner 3"),
    ("Source", "Agfa"),
    ("Comment", "two\nlines"),
    ("parameters", "steps: 5"),
)


def grey() -> Image.Image:
    return Image.linear_gradient("L").resize((16, 12))


def png_with(folder: Path, texts, compressed: bool = False, **options) -> Path:
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts:
        info.add_text(keyword, text, zip=compressed)
    path = folder / "source.png"
    grey().save(path, pnginfo=info, **options)
    return path


def raw_profile(kind: str, data: bytes) -> tuple[str, str]:
    """A block as ImageMagick writes it."""
    digits = data.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return f"Raw profile type {kind}", "\n".join(["", kind, f"{len(data):8}", *lines, ""])


def encoded(suffix: str, texts, source: bytes | None = None, made_by=MADE_BY) -> bytes:
    metadata = Metadata(xmp=source, texts=texts)
    return encode_image(grey().convert("RGB"), suffix, metadata, made_by)


# ---- reading ----


@pytest.mark.parametrize("compressed", [False, True])
def test_texts_of_a_png_are_read_in_their_order(tmp_path, compressed):
    path = png_with(tmp_path, TEXTS, compressed)
    photo = read_photo(path)
    assert photo.metadata.texts == TEXTS
    assert photo.notes == []
    assert read_metadata(path) == photo.metadata


def test_texts_behind_the_pixels_are_read(tmp_path):
    path = tmp_path / "late.png"
    grey().save(path)
    data, content = path.read_bytes(), b"tEXtTitle\0late"
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    path.write_bytes(data[:-12] + chunk + data[-12:])
    assert read_photo(path).metadata.texts == (("Title", "late"),)


def test_comments_of_jpeg_and_gif(tmp_path):
    grey().save(tmp_path / "a.jpg", comment="Fähre".encode())
    grey().save(tmp_path / "b.gif", comment=b"one")
    grey().save(tmp_path / "c.jpg", comment=b"\xe4", extra=b"\xff\xfe\0\6two\0")
    assert read_photo(tmp_path / "a.jpg").metadata.texts == (("Comment", "Fähre"),)
    assert read_photo(tmp_path / "b.gif").metadata.texts == (("Comment", "one"),)
    # Old programs wrote Latin-1, and some a zero at the end.
    found = read_photo(tmp_path / "c.jpg").metadata.texts
    assert found == (("Comment", "two"), ("Comment", "ä"))
    grey().save(tmp_path / "none.jpg")
    assert read_photo(tmp_path / "none.jpg").metadata.texts == ()


def test_copies_of_other_blocks_are_no_texts(tmp_path):
    texts = [("exif:DateTime", "1931"), ("Title", "a"), raw_profile("exif", camera_block())]
    info_with_packet = [*texts, ("XML:com.adobe.xmp", PACKET.decode())]
    assert read_photo(png_with(tmp_path, info_with_packet)).metadata.texts == (("Title", "a"),)


def test_keywords_that_pillow_uses_itself_do_not_spoil_a_photo(tmp_path):
    names = ("dpi", "xmp", "photoshop", "comment")
    texts = tuple((name, f"text of {name}") for name in names)
    photo = read_photo(png_with(tmp_path, texts))
    assert photo.metadata == Metadata(texts=texts)
    assert photo.notes == []
    assert read_photo(png_with(tmp_path, [("exif", "text")])).metadata.exif is None


def test_texts_too_long_are_left_out_with_a_note(tmp_path):
    texts = [("Title", "a"), ("workflow", "x" * MAX_TEXTS), ("Author", "b" * 10)]
    photo = read_photo(png_with(tmp_path, texts, compressed=True))
    assert photo.metadata.texts == (("Title", "a"), ("Author", "b" * 10))
    (note,) = photo.notes
    assert "'workflow'" in note
    assert "65,000 bytes" in note
    just = [("Title", "ä" * (MAX_TEXTS // 2))]
    assert read_photo(png_with(tmp_path, just)).notes == []


# ---- blocks as texts ----


@pytest.mark.parametrize("kind", ["exif", "APP1"])
def test_an_exif_block_written_as_text_is_read_byte_for_byte(tmp_path, kind):
    photo = read_photo(png_with(tmp_path, [raw_profile(kind, camera_block())], True))
    assert photo.notes == []
    assert ARTIST in photo.metadata.exif
    assert LATITUDE in photo.metadata.exif
    assert photo.metadata.thumbnail


def test_a_photo_is_turned_by_an_exif_block_written_as_text(tmp_path):
    block = camera_block(orientation=6)
    photo = read_photo(png_with(tmp_path, [raw_profile("exif", block)]))
    assert photo.size == (16, 12)
    assert photo.pixels[0, 0] == photo.pixels[-1, 0]
    assert b"1931:05:07" in photo.metadata.exif


@pytest.mark.parametrize("kind", ["xmp", "APP1"])
def test_a_packet_written_as_text_is_read(tmp_path, kind):
    data = b"http://ns.adobe.com/xap/1.0/\0" + PACKET if kind == "APP1" else PACKET
    photo = read_photo(png_with(tmp_path, [raw_profile(kind, data)]))
    assert b'xmp:Rating="4"' in photo.metadata.xmp
    assert photo.notes == []


@pytest.mark.parametrize("kind", ["iptc", "8bim"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_iptc_record_written_as_text_is_read(tmp_path, kind, wrapped):
    resource = b"8BIM\4\4\0\0" + len(IIM).to_bytes(4, "big") + IIM
    data = (b"Photoshop 3.0\0" if wrapped else b"") + resource
    assert read_photo(png_with(tmp_path, [raw_profile(kind, data)])).metadata.iptc == IIM
    plain = png_with(tmp_path, [raw_profile("iptc", IIM)])
    assert read_photo(plain).metadata.iptc == IIM


def test_the_chunks_of_a_png_win_over_blocks_written_as_text(tmp_path):
    other = camera_block().replace(ARTIST, b"x" * len(ARTIST))
    texts = [raw_profile("exif", other), raw_profile("xmp", packet('xmp:Rating="1"'))]
    texts.append(("XML:com.adobe.xmp", PACKET.decode()))
    path = png_with(tmp_path, texts, exif=camera_block())
    found = read_photo(path).metadata
    assert ARTIST in found.exif
    assert b'xmp:Rating="4"' in found.xmp


@pytest.mark.parametrize(
    ("kind", "word"), [("exif", "EXIF block"), ("xmp", "XMP packet"), ("iptc", "IPTC record")]
)
def test_a_damaged_block_written_as_text_gives_a_note(tmp_path, kind, word):
    for text in (f"\n{kind}\n 5\nnot hexadecimal", f"\n{kind}\n 2\n4142", f"{kind}"):
        photo = read_photo(png_with(tmp_path, [(f"Raw profile type {kind}", text)]))
        assert photo.metadata == Metadata()
        assert [word in note for note in photo.notes] == ([True] if "\n" in text else [])


# ---- writing ----


@pytest.mark.parametrize("made_by", [None, MADE_BY])
def test_a_png_has_all_texts_as_chunks(made_by):
    data = encoded(".png", TEXTS, made_by=made_by)
    with Image.open(io.BytesIO(data)) as opened:
        found = dict(opened.text)
    found.pop("XML:com.adobe.xmp", None)
    assert found == dict(TEXTS)
    kinds = {content.split(b"\0")[0]: kind for kind, content in png_chunks(data)}
    assert kinds[b"Title"] == b"tEXt"
    assert kinds[b"Description"] == b"iTXt"  # not Latin-1
    assert b"dc:title" not in data  # nothing is said twice


def test_comments_of_a_jpeg_are_segments():
    data = encoded(".jpg", (("Comment", "Fähre"), ("Comment", "two"), ("comment", "three")))
    comments = [content for marker, content in jpeg_segments(data) if marker == 0xFE]
    assert comments == ["Fähre".encode(), b"two", b"three"]
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.info["comment"] == b"three"
    assert "exif:UserComment" not in read(blocks_of(data)["xmp"])


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("made_by", [None, MADE_BY])
def test_texts_of_a_meaning_xmp_knows_go_there_in_other_formats(suffix, made_by):
    found = read(blocks_of(encoded(suffix, TEXTS, made_by=made_by))["xmp"])
    assert found["dc:title"] == ["Fähre"]
    assert found["dc:creator"] == ["Zoë"]
    assert found["dc:description"] == ["Am Ufer, 1931, Łódź"]
    assert found["dc:rights"] == ["none <known> & free"]
    assert found.get("exif:UserComment") == (None if suffix == ".jpg" else ["two\nlines"])


def test_what_the_packet_says_already_stays():
    source = packet("", "<dc:title><rdf:Alt><rdf:li>old</rdf:li></rdf:Alt></dc:title>")
    found = read(blocks_of(encoded(".webp", TEXTS, source))["xmp"])
    assert found["dc:title"] == ["old"]
    assert found["dc:creator"] == ["Zoë"]


def test_characters_that_xml_cannot_hold_are_dropped():
    found = read(with_texts(None, (("Title", "a\x01b\x0bc\ud800d\te"),)))
    assert found["dc:title"] == ["abcd\te"]


def test_texts_without_a_place_change_nothing():
    assert with_texts(PACKET, (("Software", "x"),)) == PACKET
    assert with_texts(None, ()) is None


def test_texts_too_long_for_a_jpeg_give_way_to_the_packet_of_the_source():
    texts = (("Title", "x" * 64_990),)
    found = read(blocks_of(encoded(".jpg", texts, packet('xmp:Rating="4"')))["xmp"])
    assert found["xmp:Rating"] == "4"
    assert "dc:title" not in found


def test_a_long_keyword_is_cut_off():
    data = encoded(".png", (("k" * 90, "text"),))
    assert (b"tEXt", b"k" * 79 + b"\0text") in png_chunks(data)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_texts_of_a_result_coloured_again_do_not_pile_up(suffix, tmp_path):
    metadata = read_photo(png_with(tmp_path, TEXTS)).metadata
    found = []
    for _ in range(3):
        write_image(grey().convert("RGB"), tmp_path / f"result{suffix}", metadata, MADE_BY)
        metadata = read_photo(tmp_path / f"result{suffix}").metadata
        found.append(metadata)
    assert found[0] == found[1] == found[2]


# ---- policies ----


def test_policies():
    texts = (("Title", "a"), ("GPSLatitude", "52"), ("Geotag", "x"))
    metadata = Metadata(texts=texts)
    assert metadata.apply("keep").texts == texts
    assert metadata.apply("no-gps").texts == (("Title", "a"),)
    assert metadata.apply("strip").texts == ()
