"""Small pictures to read and to write, and the formats to write them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.errors import ImageError
from colorflow.images.read import read_photo

LOSSLESS = [".png", ".tif"]
FORMATS = [".jpg", ".png", ".webp", ".tif"]


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).integers(0, 256, shape, dtype=np.uint8)


def saved(folder: Path, picture: Image.Image, name: str = "picture.png", **options) -> Path:
    picture.save(folder / name, **options)
    return folder / name


def smooth_image() -> Image.Image:
    """Slopes that survive lossy encoding."""
    y, x = np.mgrid[:48, :64]
    return Image.fromarray(np.stack([3 * x, 4 * y, 180 - x - y], axis=2).astype(np.uint8))


def read_back(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
        return picture


def refusal(path: Path) -> str:
    """The message, of one line, by which a file is refused."""
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message
