"""XMP packets: what of them goes with a result, and the note that its colours are a model's."""

from __future__ import annotations

import re
from xml.dom import minidom

from colorflow.images import xmp_tree as tree
from colorflow.images.ids import renew_ids
from colorflow.images.xmp_tree import EXIF, Name, name_of

TIFF = "http://ns.adobe.com/tiff/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
DC = "http://purl.org/dc/elements/1.1/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
NOTE = "http://ns.adobe.com/xmp/note/"
PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
# What a packet in a segment of a JPEG file begins with.
XMP_MARKER = XMP.encode() + b"\0"

# https://cv.iptc.org/newscodes/digitalsourcetype: a picture part of which is a trained model's.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

# About the pixels as the source stored them, which are grey ones; and about parts kept elsewhere.
ABOUT_PIXELS = {
    TIFF: "ImageWidth ImageLength BitsPerSample Compression PhotometricInterpretation "
    "SamplesPerPixel PlanarConfiguration YCbCrSubSampling YCbCrPositioning NativeDigest",
    EXIF: "PixelXDimension PixelYDimension ColorSpace NativeDigest",
    PHOTOSHOP: "ColorMode ICCProfile",
    XMP: "Thumbnails",
    NOTE: "HasExtendedXMP",
}
# Namespaces about further pictures, videos and sounds in the file of the source, none of which a
# result has: motion photos, depth maps, gain maps, mattes.
ABOUT_PARTS = re.compile(
    r"http://ns\.(google|xiaomi|oplus|vivo)\.com/photos/"
    r"(1\.0/(camera|container|depthmap|image|audio|focus)|dd/1\.0)/"
    r"|http://ns\.adobe\.com/hdr-gain-map/"
    r"|http://ns\.apple\.com/(HDRGainMap|pixeldatainfo|depthData|depthBlurEffect"
    r"|portraitEffectsMatte|semanticSegmentationMatte)/"
)
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


def clean_packet(packet: bytes, turned: bool = False) -> bytes:
    """Keep what a packet says about the photo, once that is turned upright and coloured.

    ``tiff:Orientation`` becomes 1. Properties about the stored pixels, thumbnails, the pointer to
    an extended packet, and properties about further pictures or videos in the file are left out.

    Args:
        packet: XML, with or without the wrapper ``<?xpacket?>``.
        turned: the photo is stored in another orientation than upright. The frame of a panorama
            (``GPano``) is then left out, as its sides are those of the stored picture.

    Returns:
        The new packet.

    Raises:
        ValueError: it is too long, or not an XMP packet.
    """
    root = tree.parse(packet)
    turned |= any(value not in ("", "0", "1") for value in tree.values(root, (TIFF, "Orientation")))
    for element in tree.elements(root):
        for attribute in tree.attributes_of(element):
            if name_of(attribute) == (TIFF, "Orientation"):
                attribute.value = "1"
        if name_of(element) == (TIFF, "Orientation"):
            tree.set_text(element, "1")
    wrong = _names(ABOUT_PIXELS)
    tree.remove(root, lambda name: name in wrong)
    remove_namespaces(root, ABOUT_PARTS)
    if turned:
        remove_namespaces(root, re.compile(re.escape(PANORAMA)))
    return tree.packed(root)


def remove_namespaces(root: minidom.Element, wrong: re.Pattern[str]) -> None:
    """Remove all properties of some namespaces, and the declarations of their prefixes.

    Args:
        root: of a packet; changed in place.
        wrong: matches the beginning of the namespaces.
    """
    tree.prune(tree.remove(root, lambda name: bool(wrong.match(name[0] or ""))))
    for element in tree.elements(root):
        # The name of the root itself may need its declarations.
        for node in [] if element is root else tree.attributes_of(element):
            if tree.is_declaration(node) and wrong.match(node.value):
                element.removeAttributeNode(node)


def without_place(packet: bytes) -> bytes:
    """Leave out where the photo was taken and what place it shows.

    Args:
        packet: an XMP packet.

    Returns:
        The new packet.

    Raises:
        ValueError: it is too long, or not an XMP packet.
    """
    root = tree.parse(packet)
    wrong = _names(ABOUT_PLACE)
    tree.remove(root, lambda name: name in wrong or bool(PLACE_NAME.search(name[1])))
    return tree.packed(root)


def with_provenance(packet: bytes | None, tool: str, seed: str = "") -> bytes:
    """Say that part of the picture is a trained model's work.

    Sets ``Iptc4xmpExt:DigitalSourceType``, and ``xmp:CreatorTool`` where the packet names none.

    Args:
        packet: an XMP packet to add to; None, or one that cannot be read, makes a fresh one.
        tool: name and version of the program.
        seed: text that identifies the result among those of its source; IDs are derived from it,
            see :func:`colorflow.images.ids.renew_ids`. If empty, IDs stay.

    Returns:
        The new packet.
    """
    try:
        return _with_provenance(tree.parse(packet or tree.EMPTY), tool, seed)
    except ValueError:
        return _with_provenance(tree.parse(tree.EMPTY), tool, seed)


def _with_provenance(root: minidom.Element, tool: str, seed: str) -> bytes:
    if seed:
        renew_ids(root, seed)
    added = {}
    if tree.values(root, (IPTC_EXT, "DigitalSourceType")) != [SOURCE_TYPE]:
        tree.remove(root, lambda name: name == (IPTC_EXT, "DigitalSourceType"))
        added = {"xmlns:Iptc4xmpExt": IPTC_EXT, "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE}
    if not tree.values(root, (XMP, "CreatorTool")):
        added |= {"xmlns:xmp": XMP, "xmp:CreatorTool": tool}
    if added:
        tree.add_description(root, added)
    return tree.packed(root)


def _names(table: dict[str, str]) -> set[Name]:
    return {(space, name) for space, names in table.items() for name in names.split()}
