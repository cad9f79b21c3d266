"""Segments of JPEG results, and what is left of the parts of a source of several pictures."""

from __future__ import annotations

import io

import pytest
from blocks import IIM, blocks_of, camera_block, jpeg_segments
from packets import packet, read
from PIL import Image
from results import MADE_BY

from colorflow.images.jpeg import MAX_SEGMENT, MAX_XMP, metadata_segments
from colorflow.images.read import read_photo
from colorflow.images.write import encode_image


def segments(data: bytes) -> list[tuple[int, bytes]]:
    return jpeg_segments(b"\xff\xd8" + data + b"\xff\xda")


def test_each_block_has_a_segment_of_its_kind():
    found = segments(metadata_segments(b"<xmp/>", IIM, ["one", "zwei ü"]))
    assert [marker for marker, _ in found] == [0xE1, 0xED, 0xFE, 0xFE]
    assert found[0][1] == b"http://ns.adobe.com/xap/1.0/\0<xmp/>"
    assert IIM in found[1][1]
    assert [content for _, content in found[2:]] == [b"one", "zwei ü".encode()]
    assert metadata_segments(b"", b"", []) == b""


def test_the_longest_packet_and_comment_fit_into_a_segment():
    found = segments(metadata_segments(b"x" * MAX_XMP, b"", ["c" * 70_000]))
    assert found[0][1].endswith(b"\0" + b"x" * MAX_XMP)
    assert found[1][1] == b"c" * MAX_SEGMENT


@pytest.mark.parametrize(
    ("attributes", "kind"),
    # Pillow takes an Ultra HDR photo, whose second picture is a gain map, for a plain JPEG.
    [('hdrgm:Version="1.0"', "JPEG"), ('GCamera:MotionPhoto="1"', "MPO")],
)
def test_a_result_of_a_file_of_several_pictures_is_a_plain_jpeg(tmp_path, attributes, kind):
    item = '<rdf:li Item:Semantic="GainMap" Item:Length="900"/>'
    inside = f"<Container:Directory><rdf:Seq>{item}</rdf:Seq></Container:Directory>"
    first = Image.linear_gradient("L").resize((64, 48))
    path = tmp_path / "several.jpg"
    first.save(
        path,
        "MPO",
        save_all=True,
        append_images=[first.resize((16, 12))],
        exif=camera_block(),
        xmp=packet(f'{attributes} xmp:Rating="4"', inside),
    )
    assert b"MPF\0" in path.read_bytes()
    photo = read_photo(path)
    assert photo.format == kind
    assert photo.notes == (["has 2 frames, only the first is used"] if kind == "MPO" else [])
    data = encode_image(Image.new("RGB", (64, 48)), ".jpg", photo.metadata, MADE_BY)
    segments_of_apps = {marker for marker, _ in jpeg_segments(data) if 0xE0 <= marker < 0xF0}
    assert segments_of_apps == {0xE0, 0xE1}
    assert b"MPF\0" not in data
    found = read(blocks_of(data)["xmp"])
    assert found["xmp:Rating"] == "4"
    assert not [name for name in found if name.split(":")[0] in ("hdrgm", "GCamera", "Container")]
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "JPEG"
        assert getattr(opened, "n_frames", 1) == 1
