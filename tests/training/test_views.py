import numpy as np
import pytest
import torch
from PIL import Image

from colorflow.domains import Colorization, Geometry
from colorflow.errors import ImageError
from colorflow.images.photo import Photo
from colorflow.training.views import Views, crop, list_photos

DOMAIN = Colorization(Geometry(side=32, stride=2, step=8))


@pytest.fixture
def folder(tmp_path, cat, grey_cat):
    cat.save(tmp_path / "a.png")
    (tmp_path / "deep").mkdir()
    cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "deep" / "b.jpg")
    Image.fromarray(grey_cat).save(tmp_path / "grey.png")
    cat.resize((12, 12)).save(tmp_path / "small.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8")
    return tmp_path


def test_photos_are_listed_recursively_in_order(folder):
    names = [p.name for p in list_photos(folder)]
    assert names == ["a.png", "broken.jpg", "b.jpg", "grey.png", "small.png"]


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(ImageError, match="found none"):
        list_photos(tmp_path)


def test_unfit_photos_are_left_out_with_a_reason(folder):
    views = Views(list_photos(folder), DOMAIN, count=1, seed=0)
    reasons = {views.files[i].name: views[i][3] for i in range(len(views))}
    assert reasons["a.png"] == reasons["b.jpg"] == ""
    assert "broken.jpg" in reasons["broken.jpg"]
    assert "grey" in reasons["grey.png"]
    assert "smaller" in reasons["small.png"]


def test_items_are_pairs_of_the_domains_sizes_and_repeatable(folder):
    views = Views(list_photos(folder), DOMAIN, count=3, seed=1)
    assert len(views) == 15
    index, condition, target, _ = views[5]  # view 1 of the first photo
    assert index == 5
    assert condition.shape == (1, 32, 32)
    assert target.shape == (2, 16, 16)
    assert torch.equal(target, views[5][2])
    assert not torch.equal(target, views[0][2])


def test_the_first_view_is_the_centre(generator):
    pixels = np.arange(4 * 8, dtype=np.uint8).reshape(4, 8)
    assert np.array_equal(crop(Photo(pixels), 0, generator).pixels, pixels[:, 2:6])


def test_other_views_lie_inside_and_are_sometimes_mirrored(generator):
    # Rows count upwards to the right, so a mirrored crop counts down.
    pixels = np.tile(np.arange(40, dtype=np.uint8), (30, 1))
    slopes = []
    for _ in range(40):
        view = crop(Photo(pixels), 1, generator).pixels
        height, width = view.shape
        assert height == width
        assert 18 <= height <= 30
        slopes.append(int(view[0, 1]) - int(view[0, 0]))
    assert 5 < slopes.count(-1) < 35
    assert slopes.count(1) + slopes.count(-1) == 40
