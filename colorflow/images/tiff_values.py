"""Pictures in TIFF files that Pillow does not know, or decodes wrongly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from colorflow.errors import ImageError
from colorflow.images.opening import check_size
from colorflow.images.ranges import Stated
from colorflow.images.tiff_segments import check_compression, page_values, subsampling

if TYPE_CHECKING:
    from tifffile import TiffPage

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INKS, YCBCR, LAB = 0, 1, 2, 5, 6, 8
CAMERA = (32803, 34892)
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, INKS: 4, YCBCR: 3, LAB: 3}
ASSOCIATED, UNASSOCIATED = 1, 2
MIN, MAX, LOW, HIGH = 280, 281, 340, 341
# Bytes for each pixel of the limit: those of four channels of 32 bits.
BYTES_PER_PIXEL = 16


@dataclass
class Values:
    """Values of a picture as its TIFF file has them.

    Args:
        colour: [height, width, channels] of any real type; as stored, not turned.
        photometric: what the channels mean, a key of ``COLOURS``.
        stated: what the file says about their range.
        alpha: [height, width] of the same type, or None.
        associated: whether the colours are multiplied by alpha.
        pages: in the file.
        notes: for the user.
    """

    colour: np.ndarray
    photometric: int
    stated: Stated
    alpha: np.ndarray | None = None
    associated: bool = False
    pages: int = 1
    notes: list[str] = field(default_factory=list)


def read_values(file: BinaryIO, max_pixels: int, name: str) -> Values:
    """Read the first page of a TIFF file.

    Args:
        file: the file.
        max_pixels: the largest picture to accept.
        name: of the picture, for messages.

    Returns:
        Its values.

    Raises:
        ImageError: it is too large, or of a kind that is not supported.
        ValueError: it is damaged.
    """
    import tifffile

    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            if not isinstance(page, tifffile.TiffPage):
                raise ValueError("a TIFF without a whole first page")
            check_size(page.imagewidth, page.imagelength, max_pixels, name)
            _check_kind(page, name)
            check_compression(page, name)
            _check_bytes(page, file, max_pixels, name)
            return _values(file, page, len(tiff.pages))
    except (tifffile.TiffFileError, KeyError, IndexError, TypeError) as error:
        raise ValueError("a TIFF whose structure is damaged") from error


def stated_range(tags: dict[int, object], bits: int | None = None) -> Stated:
    """Read what the tags of a TIFF file say about the range of its values.

    Args:
        tags: values of tags by their numbers.
        bits: of each sample.

    Returns:
        Minimum and maximum of SMinSampleValue and SMaxSampleValue, where the file has both, or of
        the older MinSampleValue and MaxSampleValue.
    """
    for low, high in ((LOW, HIGH), (MIN, MAX)):
        bottom, top = _numbers(tags.get(low)), _numbers(tags.get(high))
        if top and (bottom or high == MAX):
            return Stated(min(bottom, default=0.0), max(top), bits)
    return Stated(bits=bits)


def _numbers(value: object) -> list[float]:
    values = value if isinstance(value, tuple) else (value,)
    numbers = [float(number) for number in values if isinstance(number, int | float)]
    return numbers if np.isfinite(numbers).all() else []


def _check_kind(page: TiffPage, name: str) -> None:
    photometric, kind = int(page.photometric), page.dtype
    if photometric in CAMERA:
        raise ImageError(
            f"{name}: expected a developed picture, found camera raw data; "
            "develop it with a raw converter and save it as TIFF"
        )
    what = f"{name}: TIFF of {getattr(page.photometric, 'name', photometric)} pixels"
    known = kind is not None and np.dtype(kind).kind in "buif"
    known = known and isinstance(page.bitspersample, int)
    if photometric in (INKS, YCBCR):
        known = kind in (np.uint8, np.uint16) if photometric == INKS else kind == np.uint8
    elif photometric == LAB:
        known = kind is not None and np.dtype(kind).itemsize <= 2 and np.dtype(kind).kind in "ui"
    if photometric not in COLOURS or not known:
        raise ImageError(
            f"{what} with values of type {kind or 'unknown'} is not supported; convert it to RGB, "
            "e.g. by ImageMagick: magick in.tif -colorspace sRGB -depth 16 out.tif"
        )
    if page.samplesperpixel < COLOURS[photometric]:
        raise ValueError(f"only {page.samplesperpixel} samples per pixel")
    if page.imagedepth > 1:
        raise ImageError(f"{name}: expected one picture, found a volume of {page.imagedepth}")


def _check_bytes(page: TiffPage, file: BinaryIO, max_pixels: int, name: str) -> None:
    """Compare the bytes that a page claims with those there are and those that are allowed."""
    values = page.imagewidth * page.imagelength * page.samplesperpixel
    claimed = values * np.dtype(page.dtype).itemsize
    if claimed > max_pixels * BYTES_PER_PIXEL:
        raise ImageError(
            f"{name}: expected at most {max_pixels * BYTES_PER_PIXEL:,} bytes of pixels, the "
            f"picture claims {claimed:,} in {page.samplesperpixel} channels; is it damaged?"
        )
    size = file.seek(0, 2)
    if any(
        offset + count > size
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
    ):
        raise ValueError("the file ends before its pixels do")
    whole = page.compression == 1 and subsampling(page) == (1, 1)
    if whole and sum(page.databytecounts) * 8 < values * page.bitspersample:
        raise ValueError("the file ends before its pixels do")


def _values(file: BinaryIO, page: TiffPage, pages: int) -> Values:
    """Decode colours and alpha; further channels are left out."""
    photometric = int(page.photometric)
    colours = COLOURS[photometric]
    has_alpha = page.extrasamples[:1] in ((ASSOCIATED,), (UNASSOCIATED,))
    has_alpha = has_alpha and page.samplesperpixel > colours
    values = page_values(file, page, colours + has_alpha)
    tags = {code: page.tags[code].value for code in (MIN, MAX, LOW, HIGH) if code in page.tags}
    result = Values(values[..., :colours], photometric, stated_range(tags, page.bitspersample))
    result.pages = pages
    if has_alpha:
        result.alpha = values[..., colours]
        result.associated = page.extrasamples[0] == ASSOCIATED
    unused = page.samplesperpixel - values.shape[2]
    if unused:
        result.notes.append(f"has {page.samplesperpixel} channels, of which {unused} are not used")
    return result
