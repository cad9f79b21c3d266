"""Results have IDs of their own, which depend on the source's and on how they were made."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import replace

import pytest
from blocks import blocks_of, camera_block, entries, further
from packets import descriptions, packet, read
from pictures import FORMATS
from PIL import Image
from results import MADE_BY

from colorflow.images.exif import UNIQUE_ID, ExifBlock
from colorflow.images.ids import derived_id
from colorflow.images.metadata import Metadata
from colorflow.images.read import read_photo
from colorflow.images.tiff_tags import bytes_tag
from colorflow.images.write import encode_image, read_history, write_image

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
OLD = "0123456789abcdef0123456789ABCDEF"
ALL = (
    'xmpMM:DocumentID="xmp.did:1" xmpMM:InstanceID="xmp.iid:2" xmpMM:OriginalDocumentID="old:3" '
    f'exif:ImageUniqueID="{OLD}"'
)
FROM = '<xmpMM:DerivedFrom stRef:documentID="xmp.did:0" stRef:filePath="raw.nef"/>'


def picture() -> Image.Image:
    return Image.linear_gradient("L").resize((8, 8)).convert("RGB")


def exif_block() -> bytes:
    block = ExifBlock.parse(camera_block()).upright()
    unique = {UNIQUE_ID: bytes_tag(OLD.encode() + b"\0", 2)}
    return replace(block, exif={**block.exif, **unique}).to_bytes()


def result_of(source: bytes, suffix: str = ".png", made_by: dict | None = None) -> dict:
    made_by = MADE_BY if made_by is None else made_by
    return read(blocks_of(encode_image(picture(), suffix, Metadata(xmp=source), made_by))["xmp"])


def unique_id_of(data: bytes) -> bytes:
    block = blocks_of(data)["exif"]
    return further(block, entries(block)[0], 0x8769)[UNIQUE_ID][2]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("form", ["attributes", "elements"])
def test_a_result_has_new_ids_and_names_its_source_by_the_old_ones(suffix, form):
    source = packet(ALL, FROM)
    if form == "elements":
        source = packet("", re.sub(r'(\S+)="(\S+)"', r"<\1>\2</\1>", ALL) + FROM)
    found = result_of(source, suffix)
    assert re.fullmatch(f"xmp.did:{UUID}", found["xmpMM:DocumentID"])
    assert re.fullmatch(f"xmp.iid:{UUID}", found["xmpMM:InstanceID"])
    assert found["xmpMM:DocumentID"][8:] != found["xmpMM:InstanceID"][8:]
    assert found["xmpMM:OriginalDocumentID"] == "old:3"
    assert found["xmpMM:DerivedFrom"] == {
        "stRef:documentID": "xmp.did:1",
        "stRef:instanceID": "xmp.iid:2",
        "stRef:originalDocumentID": "old:3",
    }
    assert re.fullmatch("[0-9a-f]{32}", found["exif:ImageUniqueID"])
    assert found["exif:ImageUniqueID"] != OLD.lower()


def test_only_ids_that_the_source_had_are_named():
    found = result_of(packet('xmpMM:InstanceID="xmp.iid:2"'))
    assert found["xmpMM:DerivedFrom"] == {"stRef:instanceID": "xmp.iid:2"}
    assert "xmpMM:OriginalDocumentID" not in found
    # The first result of a chain keeps the ID of the source as that of the original.
    found = result_of(packet('xmpMM:DocumentID="xmp.did:1"'))
    assert found["xmpMM:DerivedFrom"] == {"stRef:documentID": "xmp.did:1"}
    assert found["xmpMM:OriginalDocumentID"] == "xmp.did:1"


def test_a_source_without_ids_gives_none():
    found = result_of(packet('xmp:Rating="4"', FROM))
    assert not [name for name in found if name.startswith("xmpMM:") and name.endswith("ID")]
    assert found["xmpMM:DerivedFrom"]["stRef:filePath"] == "raw.nef"
    block = Metadata(exif=camera_block())
    data = blocks_of(encode_image(picture(), ".jpg", block, MADE_BY))["exif"]
    assert UNIQUE_ID not in further(data, entries(data)[0], 0x8769)


def test_ids_inside_structures_stay():
    inside = '<xmpMM:Pantry><rdf:Bag><rdf:li xmpMM:InstanceID="inner"/></rdf:Bag></xmpMM:Pantry>'
    packed = encode_image(picture(), ".png", Metadata(xmp=packet(ALL, inside)), MADE_BY)
    assert b'<rdf:li xmpMM:InstanceID="inner"/>' in packed
    alone = result_of(packet("", inside))
    assert "xmpMM:InstanceID" not in alone


def test_variants_and_formats_differ_and_the_same_call_agrees():
    source = packet(ALL)
    names = ("xmpMM:DocumentID", "xmpMM:InstanceID", "exif:ImageUniqueID")
    results = [
        result_of(source, ".png", {"variant": 1}),
        result_of(source, ".png", {"variant": 2}),
        result_of(source, ".tif", {"variant": 1}),
        result_of(packet(ALL.replace("xmp.did:1", "xmp.did:9")), ".png", {"variant": 1}),
    ]
    for name in names[:2]:
        assert len({found[name] for found in results}) == 4
    assert len({found[names[2]] for found in results}) == 3
    again = result_of(source, ".png", {"variant": 1})
    assert [again[name] for name in names] == [results[0][name] for name in names]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_unique_id_of_exif_is_renewed_as_that_of_xmp(suffix):
    metadata = Metadata(exif=exif_block(), xmp=packet(f'exifEX:ImageUniqueID="{OLD}"'))
    data = encode_image(picture(), suffix, metadata, MADE_BY)
    new = unique_id_of(data)
    assert re.fullmatch(rb"[0-9a-f]{32}\0", new)
    assert read(blocks_of(data)["xmp"])["exifEX:ImageUniqueID"] == new[:-1].decode()
    assert unique_id_of(encode_image(picture(), suffix, metadata, {"variant": 2})) != new


def test_a_picture_that_is_no_result_keeps_its_ids():
    metadata = Metadata(exif=exif_block(), xmp=packet(ALL))
    data = encode_image(picture(), ".jpg", metadata)
    assert unique_id_of(data) == OLD.encode() + b"\0"
    assert read(blocks_of(data)["xmp"])["xmpMM:DocumentID"] == "xmp.did:1"


@pytest.mark.parametrize("suffix", FORMATS)
def test_results_coloured_again_and_again_pile_nothing_up(suffix, tmp_path):
    metadata = Metadata(exif=exif_block(), xmp=packet(ALL + ' xmp:Rating="4"', FROM))
    sizes, ids, path = [], [], tmp_path / f"result{suffix}"
    for variant in range(1, 5):
        write_image(picture(), path, metadata, {"variant": variant})
        assert read_history(path)["variant"] == variant
        metadata = read_photo(path).metadata
        found = read(metadata.xmp)
        if ids:
            assert found["xmpMM:DerivedFrom"]["stRef:documentID"] == ids[-1]
        ids.append(found["xmpMM:DocumentID"])
        assert found["xmpMM:OriginalDocumentID"] == "old:3"
        assert found["xmp:Rating"] == "4"
        sizes.append((descriptions(metadata.xmp), len(metadata.xmp), len(metadata.exif)))
    assert len(set(ids)) == 4
    assert len(set(sizes[1:])) == 1


def test_pillow_reads_the_new_ids():
    data = encode_image(picture(), ".jpg", Metadata(xmp=packet(ALL)), MADE_BY)
    with Image.open(io.BytesIO(data)) as opened:
        tree = opened.getxmp()["xmpmeta"]["RDF"]["Description"]
    (found,) = (part for part in tree if "DerivedFrom" in part)
    assert found["DerivedFrom"]["documentID"] == "xmp.did:1"
    assert found["DocumentID"].startswith("xmp.did:")


def test_derived_ids_are_of_version_5_and_depend_on_both_arguments():
    assert derived_id("a", "b").version == 5
    assert derived_id("a", "b") == derived_id("a", "b")
    assert len({derived_id(*pair) for pair in ("ab", "ba", "aa", "bb")}) == 4


def test_a_binary_unique_id_is_replaced():
    block = ExifBlock(exif={UNIQUE_ID: bytes_tag(struct.pack("<Q", 1 << 63))})
    (tag,) = block.of_result("x", (1, 1), "seed").exif.values()
    assert (tag.kind, tag.count) == (2, 33)
