"""The bundled VGG-16: equal to the definition, and it finds the edges it was trained to find."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from colorflow.networks.backbones import load_backbone
from colorflow.networks.vgg import VGG16Features
from colorflow.resources import bundled

DATA = Path(__file__).parents[1] / "data"
HED_TAPS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")


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
def hed_arrays() -> dict[str, np.ndarray]:
    path = bundled("pretrained", "vgg16_hed.safetensors")
    return {name: value.astype(np.float64) for name, value in load_numpy(path).items()}


@pytest.fixture(scope="module")
def hed() -> VGG16Features:
    return load_backbone("hed", HED_TAPS)


def test_first_layers_equal_a_float64_convolution_of_the_normalised_rgb_picture(
    hed_arrays: dict[str, np.ndarray],
):
    picture = np.random.default_rng(5).random((3, 6, 8))
    # What the Keras network subtracts, on the scale 0-255.
    x = picture * 255 - np.array([123.68, 116.779, 103.939])[:, None, None]
    network = load_backbone("hed", ("conv1_1", "conv1_2", "conv2_1"))
    features = network(torch.from_numpy(picture).float()[None])
    for tap in network.taps:
        x = slow_maximum(x) if tap == "conv2_1" else x
        x = slow_convolution(x, hed_arrays[f"{tap}.weight"], hed_arrays[f"{tap}.bias"])
        x = np.maximum(x, 0)
        assert np.abs(features[tap][0].numpy() - x).max() < 1e-5 * x.max(), tap


def test_a_deep_layer_equals_a_float64_convolution(
    hed: VGG16Features, hed_arrays: dict[str, np.ndarray]
):
    x = np.random.default_rng(6).standard_normal((512, 3, 4))
    expected = slow_convolution(x, hed_arrays["conv5_2.weight"], hed_arrays["conv5_2.bias"])
    got = hed.layers["conv5_2"](torch.from_numpy(x).float()[None])[0]
    assert np.abs(got.numpy() - expected).max() < 1e-5 * np.abs(expected).max()


def edge_probability(network: VGG16Features, picture: Tensor) -> Tensor:
    """Complete the backbone to the edge detector HED by its published side outputs."""
    heads = load_file(DATA / "hed_heads.safetensors")
    sides = []
    for number, features in enumerate(network(picture).values(), 1):
        side = functional.conv2d(
            features, heads[f"side{number}.weight"], heads[f"side{number}.bias"]
        )
        sides.append(
            functional.interpolate(side, picture.shape[-2:], mode="bilinear", align_corners=False)
        )
    fused = functional.conv2d(torch.cat(sides, 1), heads["fuse.weight"], heads["fuse.bias"])
    return fused.sigmoid()[0, 0]


def white_square() -> Tensor:
    picture = torch.zeros(1, 3, 96, 96)
    picture[..., 28:68, 28:68] = 1
    return picture


def strongest_at_the_sides(edges: Tensor) -> Tensor:
    """The largest probability across each side of the square, at every position along it."""
    along = slice(32, 64)
    top, bottom = edges[24:32, along].amax(0), edges[64:72, along].amax(0)
    left, right = edges[along, 24:32].amax(1), edges[along, 64:72].amax(1)
    return torch.stack([top, bottom, left, right])


def test_the_backbone_finds_the_edges_it_was_trained_to_find(hed: VGG16Features):
    edges = edge_probability(hed, white_square())
    assert strongest_at_the_sides(edges).min() > 0.9
    for flat in (edges[38:58, 38:58], edges[:18], edges[78:], edges[:, :18], edges[:, 78:]):
        assert flat.max() < 0.05


def test_the_edge_test_tells_a_wrong_network_from_the_right_one():
    network = load_backbone("hed", HED_TAPS)
    weight = network.layers["conv3_1"].weight
    order = torch.randperm(len(weight), generator=torch.Generator().manual_seed(7))
    weight.copy_(weight[order].clone())
    assert strongest_at_the_sides(edge_probability(network, white_square())).min() < 0.5


def test_the_model_card_names_the_hash_of_the_bundled_file():
    card = bundled("pretrained", "vgg16_hed.md").read_text(encoding="utf-8")
    stated = re.findall(r"\b[0-9a-f]{64}\b", card)
    actual = hashlib.sha256(bundled("pretrained", "vgg16_hed.safetensors").read_bytes())
    assert stated == [actual.hexdigest()]
