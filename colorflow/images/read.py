"""Reading picture files of any common kind into upright photos."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from colorflow.errors import ImageError
from colorflow.images.photo import Photo

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm"}
)

# A picture of more pixels than this is refused before a byte of it is decoded.
MAX_PIXELS = 200_000_000


def read_photo(
    source: str | Path | Image.Image | np.ndarray, max_pixels: int = MAX_PIXELS
) -> Photo:
    """Read a photo from a file, a Pillow picture or an array.

    EXIF orientation is applied once and its tag reset; alpha is set aside; 16-bit grey keeps its
    depth; palette, CMYK, bilevel and the like become 8-bit grey or RGB. Of several frames the
    first is taken, with a note.

    Args:
        source: path, picture, or uint8 / uint16 / float32 array [height, width(, 1 | 2 | 3 | 4)],
            floats in [0, 1].
        max_pixels: the largest picture to accept.

    Returns:
        The photo.

    Raises:
        ImageError: the file is missing, empty, truncated, not a picture, or too large.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_picture(source, None, max_pixels)
    path = Path(source)
    if path.is_dir():
        raise ImageError(f"{path}: expected a picture file, found a folder")
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"{path}: expected a picture, found an empty file (0 bytes)")
        with warnings.catch_warnings():
            # Pillow only warns up to twice its limit; our own check comes before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return _from_picture(picture, path, max_pixels)
    except FileNotFoundError as error:
        raise ImageError(
            f"{path}: expected a picture file, found nothing; check the path"
        ) from error
    except PermissionError as error:
        raise ImageError(f"{path}: may not be read; check its permissions") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{path}: expected a picture, found data of an unknown kind; is it really an image?"
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: {_too_large(max_pixels)} ({error})") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise ImageError(
            f"{path}: expected a whole picture, could not decode it ({error}); "
            "the file is truncated or damaged"
        ) from error


def _too_large(limit: int) -> str:
    return f"expected at most {limit:,} pixels, the picture claims more; scale it down first"


def _from_picture(picture: Image.Image, path: Path | None, max_pixels: int) -> Photo:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(f"{path or '<picture>'}: {_too_large(max_pixels)} ({width} x {height})")
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
    exif = picture.getexif()
    if not exif:
        return None
    exif[ExifTags.Base.Orientation] = 1
    # Tags that describe the pixels of the source file, not of the one to be written.
    for tag in (0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117, 0x0140):
        exif.pop(tag, None)
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
        from colorflow.images.lab import to_unit

        alpha = np.round(to_unit(array[..., -1]) * 255).astype(np.uint8)
    return Photo(np.ascontiguousarray(colour), alpha)
