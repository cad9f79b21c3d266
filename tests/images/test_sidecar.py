"""XMP sidecars beside a photo go into the metadata of the photo."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import PACKET, blocks_of
from packets import descriptions, packet, read
from PIL import Image
from results import MADE_BY

from colorflow.images.metadata import Metadata
from colorflow.images.read import read_metadata, read_photo
from colorflow.images.sidecar import add_sidecar, find_sidecar, merged, read_sidecar
from colorflow.images.write import encode_image

SUBJECT = "<dc:subject><rdf:Bag><rdf:li>{}</rdf:li></rdf:Bag></dc:subject>"
# As darktable writes it: prefixes declared further out, properties as attributes and elements.
DARKTABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
   xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:darktable="http://darktable.sf.net/">
  <rdf:Description rdf:about="other" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmp:Rating="5" xmpMM:DerivedFrom="photo.jpg" darktable:xmp_version="5">
   <dc:subject><rdf:Bag><rdf:li>ferry</rdf:li><rdf:li>river</rdf:li></rdf:Bag></dc:subject>
   <lr:hierarchicalSubject><rdf:Bag><rdf:li>boats|ferry</rdf:li></rdf:Bag></lr:hierarchicalSubject>
   <darktable:history>
    <rdf:Seq><rdf:li darktable:operation="exposure"/></rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""


def photo(folder: Path, xmp: bytes | None = None, name: str = "photo.jpg") -> Path:
    Image.linear_gradient("L").resize((16, 12)).save(folder / name, **({"xmp": xmp} if xmp else {}))
    return folder / name


# ---- finding ----


@pytest.mark.parametrize("name", ["photo.xmp", "photo.XMP", "photo.jpg.xmp", "photo.jpg.XMP"])
def test_a_sidecar_is_found_by_either_name(tmp_path, name):
    path = photo(tmp_path)
    assert read_sidecar(path) is None
    (tmp_path / "other.xmp").write_bytes(PACKET)
    assert find_sidecar(path) is None
    (tmp_path / name).write_bytes(PACKET)
    assert read_sidecar(path) == PACKET


def test_the_sidecar_of_this_very_file_wins_over_that_of_its_siblings(tmp_path):
    path = photo(tmp_path)
    (tmp_path / "photo.xmp").write_bytes(b"of photo.nef")
    (tmp_path / "photo.jpg.xmp").write_bytes(DARKTABLE)
    assert read_sidecar(path) == DARKTABLE


def test_a_folder_is_no_sidecar(tmp_path):
    (tmp_path / "photo.xmp").mkdir()
    assert find_sidecar(photo(tmp_path)) is None


def test_a_name_too_long_for_a_sidecar_beside_it(tmp_path):
    assert read_photo(photo(tmp_path, name="n" * 250 + ".jpg")).size == (12, 16)


# ---- merging ----


def test_properties_of_the_sidecar_win_and_all_others_stay():
    embedded = packet('xmp:Rating="1" photoshop:City="Ulm"', SUBJECT.format("old"), about="uuid:7")
    result = merged(embedded, DARKTABLE)
    assert read(result) == {
        "xmp:Rating": "5",
        "photoshop:City": "Ulm",
        "dc:subject": ["ferry", "river"],
        "lr:hierarchicalSubject": ["boats|ferry"],
        "xmpMM:DerivedFrom": "photo.jpg",
    }
    assert result.count(b'rdf:about="uuid:7"') == descriptions(result) == 2


def test_an_element_replaces_an_attribute_and_the_other_way_round():
    element, attribute = packet("", "<xmp:Rating>2</xmp:Rating>"), packet('xmp:Rating="3"')
    assert read(merged(element, attribute)) == {"xmp:Rating": "3"}
    assert read(merged(attribute, element)) == {"xmp:Rating": "2"}
    # Nothing is left of the description that lost its only property.
    assert descriptions(merged(element, attribute)) == 1


def test_how_to_develop_the_source_is_left_out():
    sidecar = packet(
        'crs:Exposure2012="+0.50" darktable:xmp_version="5" photoshop:SidecarForExtension="NEF" '
        'xmp:Label="Red"',
        "<crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li></rdf:Seq></crs:ToneCurve>",
    )
    result = merged(None, sidecar)
    assert read(result) == {"xmp:Label": "Red"}
    assert b"camera-raw-settings" not in result
    only = packet('crs:Exposure2012="+0.50"')
    assert merged(PACKET, only) == PACKET
    assert merged(None, only) is None


def test_what_is_about_the_pixels_of_the_source_is_left_out():
    sidecar = packet('tiff:Orientation="6" tiff:ImageWidth="4000" GCamera:MotionPhoto="1"')
    assert read(merged(None, sidecar)) == {"tiff:Orientation": "1"}


# ---- photos ----


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp"])
def test_the_metadata_of_a_photo_hold_its_sidecar(tmp_path, name):
    path = photo(tmp_path, packet('xmp:Rating="1" photoshop:City="Ulm"'), name)
    (tmp_path / "photo.xmp").write_bytes(DARKTABLE)
    opened = read_photo(path)
    found = read(opened.metadata.xmp)
    assert opened.notes == []
    assert found["xmp:Rating"] == "5"
    assert found["dc:subject"] == ["ferry", "river"]
    # Pillow writes no packet into PNG files.
    assert found.get("photoshop:City") == (None if name == "photo.png" else "Ulm")
    assert read_metadata(path) == opened.metadata
    picture = Image.new("RGB", (16, 12))
    result = read(blocks_of(encode_image(picture, ".jpg", opened.metadata, MADE_BY))["xmp"])
    assert found.items() <= result.items()


def test_a_picture_or_array_has_no_sidecar(tmp_path):
    path = photo(tmp_path)
    (tmp_path / "photo.xmp").write_bytes(DARKTABLE)
    with Image.open(path) as picture:
        assert read_photo(picture).metadata.xmp is None


def test_places_of_a_sidecar_go_by_the_same_policy(tmp_path):
    (tmp_path / "photo.xmp").write_bytes(packet('exif:GPSLatitude="52,31N" xmp:Rating="2"'))
    metadata = read_photo(photo(tmp_path)).metadata
    assert read(metadata.xmp)["exif:GPSLatitude"] == "52,31N"
    assert read(metadata.apply("no-gps").xmp) == {"xmp:Rating": "2"}
    assert metadata.apply("strip").xmp is None


@pytest.mark.parametrize("content", [b"", b"nonsense", DARKTABLE[:300], b" " * ((4 << 20) + 1)])
def test_a_damaged_sidecar_is_named_and_left_out(tmp_path, content):
    path = photo(tmp_path, packet('xmp:Rating="1"'))
    (tmp_path / "photo.jpg.xmp").write_bytes(content)
    opened = read_photo(path)
    (note,) = opened.notes
    assert "sidecar photo.jpg.xmp could not be read" in note
    assert note.endswith("left out")
    assert "\n" not in note
    assert read(opened.metadata.xmp) == {"xmp:Rating": "1"}


def test_a_sidecar_makes_up_for_a_damaged_packet(tmp_path):
    path = photo(tmp_path, PACKET[:700])
    (tmp_path / "photo.xmp").write_bytes(DARKTABLE)
    opened = read_photo(path)
    assert ["XMP packet" in note for note in opened.notes] == [True]
    assert read(opened.metadata.xmp)["xmp:Rating"] == "5"


def test_both_together_may_be_too_long(tmp_path):
    (tmp_path / "photo.xmp").write_bytes(packet(f'xmp:Label="{"x" * (3 << 20)}"'))
    embedded = Metadata(xmp=packet(f'photoshop:City="{"x" * (3 << 20)}"'))
    metadata, (note,) = add_sidecar(embedded, tmp_path / "photo.jpg")
    assert metadata == embedded
    assert "photo.xmp" in note
