"""Views of photos: square, inside, repeatable, and their chroma averaged over the area."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.domains import Colorization, Geometry, Translation
from colorflow.errors import ImageError
from colorflow.images.photo import Photo
from colorflow.training.survey import Surveyed, look
from colorflow.training.views import Views, choose_square, jitter


def crop(photo: Photo, view: int, generator: torch.Generator, smallest: float = 0.6) -> Photo:
    return choose_square(photo.size, view, generator, smallest).cut(photo)


DOMAIN = Colorization(Geometry(side=32, stride=2, step=8))


def test_the_first_view_is_the_centre(generator: torch.Generator):
    pixels = np.arange(4 * 8, dtype=np.uint8).reshape(4, 8)
    assert np.array_equal(crop(Photo(pixels), 0, generator).pixels, pixels[:, 2:6])
    assert np.array_equal(crop(Photo(pixels.T.copy()), 0, generator).pixels, pixels.T[2:6])


@pytest.mark.parametrize("smallest", [0.3, 1.0])
def test_other_views_are_squares_inside_the_photo(smallest: float, generator: torch.Generator):
    # Every pixel has a value of its own, so a crop tells where it was cut.
    pixels = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40)
    sides, tops, lefts, mirrored = set(), set(), set(), 0
    for _ in range(300):
        view = crop(Photo(pixels), 1, generator, smallest).pixels
        height, width = view.shape
        assert height == width
        mirror = bool(width > 1 and view[0, 1] < view[0, 0])
        view = view[:, ::-1] if mirror else view
        top, left = divmod(int(view[0, 0]), 40)
        assert np.array_equal(view, pixels[top : top + height, left : left + width])
        sides.add(height)
        tops.add(top)
        lefts.add(left)
        mirrored += mirror
    assert min(sides) >= round(30 * smallest)
    assert max(sides) == 30
    assert {0, 40 - max(sides)} <= lefts  # both borders are reached
    assert (len(tops) > 1) == (smallest < 1)
    assert 100 < mirrored < 200


def test_a_pair_has_the_domains_sizes_and_depends_on_seed_content_and_view_alone(
    views: Views, tmp_path: Path
):
    condition, target = views.pair(3, 2)
    assert condition.shape == (1, 32, 32)
    assert target.shape == (2, 16, 16)
    # Other pairs in between, another name, and another place in the list make no difference.
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(views.files[3].path).read_bytes())
    elsewhere = dataclasses.replace(views, files=[look(copy, 16)])
    again = elsewhere.pair(0, 2)
    assert torch.equal(again[0], condition)
    assert torch.equal(again[1], target)
    for other in (
        views.pair(3, 1),
        views.pair(3, 0),
        views.pair(4, 2),
        dataclasses.replace(views, seed=1).pair(3, 2),
    ):
        assert not torch.equal(other[1], target)


def test_views_of_two_photos_are_cut_differently(tmp_path: Path, cat: Image.Image):
    pixels = np.asarray(cat)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "b.jpg", quality=95)  # the same but for its bytes
    files = [look(tmp_path / name, 16) for name in ("a.png", "b.jpg")]
    views = Views(files, DOMAIN, seed=0)
    assert (views.pair(0, 0)[0] - views.pair(1, 0)[0]).abs().mean() < 0.02
    assert (views.pair(0, 1)[0] - views.pair(1, 1)[0]).abs().mean() > 0.02


def test_the_target_is_the_mean_chroma_of_its_area(tmp_path: Path):
    # Columns of one pixel in two colours: a nearest pixel would be one of them, never their mean.
    colours = np.array([[200, 60, 60], [60, 60, 200]], np.uint8)
    pixels = np.tile(colours[np.arange(32) % 2], (32, 1, 1))
    Image.fromarray(pixels).save(tmp_path / "stripes.png")
    views = Views([look(tmp_path / "stripes.png", 16)], DOMAIN, seed=0)
    _, target = views.pair(0, 0)
    mean = Photo(colours[None]).lab()[1:].mean((1, 2)) / DOMAIN.scale
    assert torch.allclose(target, mean[:, None, None].expand(2, 16, 16), atol=1e-5)
    _, larger = Views(views.files, DOMAIN, seed=0, smallest=1.0).pair(0, 1)
    assert torch.allclose(larger, target, atol=1e-5)


def test_a_photo_that_is_gone_is_named(tmp_path: Path):
    views = Views([Surveyed(str(tmp_path / "gone.png"), "0")], DOMAIN, seed=0)
    with pytest.raises(ImageError, match=r"gone\.png"):
        views.pair(0, 0)


def test_jitter_changes_colours_a_little_and_the_same_way_for_a_seed():
    pixels = np.random.default_rng(1).integers(60, 200, (20, 20, 3), dtype=np.uint8)
    photo = Photo(pixels)
    changed = [jitter(photo, torch.Generator().manual_seed(s), 0.2).pixels for s in (1, 1, 2)]
    assert np.array_equal(changed[0], changed[1])
    assert not np.array_equal(changed[0], changed[2])
    assert 0.005 < np.abs(changed[0] - pixels / 255).mean() < 0.2
    same = jitter(photo, torch.Generator().manual_seed(1), 0.0).pixels
    np.testing.assert_allclose(same, pixels / 255, atol=1e-6)


def test_both_halves_of_a_pair_are_cut_alike_and_only_the_condition_is_jittered(tmp_path):
    rng = np.random.default_rng(2)
    pixels = np.kron(rng.integers(40, 220, (8, 10, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    for half, picture in (("day", pixels), ("night", pixels // 2)):
        Image.fromarray(picture).save(tmp_path / f"a_1_{half}.png")
    file = Surveyed(
        str(tmp_path / "a_1_day.png"), "c", partner=str(tmp_path / "a_1_night.png"), site="a"
    )
    domain = Translation(Geometry(side=32, stride=2, step=8))
    for view in range(4):
        plain = Views([file], domain, seed=1).pair(0, view)
        changed = Views([file], domain, seed=1, jitter=0.3).pair(0, view)
        assert torch.equal(plain[1], changed[1])
        assert torch.equal(plain[0], changed[0]) == (view == 0)
        # Half the light: the condition tells the target where both were cut at the same place.
        half = Photo((plain[0].permute(1, 2, 0) / 2).contiguous().numpy())
        expected = domain.pair(half, (32, 32))[1][0]
        assert (expected - plain[1]).abs().mean() < 0.05
