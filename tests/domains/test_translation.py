"""A photo as condition, another one of the same scene as target."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorflow.domains import Geometry, Translation, colorization_of, domain_of
from colorflow.errors import ConfigError
from colorflow.images.photo import Photo
from colorflow.models.presets import preset

GEOMETRY = Geometry(side=64, stride=2, step=16)


def photo(seed: int, height: int = 90, width: int = 120) -> Photo:
    """A photo of soft shapes."""
    y, x = np.mgrid[:height, :width] / 40
    planes = [np.sin(seed + k + x * (1 + k)) * np.cos(y + seed * k) for k in range(3)]
    return Photo((127 + 100 * np.stack(planes, 2)).astype(np.uint8))


def test_condition_is_the_colour_photo_at_the_size_of_the_model():
    condition = Translation(GEOMETRY).condition(photo(1))
    assert condition.shape == (1, 3, 64, 80)
    assert 0 <= condition.min() < condition.max() <= 1
    plain = Translation(GEOMETRY).condition(Photo(np.full((64, 64, 3), (255, 51, 0), np.uint8)))
    torch.testing.assert_close(plain.mean((0, 2, 3)), torch.tensor([1.0, 0.2, 0.0]))


def test_a_grey_photo_is_a_condition_of_three_equal_channels():
    condition = Translation(GEOMETRY).condition(Photo(photo(1).pixels[..., 0].copy()))
    assert condition.shape == (1, 3, 64, 80)
    # Reduced one by one; the last bit may depend on where in the memory a value lies.
    torch.testing.assert_close(condition[:, 0], condition[:, 2])


def test_target_is_the_partner_in_lab_and_comes_back():
    domain, day, night = Translation(GEOMETRY), photo(1, 64, 64), photo(2, 64, 64)
    condition, target = domain.pair(day, partner=night)
    assert target.shape == (1, 3, 32, 32)
    assert torch.equal(condition, domain.condition(day))
    truth = rgb2lab(night.pixels).reshape(32, 2, 32, 2, 3).mean((1, 3))
    np.testing.assert_allclose(domain.in_lab(target)[0].permute(1, 2, 0), truth, atol=0.05)


def test_the_partner_decides_the_target_and_the_photo_the_condition():
    domain = Translation(GEOMETRY)
    one, other = domain.pair(photo(1), partner=photo(2)), domain.pair(photo(3), partner=photo(2))
    assert torch.equal(one[1], other[1])
    assert not torch.equal(one[0], other[0])


def test_pairs_of_different_sizes_are_brought_to_one():
    condition, target = Translation(GEOMETRY).pair(photo(1, 90, 120), partner=photo(2, 45, 60))
    assert condition.shape[-2:] == (64, 80)
    assert target.shape[-2:] == (32, 40)


def test_finished_picture_has_the_size_of_the_photo_and_the_look_of_the_target():
    domain, day = Translation(GEOMETRY), photo(1)
    lab = torch.tensor([30.0, 12.0, -20.0]).view(3, 1, 1).expand(3, 32, 40)
    target = (lab - torch.tensor([25.0, 0, 0]).view(3, 1, 1)) / 20
    torch.testing.assert_close(domain.in_lab(target), lab)
    image = domain.finish(day, target)
    assert image.size == (120, 90)
    np.testing.assert_allclose(rgb2lab(np.asarray(image)).mean((0, 1)), (30, 12, -20), atol=1)


def test_detail_of_the_photo_goes_along_with_the_target():
    """Where the target follows the photo at the model's size, it does so at full size, too."""
    y, x = np.mgrid[:256, :256]
    # Shapes the model sees, and a fine texture it does not.
    grey = 120 + 60 * np.sin(x / 30) * np.cos(y / 30) + 25 * np.sin(x * 2.0)
    day = Photo(np.repeat(grey[..., None], 3, 2).astype(np.uint8))
    domain = Translation(GEOMETRY)
    dark = Photo((day.pixels * 0.5).astype(np.uint8))
    picture = np.asarray(domain.finish(day, domain.pair(day, partner=dark)[1][0]))[..., 1]
    fine = picture - picture.astype(float).mean(1, keepdims=True)
    texture = np.sin(x * 2.0)
    assert (fine * texture).mean() / (texture**2).mean() > 3


def test_lightness_outside_its_range_is_brought_in():
    domain = Translation(GEOMETRY)
    for value, expected in ((-9.0, 0), (9.0, 255)):
        target = torch.tensor([value, 0.0, 0.0]).view(3, 1, 1).expand(3, 32, 40)
        assert (np.asarray(domain.finish(photo(1), target)) == expected).all()


def test_pictures_of_condition_and_target():
    domain = Translation(GEOMETRY)
    condition, target = domain.pair(photo(1), partner=photo(2))
    shown = np.asarray(domain.show(condition[0]))
    np.testing.assert_allclose(shown / 255, condition[0].permute(1, 2, 0), atol=0.003)
    assert domain.preview(condition[0], target[0]).size == (80, 64)


def test_alpha_and_16_bits_are_kept():
    day = photo(1)
    deep = Photo(day.pixels.astype(np.uint16) * 257, alpha=np.full((90, 120), 9, np.uint8))
    domain = Translation(GEOMETRY)
    finishing = domain.finishing(deep)
    target = domain.pair(day, partner=photo(2))[1][0]
    assert finishing.deep(target).shape == (90, 120, 4)
    assert np.asarray(finishing.pictures([target])[0])[..., 3].max() == 9


def test_density_is_over_lab():
    assert Translation(GEOMETRY, 20.0).log_volume() == pytest.approx(-math.log(20))
    with pytest.raises(ConfigError, match="scale"):
        Translation(GEOMETRY, 0.0)


def test_a_model_names_its_domain():
    assert isinstance(domain_of(preset("translate")), Translation)
    assert domain_of(preset("photo")).name == "colorization"
    with pytest.raises(ConfigError, match="expected 'colorization'"):
        colorization_of(preset("translate-tiny"))
