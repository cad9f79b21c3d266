"""Trees of XMP packets: properties of the photo itself, and changes of them."""

from __future__ import annotations

import pytest
from blocks import PACKET
from packets import SPACES, descriptions, packet, read

from colorflow.images import xmp_tree as tree

RATING = (SPACES["xmp"], "Rating")
LABEL = (SPACES["xmp"], "Label")


def test_properties_are_those_of_the_photo_and_not_those_inside_structures():
    inside = (
        "<xmp:Label> Red </xmp:Label>"
        '<xmpMM:DerivedFrom stRef:documentID="1" xmp:Rating="9"/>'
        "<dc:subject><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></dc:subject>"
    )
    found = tree.properties(tree.parse(packet('xmp:Rating="4"', inside, "uuid:1")))
    assert found == {
        RATING: "4",
        LABEL: "Red",
        (SPACES["xmpMM"], "DerivedFrom"): "",
        (SPACES["dc"], "subject"): "",
    }


def test_values_are_found_at_any_depth():
    root = tree.parse(packet('xmp:Rating="4"', '<xmpMM:DerivedFrom xmp:Rating="9"/>'))
    assert sorted(tree.values(root, RATING)) == ["4", "9"]
    assert tree.values(root, LABEL) == []


def test_removed_properties_take_empty_descriptions_with_them():
    root = tree.parse(packet('xmp:Rating="4"', "<xmp:Label>Red</xmp:Label>"))
    tree.remove_properties(root, {RATING})
    assert read(tree.packed(root)) == {"xmp:Label": "Red"}
    tree.remove_properties(root, {LABEL})
    assert descriptions(tree.packed(root)) == 0


def test_properties_inside_structures_are_not_removed_with_those_of_the_photo():
    root = tree.parse(packet('xmp:Rating="4"', '<xmpMM:DerivedFrom xmp:Rating="9"/>'))
    tree.remove_properties(root, {RATING})
    assert read(tree.packed(root)) == {"xmpMM:DerivedFrom": {"xmp:Rating": "9"}}
    tree.remove(root, lambda name: name == RATING)
    assert b"Rating" not in tree.packed(root)


def test_added_properties_are_about_the_same_thing_and_written_safely():
    root = tree.parse(packet('xmp:Rating="4"', about="uuid:1"))
    item = tree.new_element("rdf:li", {"xml:lang": "de"}, "a < b & c")
    title = tree.new_element("dc:title", {}, [tree.new_element("rdf:Alt", {}, [item])])
    spaces = {"xmlns:dc": SPACES["dc"], "xmlns:xmp": SPACES["xmp"]}
    tree.add_description(root, {**spaces, "xmp:Label": 'a "b" <c>\n'}, [title])
    packed = tree.packed(root)
    assert read(packed) == {
        "xmp:Rating": "4",
        "xmp:Label": 'a "b" <c>\n',
        "dc:title": ["a < b & c"],
    }
    assert packed.count(b'rdf:about="uuid:1"') == 2
    assert b'xml:lang="de"' in packed


def test_a_tree_is_written_as_it_was_read():
    once = tree.packed(tree.parse(PACKET))
    assert tree.packed(tree.parse(once)) == once
    assert read(once) == read(PACKET)
    assert tree.properties(tree.parse(tree.EMPTY)) == {}


@pytest.mark.parametrize("data", [b"", b"text", b"<a/>"])
def test_what_is_no_packet_is_refused(data):
    with pytest.raises(ValueError, match=r"XML|RDF"):
        tree.parse(data)
