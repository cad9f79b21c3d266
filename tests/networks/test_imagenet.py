"""Weights of ImageNet: the layers of torchvision, and downloads that are missing or damaged."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision.models import VGG16_Weights, vgg16

from colorflow.errors import CheckpointError
from colorflow.networks.backbones import load_backbone


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
