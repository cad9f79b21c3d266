"""The feature pyramid: one map per stride, a global vector, standardised features."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from colorflow.errors import ConditionError, ConfigError
from colorflow.networks.pyramid import FeaturePyramid, Pyramid, Tap

FINE, COARSE = Tap("fine", 5, 2), Tap("coarse", 7, 4)
STRIDES = (2, 4, 8)
WIDTH = 6


@pytest.fixture(autouse=True)
def seeded_global_randomness() -> Iterator[None]:
    # Initial weights and dropout draw from torch's global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def build(taps=(FINE, COARSE), strides=STRIDES, **options) -> FeaturePyramid:
    return FeaturePyramid(taps, strides, WIDTH, **options).eval()


def inputs(
    taps=(FINE, COARSE), height: int = 16, width: int = 24, photos: int = 2
) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(2)
    photo = torch.rand(photos, 1, height, width, generator=generator)
    features = {
        tap.name: 9
        * torch.rand(
            photos, tap.channels, height // tap.stride, width // tap.stride, generator=generator
        )
        for tap in taps
    }
    return photo, features


def assert_close(a: Pyramid, b: Pyramid):
    assert a.maps.keys() == b.maps.keys()
    for stride in a.maps:
        assert torch.allclose(a.maps[stride], b.maps[stride], atol=1e-4)
    assert torch.allclose(a.summary, b.summary, atol=1e-4)


@pytest.mark.parametrize("size", [(16, 16), (8, 40), (24, 8)])
@pytest.mark.parametrize("strides", [(2, 4), (2, 4, 8), (1, 2, 4, 8)])
def test_one_map_per_stride_and_one_global_vector(size: tuple[int, int], strides: tuple[int, ...]):
    photo, features = inputs(height=size[0], width=size[1])
    pyramid = build(strides=strides)(photo, features)
    assert set(pyramid.maps) == set(strides)
    for stride, value in pyramid.maps.items():
        assert tuple(value.shape) == (2, WIDTH, size[0] // stride, size[1] // stride)
    assert tuple(pyramid.summary.shape) == (2, WIDTH)


def test_global_vector_is_the_mean_of_the_coarsest_map():
    pyramid = build()(*inputs())
    assert torch.allclose(pyramid.summary, pyramid.maps[8].mean(dim=(2, 3)))


def test_photos_of_a_batch_do_not_influence_each_other():
    network, (photo, features) = build(), inputs()
    both = network(photo, features)
    second = network(photo[1:], {name: value[1:] for name, value in features.items()})
    rows = Pyramid({stride: value[1:] for stride, value in both.maps.items()}, both.summary[1:])
    assert_close(rows, second)


@pytest.mark.parametrize("taps", [(), (FINE,), (FINE, COARSE)])
def test_an_encoder_stands_beside_the_taps_or_alone(taps: tuple[Tap, ...]):
    network, (photo, features) = build(taps=taps, encoder=4), inputs(taps=taps)
    before, after = network(photo, features), network(1 - photo, features)
    for stride in STRIDES:
        assert tuple(before.maps[stride].shape) == (2, WIDTH, 16 // stride, 24 // stride)
        assert not torch.allclose(before.maps[stride], after.maps[stride], atol=1e-4)


def test_without_taps_and_encoder_there_is_nothing_to_build_on():
    with pytest.raises(ConfigError, match="taps of a backbone or an encoder"):
        build(taps=())


@pytest.mark.parametrize("strides", [(2, 4), (2, 4, 8)])
def test_coarse_features_reach_every_map(strides: tuple[int, ...]):
    network, (photo, features) = build(strides=strides), inputs()
    before = network(photo, features)
    after = network(photo, features | {"coarse": features["coarse"] + 1})
    for stride in strides:
        assert not torch.allclose(before.maps[stride], after.maps[stride], atol=1e-3)


def test_the_photo_itself_reaches_the_finest_map():
    network, (photo, features) = build(), inputs()
    before, after = network(photo, features), network(1 - photo, features)
    assert not torch.allclose(before.maps[2], after.maps[2], atol=1e-3)


def test_dropout_acts_in_training_only():
    network, given = build(dropout=0.5), inputs()
    assert_close(network(*given), network(*given))
    network.train()
    first, second = network(*given), network(*given)
    assert not torch.allclose(first.summary, second.summary, atol=1e-3)


def test_without_dropout_training_changes_nothing():
    network, given = build(dropout=0.0), inputs()
    evaluated = network(*given)
    assert_close(network.train()(*given), evaluated)


def statistics() -> dict[str, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(3)
    return {
        tap.name: (
            5 * torch.rand(tap.channels, generator=generator),
            1 + 3 * torch.rand(tap.channels, generator=generator),
        )
        for tap in (FINE, COARSE)
    }


def test_statistics_standardise_each_channel():
    network, (photo, features) = build(), inputs()
    plain = network(photo, features)
    blown_up = {}
    for name, (mean, std) in statistics().items():
        blown_up[name] = features[name] * std.view(-1, 1, 1) + mean.view(-1, 1, 1)
    network.set_statistics(statistics())
    assert_close(network(photo, blown_up), plain)


def test_statistics_are_part_of_the_saved_state():
    network, given = build(), inputs()
    network.set_statistics(statistics())
    fresh = build()
    fresh.load_state_dict(network.state_dict(), strict=True)
    assert_close(fresh(*given), network(*given))


def test_a_channel_that_never_fires_is_not_blown_up():
    network, (photo, features) = build(), inputs()
    silent = {tap.name: torch.zeros(tap.channels) for tap in (FINE, COARSE)}
    network.set_statistics({name: (zero, zero) for name, zero in silent.items()})
    features = {name: torch.zeros_like(value) + 1e-6 for name, value in features.items()}
    for value in network(photo, features).maps.values():
        assert float(value.detach().abs().max()) < 100


@pytest.mark.parametrize("strides", [(2, 4), (2, 4, 8), (1, 2, 4, 8, 16)])
def test_every_parameter_gets_a_gradient(strides: tuple[int, ...]):
    network, given = build(strides=strides), inputs(height=16, width=32)
    pyramid = network(*given)
    generator = torch.Generator().manual_seed(4)
    # Random weights: a plain sum could cancel or see only biases.
    loss = sum(
        (value * torch.randn(value.shape, generator=generator)).sum()
        for value in pyramid.maps.values()
    )
    loss.backward()
    idle = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert idle == []


def test_missing_features_are_refused_by_name():
    photo, features = inputs()
    del features["coarse"]
    with pytest.raises(ConditionError, match="expected features 'coarse'"):
        build()(photo, features)


def test_features_of_wrong_channels_are_refused_by_name():
    photo, features = inputs()
    features["fine"] = features["fine"][:, 1:]
    with pytest.raises(ConditionError, match="expected features 'fine' with 5 channels"):
        build()(photo, features)


def test_features_of_another_photo_size_are_refused():
    photo, _ = inputs(height=16)
    _, features = inputs(height=32)
    with pytest.raises(ConditionError):
        build()(photo, features)


def test_a_photo_of_wrong_channels_is_refused():
    photo, features = inputs()
    with pytest.raises(ConditionError):
        build()(photo.expand(-1, 3, -1, -1), features)


@pytest.mark.parametrize("size", [(12, 16), (16, 20)])
def test_sides_that_are_no_multiples_are_refused(size: tuple[int, int]):
    with pytest.raises(ConditionError, match=f"multiples of 8, got {size[0]} x {size[1]}"):
        build()(*inputs(height=size[0], width=size[1]))


@pytest.mark.parametrize("strides", [(2, 8), (2, 4, 12), (2, 3)])
def test_strides_must_double(strides: tuple[int, ...]):
    with pytest.raises(ConfigError, match="must double"):
        build(taps=(FINE,), strides=strides)


def test_a_tap_that_fits_no_stride_is_refused_by_name():
    with pytest.raises(ConfigError, match="tap 'coarse' has stride 4"):
        build(strides=(1, 2))
