"""Presets: the published sizes, the size of the bundled model, and that each one samples."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from colorflow.errors import ConfigError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.condition import PreparedCondition
from colorflow.models.latents import Latents
from colorflow.models.presets import preset, preset_names
from colorflow.transforms import AffineCoupling, RandomOrthogonal


def build(name: str) -> ConditionalINN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return ConditionalINN(preset(name)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def paper() -> ConditionalINN:
    return build("paper")


def draw(
    model: ConditionalINN, height: int, width: int
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """A photo, its features, and a target that fits it."""
    generator = torch.Generator().manual_seed(2)
    config = model.config
    photo = torch.rand(1, config.condition_channels, height, width, generator=generator)
    features = {
        tap.name: torch.rand(
            1, tap.channels, height // tap.stride, width // tap.stride, generator=generator
        )
        for tap in model.pyramid.taps
    }
    size = height // config.stride, width // config.stride
    target = torch.randn(1, config.target_channels, *size, generator=generator)
    return photo, features, target


def sizes(shapes: tuple[tuple[int, ...], ...]) -> list[int]:
    return [torch.Size(shape).numel() for shape in shapes]


def test_paper_latents_have_the_published_sizes(paper: ConditionalINN):
    photo, features, target = draw(paper, 256, 256)
    latents, _ = paper(target, paper.prepare(photo, features))
    assert tuple(target.shape) == (1, 2, 64, 64)
    assert sizes(latents.shapes) == [4096, 2048, 1536, 512]
    assert latents.dimensions == 8192
    assert latents.shapes == paper.latent_shapes(64, 64)


def test_paper_has_the_published_couplings_and_widths(paper: ConditionalINN):
    config = paper.config
    assert [stage.couplings for stage in config.stages] == [4, 6, 6, 6]
    assert [stage.hidden for stage in config.stages] == [32, 64, 128, 256]
    assert config.tail is not None
    assert (config.tail.couplings, config.tail.hidden) == (8, 512)
    assert config.clamp_limit == 1.5
    couplings = [t for t in paper.flow.transforms if isinstance(t, AffineCoupling)]
    assert [c.subnet_1.hidden for c in couplings] == (
        [32] * 4 + [64] * 6 + [128] * 6 + [256] * 6 + [512] * 8
    )


def test_every_coupling_follows_a_mixing(paper: ConditionalINN):
    transforms = list(paper.flow.transforms)
    for before, after in itertools.pairwise(transforms):
        assert isinstance(before, RandomOrthogonal) == isinstance(after, AffineCoupling)
    matrices = [t.matrix for t in transforms if isinstance(t, RandomOrthogonal)]
    distinct = {matrix.numpy().tobytes() for matrix in matrices}
    assert len(distinct) == len(matrices) == 30


def test_photo_has_six_to_eight_million_flow_parameters():
    model = build("photo")
    parts = (model.flow, model.hoists)
    count = sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert 6_000_000 <= count <= 8_000_000


def test_photo_maps_a_square_photo_to_a_target_of_64_pixels():
    config = preset("photo")
    assert (config.side, config.side // config.stride) == (256, 64)


@pytest.mark.parametrize("name", ["photo", "tiny"])
@pytest.mark.parametrize("aspect", [(1, 1), (1, 3), (4, 1)])
def test_models_without_a_tail_take_any_aspect_ratio(name: str, aspect: tuple[int, int]):
    model = build(name)
    step = model.config.coarsest_stride
    photo, features, target = draw(model, aspect[0] * step, aspect[1] * step)
    prepared = model.prepare(photo, features)
    latents, _ = model(target, prepared)
    assert latents.dimensions == target.numel()
    assert torch.allclose(model.inverse(latents, prepared)[0], target, atol=1e-4)


# --- samples of a model that is not linear


@pytest.fixture(scope="module", params=preset_names())
def shaken(request: pytest.FixtureRequest) -> tuple[ConditionalINN, PreparedCondition, Latents]:
    """A preset whose weights, zeros included, are moved at random; a photo; latents of samples."""
    model = build(request.param)
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        scale = 0.5 / parameter[0].numel() ** 0.5 if parameter.dim() > 1 else 0.1
        parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    # A fully connected tail takes one size only; the others are faster on a small photo.
    side = model.config.side if model.config.tail else 2 * model.config.coarsest_stride
    photo, features, _ = draw(model, side, side)
    prepared = model.prepare(photo, features)
    latents = Latents.sample(model.latent_shapes(*prepared.size), range(3 if side > 100 else 8))
    return model, prepared, latents


def variance(
    shaken: tuple[ConditionalINN, PreparedCondition, Latents], temperature: float | list[float]
) -> float:
    model, prepared, latents = shaken
    samples, _ = model.inverse(latents.scale(temperature), prepared)
    return float(samples.var(0).mean())


def test_the_variance_of_samples_rises_with_the_temperature_from_nothing(shaken):
    model, prepared, latents = shaken
    code, opposite = latents[0], Latents(tuple(-level for level in latents[0].levels))
    ends, _ = model.inverse(Latents.cat([code, opposite, code.scale(0)]), prepared)
    bend = (ends[0] + ends[1]) / 2 - ends[2]
    assert bend.std() > 0.1 * ends[0].std(), "nearly linear, so the test would say little"
    none, little, half, full = (variance(shaken, t) for t in (0.0, 0.25, 0.5, 1.0))
    assert none < 1e-9 * little
    assert 0 < little < half < full
    assert math.isfinite(full)


def test_every_level_of_the_latents_has_a_part_in_the_variance(shaken):
    levels, full = shaken[0].config.levels, variance(shaken, 1.0)
    for level in range(levels):
        alone = [float(other == level) for other in range(levels)]
        assert 0.003 * full < variance(shaken, alone) < full


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_bears_its_name(name: str):
    assert preset(name).name == name


def test_unknown_presets_are_refused_with_a_list_of_the_known():
    with pytest.raises(ConfigError, match="'huge': expected one of paper, photo, tiny"):
        preset("huge")


def test_translation_works_at_128_pixels_as_well():
    model = ConditionalINN(preset("translate").replace(side=256)).eval()
    photo, features, target = draw(model, 256, 256)
    assert tuple(target.shape) == (1, 3, 128, 128)
    with torch.no_grad():
        prepared = model.prepare(photo, features)
        latents, _ = model(target, prepared)
        again, _ = model.inverse(latents, prepared)
    assert (again - target).abs().max() < 1e-3
