"""XMP sidecars: files beside a photo in which programs keep what a user said about it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from xml.dom import minidom

from colorflow.images import xmp_tree as tree
from colorflow.images.metadata import Metadata
from colorflow.images.xmp import PHOTOSHOP, clean_packet, remove_namespaces

SUFFIXES = (".xmp", ".XMP", ".Xmp")
# How to develop the source, of Adobe's programs and of darktable; results show no such edit.
ABOUT_EDITS = re.compile(r"http://ns\.adobe\.com/camera-raw|http://darktable\.sf\.net/")


def find_sidecar(photo: Path) -> Path | None:
    """Find the sidecar of a photo.

    Args:
        photo: path of a file of this machine.

    Returns:
        ``photo.jpg.xmp``, else ``photo.xmp``; None if there is neither.
    """
    names = [f"{name}{suffix}" for name in (photo.name, photo.stem) for suffix in SUFFIXES]
    paths = (photo.with_name(name) for name in names)
    # Path.is_file raises OSError for a name that is too long.
    return next((path for path in paths if path != photo and os.path.isfile(path)), None)


def read_sidecar(photo: Path) -> bytes | None:
    """Read the sidecar of a photo.

    Args:
        photo: path of a file of this machine.

    Returns:
        The XMP packet, or None if there is no sidecar.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too long for a packet.
    """
    path = find_sidecar(photo)
    if path is None:
        return None
    size = path.stat().st_size
    if size > tree.MAX_PACKET:
        raise ValueError(f"{size:,} bytes, more than {tree.MAX_PACKET:,}")
    return path.read_bytes()


def add_sidecar(metadata: Metadata, photo: Path) -> tuple[Metadata, list[str]]:
    """Add what the sidecar of a photo says.

    Args:
        metadata: of the photo's own file.
        photo: path of that file, on this machine.

    Returns:
        The metadata with a packet that holds both, and a note if the sidecar cannot be read.
    """
    try:
        sidecar = read_sidecar(photo)
        if sidecar is None:
            return metadata, []
        return replace(metadata, xmp=merged(metadata.xmp, sidecar)), []
    except (OSError, ValueError) as error:
        path, cause = find_sidecar(photo), " ".join(str(error).split())
        name = path.name if path else "XMP file"
        return metadata, [f"its sidecar {name} could not be read ({cause}) and was left out"]


def merged(packet: bytes | None, sidecar: bytes) -> bytes | None:
    """Merge a sidecar into a packet.

    Args:
        packet: of the photo's own file, or None.
        sidecar: an XMP packet. Its properties replace those of the same name; how to develop the
            photo is left out.

    Returns:
        The packet that holds both, or None if neither says anything.

    Raises:
        ValueError: the sidecar is not an XMP packet, or both together are too long for one.
    """
    added = tree.parse(clean_packet(sidecar))
    remove_namespaces(added, ABOUT_EDITS)
    tree.remove_properties(added, {(PHOTOSHOP, "SidecarForExtension")})
    names = tree.properties(added)
    if not names:
        return packet
    root = tree.parse(packet or tree.EMPTY)
    about = tree.about_of(root if packet else added)
    tree.remove_properties(root, names)
    for description in tree.children_of(tree.rdf_of(added)):
        _detach(description, about)
        tree.rdf_of(root).appendChild(description)
    result = tree.packed(root)
    if len(result) > tree.MAX_PACKET:
        raise ValueError(f"{len(result):,} bytes with the photo's own XMP packet")
    return result


def _detach(description: minidom.Element, about: str) -> None:
    """Make a description independent of the elements around it."""
    element = description.parentNode
    while isinstance(element, minidom.Element):
        for node in tree.attributes_of(element):
            if tree.is_declaration(node) and not description.hasAttribute(node.name):
                description.setAttribute(node.name, node.value)
        element = element.parentNode
    for node in tree.attributes_of(description):
        if tree.name_of(node) == (tree.RDF, "about"):
            description.removeAttributeNode(node)
    description.setAttribute("xmlns:rdf", tree.RDF)
    description.setAttribute("rdf:about", about)
