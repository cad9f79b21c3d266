"""Files of backbone weights: read as they are, told apart, and refused when wrong."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from colorflow.errors import CheckpointError, ConfigError
from colorflow.models.checkpoint import INSIDE, load_checkpoint
from colorflow.models.matching import matching_backbone
from colorflow.networks.backbones import (
    INSIDE_PREFIX,
    backbone_file,
    backbone_hash,
    load_backbone,
)
from colorflow.resources import bundled, hash_of_tensors

NORMALISATION = {"mean": "[0.5, 0.4, 0.3]", "std": "[0.2, 0.2, 0.2]"}


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


@pytest.mark.parametrize("source", ["photo", "file"])
def test_loaded_networks_are_frozen_and_in_evaluation_mode(source: str, small_file: Path):
    network = load_backbone(source if source == "photo" else str(small_file), ("conv1_1",))
    assert not network.training
    assert all(not p.requires_grad and p.dtype == torch.float32 for p in network.parameters())


def test_a_local_file_is_used_with_its_own_normalisation(small_file: Path):
    photo = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(8))
    got = load_backbone(str(small_file), ("conv1_1",))(photo)["conv1_1"]
    mean = torch.tensor(json.loads(NORMALISATION["mean"])).view(3, 1, 1)
    state = small_state()
    expected = functional.conv2d(
        (photo - mean) / 0.2, state["conv1_1.weight"], state["conv1_1.bias"], padding=1
    ).relu()
    assert torch.allclose(got, expected, atol=1e-4)


# --- a model with its backbone inside


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """What a model's file holds of its backbone, for the tap conv1_1, and something of the flow."""
    path = tmp_path / "model.safetensors"
    mean, std = (
        torch.tensor(json.loads(NORMALISATION[name])).view(1, 3, 1, 1) for name in ("mean", "std")
    )
    state = {f"{INSIDE_PREFIX}layers.{name}": value for name, value in small_state().items()}
    state |= {f"{INSIDE_PREFIX}mean": mean, f"{INSIDE_PREFIX}std": std, "head": torch.ones(2)}
    save_file(state, path, metadata={"format": "colorflow-model"})
    return path


def test_a_model_is_a_source_of_the_backbone_inside(small_file: Path, small_model: Path):
    photo = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(8))
    from_file, from_model = (
        load_backbone(str(path), ("conv1_1",)) for path in (small_file, small_model)
    )
    assert torch.equal(from_model(photo)["conv1_1"], from_file(photo)["conv1_1"])
    assert not from_model.training
    assert not any(parameter.requires_grad for parameter in from_model.parameters())


def test_the_hash_of_a_model_as_a_source_is_that_of_its_backbone_alone(small_model: Path):
    state = load_file(small_model)
    inside = {name: value for name, value in state.items() if name.startswith(INSIDE_PREFIX)}
    before = backbone_hash(str(small_model))
    assert before == hash_of_tensors(inside)
    save_file({**state, "head": torch.zeros(2)}, small_model, metadata={"other": "metadata"})
    assert backbone_hash(str(small_model)) == before
    state[f"{INSIDE_PREFIX}mean"] += 0.1
    save_file(state, small_model)
    assert backbone_hash(str(small_model)) != before


@pytest.mark.parametrize("name", ["mean", "std", "layers.conv1_1.bias"])
def test_a_model_whose_backbone_is_not_whole_is_refused_by_name(small_model: Path, name: str):
    state = load_file(small_model)
    del state[INSIDE_PREFIX + name]
    save_file(state, small_model)
    with pytest.raises(CheckpointError, match=name.removeprefix("layers.")) as caught:
        load_backbone(str(small_model), ("conv1_1",))
    assert str(small_model) in str(caught.value)


def test_the_bundled_source_is_the_backbone_of_the_bundled_model_and_that_of_its_regressor():
    state = load_file(backbone_file("photo"))
    inside = {name: value for name, value in state.items() if name.startswith(INSIDE_PREFIX)}
    assert backbone_hash("photo") == hash_of_tensors(inside)
    assert backbone_hash(str(backbone_file("photo"))) == backbone_hash("photo")
    _, whole = load_checkpoint(backbone_file("photo"))
    _, regressor = load_checkpoint(bundled("pretrained", "photo_regressor.safetensors"))
    assert (whole.backbone_hash, regressor.part) == (INSIDE, "regressor")
    own, matching = whole.backbone, matching_backbone(regressor)
    assert own.taps == matching.taps
    for name, value in own.state_dict().items():
        assert torch.equal(matching.state_dict()[name], value), name


# --- files that are wrong


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
        CheckpointError, match=r"one of photo, lite2, imagenet, none or a \.safetensors file"
    ):
        backbone_file("imagnet")


def test_hash_tells_files_apart_and_is_that_of_the_content(small_file: Path, tmp_path: Path):
    copy, other = tmp_path / "copy.safetensors", tmp_path / "other.safetensors"
    copy.write_bytes(small_file.read_bytes())
    save_file({name: value + 1 for name, value in small_state().items()}, other)
    assert backbone_hash(str(small_file)) == backbone_hash(str(copy))
    assert backbone_hash(str(small_file)) == hashlib.sha256(small_file.read_bytes()).hexdigest()
    sources = ("photo", "imagenet", str(small_file), str(other))
    assert len({backbone_hash(source) for source in sources}) == 4


def test_hash_of_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere"):
        backbone_hash(str(tmp_path / "nowhere.safetensors"))
