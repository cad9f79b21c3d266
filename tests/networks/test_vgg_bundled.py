"""The VGG-16 inside the bundled colorizer: whole, frozen, and equal to the definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from colorflow.networks.backbones import INSIDE_PREFIX, backbone_file, load_backbone
from colorflow.networks.vgg import CONVOLUTIONS, VGG16Features


def slow_convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The definition: 3 x 3 windows of the zero-padded x [channels, height, width], in float64."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    result = np.empty((len(weight), *x.shape[1:]))
    for row, column in np.ndindex(*x.shape[1:]):
        window = padded[:, row : row + 3, column : column + 3]
        result[:, row, column] = np.tensordot(weight, window, axes=3) + bias
    return result


def slow_maximum(x: np.ndarray) -> np.ndarray:
    channels, height, width = x.shape
    return x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """What the file of the colorizer holds of its backbone."""
    return {
        name.removeprefix(INSIDE_PREFIX): value.astype(np.float64)
        for name, value in load_file(backbone_file("photo")).items()
        if name.startswith(INSIDE_PREFIX)
    }


@pytest.fixture(scope="module")
def network() -> VGG16Features:
    return load_backbone("photo", CONVOLUTIONS)


def test_first_layers_equal_a_float64_convolution_of_the_normalised_rgb_picture(
    arrays: dict[str, np.ndarray],
):
    picture = np.random.default_rng(5).random((3, 6, 8))
    # What the authors of VGG-16 subtract, on the scale 0-255.
    x = picture * 255 - np.array([123.68, 116.779, 103.939])[:, None, None]
    network = load_backbone("photo", ("conv1_1", "conv1_2", "conv2_1"))
    features = network(torch.from_numpy(picture).float()[None])
    for tap in network.taps:
        x = slow_maximum(x) if tap == "conv2_1" else x
        x = slow_convolution(x, arrays[f"layers.{tap}.weight"], arrays[f"layers.{tap}.bias"])
        x = np.maximum(x, 0)
        assert np.abs(features[tap][0].numpy() - x).max() < 1e-5 * x.max(), tap


def test_a_deep_layer_equals_a_float64_convolution(
    network: VGG16Features, arrays: dict[str, np.ndarray]
):
    x = np.random.default_rng(6).standard_normal((512, 3, 4))
    weight, bias = arrays["layers.conv5_2.weight"], arrays["layers.conv5_2.bias"]
    expected = slow_convolution(x, weight, bias)
    got = network.layers["conv5_2"](torch.from_numpy(x).float()[None])[0]
    assert np.abs(got.numpy() - expected).max() < 1e-5 * np.abs(expected).max()


def test_bundled_weights_are_whole_finite_and_frozen(
    network: VGG16Features, arrays: dict[str, np.ndarray]
):
    assert set(arrays) == set(network.state_dict())
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        np.testing.assert_array_equal(value.numpy(), arrays[name], name)
        assert value.isfinite().all()
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training
