"""An open day photo: nights are those of the translator, whatever the draw and the detail."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from colorflow_ui.engine import FileOptions
from colorflow_ui.sitting import PhotoSitting, reader


@pytest.mark.parametrize(
    ("strategy", "detail"), [("representative", 1.0), ("independent", 1.0), ("representative", 2.0)]
)
def test_nights_are_those_of_the_translator(
    tiny_translator, cat, tmp_path: Path, strategy: str, detail: float
):
    path = tmp_path / "day.png"
    cat.save(path)
    read = reader(path, path.name, 10**6)
    sitting = PhotoSitting(tiny_translator, read(), path.name, read)
    take = list(sitting.draw(3, 4, 1.0, strategy, detail))[2]
    night = tiny_translator.sample(path, 3, 0.5, None, 4, strategy, detail)[2]
    result = tmp_path / "night.png"
    result.write_bytes(sitting.save(take, 0.5, FileOptions(), 3).data)
    assert (take.number, take.share) == (night.number, night.share)
    with Image.open(result) as picture:
        assert picture.tobytes() == night.image.tobytes()
