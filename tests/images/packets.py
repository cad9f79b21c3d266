"""XMP packets to read and change, and a reading of them that shares no code with ours."""

from __future__ import annotations

from xml.etree import ElementTree

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SPACES = {
    "rdf": RDF[1:-1],
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "darktable": "http://darktable.sf.net/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "GImage": "http://ns.google.com/photos/1.0/image/",
    "GAudio": "http://ns.google.com/photos/1.0/audio/",
    "Device": "http://ns.google.com/photos/dd/1.0/device/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "HDRGainMap": "http://ns.apple.com/HDRGainMap/1.0/",
    "apdi": "http://ns.apple.com/pixeldatainfo/1.0/",
}


def packet(attributes: str = "", inside: str = "", about: str = "") -> bytes:
    """Write a packet of one description; prefixes are those of ``SPACES``."""
    text = attributes + inside
    declared = "".join(f' xmlns:{p}="{uri}"' for p, uri in SPACES.items() if f"{p}:" in text)
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{SPACES["rdf"]}">'
        f'<rdf:Description rdf:about="{about}"{declared} {attributes}>{inside}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def short(name: str) -> str:
    """Name an element or attribute with its usual prefix."""
    prefixes = {uri: prefix for prefix, uri in SPACES.items()}
    space, _, local = name[1:].partition("}")
    return f"{prefixes.get(space, space)}:{local}"


def read(data: bytes) -> dict[str, object]:
    """Read the properties of all descriptions: text, a list of texts, or a dictionary."""
    found: dict[str, object] = {}
    rdf = next(ElementTree.fromstring(data).iter(RDF + "RDF"))
    for description in rdf:
        assert len(description.attrib) > 1 or len(description), "a description of nothing"
        parts: list[tuple[str, object]] = [*description.attrib.items()]
        parts += [(child.tag, _value(child)) for child in description]
        for key, value in parts:
            if key != RDF + "about":
                assert short(key) not in found, f"{key} stands there twice"
                found[short(key)] = value
    return found


def descriptions(data: bytes) -> int:
    """Count the descriptions of a packet."""
    return len(next(ElementTree.fromstring(data).iter(RDF + "RDF")))


def _value(element: ElementTree.Element) -> object:
    if len(element) and element[0].tag in (RDF + "Bag", RDF + "Seq", RDF + "Alt"):
        return [item.text for item in element[0]]
    fields = {short(key): value for key, value in element.attrib.items()}
    fields |= {short(child.tag): child.text for child in element}
    return fields or (element.text or "").strip()
