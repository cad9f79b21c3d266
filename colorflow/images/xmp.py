"""XMP packets: what of them goes with a result, and the note that its colours are a model's.

Packets are XML from unknown hands, so defusedxml parses them; they are kept as trees of the DOM,
which keep the prefixes of names as they are.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from xml.dom import minidom
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape, quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
NOTE = "http://ns.adobe.com/xmp/note/"
META = "adobe:ns:meta/"

# https://cv.iptc.org/newscodes/digitalsourcetype: a picture part of which is a trained model's.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# Larger packets, the undo histories of some programs, are left out: a tree of one takes twenty
# times its memory.
MAX_PACKET = 4 << 20
MAX_DEPTH = 100

# About the pixels as the source stored them, which are grey ones; and about parts kept elsewhere.
ABOUT_PIXELS = {
    TIFF: "ImageWidth ImageLength BitsPerSample Compression PhotometricInterpretation "
    "SamplesPerPixel PlanarConfiguration YCbCrSubSampling YCbCrPositioning NativeDigest",
    EXIF: "PixelXDimension PixelYDimension ColorSpace NativeDigest",
    PHOTOSHOP: "ColorMode ICCProfile",
    XMP: "Thumbnails",
    NOTE: "HasExtendedXMP",
}
# About where the photo was taken and what place it shows, by the standards of the IPTC; further
# properties, those of drones for instance, are known by their names.
ABOUT_PLACE = {
    PHOTOSHOP: "City State Country",
    IPTC_CORE: "Location CountryCode",
    IPTC_EXT: "LocationCreated LocationShown City CountryCode CountryName ProvinceState "
    "Sublocation WorldRegion LocationId LocationName",
    "http://www.w3.org/2003/01/geo/wgs84_pos#": "lat long alt lat_long Point location",
}
PLACE_NAME = re.compile("gps|latitude|longitude|altitude|geotag", re.IGNORECASE)

_Name = tuple[str | None, str]


def clean_packet(packet: bytes) -> bytes:
    """Keep what a packet says about the photo, once that is turned upright and coloured.

    ``tiff:Orientation`` becomes 1. Properties about the stored pixels, thumbnails and the pointer
    to an extended packet, which is not kept, are left out.

    Args:
        packet: XML, with or without the wrapper ``<?xpacket?>``.

    Returns:
        The new packet.

    Raises:
        ValueError: it is too long, or not an XMP packet.
    """
    root = _parse(packet)
    for element in _elements(root):
        for attribute in _attributes(element):
            if _name(attribute) == (TIFF, "Orientation"):
                attribute.value = "1"
        if _name(element) == (TIFF, "Orientation"):
            text = minidom.Text()
            text.data = "1"
            element.childNodes[:] = [text]
    wrong = _names(ABOUT_PIXELS)
    _remove(root, lambda name: name in wrong)
    return _packed(root)


def without_place(packet: bytes) -> bytes:
    """Leave out where the photo was taken and what place it shows.

    Args:
        packet: an XMP packet.

    Returns:
        The new packet.

    Raises:
        ValueError: it is too long, or not an XMP packet.
    """
    root = _parse(packet)
    wrong = _names(ABOUT_PLACE)
    _remove(root, lambda name: name in wrong or bool(PLACE_NAME.search(name[1])))
    return _packed(root)


def with_provenance(packet: bytes | None, tool: str) -> bytes:
    """Say that part of the picture is a trained model's work.

    Sets ``Iptc4xmpExt:DigitalSourceType``, and ``xmp:CreatorTool`` where the packet names none.

    Args:
        packet: an XMP packet to add to; None, or one that cannot be read, makes a fresh one.
        tool: name and version of the program.

    Returns:
        The new packet.
    """
    try:
        root = _parse(packet or _empty())
    except ValueError:
        root = _parse(_empty())
    added = {}
    if _values(root, (IPTC_EXT, "DigitalSourceType")) != [SOURCE_TYPE]:
        _remove(root, lambda name: name == (IPTC_EXT, "DigitalSourceType"))
        added = {"xmlns:Iptc4xmpExt": IPTC_EXT, "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE}
    if not _values(root, (XMP, "CreatorTool")):
        added |= {"xmlns:xmp": XMP, "xmp:CreatorTool": tool}
    if added:
        rdf = next(element for element in _elements(root) if _name(element) == (RDF, "RDF"))
        description = minidom.Element("rdf:Description", RDF, "rdf")
        description.ownerDocument = rdf.ownerDocument
        # All descriptions of a packet are about the same thing, by the same name.
        for name, value in {"xmlns:rdf": RDF, "rdf:about": _about(rdf), **added}.items():
            description.setAttribute(name, value)
        rdf.appendChild(description)
    return _packed(root)


def _empty() -> bytes:
    return f'<x:xmpmeta xmlns:x="{META}"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()


def _parse(packet: bytes) -> minidom.Element:
    from defusedxml import minidom as defused

    if len(packet) > MAX_PACKET:
        raise ValueError(f"{len(packet):,} bytes, more than {MAX_PACKET:,}")
    if not packet.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        packet = packet.strip(b"\0 \t\r\n")  # files pad packets
    try:
        # The errors of defusedxml itself are ValueErrors.
        document = defused.parseString(packet, forbid_dtd=True)
    except (ExpatError, LookupError) as error:
        raise ValueError(f"not XML: {error}") from error
    root: minidom.Element = document.documentElement
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in _children(element)]
    if level:
        raise ValueError(f"more than {MAX_DEPTH} levels of XML")
    if all(_name(element) != (RDF, "RDF") for element in _elements(root)):
        raise ValueError("no RDF in it")
    return root


def _names(table: dict[str, str]) -> set[_Name]:
    return {(space, name) for space, names in table.items() for name in names.split()}


def _name(node: minidom.Element | minidom.Attr) -> _Name:
    return node.namespaceURI, node.localName or ""


def _attributes(element: minidom.Element) -> list[minidom.Attr]:
    return [node for node in element.attributes.values() if isinstance(node, minidom.Attr)]


def _children(element: minidom.Element) -> list[minidom.Element]:
    return [child for child in element.childNodes if isinstance(child, minidom.Element)]


def _elements(root: minidom.Element) -> Iterator[minidom.Element]:
    """Yield every element, parents first."""
    stack = [root]
    while stack:
        element = stack.pop()
        yield element
        stack += _children(element)


def _values(root: minidom.Element, name: _Name) -> list[str]:
    """List the values of a simple property, be they written as elements or as attributes."""
    values = []
    for element in _elements(root):
        values += [node.value for node in _attributes(element) if _name(node) == name]
        if _name(element) == name:
            texts = [node.data for node in element.childNodes if isinstance(node, minidom.Text)]
            values.append("".join(texts).strip())
    return values


def _remove(root: minidom.Element, wrong: Callable[[_Name], bool]) -> None:
    """Remove properties by name, be they written as elements or as attributes."""
    for element in _elements(root):
        for attribute in _attributes(element):
            declaration = attribute.name.split(":")[0] == "xmlns"
            if not declaration and wrong(_name(attribute)):
                element.removeAttributeNode(attribute)
        for child in _children(element):
            if wrong(_name(child)):
                element.removeChild(child)


def _about(rdf: minidom.Element) -> str:
    names = [node for child in _children(rdf) for node in _attributes(child)]
    return next((node.value for node in names if _name(node) == (RDF, "about")), "")


def _packed(root: minidom.Element) -> bytes:
    body = "".join(_written(root))
    head = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    return f'{head}{body}\n<?xpacket end="w"?>'.encode()


def _written(root: minidom.Element) -> Iterator[str]:
    """Write a tree; minidom itself loses line ends in attributes before Python 3.13."""
    stack: list[minidom.Node | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, minidom.Text):
            yield escape(node.data, {"\r": "&#13;"})
        elif isinstance(node, minidom.Element):
            yield f"<{node.tagName}"
            for name, value in node.attributes.items():
                yield f" {name}={quoteattr(value)}"
            if node.childNodes:
                yield ">"
                stack.append(f"</{node.tagName}>")
                stack += reversed(node.childNodes)
            else:
                yield "/>"
