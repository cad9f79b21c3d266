"""Why a picture cannot be read, in one line a user can act on."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from colorflow.errors import ImageError, TooLargeError
from colorflow.images.libraries import image_libraries

HEAD = 140
DAMAGED = (
    "its data cannot be decoded: they are damaged, or of a variant that is not known; get another "
    "copy of the file, or convert it to PNG"
)
# What Pillow says, as a pattern, and what it means. The first that fits counts.
REASONS = (
    (r"Ghostscript", "EPS needs the program Ghostscript, which was not found; install it"),
    (
        r"cannot find loader for this (\w+) file",
        "{0} files are only recognised, not read; export the picture as PNG or TIFF",
    ),
    (
        r"bounding box|EPS header",
        "it is an EPS file that does not say how large its picture is; export it as PNG or TIFF",
    ),
    (
        r"Unsupported BMP ([\w ]*\w)(?: \(\S+\))?$",
        "its {0} is not supported for BMP, or its header is damaged; save it as PNG",
    ),
    (
        r"DXGI format|pixel format|bitcount",
        "this variant of DDS is not supported, or its header is damaged; save it as PNG",
    ),
    (
        r"MAX_TEXT_(CHUNK|MEMORY)|Decompressed data too large",
        "a text or profile in it unpacks to more than Pillow allows; save the picture without it",
    ),
    (
        r"APNG contains frame sequence errors",
        "its animation frames are out of order; save its first frame as PNG",
    ),
    (
        r"image file is truncated|Truncated File Read|ends before|only got"
        r"|not enough (image )?data|too short|Unable to seek",
        "the file is truncated: it ends before its picture does; get another copy of it",
    ),
    (
        r"broken data stream|buffer overrun|decoder error -\d|decompressed",
        "its compressed data are damaged or break off; get another copy of the file",
    ),
    (
        r"cannot load this image",
        "no picture data were found in it; it is damaged, or not of the kind it begins like",
    ),
    (
        r"invalid palette size",
        "its palette has more colours than the format allows; save it as PNG",
    ),
    (
        r"(\d+) values that are not finite",
        "{0} of its values are NaN or infinite; replace them first",
    ),
)
# Files that are mistaken for photos, by their first bytes, and what to do with them.
OTHERS = (
    (b"%PDF", "a PDF document; extract its pictures first, e.g. by: pdfimages -all in.pdf out"),
    (b"\xd0\xcf\x11\xe0", "a compound file (FlashPix, Office); export its picture as TIFF or PNG"),
    (b"\xff\x0a", "a JPEG XL picture; convert it to PNG or TIFF, e.g. by: djxl in.jxl out.png"),
    (
        b"\0\0\0\x0cJXL ",
        "a JPEG XL picture; convert it to PNG or TIFF, e.g. by: djxl in.jxl out.png",
    ),
    (b"II\xbc\x01", "a JPEG XR picture; convert it to PNG or TIFF"),
    (b"FUJIFILMCCD-RAW", "camera raw data; develop it with a raw converter first"),
    (b"IIRO", "camera raw data; develop it with a raw converter first"),
    (b"IIU\0", "camera raw data; develop it with a raw converter first"),
    (b"<svg", "an SVG drawing; export it as PNG"),
    (b"<?xml", "an XML document; if it is an SVG drawing, export it as PNG"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"GIMP Palette", "a palette of GIMP, which holds no picture"),
    (b"GIMP Gradient", "a gradient of GIMP, which holds no picture"),
)


@contextlib.contextmanager
def explained(name: str, max_pixels: int) -> Iterator[None]:
    """Prepare the image libraries, and say in one line what is wrong with a picture.

    Args:
        name: of the picture, for messages.
        max_pixels: the largest picture to accept.

    Raises:
        ImageError: whatever was raised inside.
    """
    try:
        with image_libraries(max_pixels):
            yield
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(
            f"{name}: expected a picture file, found nothing; check the path"
        ) from error
    except NotADirectoryError as error:
        raise ImageError(f"{name}: part of this path is a file, not a folder") from error
    except PermissionError as error:
        raise ImageError(f"{name}: may not be read; check its permissions") from error
    except Image.DecompressionBombError as error:
        claimed = re.search(r"\d+", str(error))
        size = f"{int(claimed[0]):,} pixels" if claimed else "more"
        raise too_large(name, size, max_pixels) from error
    except Exception as error:  # decoders raise what they like
        raise ImageError(f"{name}: cannot be read: {_reason(error)}") from error


def too_large(name: str, claimed: str, max_pixels: int) -> TooLargeError:
    """Make the error for a picture over the limit.

    Args:
        name: of the picture.
        claimed: size that it claims.
        max_pixels: the limit.

    Returns:
        The error.
    """
    return TooLargeError(
        f"{name}: expected at most {max_pixels:,} pixels, the picture claims {claimed}; "
        "raise the limit (--max-pixels, in Python max_pixels), or scale it down first"
    )


def unknown_kind(file: BinaryIO, name: str) -> ImageError:
    """Make the error for a file that no library opens, from its first bytes.

    Args:
        file: the file.
        name: of it.

    Returns:
        The error.
    """
    file.seek(0)
    head = file.read(HEAD)
    for start, what in OTHERS:
        if head.lstrip().startswith(start):
            return ImageError(f"{name}: expected a picture, found {what}")
    if head[4:12] in (b"ftypcrx ", b"ftypheix"):
        return ImageError(f"{name}: expected a picture, found camera raw data; develop it first")
    if head[128:132] == b"DICM":
        return ImageError(f"{name}: expected a picture, found DICOM data; export it as PNG or TIFF")
    kind = _begun(head)
    if kind:
        return ImageError(
            f"{name}: expected a picture, found data that begin like a file of type {kind}, with a "
            "header that is damaged or of an unknown variant; get another copy, or save it as PNG"
        )
    return ImageError(
        f"{name}: expected a picture, found data of an unknown kind; is it really an image? "
        "If so, convert it to PNG or TIFF"
    )


def _begun(head: bytes) -> str | None:
    """Name the format that a file begins like, as Pillow tells formats apart."""
    for kind in Image.ID:
        accept = Image.OPEN[kind][1]
        with contextlib.suppress(Exception):  # functions of Pillow that fail on short files
            if accept and accept(head[:16]) is True:
                return kind
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it claims more data than there is memory for; it is damaged, or too large to read"
    text = " ".join(str(error).split())
    for pattern, reason in REASONS:
        found = re.search(pattern, text)
        if found:
            return reason.format(*(group or "" for group in found.groups()))
    if isinstance(error, EOFError | struct.error):
        return "the file is truncated: it ends before its picture does; get another copy of it"
    return DAMAGED
