"""From a variant to the bytes of its file, the same by whichever door the user came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from colorflow.batch.config import settings_hash
from colorflow.images.formats import WRITERS
from colorflow.images.metadata import Metadata
from colorflow.images.photo import Photo
from colorflow.images.write import Picture, encode_image
from colorflow.variants import Variant

# Entry of a result's history: SHA-256 of the photo's file.
FILE = "photo_file"
# Formats that hold 16 bits per channel.
DEEP = frozenset({"PNG", "TIFF"})


def is_deep(photo: Photo) -> bool:
    """Tell whether a photo has more than 8 bits per channel.

    Args:
        photo: any photo.

    Returns:
        Whether results in PNG and TIFF get 16.
    """
    return photo.pixels.dtype.itemsize > 1


def made_by(settings: Mapping[str, Any], identity: str, file: str) -> dict[str, Any]:
    """List what decides all results of a photo.

    Args:
        settings: of the painter and the photo; see :func:`colorflow.batch.painters.settings_of`.
        identity: hash of the photo's pixels, of :meth:`Painter.identify`.
        file: SHA-256 of the photo's file. A later run knows by it, without decoding the photo, that
            the result was made of the same one.

    Returns:
        What :func:`encode_variant` writes, but for :meth:`Painter.describe` of the variant.
    """
    return {"settings": settings_hash(settings), **settings, "photo": identity, FILE: file}


def is_written_by_strips(suffix: str, deep: bool) -> bool:
    """Tell whether a result is made while it is written, and never exists as a whole.

    Args:
        suffix: of the file, which says the format.
        deep: the photo has more than 8 bits per channel.

    Returns:
        True for results of 16 bits per channel.
    """
    return deep and WRITERS.get(suffix.lower()) in DEEP


def make_pictures(variants: Sequence[Variant], suffix: str, deep: bool) -> Sequence[Picture]:
    """Make the full-size pictures of variants of one photo.

    Args:
        variants: with the finishing of the photo's own size.
        suffix: of the files, which says the format.
        deep: the photo has more than 8 bits per channel.

    Returns:
        A picture of each; where the photo has 16 bits per channel and the format can hold them,
        strips that are made when they are written.
    """
    finishing = variants[0].finishing
    targets = [variant.target for variant in variants]
    if is_written_by_strips(suffix, deep):
        return [finishing.strips(target) for target in targets]
    return finishing.pictures(targets)


def encode_variant(
    variant: Variant,
    suffix: str,
    deep: bool,
    metadata: Metadata,
    history: Mapping[str, Any],
    quality: int = 95,
) -> bytes:
    """Make the full-size picture of a variant and encode it.

    Args:
        variant: with the finishing of the photo's own size.
        suffix: of the file, which says the format.
        deep: the photo has more than 8 bits per channel.
        metadata: of the photo, after the user's policy.
        history: how the picture was made.
        quality: of JPEG and WebP, 1 to 100.

    Returns:
        The file.

    Raises:
        ImageError: the format is unknown, or cannot hold the picture.
    """
    (picture,) = make_pictures([variant], suffix, deep)
    return encode_image(picture, suffix, metadata, history, quality)
