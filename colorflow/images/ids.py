"""IDs of results: new ones, derived from those of the source.

Programs that manage photos take files of the same ID for one photo, so every result gets its own.
"""

from __future__ import annotations

import uuid
from xml.dom import minidom

from colorflow.images import xmp_tree as tree

MM = "http://ns.adobe.com/xap/1.0/mm/"
REFERENCE = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
DOCUMENT, INSTANCE, ORIGINAL = (MM, "DocumentID"), (MM, "InstanceID"), (MM, "OriginalDocumentID")
DERIVED_FROM = (MM, "DerivedFrom")
# The EXIF tag ImageUniqueID in XMP.
UNIQUE_IDS = ((tree.EXIF, "ImageUniqueID"), ("http://cipa.jp/exif/1.0/", "ImageUniqueID"))


def derived_id(old: str, seed: str) -> uuid.UUID:
    """Derive an ID; the same arguments give the same one.

    Args:
        old: ID of the source.
        seed: text that identifies the result among those of its source.

    Returns:
        A UUID of version 5.
    """
    return uuid.uuid5(uuid.NAMESPACE_URL, f"colorflow:{old}\n{seed}")


def renew_ids(root: minidom.Element, seed: str) -> None:
    """Give a packet IDs of its own, where it has some, and name the source by the old ones.

    Sets ``xmpMM:DocumentID``, ``xmpMM:InstanceID``, ``xmpMM:DerivedFrom`` and the properties
    ``ImageUniqueID``. ``xmpMM:OriginalDocumentID`` stays; where the source has none, it becomes the
    source's ``xmpMM:DocumentID``.

    Args:
        root: of the packet; changed in place.
        seed: text that identifies the result among those of its source.
    """
    _renew_unique_ids(root, seed)
    found = tree.properties(root)
    old = {name: found[name] for name in (DOCUMENT, INSTANCE, ORIGINAL) if found.get(name)}
    if not old:
        return
    key = "\n".join(old.values())
    document, instance = (derived_id(f"{name}\n{key}", seed) for name in ("document", "instance"))
    attributes = {
        "xmlns:xmpMM": MM,
        "xmlns:stRef": REFERENCE,
        "xmpMM:DocumentID": f"xmp.did:{document}",
        "xmpMM:InstanceID": f"xmp.iid:{instance}",
    }
    original = old.get(ORIGINAL) or old.get(DOCUMENT)
    if original:
        attributes["xmpMM:OriginalDocumentID"] = original
    names = {INSTANCE: "instanceID", DOCUMENT: "documentID", ORIGINAL: "originalDocumentID"}
    reference = {f"stRef:{names[name]}": value for name, value in old.items()}
    tree.remove_properties(root, {DOCUMENT, INSTANCE, ORIGINAL, DERIVED_FROM})
    tree.add_description(root, attributes, [tree.new_element("xmpMM:DerivedFrom", reference)])


def _renew_unique_ids(root: minidom.Element, seed: str) -> None:
    for description in tree.children_of(tree.rdf_of(root)):
        for node in tree.attributes_of(description):
            if tree.name_of(node) in UNIQUE_IDS and node.value:
                node.value = derived_id(node.value, seed).hex
        for child in tree.children_of(description):
            if tree.name_of(child) in UNIQUE_IDS and tree.text_of(child):
                tree.set_text(child, derived_id(tree.text_of(child), seed).hex)
