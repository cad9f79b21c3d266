"""Free texts of files: text chunks of PNG, comments of JPEG and GIF.

A text has a keyword; those of the PNG specification are Title, Author, Description, Copyright,
Creation Time, Software, Disclaimer, Warning, Source and Comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PIL import Image

from colorflow.images import iptc
from colorflow.images import xmp_tree as tree
from colorflow.images.exif import PREFIX
from colorflow.images.xmp import DC, XMP_MARKER

Texts = tuple[tuple[str, str], ...]

COMMENT = "Comment"
# Bytes of all texts of a file together; that many fit into one segment of a JPEG file.
MAX_TEXTS = 65_000
RAW_PROFILE = "Raw profile type "
# What the packet itself, and the copies of tags that ImageMagick makes, are called.
COPIES = ("XML:com.adobe.xmp", RAW_PROFILE, "exif:", "tiff:", "icc:")
# The properties that have the same meaning, and how lists of XMP are called.
PROPERTIES = {
    "title": ("dc:title", (DC, "title"), "rdf:Alt"),
    "description": ("dc:description", (DC, "description"), "rdf:Alt"),
    "author": ("dc:creator", (DC, "creator"), "rdf:Seq"),
    "copyright": ("dc:rights", (DC, "rights"), "rdf:Alt"),
    "comment": ("exif:UserComment", (tree.EXIF, "UserComment"), "rdf:Alt"),
}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def texts_of(picture: Image.Image) -> tuple[Texts, list[str]]:
    """Collect the texts Pillow found in a file.

    Args:
        picture: as opened. Chunks of a PNG behind its pixels are known once it is decoded.

    Returns:
        Keywords and texts in the order of the file, and notes on those that were left out, as all
        together may have ``MAX_TEXTS`` bytes.
    """
    found: list[tuple[str, str]] = []
    if picture.format == "PNG":
        # All other values that Pillow has for a PNG are numbers, tuples and bytes.
        found = [
            (str(key), str(value))
            for key, value in picture.info.items()
            if isinstance(value, str) and not str(key).startswith(COPIES)
        ]
    elif hasattr(picture, "applist"):
        found = [(COMMENT, _decoded(data)) for kind, data in picture.applist if kind == "COM"]
    elif isinstance(comment := picture.info.get("comment"), bytes):
        found = [(COMMENT, _decoded(comment))]
    kept, notes, size = [], [], 0
    for keyword, text in found:
        keyword, text = keyword.strip(" \0"), text.replace("\0", "")
        length = len(text.encode("utf-8", "replace"))
        if not keyword or not text:
            continue
        if size + length > MAX_TEXTS:
            name = " ".join(keyword[:79].split())
            notes.append(
                f"its text '{name}' was left out, as its texts have more than {MAX_TEXTS:,} bytes"
            )
            continue
        size += length
        kept.append((keyword, text))
    return tuple(kept), notes


def raw_profiles(info: Mapping[Any, Any]) -> dict[str, bytes]:
    """Decode the metadata blocks that ImageMagick and others write as hexadecimal PNG texts.

    Args:
        info: what Pillow found in a PNG file.

    Returns:
        Those there are of ``"exif"``, ``"xmp"`` and ``"iptc"``; a damaged one as it is.
    """
    found: dict[str, bytes] = {}
    for kind in ("exif", "xmp", "iptc", "8bim", "APP1"):
        text = info.get(RAW_PROFILE + kind)
        if not isinstance(text, str):
            continue
        # An empty line, the kind, the number of bytes, and the bytes.
        try:
            data = bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            data = text.encode("utf-8", "replace")
        name = {"8bim": "iptc", "APP1": "exif"}.get(kind, kind)
        if data.startswith(XMP_MARKER):
            name, data = "xmp", data.removeprefix(XMP_MARKER)
        if name == "iptc":
            data = data.removeprefix(iptc.MARKER)
            data = iptc.resource_of(data) or b"" if data.startswith(b"8BIM") else data
        if kind == "APP1" and name == "exif" and not data.startswith(PREFIX):
            continue
        found.setdefault(name, data)
    return found


def with_texts(packet: bytes | None, texts: Texts) -> bytes | None:
    """Put texts into the XMP properties of the same meaning, where a packet lacks them.

    Args:
        packet: an XMP packet, or None. One that cannot be read is replaced.
        texts: keywords and texts; those without such a property are passed over.

    Returns:
        The new packet; the old one where there is nothing to add.
    """
    known: dict[str, str] = {}
    for keyword, text in texts:
        if keyword.lower() in PROPERTIES:
            known.setdefault(keyword.lower(), NOT_XML.sub("", text))
    if not known:
        return packet
    try:
        root = tree.parse(packet or tree.EMPTY)
    except ValueError:
        root = tree.parse(tree.EMPTY)
    there = tree.properties(root)
    added = []
    for keyword, text in known.items():
        name, full_name, kind = PROPERTIES[keyword]
        if full_name not in there:
            language = {"xml:lang": "x-default"} if kind == "rdf:Alt" else {}
            item = tree.new_element("rdf:li", language, text)
            added.append(tree.new_element(name, {}, [tree.new_element(kind, {}, [item])]))
    if not added:
        return packet
    tree.add_description(root, {"xmlns:dc": DC, "xmlns:exif": tree.EXIF}, added)
    return tree.packed(root)


def is_comment(keyword: str) -> bool:
    """Tell whether a text is a comment, which JPEG files have a segment for.

    Args:
        keyword: of the text.

    Returns:
        Whether it is ``Comment``, in capitals or not.
    """
    return keyword.lower() == COMMENT.lower()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
