"""What the tests of metadata make results of."""

from __future__ import annotations

import numpy as np
from PIL import Image

MADE_BY = {"seed": 3, "model": "photo"}
PROVENANCE = b"compositeWithTrainedAlgorithmicMedia"


def smooth() -> Image.Image:
    y, x = np.mgrid[:480, :640] / 10
    return Image.fromarray(np.stack([3 * x, 4 * y, 180 - x - y], axis=2).astype(np.uint8))


def deep(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 65536, shape).astype(np.uint16)
