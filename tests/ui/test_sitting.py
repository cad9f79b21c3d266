"""An open photo over the task layer: the same files as from the command line, and honest edits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import Job
from colorflow.batch.painters import SamplePainter
from colorflow.batch.places import full_name
from colorflow.batch.recolor import RecipePainter, read_recipe
from colorflow.batch.run import run_jobs
from colorflow.errors import ConfigError, ImageError, ImplausibleError
from colorflow.hints import parse_hints
from colorflow.images.read import read_metadata, read_photo
from colorflow.images.write import read_history
from colorflow.photo_session import PhotoSession
from colorflow_ui.engine import FileOptions, Take
from colorflow_ui.sitting import PhotoSitting, reader

GPS = 0x8825


@pytest.fixture
def photo(tmp_path: Path, cat) -> Path:
    path = tmp_path / "cat.jpg"
    exif = Image.Exif()
    exif[0x010E] = "A cat"
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (52.0, 30.0, 0.0)
    cat.convert("L").save(path, exif=exif.tobytes(), dpi=(300, 300))
    return path


def opened(tiny, path: Path) -> PhotoSitting:
    read = reader(path, path.name, 10**6)
    return PhotoSitting(tiny, read(), path.name, read)


@pytest.fixture
def sitting(tiny, photo) -> PhotoSitting:
    return opened(tiny, photo)


@pytest.mark.parametrize(
    ("saturation", "options"),
    [(1.0, FileOptions()), (0.6, FileOptions("png", "no-gps")), (1.3, FileOptions("tif", "strip"))],
)
def test_a_sample_is_the_very_file_of_the_command_line(
    tiny, photo, sitting, tmp_path, saturation, options
):
    config = BatchConfig(
        samples=6, seed=9, saturation=saturation, format=options.format, metadata=options.metadata
    )
    job = Job(photo, tmp_path / "out" / "cat", named=True)
    results = list(run_jobs(SamplePainter(tiny, config), [job], config))
    takes = list(sitting.draw(6, 9, 1.0))
    for number, path in enumerate(results[0].outputs, 1):
        saved = sitting.save(takes[number - 1], saturation, options, number)
        assert saved.name == path.name
        assert saved.data == path.read_bytes()


@pytest.mark.parametrize(
    ("strategy", "detail", "vivid"),
    [("independent", 1.0, 1.0), ("representative", 1.5, 1.0), ("representative", 2.0, 1.4)],
)
def test_files_of_other_settings_are_those_of_the_command_line(
    tiny, photo, sitting, tmp_path, strategy, detail, vivid
):
    config = BatchConfig(samples=3, seed=9, draw=strategy, detail=detail, vivid=vivid)
    job = Job(photo, tmp_path / "out" / "cat", named=True)
    results = list(run_jobs(SamplePainter(tiny, config), [job], config))
    takes = list(sitting.draw(3, 9, 1.0, strategy, detail))
    shares = [take.share for take in takes]
    if strategy == "independent":
        assert shares == [None] * 3
        assert [take.number for take in takes] == [0, 1, 2]
    else:
        assert sum(shares) == pytest.approx(1)
    for number, path in enumerate(results[0].outputs, 1):
        saved = sitting.save(takes[number - 1], 1.0, FileOptions(), number, vivid)
        assert saved.data == path.read_bytes()


@pytest.mark.parametrize(
    ("saturation", "vivid", "detail", "strategy", "variety"),
    [
        (1.0, 1.2, 1.0, "representative", 1.0),
        (0.7, 0.5, 1.5, "representative", 0.9),
        (1.0, 1.0, 2.0, "independent", 1.0),
    ],
)
def test_a_download_is_recoloured_to_the_same_bytes(
    tiny, photo, sitting, tmp_path, saturation, vivid, detail, strategy, variety
):
    take = list(sitting.draw(4, 9, variety, strategy, detail))[2]
    saved = sitting.save(take, saturation, FileOptions(), 3, vivid)
    path = tmp_path / saved.name
    path.write_bytes(saved.data)
    recipe = read_recipe(path)
    assert (recipe.number, recipe.attempt) == (take.number, take.redrawn)
    painter = RecipePainter(tiny, recipe)
    job = Job(photo, tmp_path / "again", named=True)
    (result,) = run_jobs(painter, [job], painter.config)
    assert result.outputs[0].read_bytes() == saved.data


def test_a_replaced_draw_is_told_and_recoloured(tiny, photo, tmp_path, monkeypatch):
    usual = next(opened(tiny, photo).draw(1, 9, 1.0)).code.target

    def plausible(_: object, targets: torch.Tensor) -> torch.Tensor:
        return torch.tensor([not torch.allclose(t, usual, atol=1e-4) for t in targets])

    monkeypatch.setattr(type(tiny.domain), "plausible", plausible)
    sitting = opened(tiny, photo)
    take, other = sitting.draw(2, 9, 1.0)
    assert (take.redrawn, other.redrawn) == (1, 0)
    path = tmp_path / "cat_v1.jpg"
    path.write_bytes(sitting.save(take, 1.0, FileOptions(), 1, 1.2).data)
    assert read_history(path)["redrawn"] == 1
    painter = RecipePainter(tiny, read_recipe(path))
    job = Job(photo, tmp_path / "again", named=True)
    (result,) = run_jobs(painter, [job], painter.config)
    assert result.outputs[0].read_bytes() == path.read_bytes()
    monkeypatch.setattr(type(tiny.domain), "plausible", lambda _, t: torch.zeros(len(t)) > 0)
    with pytest.raises(ImplausibleError, match="variant 1"):
        next(sitting.draw(1, 9, 1.0))


@pytest.mark.parametrize(
    ("strategy", "detail", "vivid"),
    [("representative", 1.0, 1.0), ("independent", 1.5, 1.3)],
)
def test_hinted_files_are_those_of_the_command_line(
    tiny, photo, sitting, tmp_path, strategy, detail, vivid
):
    rows = [{"x": 40, "y": 30, "hex": "#b5412d"}, {"x": 120, "y": 80, "hex": "#2d5fb5"}]
    hints = {full_name(photo): parse_hints(rows, "test")}
    how = {"draw": strategy, "detail": detail, "vivid": vivid}
    config = BatchConfig(samples=2, seed=9, hints=hints, **how)
    job = Job(photo, tmp_path / "out" / "cat", named=True)
    results = list(run_jobs(SamplePainter(tiny, config), [job], config))
    takes = list(sitting.hinted(rows, 2, 9, strategy, detail, vivid))
    for number, (take, path) in enumerate(zip(takes, results[0].outputs, strict=True), 1):
        assert len(take.residuals) == 2
        assert take.share is None
        assert sitting.save(take, 1.0, FileOptions(), number, vivid).data == path.read_bytes()
    path = tmp_path / "calm.png"
    for saturation, factor, edit in ((0.5, vivid, "saturation"), (1.0, 0.8, "vivid")):
        saved = sitting.save(takes[0], saturation, FileOptions("png"), 1, factor)
        path.write_bytes(saved.data)
        history = read_history(path)
        assert history is not None
        assert history["edited"]["edit"] == edit
        assert history["edited"]["hints"] == rows
        assert (history["saturation"], history["vivid"]) == (saturation, factor)


def test_a_transfer_with_all_of_the_reference_is_that_of_the_command_line(
    tiny, cat, sitting, tmp_path, photo
):
    reference = tmp_path / "colour.png"
    # Another shape than the photo's: the code brings its own geometry.
    cat.resize((100, 150)).save(reference)
    theirs = opened(tiny, reference)
    take = sitting.transferred(theirs, [1.0] * len(tiny.encode(cat).levels), 0)
    expected = tiny.transfer(reference, photo)
    saved = sitting.save(take, 1.0, FileOptions("png"), 1)
    path = tmp_path / "result.png"
    path.write_bytes(saved.data)
    with Image.open(path) as picture:
        assert picture.tobytes() == expected.tobytes()
    none = sitting.transferred(theirs, [0.0] * len(take.code.latents.levels), 0)
    assert not torch.equal(none.code.target, take.code.target)


def test_edited_files_say_so_and_are_not_taken_for_samples(sitting, tmp_path):
    first, second = sitting.draw(2, 9, 1.0)
    edits = {
        "more like this": next(sitting.more_like(first, 1, 3)),
        "new mood": next(sitting.redraw(first, "mood", 1, 3)),
        "new details": next(sitting.redraw(first, "details", 1, 3)),
        "blend": sitting.blend(first, second, 0.5),
    }
    for edit, take in edits.items():
        path = tmp_path / "edited.png"
        path.write_bytes(sitting.save(take, 0.8, FileOptions("png"), 5).data)
        history = read_history(path)
        assert history is not None
        assert history["edited"]["edit"] == edit
        assert history["saturation"] == 0.8
        assert take.share is None
        json.dumps(history)
        with pytest.raises(ImageError, match="edited"):
            read_recipe(path)


def test_edits_keep_what_they_promise(sitting):
    first = next(sitting.draw(1, 9, 1.0))
    levels = first.code.latents.levels
    mood = next(sitting.redraw(first, "mood", 1, 3)).code.latents.levels
    details = next(sitting.redraw(first, "details", 1, 3)).code.latents.levels
    assert all(torch.equal(a, b) for a, b in zip(mood[:-1], levels[:-1], strict=True))
    assert not torch.equal(mood[-1], levels[-1])
    assert torch.equal(details[-1], levels[-1])
    near = next(sitting.more_like(first, 1, 3))
    other = next(sitting.more_like(first, 1, 4))

    def far(take: Take) -> float:
        return float((take.code.target - first.code.target).norm())

    fresh = list(sitting.draw(6, 77, 1.0))
    assert 0 < far(near) < np.mean([far(take) for take in fresh])
    assert not torch.equal(near.code.target, other.code.target)


def test_a_blend_of_nothing_and_of_everything(sitting):
    first, second = sitting.draw(2, 9, 1.0)
    for share, end in ((0.0, first), (1.0, second)):
        blend = sitting.blend(first, second, share)
        assert torch.allclose(blend.code.target, end.code.target, atol=1e-4)


def test_variety_is_a_factor_on_the_usual_temperature(sitting):
    usual, wild = (next(sitting.draw(1, 9, v)).code.latents for v in (1.0, 1.5))
    for mine, theirs in zip(usual.levels, wild.levels, strict=True):
        assert torch.allclose(mine * 1.5, theirs)


def test_previews_follow_the_saturation_without_reading_the_photo_again(sitting, photo):
    take = next(sitting.draw(1, 9, 1.0))
    photo.unlink()
    calm, strong = (sitting.picture(take, s, 64) for s in (0.0, 1.5))
    assert calm.size == strong.size == (64, 43)
    assert calm.tobytes() != strong.tobytes()


def test_previews_follow_vivid_without_another_pass_of_the_flow(sitting, monkeypatch):
    take = next(sitting.draw(1, 9, 1.0))
    grey = np.asarray(sitting.grey, float)

    def never(*_: object) -> None:
        raise AssertionError("the flow runs again")

    monkeypatch.setattr(PhotoSession, "paint", never)
    usual, none = (np.asarray(sitting.picture(take, 1.0, 1024, v), float) for v in (1.0, 0.0))
    assert np.abs(none - grey[..., None]).max() <= 1
    assert np.abs(usual - none).max() > 20


@pytest.mark.parametrize(("saturation", "vivid"), [(2.1, 1.0), (-0.1, 1.0), (1.0, 2.1)])
def test_factors_beyond_their_range_are_refused(sitting, saturation, vivid):
    take = next(sitting.draw(1, 9, 1.0))
    with pytest.raises(ConfigError, match=r"expected 0 to (2|1\.5)"):
        sitting.picture(take, saturation, 64, vivid)


def test_places_are_left_out_on_request(sitting, tmp_path):
    take = next(sitting.draw(1, 9, 1.0))
    found = {}
    for policy in ("keep", "no-gps"):
        path = tmp_path / f"{policy}.jpg"
        path.write_bytes(sitting.save(take, 1.0, FileOptions("keep", policy), 1).data)
        with Image.open(path) as picture:
            found[policy] = (dict(picture.getexif().get_ifd(GPS)), picture.getexif()[0x010E])
        assert read_metadata(path).dpi == pytest.approx((300, 300), rel=0.01)
    assert found["keep"][0]
    assert found["no-gps"] == ({}, "A cat")


def test_messages_name_the_visitors_file_and_no_path(tmp_path):
    path = tmp_path / "secret-folder" / "upload.jpg"
    path.parent.mkdir()
    path.write_bytes(b"\xff\xd8\xff nothing")
    with pytest.raises(ImageError) as caught:
        reader(path, "holiday.jpg", 10**6)()
    assert "holiday.jpg" in str(caught.value)
    assert "secret-folder" not in str(caught.value)


def test_bombs_are_refused_before_they_are_decoded(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (4000, 4000)).save(path)
    with pytest.raises(ImageError, match="pixels"):
        reader(path, "bomb.png", 10**6)()


def test_colours_that_are_not_used_are_said(tiny, cat, tmp_path):
    path = tmp_path / "colour.png"
    cat.save(path)
    assert any("colours" in note for note in opened(tiny, path).notes)
    assert read_photo(path).is_coloured()
