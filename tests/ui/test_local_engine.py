"""Several photos into one zip, and what is told about them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.errors import ImageError
from colorflow_ui.engine import BatchOptions, FileOptions
from colorflow_ui.local_engine import REPORT, LocalEngine


@pytest.fixture(scope="module")
def small(tiny_checkpoint: Path) -> LocalEngine:
    return LocalEngine(str(tiny_checkpoint), "cpu", max_pixels=100_000)


@pytest.fixture
def photos(tmp_path: Path, cat) -> list[tuple[Path, str]]:
    places = []
    for number, name in enumerate(("cat.jpg", "cat.jpg", "broken.jpg", "bomb.png")):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        places.append((path, name))
    cat.save(places[0][0])
    cat.rotate(90).save(places[1][0])
    places[2][0].write_bytes(b"nothing")
    Image.new("1", (1000, 1000)).save(places[3][0])
    return places


def test_a_batch_is_one_zip_with_a_report_that_names_no_folder(small, photos, tmp_path):
    told: list[tuple[int, int, str]] = []
    options = BatchOptions(2, 0.8, 3, FileOptions("png"))
    assert (options.draw, options.vivid, options.detail) == ("representative", 1.0, 1.0)
    archive, lines = small.batch(photos, options, tmp_path, lambda *t: told.append(t))
    with zipfile.ZipFile(archive) as file:
        names = sorted(file.namelist())
        report = [json.loads(line) for line in file.read(REPORT).splitlines()]
        texts = [file.read(REPORT).decode()]
        for name in names:
            if name.endswith(".png"):
                with file.open(name) as picture, Image.open(picture) as opened:
                    opened.load()
    assert names == ["cat-2_v1.png", "cat-2_v2.png", "cat_v1.png", "cat_v2.png", REPORT]
    assert report == lines
    fates = {line["input"]: line["status"] for line in lines}
    assert fates == {
        "cat.jpg": "ok", "cat-2.jpg": "ok", "broken.jpg": "failed", "bomb.png": "failed",
    }  # fmt: skip
    assert str(tmp_path) not in "".join(texts)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert all(total == 4 for _, total, _ in told)


def test_a_batch_follows_draw_vivid_and_detail(small, photos, tmp_path):
    options = BatchOptions(2, 1.0, 3, FileOptions("png"), "independent", 0.0, 2.0)
    archive, lines = small.batch(photos[:1], options, tmp_path, lambda *_: None)
    assert lines[0]["status"] == "ok"
    assert [said["number"] for said in lines[0]["variants"]] == [0, 1]
    assert all("share" not in said for said in lines[0]["variants"])
    with (
        zipfile.ZipFile(archive) as file,
        file.open("cat_v1.png") as opened,
        Image.open(opened) as picture,
    ):
        pixels = np.asarray(picture)
    assert np.ptp(pixels, axis=2).max() <= 1


def test_the_largest_strength_is_known_without_a_model():
    engines = LocalEngine(), LocalEngine("night", translate=True)
    assert [engine.max_strength for engine in engines] == [1.5, 1.5]
    assert [engine._colorizer for engine in engines] == [None, None]


def test_a_batch_of_nothing_usable_says_why(small, photos, tmp_path):
    with pytest.raises(ImageError, match=r"broken\.jpg") as caught:
        small.batch(photos[2:], BatchOptions(), tmp_path, lambda *_: None)
    assert str(tmp_path) not in str(caught.value)


def test_the_model_is_loaded_when_it_is_needed_and_once(tiny_checkpoint):
    engine = LocalEngine(str(tiny_checkpoint), "cpu")
    assert engine._colorizer is None
    assert engine.levels == engine.colorizer.model.config.levels
    assert engine.colorizer is engine.colorizer


def test_references_must_have_colours(small, photos, tmp_path, grey_cat):
    path = tmp_path / "grey.png"
    Image.fromarray(grey_cat).save(path)
    with pytest.raises(ImageError, match="colour photo"):
        small.open(path, "grey.png", coloured=True)
    assert small.open(photos[0][0], "cat.jpg", coloured=True).name == "cat.jpg"


def test_facts_and_card(small):
    assert small.about()["model"].startswith("tiny@")
    assert "tiny" in small.card()
    card = LocalEngine().card()
    assert "Model card" in card
    assert "](../" not in card
    assert "![" not in card
    assert "night.safetensors" in LocalEngine("night", translate=True).card()
