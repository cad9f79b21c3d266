"""Copies of a photo are painted once, and come out as if each had been alone."""

from __future__ import annotations

import gc
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batch.jobs import run, tree
from colorflow.batch.config import BatchConfig
from colorflow.batch.copies import Copies
from colorflow.batch.discover import Job
from colorflow.batch.painters import SamplePainter
from colorflow.batch.results import Parcel, Result
from colorflow.images.photo import Photo


@pytest.fixture
def painted(monkeypatch):
    """Count the photos that go through the networks."""
    numbers = []
    paint = SamplePainter.paint

    def counted(self, photos, rows, hints=()):
        numbers.append(len(photos))
        return paint(self, photos, rows, hints)

    monkeypatch.setattr(SamplePainter, "paint", counted)
    return numbers


def test_copies_in_several_formats_have_the_bytes_of_each_alone(tiny, tmp_path, grey_cat, painted):
    (tmp_path / "in").mkdir()
    clear = np.full(grey_cat.shape, 100, np.uint8)
    pictures = {
        "a.png": Image.fromarray(grey_cat),
        "b.tif": Image.fromarray(grey_cat),
        "c.png": Image.fromarray(np.stack([grey_cat, clear], 2), "LA"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / "in" / name)
        (tmp_path / name).mkdir()
        shutil.copy(tmp_path / "in" / name, tmp_path / name / name)
    run(tiny, tmp_path / "in", tmp_path / "out", batch_size=3, jobs=1)
    assert sum(painted) == 1
    together = tree(tmp_path / "out")
    for name in pictures:
        run(tiny, tmp_path / name, tmp_path / "alone")
    assert together == tree(tmp_path / "alone")
    with Image.open(tmp_path / "out/c_v1.png") as picture:
        assert picture.getchannel("A").getextrema() == (100, 100)


def test_photos_that_differ_in_size_or_hints_are_no_copies(tiny, tmp_path, grey_cat, painted):
    (tmp_path / "in").mkdir()
    Image.fromarray(grey_cat).save(tmp_path / "in/a.png")
    Image.fromarray(grey_cat[:-1]).save(tmp_path / "in/b.png")
    run(tiny, tmp_path / "in", tmp_path / "out")
    assert sum(painted) == 2


def _parcel(name, grey):
    parcel = Parcel(Job(Path(name), Path(name)), [], Result(Path(name)), photo=Photo(grey))
    parcel.made_by = {"photo": name}
    return parcel


def test_those_used_least_recently_are_forgotten(tiny, grey_cat):
    copies = Copies(SamplePainter(tiny, BatchConfig()), capacity=4)
    variants = tiny.sample(grey_cat, 2)
    painted = []

    def paint(parcels):
        painted.extend(parcel.made_by["photo"] for parcel in parcels)
        return [variants for _ in parcels]

    for name in ("a", "b", "a", "c", "a", "b"):
        copies.paint([_parcel(name, grey_cat)], paint)
    assert painted == ["a", "b", "c", "b"]


def test_no_photo_is_held_in_memory(tiny, grey_cat):
    copies = Copies(SamplePainter(tiny, BatchConfig()))
    found = copies.paint([_parcel("a", grey_cat)], lambda parcels: [tiny.sample(grey_cat, 1)])
    finishing = weakref.ref(found[0][0].finishing)
    del found
    gc.collect()
    assert finishing() is None
