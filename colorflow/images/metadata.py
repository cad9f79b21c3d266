"""What a file said about its photo, and how much of it goes with a result."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal, get_args

from PIL import Image

from colorflow.errors import ConfigError
from colorflow.images import iptc, xmp
from colorflow.images.exif import ORIENTATION, ExifBlock
from colorflow.images.texts import Texts, raw_profiles, texts_of
from colorflow.images.tiff_tags import (
    LONG,
    RATIONAL,
    Directory,
    Order,
    number,
    read_directory,
    read_header,
)

Policy = Literal["keep", "no-gps", "strip"]

X_RESOLUTION, Y_RESOLUTION, UNIT = 0x011A, 0x011B, 0x0128
XMP, IPTC, PHOTOSHOP, PROFILE = 0x02BC, 0x83BB, 0x8649, 0x8773
CENTIMETRE = 3


@dataclass(frozen=True)
class Metadata:
    """What a file said about its photo.

    Args:
        exif: the EXIF block with its tags about the photo, orientation 1; or None.
        xmp: the XMP packet, orientation 1; or None.
        iptc: the IPTC record; or None.
        dpi: horizontal and vertical resolution of the upright photo; or None.
        thumbnail: whether the EXIF block held a small picture, which is not kept.
        profile: whether a colour profile was embedded, which is not kept.
        texts: keywords and texts of PNG chunks, and comments of JPEG and GIF files under the
            keyword ``Comment``.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    thumbnail: bool = False
    profile: bool = False
    texts: Texts = ()

    def apply(self, policy: Policy) -> Metadata:
        """Leave out what a policy wants left out.

        Args:
            policy: ``"keep"`` all; ``"no-gps"``, which leaves out where the photo was taken and
                what place it shows: the GPS directory and the maker note of EXIF, XMP properties
                of coordinates and places, texts with such a keyword, IPTC datasets of places, and
                any block that cannot be read; ``"strip"`` all but the resolution. Free text, such
                as captions and keywords, is not searched for names of places.

        Returns:
            The rest.

        Raises:
            ConfigError: there is no such policy.
        """
        if policy == "keep":
            return self
        if policy == "strip":
            return Metadata(dpi=self.dpi)
        if policy != "no-gps":
            known = ", ".join(get_args(Policy))
            raise ConfigError(f"metadata: expected one of {known}, got {policy!r}")
        return replace(
            self,
            exif=_tried(self.exif, lambda data: ExifBlock.parse(data).without_place().to_bytes()),
            xmp=_tried(self.xmp, xmp.without_place),
            iptc=_tried(self.iptc, lambda data: iptc.clean_record(data, without_place=True)),
            texts=tuple(text for text in self.texts if not xmp.PLACE_NAME.search(text[0])),
        )


def metadata_of_picture(picture: Image.Image) -> tuple[Metadata, list[str]]:
    """Collect what Pillow found in a file.

    Args:
        picture: as opened, not turned yet.

    Returns:
        The metadata, and notes for the user on what could not be read.
    """
    own = picture.info.get("exif")
    if not isinstance(own, bytes) or not own:
        own = None
    block = own or _pillow_block(picture)
    info = picture.info
    raw = raw_profiles(info) if picture.format == "PNG" else {}
    # A text of a PNG may have the keyword of any of these.
    packet, photoshop, dpi = info.get("xmp"), info.get("photoshop"), info.get("dpi")
    metadata, notes = _collected(
        exif=own or raw.get("exif", block),
        packet=packet if isinstance(packet, bytes) and packet else raw.get("xmp", b""),
        record=photoshop.get(iptc.RESOURCE) or b""
        if isinstance(photoshop, dict)
        else raw.get("iptc", b""),
        dpi=(float(dpi[0]), float(dpi[1])) if isinstance(dpi, tuple) else None,
        profile=bool(info.get("icc_profile")),
    )
    texts, more = texts_of(picture)
    return replace(metadata, texts=texts), notes + more


def metadata_of_tiff(file: BinaryIO) -> tuple[Metadata, list[str]]:
    """Collect what a TIFF file says, from its own tags.

    Args:
        file: the file.

    Returns:
        The metadata, and notes for the user on what could not be read.

    Raises:
        ValueError: it is no TIFF.
    """
    order, tags = _tiff_tags(file)
    record = tags[IPTC].data if IPTC in tags else b""
    if IPTC in tags and tags[IPTC].kind == LONG and record[:1] != b"\x1c":
        # Some programs call the record whole words, which then stand in the file's byte order.
        record = b"".join(record[at : at + 4][::-1] for at in range(0, len(record), 4))
    if not record and PHOTOSHOP in tags:
        record = iptc.resource_of(tags[PHOTOSHOP].data) or b""
    return _collected(
        exif=ExifBlock.parse(file),
        packet=tags[XMP].data if XMP in tags else b"",
        record=record,
        dpi=_resolution(tags, order),
        profile=PROFILE in tags,
    )


def tiff_profile(file: BinaryIO) -> bytes | None:
    """Read the colour profile of a TIFF file.

    Args:
        file: the file.

    Returns:
        The ICC profile, or None.

    Raises:
        ValueError: it is no TIFF.
    """
    tags = _tiff_tags(file)[1]
    return tags[PROFILE].data if PROFILE in tags else None


def tiff_number(file: BinaryIO, code: int) -> int | None:
    """Read a tag of a TIFF file that is a whole number.

    Args:
        file: the file.
        code: of the tag.

    Returns:
        The number, or None.

    Raises:
        ValueError: it is no TIFF.
    """
    order, offset, big = read_header(file)
    return number(read_directory(file, offset, order, {code}, big)[0], code, order)


def _pillow_block(picture: Image.Image) -> bytes:
    """Write the tags of a TIFF without its file, or of an old PNG, as Pillow understands them."""
    try:
        found = picture.getexif()
        # An orientation alone is that of the XMP packet.
        return found.tobytes() if set(found) - {ORIENTATION} else b""
    except (SyntaxError, ValueError, TypeError, struct.error):
        return b""


def _collected(
    exif: bytes | ExifBlock,
    packet: bytes,
    record: bytes,
    dpi: tuple[float, float] | None,
    profile: bool,
) -> tuple[Metadata, list[str]]:
    """Clean the blocks found, and say which of them are damaged."""
    notes: list[str] = []
    block = ExifBlock()
    try:
        if exif:
            block = ExifBlock.parse(exif) if isinstance(exif, bytes) else exif
    except ValueError:
        notes.append("its EXIF block is damaged and was left out")
    if dpi and block.sideways():
        dpi = dpi[1], dpi[0]
    described = block.main or block.exif or block.gps
    return Metadata(
        exif=block.upright().to_bytes() if described else None,
        xmp=_cleaned("XMP packet", packet, lambda p: xmp.clean_packet(p, block.turned()), notes),
        iptc=_cleaned("IPTC record", record, iptc.clean_record, notes),
        dpi=dpi,
        thumbnail=block.thumbnail,
        profile=profile,
    ), notes


def _cleaned(
    kind: str, data: bytes, clean: Callable[[bytes], bytes], notes: list[str]
) -> bytes | None:
    try:
        return clean(data) or None if data else None
    except ValueError as error:
        notes.append(f"its {kind} could not be read ({error}) and was left out")
        return None


def _tiff_tags(file: BinaryIO) -> tuple[Order, Directory]:
    order, offset, big = read_header(file)
    wanted = {X_RESOLUTION, Y_RESOLUTION, UNIT, XMP, IPTC, PHOTOSHOP, PROFILE}
    return order, read_directory(file, offset, order, wanted, big)[0]


def _resolution(tags: Directory, order: Order) -> tuple[float, float] | None:
    values = []
    for code in (X_RESOLUTION, Y_RESOLUTION):
        tag = tags.get(code)
        if tag is None or tag.kind != RATIONAL:
            return None
        over, under = struct.unpack_from(f"{order}II", tag.data)
        values.append(over / under if under else 0.0)
    unit = number(tags, UNIT, order)
    if unit == 1:  # relative numbers, the shape of a pixel
        return None
    scale = 2.54 if unit == CENTIMETRE else 1.0
    return values[0] * scale, values[1] * scale


def _tried(data: bytes | None, clean: Callable[[bytes], bytes]) -> bytes | None:
    """Clean a block; one that cannot be read may hold anything, and goes."""
    try:
        return clean(data) or None if data else None
    except ValueError:
        return None
