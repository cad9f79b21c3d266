"""Three photos, and the protocol once over all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from three_photos import AREAS, Judge, constant_head

from colorflow.colorize import Colorizer
from colorflow.evaluation.measured import Evaluation, Protocol
from colorflow.evaluation.protocol import evaluate
from colorflow.resources import bundled


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three photos whose central square is as large as what the tiny model looks at."""
    folder = tmp_path_factory.mktemp("photos")
    for name, size in (("brushes", (45, 32)), ("coffee", (32, 47)), ("sunset", (32, 32))):
        with Image.open(bundled("examples", f"{name}.jpg")) as picture:
            picture.convert("RGB").resize(size).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def measured(tiny: Colorizer, photos: list[Path]) -> Evaluation:
    protocol = Protocol(n=3, areas=AREAS, full_size=True)
    return evaluate(tiny, photos, "three photos", protocol, constant_head(5.0, 9.0), Judge())
