"""XMP packets go with a result, upright and with the note that its colours are a model's."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest
from blocks import LATITUDE, PACKET, PLACES
from packets import SPACES, read
from packets import packet as described

from colorflow.images import xmp
from colorflow.images.xmp import clean_packet, with_provenance, without_place

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
TIFF = "{http://ns.adobe.com/tiff/1.0/}"
XMP = "{http://ns.adobe.com/xap/1.0/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
DC = "{http://purl.org/dc/elements/1.1/}"
SOURCE_TYPE = "compositeWithTrainedAlgorithmicMedia"
WRAPPER = '<x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>'
WHOLE = f'<rdf:RDF xmlns:rdf="{RDF[1:-1]}"/>'.encode()
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&c;</x:xmpmeta>"""


def properties(packet: bytes) -> dict[str, str]:
    """Read all simple properties by another parser."""
    found = {}
    for element in ElementTree.fromstring(packet).iter():
        found |= element.attrib
        if element.text and element.text.strip():
            found[element.tag] = element.text
    return found


def test_the_photo_is_described_as_before():
    found = properties(clean_packet(PACKET))
    assert found[XMP + "Rating"] == "4"
    assert found[PHOTOSHOP + "Instructions"] == 'two\nlines < "three"'
    assert found[RDF + "li"] == "Fähre & Ufer"
    assert found["{http://www.w3.org/XML/1998/namespace}lang"] == "de"
    assert found[PHOTOSHOP + "City"] == "Musterstadt"


def test_prefixes_of_names_stay():
    # Some readers look for the usual prefixes instead of namespaces.
    for text in (b"xmp:Rating=", b"<dc:description>", b"<rdf:Alt>", b"xmlns:photoshop="):
        assert text in clean_packet(PACKET)


@pytest.mark.parametrize(
    "how", ['tiff:Orientation="8"/>', "><tiff:Orientation>8</tiff:Orientation></rdf:Description>"]
)
def test_orientation_becomes_that_of_the_upright_photo(how):
    head = f'<rdf:RDF xmlns:rdf="{RDF[1:-1]}"><rdf:Description xmlns:tiff="{TIFF[1:-1]}" '
    packet = WRAPPER.format(head + how + "</rdf:RDF>").encode()
    assert properties(packet)[TIFF + "Orientation"] == "8"
    assert properties(clean_packet(packet))[TIFF + "Orientation"] == "1"


def test_what_is_about_the_stored_pixels_goes():
    found = properties(clean_packet(PACKET))
    assert PHOTOSHOP + "ICCProfile" not in found
    assert PHOTOSHOP + "ColorMode" not in found


def packet_of(name: str, space: str, form: str) -> bytes:
    inside = f"><p:{name}>WORD</p:{name}></rdf:Description>"
    if form == "attribute":
        inside = f' p:{name}="WORD"/>'
    return WRAPPER.format(
        f'<rdf:RDF xmlns:rdf="{RDF[1:-1]}"><rdf:Description xmlns:p="{space}"{inside}</rdf:RDF>'
    ).encode()


@pytest.mark.parametrize("form", ["attribute", "element"])
def test_properties_of_each_kind(form):
    ours = "http://example.org/"
    note = "http://ns.adobe.com/xmp/note/"
    pixels = [("HasExtendedXMP", note), ("ImageWidth", TIFF[1:-1]), ("ColorMode", PHOTOSHOP[1:-1])]
    places = [("geotagged", ours), ("FlightAltitude", ours), ("Sublocation", EXT[1:-1])]
    places += [("lat", "http://www.w3.org/2003/01/geo/wgs84_pos#"), ("State", PHOTOSHOP[1:-1])]
    harmless = [("ImageWidth", ours), ("lat", ours), ("State", ours), ("Headline", PHOTOSHOP[1:-1])]
    for name, space in pixels:
        assert b"WORD" not in clean_packet(packet_of(name, space, form))
        assert b"WORD" in without_place(packet_of(name, space, form))
    for name, space in places:
        assert b"WORD" not in without_place(packet_of(name, space, form))
        assert b"WORD" in clean_packet(packet_of(name, space, form))
    for name, space in harmless:
        assert b"WORD" in without_place(clean_packet(packet_of(name, space, form)))


def test_declarations_of_prefixes_stay_whatever_they_are_called():
    packet = packet_of("title", "http://example.org/", "element")
    for old, new in ((b"<p:", b"<geotag:"), (b"</p:", b"</geotag:"), (b":p=", b":geotag=")):
        packet = packet.replace(old, new)
    assert properties(without_place(packet))["{http://example.org/}title"] == "WORD"


def test_a_thumbnail_of_the_source_goes():
    inside = (
        f'<rdf:RDF xmlns:rdf="{RDF[1:-1]}"><rdf:Description xmlns:xmp="{XMP[1:-1]}">'
        "<xmp:Thumbnails><rdf:Alt><rdf:li>R0lG</rdf:li></rdf:Alt></xmp:Thumbnails>"
        "</rdf:Description></rdf:RDF>"
    )
    assert b"R0lG" not in clean_packet(WRAPPER.format(inside).encode())


MOTION = (
    'GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="77" '
    'GCamera:MicroVideoPresentationTimestampUs="5" GCamera:MotionPhoto="1" '
    'GCamera:MotionPhotoVersion="1" hdrgm:Version="1.0" xmp:Rating="4"'
)
DIRECTORY = (
    '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item '
    'Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="77"/></rdf:li></rdf:Seq>'
    "</Container:Directory>"
)


def test_what_points_at_a_video_or_gain_map_goes_whole():
    packet = clean_packet(described(MOTION, DIRECTORY))
    assert read(packet) == {"xmp:Rating": "4"}
    for word in (b"GCamera", b"Container", b"Item", b"MotionPhoto", b"hdrgm", b"video"):
        assert word not in packet


@pytest.mark.parametrize(
    "name",
    [
        *("GDepth:Data", "GImage:Data", "GAudio:Data", "Device:Profiles", "GCamera:MotionPhoto"),
        *("hdrgm:GainMapMax", "HDRGainMap:HDRGainMapVersion", "apdi:AuxiliaryImageType"),
    ],
)
@pytest.mark.parametrize("form", ["attribute", "element", "structure"])
def test_what_is_about_other_parts_of_the_file_goes(name, form):
    inside = {
        "attribute": "",
        "element": f"<{name}>WORD</{name}>",
        "structure": f"<{name}><rdf:Bag><rdf:li>WORD</rdf:li></rdf:Bag></{name}>",
    }[form]
    attributes = f'{name}="WORD" xmp:Rating="4"' if form == "attribute" else 'xmp:Rating="4"'
    assert read(described(attributes, inside)).keys() == {name, "xmp:Rating"}
    assert read(clean_packet(described(attributes, inside))) == {"xmp:Rating": "4"}


def test_a_description_of_nothing_else_goes_as_well():
    only = described('GCamera:MotionPhoto="1"')
    assert b"rdf:Description" not in clean_packet(only)
    found = properties(with_provenance(clean_packet(only), "colorflow 1"))
    assert found[EXT + "DigitalSourceType"].endswith(SOURCE_TYPE)


def test_a_panorama_stays_one_unless_it_is_turned():
    pano = 'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="64"'
    names = {"GPano:ProjectionType", "GPano:FullPanoWidthPixels"}
    assert read(clean_packet(described(pano))).keys() == names
    upright = clean_packet(described(pano + ' tiff:Orientation="1"'))
    assert names < read(upright).keys()
    assert read(clean_packet(described(pano + ' tiff:Orientation="6"'))).keys() == {
        "tiff:Orientation"
    }
    turned = clean_packet(described(pano + ' xmp:Rating="4"'), turned=True)
    assert read(turned) == {"xmp:Rating": "4"}


def test_without_place_no_trace_of_it_is_left():
    packet = without_place(PACKET)
    for place in PLACES:
        assert place in PACKET or place in (b"Germania", b"31.2057", LATITUDE)
        assert place not in packet
    assert properties(packet)[XMP + "Rating"] == "4"
    assert properties(packet)[RDF + "li"] == "Fähre & Ufer"


@pytest.mark.parametrize("packet", [PACKET, None])
def test_result_says_that_its_colours_are_a_models(packet):
    result = with_provenance(packet, "colorflow 1")
    found = properties(result)
    assert found[EXT + "DigitalSourceType"] == (
        f"http://cv.iptc.org/newscodes/digitalsourcetype/{SOURCE_TYPE}"
    )
    assert len(re.findall(b"DigitalSourceType", result)) == 1
    assert found[XMP + "CreatorTool"] == "colorflow 1"
    # All descriptions are about the same.
    about = set(re.findall(rb'rdf:about="(.*?)"', result))
    assert about == ({b"uuid:7"} if packet else {b""})


def test_the_program_a_photo_was_made_with_stays_named():
    packet = PACKET.replace(b'xmp:Rating="4"', b'xmp:CreatorTool="Scanner 3"')
    assert properties(with_provenance(packet, "colorflow 1"))[XMP + "CreatorTool"] == "Scanner 3"


def test_saying_it_twice_changes_nothing():
    for packet in (PACKET, None):
        once = with_provenance(packet, "colorflow 1")
        twice = with_provenance(once, "colorflow 2")
        assert properties(twice) == properties(once)
        assert len(twice) == len(once)
    assert clean_packet(clean_packet(PACKET)) == clean_packet(PACKET)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"nonsense",
        PACKET[:700],
        BOMB,
        b'<!DOCTYPE x SYSTEM "file:///x">' + WHOLE,
        b"<a/>",
        WRAPPER.format("").encode(),
        b"\xff\xfe\0<",
    ],
    ids=["empty", "text", "broken off", "bomb", "outside", "other", "no RDF", "UTF-16"],
)
def test_what_is_no_packet_is_refused_and_replaced(packet):
    for change in (clean_packet, without_place):
        with pytest.raises(ValueError):  # noqa: PT011
            change(packet)
    found = properties(with_provenance(packet, "colorflow 1"))
    assert found[EXT + "DigitalSourceType"].endswith(SOURCE_TYPE)


@pytest.mark.parametrize("name", ["GCamera:MotionPhoto", "photoshop:City"])
def test_a_packet_inside_a_property_that_goes_is_refused(name):
    outer = WRAPPER.format(f'<{name} xmlns:{{}}="{{}}">{WHOLE.decode()}</{name}>')
    prefix = name.split(":")[0]
    packet = outer.format(prefix, SPACES[prefix]).encode()
    change = clean_packet if prefix == "GCamera" else without_place
    with pytest.raises(ValueError, match="no RDF"):
        change(packet)


def test_a_packet_inside_a_source_type_is_replaced():
    inside = f'<e:DigitalSourceType xmlns:e="{EXT[1:-1]}">{WHOLE.decode()}</e:DigitalSourceType>'
    found = properties(with_provenance(WRAPPER.format(inside).encode(), "colorflow 1"))
    assert found[EXT + "DigitalSourceType"].endswith(SOURCE_TYPE)


def test_packets_of_an_unreasonable_size_or_depth_are_refused_at_once():
    rdf = f'<rdf:RDF xmlns:rdf="{RDF[1:-1]}">'
    start = time.monotonic()
    for inside in ("x" * (5 << 20), "<a>" * 400_000 + "</a>" * 400_000):
        with pytest.raises(ValueError, match="more than"):
            clean_packet(WRAPPER.format(rdf + inside + "</rdf:RDF>").encode())
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(("encoding", "padding"), [("utf-8", b" \n\0\0\0"), ("utf-16", b"")])
def test_padding_and_encodings_of_files(encoding, padding):
    text = PACKET.decode().split("?>\n", 1)[1]
    packet = clean_packet(text.encode(encoding) + padding)
    assert properties(packet)[RDF + "li"] == "Fähre & Ufer"
    packet.decode("utf-8")


def test_a_bare_rdf_root_is_a_packet():
    start, end = PACKET.index(b"<rdf:RDF"), PACKET.index(b"</x:xmpmeta>")
    found = properties(with_provenance(PACKET[start:end], "colorflow 1"))
    assert found[EXT + "DigitalSourceType"].endswith(SOURCE_TYPE)
    assert found[XMP + "Rating"] == "4"


def test_the_wrapper_is_that_of_a_packet():
    result = with_provenance(None, "colorflow 1").decode()
    assert result.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert result.endswith('<?xpacket end="w"?>')
    assert xmp.SOURCE_TYPE in result
