"""Metadata blocks as cameras and scanners write them, and readings that share no code with ours."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

# A maker note that points into itself by an offset from the header, as many do.
MAKER_NOTE = b"CAMERA\0\1" + bytes(range(200))
LATITUDE = struct.pack(">6I", 52, 1, 31, 1, 12345, 1000)
ARTIST = "Zoë Müller".encode() + b"\0"
IIM = b"".join(
    b"\x1c" + bytes(kind) + struct.pack(">H", len(text)) + text
    for kind, text in [
        ((1, 90), b"\x1b%G"),
        ((2, 0), b"\0\4"),
        ((2, 25), "Fähre".encode()),
        ((2, 90), b"Musterstadt"),
        ((2, 92), b"Uferstrasse"),
        ((2, 95), b"Land"),
        ((2, 100), b"DEU"),
        ((2, 101), b"Germania"),
        ((2, 120), b"A caption of some length."),
    ]
)
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="uuid:7" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:drone="http://www.dji.com/drone-dji/1.0/"
 xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 tiff:Orientation="6" exif:GPSLatitude="52,31.2057N" photoshop:City="Musterstadt"
 photoshop:ICCProfile="Dot Gain 20%" photoshop:ColorMode="1" xmp:Rating="4"
 drone:GpsLongitude="13.377700" Iptc4xmpCore:CountryCode="DEU"
 photoshop:Instructions="two&#10;lines &lt; &quot;three&quot;">
<dc:description><rdf:Alt><rdf:li xml:lang="de">Fähre &amp; Ufer</rdf:li></rdf:Alt></dc:description>
<exif:GPSLongitude>13,22.662E</exif:GPSLongitude>
<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource">
<Iptc4xmpExt:Sublocation>Uferstrasse</Iptc4xmpExt:Sublocation></rdf:li></rdf:Bag>
</Iptc4xmpExt:LocationShown>
<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()
# What names the place in the blocks above, in no other sense.
PLACES = [b"Musterstadt", b"Uferstrasse", b"Germania", b"DEU", b"31.2057", b"13,22", b"13.3777"]
PLACES += [LATITUDE, b"GPS", b"Gps"]


def directory(order: str, at: int, entries: dict, following: int = 0) -> bytes:
    """Lay out a directory: entries of code -> (type, count, bytes)."""
    body = struct.pack(order + "H", len(entries))
    heap = b""
    end = at + 2 + 12 * len(entries) + 4
    for code, (kind, count, data) in sorted(entries.items()):
        field = data.ljust(4, b"\0")
        if len(data) > 4:
            field = struct.pack(order + "I", end + len(heap))
            heap += data + bytes(len(data) % 2)
        body += struct.pack(order + "HHI", code, kind, count) + field
    return body + struct.pack(order + "I", following) + heap


def camera_block(order: str = ">", orientation: int = 1, thumbnail: bool = True) -> bytes:
    """An EXIF block with all that matters, with the prefix of JPEG."""

    def numbers(kind: str, *values: int) -> bytes:
        return struct.pack(order + kind * len(values), *values)

    main = {
        0x0100: (3, 1, numbers("H", 9999)),  # of the pixels: not kept
        0x0112: (3, 1, numbers("H", orientation)),
        0x011A: (5, 1, numbers("I", 300, 1)),
        0x011B: (5, 1, numbers("I", 240, 1)),
        0x0128: (3, 1, numbers("H", 2)),
        0x013B: (2, len(ARTIST), ARTIST),
        0x8769: (4, 1, numbers("I", 400)),
        0x8825: (4, 1, numbers("I", 900)),
    }
    exif = {
        0x829A: (5, 1, numbers("I", 10, 2500)),  # not 1/250
        0x9003: (2, 20, b"1931:05:07 12:00:00\0"),
        0x9204: (10, 1, numbers("i", -1, 3)),
        0x927C: (7, len(MAKER_NOTE), MAKER_NOTE),
        0x9286: (7, 12, b"ASCII\0\0\0note"),
        0xA001: (3, 1, numbers("H", 65535)),
        0xA002: (4, 1, numbers("I", 4000)),
        0xA003: (4, 1, numbers("I", 3000)),
        0xA005: (4, 1, numbers("I", 1200)),
    }
    place = struct.unpack(">6I", LATITUDE)
    gps = {0: (1, 4, b"\2\3\0\0"), 1: (2, 2, b"N\0"), 2: (5, 3, numbers("I", *place))}
    small = io.BytesIO()
    Image.new("L", (64, 48), 90).save(small, "JPEG")
    picture = small.getvalue()
    first = {
        0x0103: (3, 1, numbers("H", 6)),
        0x0201: (4, 1, numbers("I", 1400)),
        0x0202: (4, 1, numbers("I", len(picture))),
    }
    block = bytearray(1400)
    parts = [(8, main, 1300 if thumbnail else 0), (400, exif, 0), (900, gps, 0)]
    parts += [(1200, {1: (2, 4, b"R03\0")}, 0)] + ([(1300, first, 0)] if thumbnail else [])
    for at, entries, following in parts:
        data = directory(order, at, entries, following)
        block[at : at + len(data)] = data
    head = (b"II*\0" if order == "<" else b"MM\0*") + numbers("I", 8)
    block[:8] = head
    return b"Exif\0\0" + bytes(block) + (picture if thumbnail else b"")


def entries(block: bytes, at: int | None = None) -> tuple[dict, int]:
    """Read the first directory of a block or file, or the one at an offset."""
    block = block.removeprefix(b"Exif\0\0")
    order = "<" if block[:2] == b"II" else ">"
    at = struct.unpack_from(order + "I", block, 4)[0] if at is None else at
    (count,) = struct.unpack_from(order + "H", block, at)
    found = {}
    for index in range(count):
        entry = at + 2 + 12 * index
        code, kind, number = struct.unpack_from(order + "HHI", block, entry)
        size = number * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 11: 4, 12: 8}[kind]
        where = entry + 8 if size <= 4 else struct.unpack_from(order + "I", block, entry + 8)[0]
        assert where + size <= len(block)
        found[code] = (kind, number, block[where : where + size], where)
    return found, struct.unpack_from(order + "I", block, at + 2 + 12 * count)[0]


def further(block: bytes, parent: dict, code: int) -> dict:
    """Read the directory that an entry points at."""
    order = "<" if block.removeprefix(b"Exif\0\0")[:2] == b"II" else ">"
    return entries(block, struct.unpack(order + "I", parent[code][2])[0])[0]


def jpeg_segments(data: bytes) -> list[tuple[int, bytes]]:
    """List the segments before the pixels: marker and content."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        (size,) = struct.unpack_from(">H", data, at + 2)
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """List the chunks, their checksums verified."""
    found, at = [], 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + content)
        found.append((kind, content))
        at += 12 + size
    return found


def webp_chunks(data: bytes) -> dict[bytes, bytes]:
    """Read the chunks."""
    found, at = {}, 12
    while at < len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        found[kind] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def blocks_of(data: bytes) -> dict[str, bytes]:
    """Read EXIF, XMP, IPTC and ICC blocks of a file of any format we write."""
    found: dict[str, bytes] = {}
    if data[:2] == b"\xff\xd8":
        heads = {"exif": b"Exif\0\0", "xmp": b"http://ns.adobe.com/xap/1.0/\0"}
        heads |= {"icc": b"ICC_PROFILE\0\1\1", "iptc": b"Photoshop 3.0\x008BIM\4\4\0\0"}
        for _, content in jpeg_segments(data):
            for name, head in heads.items():
                if content.startswith(head):
                    assert name not in found
                    found[name] = content[len(head) :]
        if "iptc" in found:
            (size,) = struct.unpack_from(">I", found["iptc"])
            assert len(found["iptc"]) == 4 + size + size % 2
            found["iptc"] = found["iptc"][4 : 4 + size]
    elif data[:4] == b"\x89PNG":
        chunks = png_chunks(data)
        assert len({kind for kind, _ in chunks if kind != b"IDAT"}) == len(
            [kind for kind, _ in chunks if kind != b"IDAT"]
        )
        kinds = dict(chunks)
        head = b"XML:com.adobe.xmp\0\0\0\0\0"
        found |= {"exif": kinds[b"eXIf"]} if b"eXIf" in kinds else {}
        found |= {"xmp": kinds[b"iTXt"].removeprefix(head)} if b"iTXt" in kinds else {}
        if b"iCCP" in kinds:
            found["icc"] = zlib.decompress(kinds[b"iCCP"].split(b"\0", 1)[1][1:])
    elif data[:4] == b"RIFF":
        names = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc"}
        found = {names[kind]: part for kind, part in webp_chunks(data).items() if kind in names}
    else:
        main = entries(data)[0]
        names = {700: "xmp", 33723: "iptc", 34675: "icc"}
        found = {name: main[code][2] for code, name in names.items() if code in main}
        found["exif"] = data  # the directories of the file itself
    return found


def pixels_of(data: bytes) -> np.ndarray:
    """Decode PNG and TIFF of 16 bits without Pillow."""
    if data[:2] in (b"II", b"MM"):
        return tifffile.imread(io.BytesIO(data))
    chunks = png_chunks(data)
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[0][1])
    assert depth == 16
    raw = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    channels = {2: 3, 6: 4}[colour]
    rows = np.frombuffer(raw, np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 2).all()  # differences from the row above
    whole = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)
    return np.ascontiguousarray(whole).view(">u2").reshape(height, width, channels)


def described_jpeg(folder: Path, orientation: int = 1, **options) -> Path:
    """A grey JPEG file with every kind of block."""
    iptc = b"Photoshop 3.0\x008BIM\4\x0c\0\0\0\0\0\4\xff\xd8\xff\xd98BIM\4\4\0\0"
    iptc += struct.pack(">I", len(IIM)) + IIM + bytes(len(IIM) % 2)
    extra = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + PACKET
    extra += b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp
    path = folder / "described.jpg"
    block = camera_block(orientation=orientation)
    options = {"exif": block, "extra": extra, "dpi": (300, 240), **options}
    Image.linear_gradient("L").resize((64, 48)).save(path, **options)
    return path
