"""What the model is shown of a photo, and what it is to predict."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorflow.colorize import Colorizer
from colorflow.domains import Colorization, Geometry, colorization_of
from colorflow.errors import ConfigError
from colorflow.images.photo import Photo
from colorflow.images.read import read_photo
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import NoBackbone

GEOMETRY = Geometry(side=64, stride=4, step=16)


def colour_photo(height: int, width: int) -> Photo:
    rng = np.random.default_rng(3)
    return Photo(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


# ---- sizes ----


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ((500, 500), (64, 64)),
        ((10, 10), (64, 64)),
        ((400, 600), (64, 96)),
        ((600, 400), (96, 64)),
        ((400, 410), (64, 64)),  # as near as steps of 16 allow
        ((400, 465), (64, 80)),
        ((300, 400), (64, 80)),  # 85.3
        ((100, 399), (64, 256)),
        ((100, 4000), (64, 256)),  # squeezed to 4 : 1
        ((4000, 100), (256, 64)),
        ((1, 100_000), (64, 256)),
        ((1, 1), (64, 64)),
    ],
)
def test_condition_size(photo, expected):
    assert GEOMETRY.condition_size(*photo) == expected


def test_condition_size_is_the_nearest_step_for_every_shape():
    for longer in range(200, 801):
        height, width = GEOMETRY.condition_size(200, longer)
        assert height == 64
        assert width % 16 == 0
        assert abs(width - 64 * longer / 200) <= 8
        assert GEOMETRY.condition_size(longer, 200) == (width, height)


def test_square_geometry_squares_every_photo():
    square = Geometry(side=64, stride=4, step=64, max_aspect=1)
    for size in ((100, 100), (100, 300), (900, 100)):
        assert square.condition_size(*size) == (64, 64)


@pytest.mark.parametrize(
    ("detail", "expected"), [(1.0, (64, 96)), (1.5, (96, 144)), (2.0, (128, 192))]
)
def test_detail_is_a_factor_on_the_usual_size(detail, expected):
    assert GEOMETRY.condition_size(400, 600, detail) == expected
    assert GEOMETRY.condition_size(600, 400, detail) == expected[::-1]
    assert GEOMETRY.condition_size(100, 4000, detail) == (expected[0], 4 * expected[0])


@pytest.mark.parametrize(
    ("geometry", "detail", "why"),
    [
        (Geometry(side=64, stride=4, step=64), 1.5, "steps of 64"),
        (Geometry(side=64, stride=4, step=16), 0.0, "steps of 16"),
        (Geometry(side=64, stride=4, step=16), 1.1, "steps of 16"),
        (Geometry(side=64, stride=4, step=64, max_aspect=1), 2.0, "it takes one size only"),
    ],
)
def test_detail_that_a_model_cannot_take_is_refused(geometry, detail, why):
    with pytest.raises(ConfigError, match=f"detail: expected 1 for this model.*{why}"):
        geometry.condition_size(100, 100, detail)


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": 0},
        {"side": -64},
        {"stride": 0},
        {"step": 0},
        {"max_aspect": 0.5},
        {"side": 72},  # not in steps of 16
        {"step": 18, "side": 72},  # not in strides of 4
    ],
)
def test_impossible_geometry_is_refused(wrong):
    with pytest.raises(ConfigError, match="geometry"):
        Geometry(**{"side": 64, "stride": 4, "step": 16, **wrong})


# ---- colorization ----


@pytest.mark.parametrize("size", [(100, 100), (90, 200), (300, 80), (3, 700), (1, 1)])
def test_condition_and_pair_have_the_promised_shapes_and_ranges(size):
    photo, domain = colour_photo(*size), Colorization(GEOMETRY)
    height, width = GEOMETRY.condition_size(*size)
    condition = domain.condition(photo)
    assert condition.shape == (1, domain.condition_channels, height, width)
    assert condition.dtype == torch.float32
    assert condition.min() >= 0
    assert condition.max() <= 1
    grey, chroma = domain.pair(photo)
    torch.testing.assert_close(grey, condition, atol=1e-5, rtol=0)
    assert chroma.shape == (1, domain.target_channels, height // 4, width // 4)
    assert chroma.dtype == torch.float32
    # a and b of sRGB end at about 110, and the scale is 20
    assert chroma.abs().max() < 110 / 20


def test_sizes_can_be_asked_for():
    photo, domain = colour_photo(100, 150), Colorization(GEOMETRY)
    assert domain.condition(photo, (32, 48)).shape == (1, 1, 32, 48)
    grey, chroma = domain.pair(photo, (32, 48))
    assert grey.shape == (1, 1, 32, 48)
    assert chroma.shape == (1, 2, 8, 12)


def test_condition_of_a_grey_photo_of_that_size_is_the_photo():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 80), dtype=np.uint8)
    condition = Colorization(GEOMETRY).condition(Photo(pixels))
    np.testing.assert_allclose(condition[0, 0], pixels / 255, atol=1e-5)


def test_chroma_is_the_mean_lab_over_each_area_in_units_of_the_scale():
    photo = colour_photo(64, 96)
    _, chroma = Colorization(GEOMETRY, scale=20).pair(photo)
    blocks = rgb2lab(photo.pixels)[..., 1:].reshape(16, 4, 24, 4, 2).mean((1, 3)) / 20
    np.testing.assert_allclose(chroma[0].permute(1, 2, 0), blocks, atol=1e-3)


def test_chroma_of_a_larger_photo_keeps_its_mean():
    y, x = np.mgrid[:256, :256]
    photo = Photo(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))
    _, chroma = Colorization(GEOMETRY).pair(photo)
    # One block of the target covers 16 x 16 pixels of the photo.
    blocks = rgb2lab(photo.pixels)[..., 1:].reshape(16, 16, 16, 16, 2).mean((1, 3)) / 20
    inner = slice(1, -1)  # the reducing filter is cut off at the border
    ours = chroma[0].permute(1, 2, 0)
    np.testing.assert_allclose(ours[inner, inner], blocks[inner, inner], atol=0.05)


def test_grey_photo_has_no_chroma():
    _, chroma = Colorization(GEOMETRY).pair(Photo(np.full((70, 90), 99, np.uint8)))
    assert not chroma.any()


@pytest.mark.parametrize("scale", [1.0, 20.0, 37.5])
def test_chroma_undoes_the_scale(scale):
    photo, domain = colour_photo(64, 64), Colorization(GEOMETRY, scale)
    plain = Colorization(GEOMETRY, 1.0).pair(photo)[1]
    torch.testing.assert_close(domain.chroma(domain.pair(photo)[1]), plain)


def test_finished_picture_has_the_photo_size_and_the_target_colours():
    photo = Photo(np.full((75, 100), 128, np.uint8))
    target = torch.tensor([1.0, -0.5]).view(2, 1, 1).expand(2, 16, 20).requires_grad_()
    image = Colorization(GEOMETRY, scale=20).finish(photo, target)
    assert image.size == (100, 75)
    found = rgb2lab(np.asarray(image))
    np.testing.assert_allclose(found[..., 1], 20, atol=1)
    np.testing.assert_allclose(found[..., 2], -10, atol=1)


def test_photo_survives_the_way_through_target_and_back():
    """Slow colours lose little when reduced to the model's size and enlarged again."""
    y, x = np.mgrid[:128, :128]
    pixels = np.stack([80 + x, 60 + y, 200 - x], axis=2).astype(np.uint8)
    photo, domain = Photo(pixels), Colorization(GEOMETRY)
    image = domain.finish(photo, domain.pair(photo)[1][0])
    difference = rgb2lab(np.asarray(image)) - rgb2lab(pixels)
    assert np.abs(difference[..., 0]).max() < 1
    assert np.hypot(difference[..., 1], difference[..., 2]).mean() < 2


def test_preview_has_the_size_and_the_lightness_of_the_condition():
    domain = Colorization(GEOMETRY)
    condition, target = domain.pair(colour_photo(90, 130))
    image = domain.preview(condition[0], target[0].requires_grad_())
    height, width = condition.shape[-2:]
    assert image.size == (width, height)
    found = rgb2lab(np.asarray(image))
    lightness = rgb2lab(np.repeat(condition[0].permute(1, 2, 0).numpy(), 3, axis=2))[..., 0]
    assert np.abs(found[..., 0] - lightness).max() < 1
    assert np.hypot(found[..., 1], found[..., 2]).max() > 5


def test_preview_without_chroma_is_grey():
    domain = Colorization(GEOMETRY)
    condition, target = domain.pair(colour_photo(90, 130))
    pixels = np.asarray(domain.preview(condition[0], 0 * target[0])).astype(int)
    assert np.ptp(pixels, axis=2).max() <= 1
    assert np.abs(pixels[..., 0] - 255 * condition[0, 0].numpy()).max() <= 1


def test_enlarged_plane_has_the_photo_size():
    plane = torch.full((16, 20), 3.0)
    result = Colorization(GEOMETRY).enlarge(colour_photo(75, 100), plane)
    torch.testing.assert_close(result, torch.full((75, 100), 3.0), atol=1e-3, rtol=0)


def test_log_volume_is_the_log_of_the_change_of_scale():
    # y = x / 20, so p(x) = p(y) |dy/dx| with |dy/dx| = 1/20 in each dimension.
    assert Colorization(GEOMETRY, 20.0).log_volume() == pytest.approx(-math.log(20))
    assert Colorization(GEOMETRY, 1.0).log_volume() == 0


def test_log_volume_keeps_the_density_normalised():
    """A standard normal over the target is a density over Lab chroma that integrates to one."""
    domain = Colorization(GEOMETRY, scale=7.0)
    a = torch.linspace(-80, 80, 4001, dtype=torch.float64)
    log_density = torch.distributions.Normal(0.0, 1.0).log_prob(a / domain.scale)
    total = torch.trapezoid((log_density + domain.log_volume()).exp(), a)
    assert total == pytest.approx(1)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_impossible_scale_is_refused(scale):
    with pytest.raises(ConfigError, match="scale"):
        Colorization(GEOMETRY, scale)


def test_the_domain_of_a_model_has_its_sizes_and_squares_photos_for_a_fixed_tail():
    photo, paper = colorization_of(preset("photo")), colorization_of(preset("paper"))
    assert photo.geometry.condition_size(300, 600) == (256, 512)
    assert paper.geometry.condition_size(300, 600) == (256, 256)
    assert photo.scale == preset("photo").target_scale


def test_a_model_of_another_domain_is_refused():
    with pytest.raises(ConfigError, match="colorization"):
        colorization_of(preset("tiny").replace(domain="night"))


def test_results_stay_those_that_are_stored(grey_cat):
    """The same photo, seed and weights give the same colours in every version.

    The model has an encoder and no backbone, so that other bundled weights change nothing here.
    """
    config = preset("tiny").replace(backbone="none", taps=(), encoder=8)
    model = ConditionalINN(config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.5 * noise / fan_in**0.5)
    colorizer = Colorizer(model, NoBackbone(), "cpu")
    with np.load(Path(__file__).parents[1] / "data/colorization.npz") as stored:
        variants = colorizer.sample(grey_cat, n=2, seed=3, draw="independent")
        # The last bits are the processor's.
        targets = np.stack([variant.target.numpy() for variant in variants])
        np.testing.assert_allclose(targets, stored["target"], atol=1e-4)
        np.testing.assert_allclose([v.log_prob for v in variants], stored["log_prob"], rtol=1e-5)
        # The stored picture has the chroma of its latents, without the gain of variants.
        picture = variants[1].finishing.with_vivid(1.0).pictures([variants[1].target])[0]
        difference = np.abs(np.asarray(picture).astype(int) - stored["picture"])
        assert difference.max() <= 1
        assert (difference == 0).mean() > 0.99


def test_variants_are_finished_with_the_gain_and_decoding_is_not(tiny, grey_cat):
    (variant,) = tiny.sample(grey_cat, n=1, draw="independent")
    photo = read_photo(grey_cat)
    strong = tiny.domain.finishing(photo, tiny.domain.gain).pictures([variant.target])[0]
    plain = tiny.domain.finishing(photo).pictures([variant.target])[0]
    assert variant.image.tobytes() == strong.tobytes()
    assert tiny.decode(grey_cat, variant.latents).tobytes() == plain.tobytes()
    assert strong.tobytes() != plain.tobytes()


def test_strengthening_is_what_the_finishing_does(tiny, grey_cat):
    (variant,) = tiny.sample(grey_cat, n=1, draw="independent")
    photo = read_photo(grey_cat)
    stronger = tiny.domain.strengthen(variant.target, 1.3)
    one = np.asarray(tiny.domain.finishing(photo, 1.3).pictures([variant.target])[0], int)
    other = np.asarray(tiny.domain.finishing(photo).pictures([stronger])[0], int)
    assert np.abs(one - other).max() <= 1
