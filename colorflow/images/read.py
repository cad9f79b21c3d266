"""Reading picture files of any common kind into upright photos."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from colorflow.errors import ImageError
from colorflow.images.lab import to_unit
from colorflow.images.photo import Photo

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm"}
)

# What is kept of an EXIF block: tags about the photo. Those about how its file stores pixels (in a
# TIFF there are many) would make the file that is written unreadable.
DESCRIPTIVE_TAGS = frozenset(
    {
        *(0x010D, 0x010E, 0x010F, 0x0110),  # document name, description, make, model
        *(0x0112, 0x011A, 0x011B, 0x0128),  # orientation, resolution and its unit
        *(0x0131, 0x0132, 0x013B, 0x013C),  # software, date, artist, host computer
        *(0x8298, 0x8769, 0x8825, 0x9213),  # copyright, Exif and GPS blocks, history
        *range(0x9C9B, 0x9CA0),  # Windows title, comment, author, keywords, subject
    }
)

# A picture of more pixels than this is refused before a byte of it is decoded.
MAX_PIXELS = 200_000_000
_LIMIT_LOCK = threading.Lock()

PhotoLike = str | Path | Image.Image | np.ndarray | Photo


def read_photo(source: PhotoLike, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo from a file, a Pillow picture or an array.

    EXIF orientation is applied once and its tag reset; alpha is set aside; 16-bit grey keeps its
    depth; palette, CMYK, bilevel and the like become 8-bit grey or RGB. Of several frames the
    first is taken, with a note.

    Args:
        source: path, picture, or uint8 / uint16 / float32 array [height, width(, 1 | 2 | 3 | 4)],
            floats in [0, 1]; a photo read before is given back as it is.
        max_pixels: the largest picture to accept.

    Returns:
        The photo.

    Raises:
        ImageError: the file is missing, empty, truncated, not a picture, or too large.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    path = None if isinstance(source, Image.Image) else Path(source)
    name = path or "<picture>"
    try:
        if isinstance(source, Image.Image):
            return _from_picture(source, None, max_pixels)
        return _from_file(Path(source), max_pixels)
    except FileNotFoundError as error:
        raise ImageError(
            f"{name}: expected a picture file, found nothing; check the path"
        ) from error
    except NotADirectoryError as error:
        raise ImageError(f"{name}: part of this path is a file, not a folder") from error
    except PermissionError as error:
        raise ImageError(f"{name}: may not be read; check its permissions") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: expected a picture, found data of an unknown kind; is it really an image?"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        raise ImageError(
            f"{name}: expected a whole picture, could not decode it ({error}); "
            "the file is truncated or damaged"
        ) from error


def _from_file(path: Path, max_pixels: int) -> Photo:
    if path.is_dir():
        raise ImageError(f"{path}: expected a picture file, found a folder")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: expected a picture, found an empty file (0 bytes)")
    # Opened by us: Pillow maps uncompressed files it opens itself into memory, and turns those
    # of some orientations wrongly.
    with path.open("rb") as file:
        with _LIMIT_LOCK:
            # Our limit, checked before decoding, stands in for Pillow's, which is lower and global.
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture = Image.open(file)
            finally:
                Image.MAX_IMAGE_PIXELS = before
        with picture:
            return _from_picture(picture, path, max_pixels)


def _from_picture(picture: Image.Image, path: Path | None, max_pixels: int) -> Photo:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(
            f"{path or '<picture>'}: expected at most {max_pixels:,} pixels, the picture claims "
            f"{width} x {height}; scale it down first"
        )
    notes = []
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        notes.append(f"has {frames} frames, only the first is used")
    dpi = picture.info.get("dpi")
    kind = picture.format
    exif = _upright_exif(picture)
    upright = ImageOps.exif_transpose(picture)
    pixels, alpha = _pixels(upright)
    return Photo(
        pixels=pixels,
        alpha=alpha,
        source=path,
        format=kind,
        exif=exif,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        notes=notes,
    )


def _upright_exif(picture: Image.Image) -> bytes | None:
    found = picture.getexif()
    if not found:
        return None
    # A copy: Pillow's own is cached, and turning the picture needs its orientation yet.
    exif = Image.Exif()
    exif.load(found.tobytes())
    exif[ExifTags.Base.Orientation] = 1
    for tag in [tag for tag in exif if tag not in DESCRIPTIVE_TAGS]:
        del exif[tag]
    return exif.tobytes()


def _pixels(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    alpha = None
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
        if alpha.min() == 255:
            alpha = None
    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"grey values from {values.min()} to {values.max()}, not 0 to 65535")
        return values.astype(np.uint16), None
    if picture.mode == "F":
        values = np.asarray(picture, dtype=np.float32)
        top = float(values.max())
        if not np.isfinite(values).all() or values.min() < 0:
            raise ValueError("float grey values that are negative or not finite")
        # Float pictures come in [0, 1], or on the scale of the integers they were made from.
        scale = 1.0 if top <= 1 else 255.0 if top <= 255 else 65535.0
        return np.clip(values / scale, 0.0, 1.0), None
    if picture.mode in ("1", "L", "LA", "La"):
        return np.asarray(picture.convert("L")), alpha
    if picture.mode == "RGBA":
        # Keep the colour values as they are; converting would be the same, but says less.
        return np.asarray(picture)[..., :3].copy(), alpha
    rgb = np.asarray(picture.convert("RGBA" if alpha is not None else "RGB"))[..., :3]
    if picture.mode in ("P", "PA") and _is_grey(rgb):
        return rgb[..., 0].copy(), alpha
    return np.ascontiguousarray(rgb), alpha


def _is_grey(rgb: np.ndarray) -> bool:
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def _from_array(array: np.ndarray) -> Photo:
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.ndim != 3:
        return Photo(array)
    channels = array.shape[2]
    colour = (
        array[..., 0] if channels in (1, 2) else array[..., :3] if channels in (3, 4) else array
    )
    alpha = None
    if channels in (2, 4):
        alpha = np.round(to_unit(array[..., -1]) * 255).astype(np.uint8)
    return Photo(np.ascontiguousarray(colour), alpha)
