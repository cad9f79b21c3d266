"""Photos to train on, and a folder for what is computed of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, cat: Image.Image) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(8):
        cat.crop((6 * number, 0, 6 * number + 100, 100)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")
