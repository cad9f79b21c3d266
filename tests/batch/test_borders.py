"""Jobs on scans with borders."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from batch.jobs import run, tree
from colorflow.batch.discover import Job
from colorflow.batch.recolor import RecipePainter, find_source, read_recipe
from colorflow.batch.run import run_jobs
from colorflow.hints import Hint
from colorflow.images.write import read_history

BORDER = 40


@pytest.fixture
def scan(tmp_path, grey_cat):
    """A picture on white paper, and the same picture alone."""
    inside = np.kron(grey_cat, np.ones((4, 4), np.uint8))
    whole = np.pad(inside, BORDER, constant_values=245)
    for name, pixels in (("scan", whole), ("inside", inside)):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "a.png")
    return tmp_path


def _pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_frame_does_not_change_the_picture_and_stays_as_it_is(tiny, scan):
    (found,) = run(tiny, scan / "scan", scan / "out", ignore_border=True)
    left, top, right, bottom = found.details["border"]
    assert all(BORDER <= width <= BORDER + 8 for width in (left, top, right, bottom))
    assert any("left as it is" in note for note in found.notes)
    before, after = _pixels(scan / "scan/a.png"), _pixels(scan / "out/a_v1.png")
    assert after.shape == (*before.shape, 3)
    assert found.details["size"] == [before.shape[1], before.shape[0]]
    height, width = before.shape
    inside = np.s_[top : height - bottom, left : width - right]
    Image.fromarray(before[inside]).save(scan / "inside/a.png")
    run(tiny, scan / "inside", scan / "alone")
    assert (after[inside] == _pixels(scan / "alone/a_v1.png")).all()
    after = after.copy()
    after[inside] = before[inside][..., None]
    assert (after == before[..., None]).all()


def test_without_the_option_the_frame_is_part_of_the_photo(tiny, scan):
    (found,) = run(tiny, scan / "scan", scan / "out")
    assert "border" not in found.details
    assert "ignore_border" not in read_history(scan / "out/a_v1.png")


def test_a_photo_without_a_border_is_coloured_whole(tiny, scan):
    (found,) = run(tiny, scan / "inside", scan / "out", ignore_border=True)
    assert (found.status, "border" in found.details) == ("ok", False)


def test_what_is_done_is_known_by_the_file_and_by_the_picture_inside(tiny, scan):
    run(tiny, scan / "scan", scan / "out", ignore_border=True)
    assert run(tiny, scan / "scan", scan / "out", ignore_border=True)[0].status == "skipped"
    with Image.open(scan / "scan/a.png") as picture:
        picture.save(scan / "scan/a.png", dpi=(300, 300))
    assert run(tiny, scan / "scan", scan / "out", ignore_border=True)[0].status == "skipped"
    assert run(tiny, scan / "scan", scan / "out")[0].status == "stale"


def test_recolor_finds_the_scan_and_makes_the_same_picture(tiny, scan):
    run(tiny, scan / "scan", scan / "out", ignore_border=True)
    result = scan / "out/a_v2.png"
    recipe = read_recipe(result)
    source = find_source(result, recipe, scan / "scan")
    assert source == scan / "scan/a.png"
    painter = RecipePainter(tiny, recipe)
    job = Job(source, scan / "again/a", named=True)
    (found,) = run_jobs(painter, [job], painter.config)
    assert found.status == "ok", found.reason
    assert (_pixels(found.outputs[0]) == _pixels(result)).all()


def test_hints_have_their_places_in_the_scan(tiny, scan):
    job = Job(scan / "scan/a.png", scan / "out/a")
    hints = {str(job.source): (Hint(BORDER + 100, BORDER + 60, "#aa5533"),)}
    (found,) = run(tiny, None, None, [job], samples=1, ignore_border=True, hints=hints)
    left, top, right, bottom = found.details["border"]
    height, width = _pixels(job.source).shape
    inside = np.s_[top : height - bottom, left : width - right]
    Image.fromarray(_pixels(job.source)[inside]).save(scan / "inside/a.png")
    alone = Job(scan / "inside/a.png", scan / "alone/a")
    moved = (Hint(BORDER + 100 - left, BORDER + 60 - top, "#aa5533"),)
    run(tiny, None, None, [alone], samples=1, hints={str(alone.source): moved})
    assert (_pixels(scan / "out/a_v1.png")[inside] == _pixels(scan / "alone/a_v1.png")).all()


def test_a_hint_on_the_border_is_refused(tiny, scan):
    job = Job(scan / "scan/a.png", scan / "out/a")
    hints = {str(job.source): (Hint(5, 5, "#aa5533"),)}
    (found,) = run(tiny, None, None, [job], ignore_border=True, hints=hints)
    assert found.status == "failed"
    assert "lies on the border" in found.reason
    assert tree(scan / "out") == {}
