"""Three small photos as they are without the protocol; a judge and a regressor that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor

from colorflow.colorize import Colorizer
from colorflow.evaluation.classifier import FEATURES
from colorflow.evaluation.head import Head
from colorflow.evaluation.measured import Protocol
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import load_backbone

# Chroma as means over blocks of 4 x 4 pixels of the photos below.
AREAS = 8
QUICK = Protocol(n=3, areas=AREAS, calibration=0)


def pixels_of(path: Path) -> np.ndarray:
    """The central square of one of the photos, cut by hand."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    top, left = {"brushes": (0, 6), "coffee": (7, 0), "sunset": (0, 0)}[path.stem]
    return pixels[top : top + 32, left : left + 32]


def chroma_of(path: Path) -> np.ndarray:
    """Its chroma by scikit-image, as means over the areas: [areas, areas, 2]."""
    chroma = rgb2lab(pixels_of(path))[..., 1:]
    return chroma.reshape(AREAS, 4, AREAS, 4, 2).mean((1, 3))


class Judge:
    """Stands in for the classifier: the mean colour is the feature, its octant the class."""

    def __init__(self) -> None:
        self.seen: list[Image.Image] = []

    def __call__(self, pictures: list[Image.Image]) -> tuple[Tensor, Tensor]:
        self.seen += pictures
        features = torch.zeros(len(pictures), FEATURES)
        scores = torch.zeros(len(pictures), 12)
        for row, picture in enumerate(pictures):
            features[row, :3] = torch.tensor(np.asarray(picture).mean((0, 1)))
            scores[row, int(features[row, :3].argmax())] = 1.0
        return scores, features


def constant_head(a: float, b: float, **changes: Any) -> Head:
    """A regressor that predicts the same colour everywhere, in Lab units."""
    config = preset("tiny").replace(**changes)
    model = ConditionalINN(config)
    with torch.no_grad():
        model.head.bias[:2] = torch.tensor([a, b]) / config.target_scale
    colorizer = Colorizer(model, load_backbone("photo", config.taps), "cpu")
    return Head(model, colorizer.backbone, colorizer.domain, colorizer.device)
