"""Formats of picture files: which are read, which are written, and what other files are called."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import PurePath

from PIL import Image, features

# What Pillow calls the formats that are written, by the suffix of the file.
WRITERS: Mapping[str, str] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    ".png": "PNG",
    ".webp": "WEBP",
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
}
# Formats a user can ask for; "keep" is the photo's own.
CHOICES = ("keep", "jpg", "png", "webp", "tif")
# Lossy formats of photographs that are read and not written: their results are JPEG.
PHOTOGRAPHIC = frozenset({".heic", ".heif", ".hif", ".avif", ".mpo"})

# What Pillow opens that is no photo, by Pillow's name of the format.
_NO_PHOTOS = {
    **dict.fromkeys(("CUR", "ICNS", "ICO", "XBM"), "icon"),
    **dict.fromkeys(("FLI", "MPEG"), "video"),
    **dict.fromkeys(("EPS", "PDF", "WMF"), "drawing or document"),
    **dict.fromkeys(("BLP", "DDS", "FTEX", "GBR"), "texture"),
    **dict.fromkeys(("BUFR", "FITS", "GRIB", "HDF5", "IPTC", "PALM"), "data"),
}
# Codecs that a build of Pillow may lack, by the format that needs them.
_CODECS = {"JPEG2000": "jpg_2000", "WEBP": "webp", "JPEG": "jpg", "MPO": "jpg"}
# What Pillow does not open, by suffix.
_OTHERS = {
    f".{suffix}": kind
    for kind, suffixes in {
        "camera raw": "3fr arw cr2 cr3 dcr dng erf kdc mrw nef nrw orf pef raf raw rw2 srw x3f",
        "video": "avi m4v mkv mov mp4 mts webm wmv",
        "drawing or document": "ai djvu svg",
        "sidecar": "xmp",
        "picture of another format": "exr hdr jxl jxr wdp xcf",
    }.items()
    for suffix in suffixes.split()
}
_SIGNATURES = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP")

OTHER = "other file"


@functools.cache
def readable_suffixes() -> frozenset[str]:
    """List the suffixes of the files that are taken for photos in a folder.

    These are the formats that the installed Pillow opens, without icons, videos, drawings, textures
    and scientific data. HEIC and AVIF always belong to them: where the decoder is missing, reading
    says what to install.

    Returns:
        The suffixes in lower case, with their dots.
    """
    return frozenset(
        suffix
        for suffix, name in Image.registered_extensions().items()
        if (name in Image.OPEN or name == "MPO")
        and name not in _NO_PHOTOS
        and (name not in _CODECS or features.check(_CODECS[name]))
    ) | (PHOTOGRAPHIC - {".mpo"})


def is_readable(path: PurePath) -> bool:
    """Tell by its suffix whether a file is taken for a photo.

    Args:
        path: of the file.

    Returns:
        True for the suffixes of :func:`readable_suffixes`, in any case.
    """
    return path.suffix.lower() in readable_suffixes()


def kind_of(path: PurePath, head: bytes = b"") -> str:
    """Name the kind of a file that is not taken for a photo.

    Args:
        path: of the file; its suffix tells the kind.
        head: first 32 bytes of the file, which tell a picture whose suffix is unknown.

    Returns:
        E.g. ``"camera raw (.dng)"``; :data:`OTHER` with the suffix for what is no picture.
    """
    suffix = path.suffix.lower()
    kind = _OTHERS.get(suffix) or _NO_PHOTOS.get(Image.registered_extensions().get(suffix, ""))
    if kind is None:
        name = _format_by_signature(head)
        kind = f"{name} picture of unknown suffix" if name else OTHER
    return f"{kind} ({suffix})" if suffix else kind


def output_suffix(photo_suffix: str, wanted: str) -> str:
    """Choose the suffix of a result.

    Args:
        photo_suffix: of the source, e.g. ``".JPG"``.
        wanted: one of :data:`CHOICES`.

    Returns:
        The suffix with its dot. With ``"keep"``, formats that are not written become ``".jpg"``
        where they are made for photographs (HEIC, AVIF, MPO), else ``".png"``.
    """
    if wanted != "keep":
        return f".{wanted}"
    if photo_suffix.lower() in PHOTOGRAPHIC:
        return ".jpg"
    return photo_suffix if photo_suffix.lower() in WRITERS else ".png"


def choice_of(path: PurePath) -> str:
    """Name the format of a file that was written, as a user asks for it.

    Args:
        path: of the file.

    Returns:
        One of :data:`CHOICES`; ``"tif"`` for suffixes that are not written.
    """
    name = WRITERS.get(path.suffix.lower(), "TIFF")
    return {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}.get(name, "tif")


def _format_by_signature(head: bytes) -> str | None:
    Image.init()
    for name in _SIGNATURES:
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        # A text in place of True says why Pillow cannot open it.
        if head and accept is not None and accept(head):
            return name
    return None
