"""Variants made again from what their files say."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.batch.config import BatchConfig
from colorflow.batch.discover import Job, discover
from colorflow.batch.painters import SamplePainter, TransferPainter
from colorflow.batch.recolor import RecipePainter, find_source, read_recipe
from colorflow.batch.report import NAME, Report
from colorflow.batch.run import run_jobs
from colorflow.errors import ImageError
from colorflow.images.write import encode_image, read_history


@pytest.fixture
def photo(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    path = tmp_path / "in" / "a.jpg"
    path.parent.mkdir()
    exif = Image.Exif()
    exif[0x010E] = "grandmother's cat"
    Image.fromarray(grey_cat).save(path, exif=exif)
    return path


def _colour(colorizer, photo: Path, out: Path, **settings) -> list[Path]:
    config = BatchConfig(**settings)
    painter = SamplePainter(colorizer, config)
    (result,) = run_jobs(painter, discover([photo], out).jobs, config)
    return result.outputs


def _again(colorizer, path: Path, source: Path, out: Path, saturation=None) -> Path:
    recipe = read_recipe(path)
    painter = RecipePainter(colorizer, recipe, saturation)
    kind = {".jpeg": "jpg"}.get(path.suffix, path.suffix[1:])
    config = BatchConfig(**{**vars(painter.config), "format": kind})
    (result,) = run_jobs(painter, [Job(source, out / "again", named=True)], config)
    assert result.status == "ok", result.reason
    return result.outputs[0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"samples": 7, "seed": 5, "saturation": 0.7, "temperature": 0.9},
        {"samples": 2, "temperature": (0.2, 0.9)},
        {"samples": 3, "draw": "independent"},
        {"samples": 2, "vivid": 1.4, "detail": 2.0},
        {"samples": 5, "pick": "medoid"},
        {"samples": 2, "metadata": "strip", "quality": 60},
        {"samples": 2, "format": "png"},
        {"samples": 2, "format": "webp"},
        {"samples": 1, "format": "tif"},
    ],
)
def test_every_variant_comes_again_to_the_same_bytes(tiny, photo, tmp_path, settings):
    for number, path in enumerate(_colour(tiny, photo, tmp_path / "out", **settings)):
        again = _again(tiny, path, photo, tmp_path / str(number))
        assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_a_variant_comes_again_at_the_precision_it_was_made_with(
    tiny, photo, tmp_path, monkeypatch, precision
):
    # Whatever the processor would choose by itself.
    monkeypatch.setattr("colorflow.networks.precision.has_bfloat16", lambda: precision == "32")
    made = _colour(tiny.at_precision(precision), photo, tmp_path / "out", samples=1, format="png")
    assert read_history(made[0])["precision"] == precision
    again = _again(tiny, made[0], photo, tmp_path / "again")
    assert again.read_bytes() == made[0].read_bytes()


def test_a_variant_that_was_replaced_comes_again_to_the_same_bytes(
    tiny, photo, tmp_path, monkeypatch
):
    means = sorted(float(v.target.mean()) for v in tiny.sample(photo, n=4))
    limit = (means[1] + means[2]) / 2
    monkeypatch.setattr(tiny.domain, "plausible", lambda t: t.mean((1, 2, 3)) < limit)
    paths = _colour(tiny, photo, tmp_path / "out")
    attempts = [read_recipe(path).attempt for path in paths]
    assert sum(attempt > 0 for attempt in attempts) == 2
    # The seed that was found is known: the recipe asks nobody again.
    monkeypatch.undo()
    for number, path in enumerate(paths):
        assert read_history(path).get("redrawn", 0) == attempts[number]
        again = _again(tiny, path, photo, tmp_path / str(number))
        assert again.read_bytes() == path.read_bytes()


def test_a_first_variant_nearer_to_the_mode_comes_again_to_the_same_bytes(
    tiny, photo, tmp_path, monkeypatch
):
    monkeypatch.setattr(tiny.model, "config", tiny.model.config.replace(first_scale=0.25))
    first, second = _colour(tiny, photo, tmp_path / "out", samples=2)
    assert read_history(first)["scale"] == 0.25
    assert "scale" not in read_history(second)
    assert _again(tiny, first, photo, tmp_path / "1").read_bytes() == first.read_bytes()


def _as_of_version_0_1(path: Path, old: Path) -> None:
    """Copy a result without what later versions say of it."""
    history = read_history(path)
    for name in ("draw", "number", "share", "vivid", "detail"):
        history.pop(name, None)
    with Image.open(path) as image:
        old.write_bytes(encode_image(image.convert("RGB"), old.suffix, made_by=history))


def test_a_result_of_version_0_1_was_drawn_independently(tiny, photo, tmp_path):
    # That version knew no gain.
    how = {"draw": "independent", "vivid": 1 / tiny.domain.gain}
    paths = _colour(tiny, photo, tmp_path / "out", samples=3, format="png", **how)
    for number, path in enumerate(paths):
        old = tmp_path / f"old{number}.png"
        _as_of_version_0_1(path, old)
        recipe = read_recipe(old)
        assert (recipe.config.draw, recipe.number, recipe.share) == ("independent", number, None)
        again = _again(tiny, old, photo, tmp_path / str(number))
        assert again.read_bytes() == path.read_bytes()


def test_another_saturation_scales_the_same_latents(tiny, photo, tmp_path):
    third = _colour(tiny, photo, tmp_path / "out", saturation=1.0, format="png")[2]
    muted = _again(tiny, third, photo, tmp_path / "muted", saturation=0.25)
    expected = tiny.sample(photo, n=3, saturation=0.25)[2]
    with Image.open(muted) as image:
        assert image.tobytes() == expected.image.tobytes()
    assert read_recipe(muted).config.saturation == 0.25


def test_another_model_is_refused_by_name(tiny, photo, tmp_path):
    recipe = read_recipe(_colour(tiny, photo, tmp_path / "out", samples=1)[0])
    other = type(recipe)(recipe.variant, recipe.photo, "photo@123456789abc", recipe.config)
    with pytest.raises(ImageError, match=r"photo@123456789abc.*--model"):
        RecipePainter(tiny, other, None)


def test_what_is_no_result_of_colorize_is_refused(tiny, photo, cat, tmp_path):
    with pytest.raises(ImageError, match=r"a\.jpg.*colorize"):
        read_recipe(photo)
    cat.save(tmp_path / "reference.png")
    config = BatchConfig(samples=1)
    painter = TransferPainter(tiny, tmp_path / "reference.png", config)
    (result,) = run_jobs(painter, discover([photo], tmp_path / "out").jobs, config)
    with pytest.raises(ImageError, match="colorflow transfer"):
        read_recipe(result.outputs[0])


def test_the_photo_is_found_where_the_user_says(tiny, photo, tmp_path, grey_cat):
    (path,) = _colour(tiny, photo, tmp_path / "out", samples=1)
    recipe = read_recipe(path)
    decoy = tmp_path / "in" / "a_v.png"  # its name fits better, its pixels do not
    Image.fromarray(255 - grey_cat).save(decoy)
    assert find_source(path, recipe, photo) == photo
    assert find_source(path, recipe, photo.parent) == photo
    assert find_source(path, recipe, decoy) is None
    assert find_source(path, recipe, None) is None


def test_the_photo_is_found_by_the_report_of_an_earlier_job(tiny, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = BatchConfig(samples=1)
    painter = SamplePainter(tiny, config)
    relative = Path(os.path.relpath(photo))
    (result,) = run_jobs(painter, discover([relative], Path("out")).jobs, config)
    report = Report(Path("out") / NAME, {"settings": painter.settings})
    report.add(result)
    report.close()
    Report(Path("out") / NAME, {"settings": "others"}).close()
    monkeypatch.chdir("/")
    path = tmp_path / result.outputs[0]
    found = find_source(path, read_recipe(path), None)
    assert found is not None
    assert found.samefile(photo)
