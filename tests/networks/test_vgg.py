"""VGG-16: grey photos without tripling, the shapes of its taps, and its errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from colorflow.errors import ConfigError, ShapeError
from colorflow.networks.backbones import load_backbone
from colorflow.networks.vgg import CONVOLUTIONS, VGG16Features, tap_channels, tap_stride

TAPS = ("conv1_1", "conv2_2", "conv3_3", "conv4_3", "conv5_3")


def seeded_network(taps: tuple[str, ...] = TAPS, **normalisation) -> VGG16Features:
    network = VGG16Features(taps, **normalisation)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            # He's scale keeps the features of all depths at the same size.
            scale = (2 / fan_in) ** 0.5 if parameter.dim() > 1 else 0.1
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def network() -> VGG16Features:
    return seeded_network()


@pytest.fixture(scope="module")
def grey() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(2))


def relative_error(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).abs().max() / expected.abs().max())


def test_grey_gives_the_features_of_the_tripled_grey_with_trained_weights(grey: Tensor):
    network = load_backbone("photo", TAPS)
    single, triple = network(grey), network(grey.expand(-1, 3, -1, -1))
    for tap in TAPS:
        assert relative_error(single[tap], triple[tap]) < 1e-5, tap


def test_grey_and_tripled_grey_agree_to_rounding_in_float64(grey: Tensor):
    network = seeded_network(("conv1_2", "conv2_2")).double()
    single = network(grey.double())
    triple = network(grey.double().expand(-1, 3, -1, -1))
    for tap, features in single.items():
        assert relative_error(features, triple[tap]) < 1e-12


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_grey_and_tripled_grey_agree_at_the_border(edge: str, grey: Tensor):
    # The zero padding lies after the normalisation, so a mean folded into the bias alone would
    # be wrong exactly here.
    where = {"top": (..., 0, slice(None)), "bottom": (..., -1, slice(None))}
    where |= {"left": (..., slice(None), 0), "right": (..., slice(None), -1)}
    network = seeded_network(("conv1_1",), mean=(0.9, 0.1, 0.5), std=(0.2, 0.3, 0.1)).double()
    single = network(grey.double())["conv1_1"][where[edge]]
    triple = network(grey.double().expand(-1, 3, -1, -1))["conv1_1"][where[edge]]
    assert relative_error(single, triple) < 1e-12


@pytest.mark.parametrize("channels", [1, 3])
def test_taps_have_the_stated_channels_and_strides(network: VGG16Features, channels: int):
    features = network(torch.rand(2, channels, 32, 48, generator=torch.Generator().manual_seed(3)))
    assert tuple(features) == TAPS
    for tap, value in features.items():
        stride = tap_stride(tap)
        assert tuple(value.shape) == (2, tap_channels(tap), 32 // stride, 48 // stride)


def test_channels_and_strides_are_those_of_the_paper():
    assert [tap_channels(tap) for tap in TAPS] == [64, 128, 256, 512, 512]
    assert [tap_stride(tap) for tap in TAPS] == [1, 2, 4, 8, 16]
    assert len(CONVOLUTIONS) == 13


def test_taps_are_taken_after_the_rectifier(network: VGG16Features, grey: Tensor):
    for value in network(grey).values():
        assert float(value.min()) == 0.0
        assert float(value.max()) > 0.0


def test_taps_come_in_the_order_asked_for(grey: Tensor):
    features = seeded_network(("conv2_1", "conv1_2"))(grey)
    assert tuple(features) == ("conv2_1", "conv1_2")


def test_a_tap_does_not_depend_on_the_other_taps(network: VGG16Features, grey: Tensor):
    alone = seeded_network(("conv2_2",))(grey)["conv2_2"]
    assert relative_error(alone, network(grey)["conv2_2"]) < 1e-5


def test_photos_of_a_batch_do_not_influence_each_other(network: VGG16Features, grey: Tensor):
    both, second = network(grey), network(grey[1:])
    for tap in TAPS:
        assert relative_error(both[tap][1:], second[tap]) < 1e-5


@pytest.mark.parametrize("shape", [(1, 2, 16, 16), (1, 4, 16, 16), (3, 16, 16)])
def test_wrong_channels_are_refused(network: VGG16Features, shape: tuple[int, ...]):
    with pytest.raises(ShapeError, match="1 or 3"):
        network(torch.zeros(shape))


@pytest.mark.parametrize("tap", ["conv6_1", "conv1_3", "relu1_1", "pool1", ""])
def test_unknown_taps_are_refused(tap: str):
    for use in (tap_channels, tap_stride, lambda name: VGG16Features(("conv1_1", name))):
        with pytest.raises(ConfigError, match=f"'{tap}'"):
            use(tap)
