"""Backbone weights: the imported VGG-16 is the right one, and wrong files are refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from torchvision.models import VGG16_Weights, vgg16

from colorflow.errors import CheckpointError, ConfigError
from colorflow.networks.backbones import backbone_file, backbone_hash, load_backbone
from colorflow.networks.vgg import VGG16Features
from colorflow.resources import bundled

DATA = Path(__file__).parents[1] / "data"
HED_TAPS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
NORMALISATION = {"mean": "[0.5, 0.4, 0.3]", "std": "[0.2, 0.2, 0.2]"}


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


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    """A whole weights file for the tap conv1_1, which needs no other layer."""
    path = tmp_path / "small.safetensors"
    save_file(small_state(), path, metadata=NORMALISATION)
    return path


def small_state() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(4)
    return {
        "conv1_1.weight": torch.randn(64, 3, 3, 3, generator=generator),
        "conv1_1.bias": torch.randn(64, generator=generator),
    }


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


@pytest.mark.parametrize("source", ["hed", "file"])
def test_loaded_networks_are_frozen_and_in_evaluation_mode(source: str, small_file: Path):
    network = load_backbone(source if source == "hed" else str(small_file), ("conv1_1",))
    assert not network.training
    assert all(not p.requires_grad and p.dtype == torch.float32 for p in network.parameters())


def test_the_model_card_names_the_hash_of_the_bundled_file():
    card = bundled("pretrained", "vgg16_hed.md").read_text(encoding="utf-8")
    stated = re.findall(r"\b[0-9a-f]{64}\b", card)
    actual = hashlib.sha256(bundled("pretrained", "vgg16_hed.safetensors").read_bytes())
    assert stated == [actual.hexdigest()]


def test_a_local_file_is_used_with_its_own_normalisation(small_file: Path):
    photo = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(8))
    got = load_backbone(str(small_file), ("conv1_1",))(photo)["conv1_1"]
    mean = torch.tensor(json.loads(NORMALISATION["mean"])).view(3, 1, 1)
    state = small_state()
    expected = functional.conv2d(
        (photo - mean) / 0.2, state["conv1_1.weight"], state["conv1_1.bias"], padding=1
    ).relu()
    assert torch.allclose(got, expected, atol=1e-4)


def missing_file(path: Path):
    path.unlink()


def truncated_file(path: Path):
    path.write_bytes(path.read_bytes()[:-100])


def text_file(path: Path):
    path.write_text("these are not the weights you are looking for")


def empty_file(path: Path):
    path.write_bytes(b"")


def other_network(path: Path):
    save_file({"fc.weight": torch.zeros(3, 4)}, path, metadata=NORMALISATION)


def wrong_shape(path: Path):
    state = small_state()
    state["conv1_1.weight"] = state["conv1_1.weight"][:, :1].contiguous()
    save_file(state, path, metadata=NORMALISATION)


def without_metadata(path: Path):
    save_file(small_state(), path)


def without_std(path: Path):
    save_file(small_state(), path, metadata={"mean": NORMALISATION["mean"]})


def mean_that_is_no_json(path: Path):
    save_file(small_state(), path, metadata=NORMALISATION | {"mean": "0.5; 0.4; 0.3"})


def mean_of_two_channels(path: Path):
    save_file(small_state(), path, metadata=NORMALISATION | {"mean": "[0.5, 0.4]"})


def mean_that_is_a_number(path: Path):
    save_file(small_state(), path, metadata=NORMALISATION | {"mean": "0.5"})


def mean_that_is_not_finite(path: Path):
    save_file(small_state(), path, metadata=NORMALISATION | {"mean": "[0.5, NaN, 0.5]"})


def std_with_a_zero(path: Path):
    save_file(small_state(), path, metadata=NORMALISATION | {"std": "[0.2, 0, 0.2]"})


WRONG_FILES = [
    missing_file,
    truncated_file,
    text_file,
    empty_file,
    other_network,
    wrong_shape,
    without_metadata,
    without_std,
    mean_that_is_no_json,
    mean_of_two_channels,
    mean_that_is_a_number,
    mean_that_is_not_finite,
    std_with_a_zero,
]


@pytest.mark.parametrize("spoil", WRONG_FILES, ids=lambda spoil: spoil.__name__)
def test_a_wrong_file_is_refused_by_name(small_file: Path, spoil: Callable[[Path], None]):
    spoil(small_file)
    with pytest.raises(CheckpointError, match=re.escape(str(small_file))) as caught:
        load_backbone(str(small_file), ("conv1_1",))
    assert "\n" not in str(caught.value)


def test_a_file_that_stops_short_of_the_tap_is_refused(small_file: Path):
    with pytest.raises(CheckpointError, match=r"small\.safetensors.*conv1_2\.weight is missing"):
        load_backbone(str(small_file), ("conv1_2",))


def test_unknown_taps_are_refused_when_loading(small_file: Path):
    with pytest.raises(ConfigError, match="conv9_9"):
        load_backbone(str(small_file), ("conv9_9",))


def test_an_unknown_source_lists_the_known_ones():
    with pytest.raises(
        CheckpointError, match=r"one of lite2, hed, imagenet, none or a \.safetensors file"
    ):
        backbone_file("imagnet")


def test_hash_tells_files_apart_and_is_that_of_the_content(small_file: Path, tmp_path: Path):
    copy, other = tmp_path / "copy.safetensors", tmp_path / "other.safetensors"
    copy.write_bytes(small_file.read_bytes())
    save_file({name: value + 1 for name, value in small_state().items()}, other)
    assert backbone_hash(str(small_file)) == backbone_hash(str(copy))
    assert backbone_hash(str(small_file)) == hashlib.sha256(small_file.read_bytes()).hexdigest()
    sources = ("hed", "imagenet", str(small_file), str(other))
    assert len({backbone_hash(source) for source in sources}) == 4


def test_hash_of_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere"):
        backbone_hash(str(tmp_path / "nowhere.safetensors"))


@pytest.fixture(scope="module")
def torchvision_network() -> torch.nn.Module:
    """The network of torchvision with random convolutions; its huge classifier stays empty."""
    with torch.device("meta"):
        network = vgg16(weights=None, init_weights=False)
    network.features.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in network.features.parameters():
            scale = (2 / parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.1
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return network.eval().requires_grad_(False)


# Position of the rectifier after each tap in torchvision's `features`.
TORCHVISION_RECTIFIERS = {"conv1_1": 1, "conv2_2": 8, "conv3_3": 15, "conv4_3": 22, "conv5_3": 29}


def test_imagenet_maps_the_layers_of_torchvision(
    torchvision_network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
):
    state = torchvision_network.state_dict()
    monkeypatch.setattr(VGG16_Weights, "get_state_dict", lambda self, **options: state)
    photo = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(10))
    features = load_backbone("imagenet", TORCHVISION_RECTIFIERS)(photo)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (photo - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    for tap, position in TORCHVISION_RECTIFIERS.items():
        expected = torchvision_network.features[: position + 1](x)
        assert torch.allclose(features[tap], expected, atol=1e-4 * float(expected.max())), tap


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's download folder moved to an empty place, and no network."""

    def offline(*args, **options):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    return tmp_path / "hub" / "checkpoints"


def test_imagenet_offline_says_in_one_line_where_to_put_the_file(hub: Path):
    with pytest.raises(CheckpointError, match=re.escape(str(hub))) as caught:
        load_backbone("imagenet", ("conv1_1",))
    message = str(caught.value)
    assert VGG16_Weights.IMAGENET1K_V1.url in message
    assert "\n" not in message


def test_imagenet_asks_for_a_check_of_the_hash(hub: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def altered(url, file, hash_prefix=None, progress=True):
        asked.append(hash_prefix)
        raise RuntimeError("invalid hash value")

    monkeypatch.setattr(torch.hub, "download_url_to_file", altered)
    with pytest.raises(CheckpointError, match="invalid hash value"):
        load_backbone("imagenet", ("conv1_1",))
    # torchvision's own name of the file ends in the start of its hash.
    assert asked == ["397923af"]


def test_imagenet_is_read_from_the_folder_the_message_names(
    hub: Path, torchvision_network: torch.nn.Module
):
    hub.mkdir(parents=True)
    state = {f"features.{n}": v for n, v in torchvision_network.features.state_dict().items()}
    torch.save(state, hub / Path(VGG16_Weights.IMAGENET1K_V1.url).name)
    network = load_backbone("imagenet", ("conv1_1",))
    expected = torchvision_network.features[0].weight
    assert torch.equal(network.layers["conv1_1"].weight, expected)


@pytest.mark.parametrize("content", [b"", b"not weights"], ids=["empty", "text"])
def test_a_damaged_download_of_imagenet_is_refused(hub: Path, content: bytes):
    hub.mkdir(parents=True)
    (hub / Path(VGG16_Weights.IMAGENET1K_V1.url).name).write_bytes(content)
    with pytest.raises(CheckpointError, match="imagenet"):
        load_backbone("imagenet", ("conv1_1",))


def test_another_network_in_place_of_imagenet_is_refused(hub: Path):
    hub.mkdir(parents=True)
    name = Path(VGG16_Weights.IMAGENET1K_V1.url).name
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, hub / name)
    with pytest.raises(CheckpointError, match="imagenet"):
        load_backbone("imagenet", ("conv1_1",))
