"""EfficientNet-Lite2: its taps, its bundled weights, and its first blocks by their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from closeness import relative_error
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file
from torch import Tensor

from colorflow.errors import CheckpointError, ConfigError, ShapeError
from colorflow.networks.backbones import (
    backbone_file,
    backbone_hash,
    build_backbone,
    load_backbone,
    tap_channels,
    tap_stride,
)
from colorflow.networks.efficientnet import STAGES, EfficientNetLiteFeatures


@pytest.fixture(scope="module")
def network() -> EfficientNetLiteFeatures:
    """The bundled weights."""
    return load_backbone("lite2", STAGES)


@pytest.fixture(scope="module")
def grey() -> Tensor:
    return torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(2))


# --- taps


@pytest.mark.parametrize("channels", [1, 3])
def test_taps_have_the_stated_channels_and_strides(
    network: EfficientNetLiteFeatures, channels: int
):
    photo = torch.rand(2, channels, 32, 48, generator=torch.Generator().manual_seed(3))
    features = network(photo)
    assert tuple(features) == STAGES
    for tap, value in features.items():
        stride = tap_stride(tap)
        assert tuple(value.shape) == (2, tap_channels(tap), 32 // stride, 48 // stride)


def test_channels_are_those_of_the_publication_and_strides_those_of_a_photo_enlarged_twofold():
    assert [tap_channels(tap) for tap in STAGES] == [16, 24, 48, 88, 120, 208, 352]
    assert [tap_stride(tap) for tap in STAGES] == [1, 2, 4, 8, 8, 16, 16]


def test_taps_come_in_the_order_asked_for_and_do_not_depend_on_each_other(
    network: EfficientNetLiteFeatures, grey: Tensor
):
    features = load_backbone("lite2", ("stage3", "stage1"))(grey)
    assert tuple(features) == ("stage3", "stage1")
    for tap, value in features.items():
        assert relative_error(value, network(grey)[tap]) < 1e-5, tap


def test_photos_of_a_batch_do_not_influence_each_other(
    network: EfficientNetLiteFeatures, grey: Tensor
):
    both, second = network(grey), network(grey[1:])
    for tap in STAGES:
        assert relative_error(both[tap][1:], second[tap]) < 1e-5, tap


def test_grey_gives_the_features_of_the_tripled_grey(
    network: EfficientNetLiteFeatures, grey: Tensor
):
    single, triple = network(grey), network(grey.expand(-1, 3, -1, -1))
    for tap in STAGES:
        assert relative_error(single[tap], triple[tap]) < 1e-5, tap


@pytest.mark.parametrize("shape", [(1, 2, 16, 16), (1, 4, 16, 16), (3, 16, 16)])
def test_wrong_channels_are_refused(network: EfficientNetLiteFeatures, shape: tuple[int, ...]):
    with pytest.raises(ShapeError, match="1 or 3"):
        network(torch.zeros(shape))


@pytest.mark.parametrize("tap", ["stage0", "stage8", "stage", "stage1.0"])
def test_unknown_stages_are_refused(tap: str):
    for use in (tap_channels, tap_stride, lambda name: build_backbone(("stage1", name))):
        with pytest.raises(ConfigError, match=f"'{tap}'.*stage1, .*stage7"):
            use(tap)


def test_taps_of_two_networks_are_refused():
    with pytest.raises(ConfigError, match="one backbone, got stage3, conv4_3"):
        build_backbone(("stage3", "conv4_3"))


# --- bundled weights


def test_bundled_weights_load_whole_finite_and_frozen(network: EfficientNetLiteFeatures):
    assert set(load_file(backbone_file("lite2"))) == set(network.layers.state_dict())
    for parameter in network.parameters():
        assert not parameter.requires_grad
        assert parameter.dtype == torch.float32
        assert parameter.isfinite().all()
    assert not network.training
    # It was trained on (pixel - 127) / 128.
    assert torch.allclose(255 * network.mean, torch.tensor(127.0))
    assert torch.allclose(255 * network.std, torch.tensor(128.0))


def test_weights_of_one_network_are_refused_for_the_other():
    with pytest.raises(CheckpointError, match=r"efficientnet_lite2.*another network"):
        load_backbone("lite2", ("conv1_2",))
    with pytest.raises(CheckpointError, match=r"photo\.safetensors.*another network"):
        load_backbone("photo", ("stage1",))
    assert backbone_hash("lite2") != backbone_hash("photo")


# --- the definition, slowly and in float64


def cubic(distance: np.ndarray) -> np.ndarray:
    """The kernel of Keys with a = -3/4."""
    d, a = np.abs(distance), -0.75
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def doubling(size: int) -> np.ndarray:
    """The matrix that makes 2 * size samples of size samples, with the border repeated."""
    centres = (np.arange(2 * size) + 0.5) / 2 - 0.5
    matrix = np.zeros((2 * size, size))
    for neighbour in range(-3, size + 3):
        matrix[:, np.clip(neighbour, 0, size - 1)] += cubic(centres - neighbour)
    return matrix


def windows(x: np.ndarray, size: int, stride: int, before: int) -> np.ndarray:
    """All size x size windows of x [channels, h, w]: [h / stride, w / stride, channels, ...]."""
    height, width = x.shape[1] // stride, x.shape[2] // stride
    padded = np.pad(x, ((0, 0), (before, size), (before, size)))
    rows = [
        [padded[:, stride * i :, stride * j :][:, :size, :size] for j in range(width)]
        for i in range(height)
    ]
    return np.array(rows)


def relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


def test_stem_and_first_blocks_equal_the_definition_in_float64():
    """Enlarge, normalise, stem, stage 1, and the first of stage 2, which pads at one side only."""
    weights = {n: v.astype(np.float64) for n, v in load_numpy(backbone_file("lite2")).items()}

    def put(name: str, formula: str, x: np.ndarray) -> np.ndarray:
        result = np.einsum(formula, x, weights[f"{name}.weight"])
        return result + weights[f"{name}.bias"][:, None, None]

    def pointwise(name: str, x: np.ndarray) -> np.ndarray:
        return put(name, "ihw,oizz->ohw", x)

    def depthwise(name: str, x: np.ndarray) -> np.ndarray:
        return relu6(put(name, "hwcyx,czyx->chw", x))

    photo = np.random.default_rng(5).random((3, 8, 12))
    large = np.clip(doubling(8) @ photo @ doubling(12).T, 0, 1)
    x = (255 * large - 127) / 128
    # "Same" padding of even maps under a stride of two: nothing before, one after.
    x = relu6(put("stem", "hwiyx,oiyx->ohw", windows(x, 3, 2, 0)))
    x = depthwise("stage1.0.depthwise", windows(x, 3, 1, 1))
    stage1 = pointwise("stage1.0.project", x)
    x = relu6(pointwise("stage2.0.expand", stage1))
    x = depthwise("stage2.0.depthwise", windows(x, 3, 2, 0))
    second = pointwise("stage2.0.project", x)

    network = load_backbone("lite2", ("stage1", "stage2"))
    network.layers["stage2"] = network.layers["stage2"][:1]
    features = network(torch.from_numpy(photo).float()[None])
    for tap, expected in (("stage1", stage1), ("stage2", second)):
        got = features[tap][0].numpy()
        assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max(), tap
