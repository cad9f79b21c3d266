"""Checkpoints with a backbone inside, and those of a regressor alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoints import PROVENANCE, build, metadata_of, photo_and_features, refusal, rewrite_tensors
from safetensors.torch import load_file, save_file

from colorflow.models.checkpoint import load_checkpoint, metadata_hash, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.networks.backbones import Backbone, build_backbone

# --- a backbone that travels with the model


def backbone_of(model: ConditionalINN) -> Backbone:
    """The backbone a model needs, with weights and a normalisation of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return build_backbone(model.config.taps, (0.1, 0.2, 0.3), (0.3, 0.2, 0.1))


@pytest.mark.parametrize(
    "taps", [("conv2_2", "conv3_3"), ("stage2", "stage4")], ids=["vgg", "efficientnet"]
)
def test_a_backbone_comes_back_from_the_file_in_half_precision(
    taps: tuple[str, ...], tmp_path: Path
):
    model, path = build(taps=taps), tmp_path / "model.safetensors"
    backbone = backbone_of(model)
    save_checkpoint(path, model, "the bundled one", PROVENANCE, backbone)
    loaded, info = load_checkpoint(path)
    assert info.backbone_hash == "inside"
    assert type(info.backbone) is type(backbone)
    assert info.backbone.taps == taps
    state = info.backbone.state_dict()
    assert state.keys() == backbone.state_dict().keys()
    for name, value in backbone.state_dict().items():
        whole = name in ("mean", "std")  # six numbers are not worth rounding
        assert torch.equal(state[name], value if whole else value.half().float()), name
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    stored = [*model.state_dict().values(), *backbone.state_dict().values()]
    assert info.parameters == sum(value.numel() for value in stored)


def test_the_content_hash_covers_the_backbone(model: ConditionalINN, tmp_path: Path):
    backbone, hashes = backbone_of(model), set()
    for factor in (1, 2):
        with torch.no_grad():
            backbone.layers["conv1_1"].bias.mul_(factor)
        save_checkpoint(tmp_path / "model.safetensors", model, "", {}, backbone)
        hashes.add(load_checkpoint(tmp_path / "model.safetensors")[1].content_hash)
    assert len(hashes) == 2


def test_a_missing_or_surplus_tensor_of_the_backbone_is_named(
    model: ConditionalINN, tmp_path: Path
):
    path, name = tmp_path / "model.safetensors", "layers.conv1_1.bias"
    save_checkpoint(path, model, "", {}, backbone_of(model))
    rewrite_tensors(path, lambda state: state.pop(f"backbone.{name}"))
    assert f"{name}' is missing" in refusal(path)
    rewrite_tensors(path, lambda state: state.update({"backbone.extra": torch.zeros(1)}))
    rewrite_tensors(path, lambda state: state.update({f"backbone.{name}": torch.zeros(64)}))
    assert "unknown tensor 'extra'" in refusal(path)


# --- a regressor alone


@pytest.fixture
def regressor(model: ConditionalINN, tmp_path: Path) -> Path:
    path = tmp_path / "regressor.safetensors"
    save_checkpoint(path, model, "backbone", PROVENANCE, part="regressor")
    return path


def test_a_regressor_predicts_as_the_whole_model_does(model: ConditionalINN, regressor: Path):
    loaded, info = load_checkpoint(regressor)
    photo, features = photo_and_features(model)
    with torch.no_grad():
        expected = model.predict(photo, features)
        assert expected.abs().max() > 0
        assert torch.equal(loaded.predict(photo, features), expected)
    assert info.part == "regressor"
    assert (info.config, info.provenance) == (model.config, PROVENANCE)
    assert info.backbone_hash == "backbone"


def test_the_file_of_a_regressor_holds_nothing_of_the_flow(model: ConditionalINN, regressor: Path):
    parts = (model.pyramid, model.head)
    count = sum(value.numel() for part in parts for value in part.state_dict().values())
    assert sum(value.numel() for value in load_file(regressor).values()) == count
    assert load_checkpoint(regressor)[1].parameters == count


def test_a_regressor_can_carry_its_backbone(model: ConditionalINN, tmp_path: Path):
    path = tmp_path / "regressor.safetensors"
    save_checkpoint(path, model, "", {}, backbone_of(model), part="regressor")
    _, info = load_checkpoint(path)
    assert (info.part, info.backbone_hash) == ("regressor", "inside")
    assert info.backbone is not None


def test_half_a_regressor_predicts_nearly_the_same(model: ConditionalINN, tmp_path: Path):
    path = tmp_path / "regressor.safetensors"
    save_checkpoint(path, model, "backbone", {}, part="regressor", half=True)
    photo, features = photo_and_features(model)
    with torch.no_grad():
        expected = model.predict(photo, features)
        got = load_checkpoint(path)[0].predict(photo, features)
    assert not torch.equal(got, expected)
    assert (got - expected).abs().max() < 0.01 * expected.abs().max()


def test_a_missing_tensor_of_a_regressor_is_named(regressor: Path):
    rewrite_tensors(regressor, lambda state: state.pop("head.bias"))
    assert "'head.bias' is missing" in refusal(regressor)


def test_a_regressor_does_not_pass_for_a_whole_model(regressor: Path):
    state, metadata = load_file(regressor), metadata_of(regressor)
    del metadata["part"]
    save_file(state, regressor, metadata=metadata | {"metadata_sha256": metadata_hash(metadata)})
    assert "is missing; the file is incomplete" in refusal(regressor)
