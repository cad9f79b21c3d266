"""Checkpoints: exact to the bit, hashed by content, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoints import PROVENANCE, build, photo_and_features

from colorflow.errors import CheckpointError
from colorflow.models import checkpoint
from colorflow.models.checkpoint import load_checkpoint, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.resources import hash_of_tensors


def test_every_tensor_comes_back_to_the_bit(model: ConditionalINN, path: Path):
    loaded, _ = load_checkpoint(path)
    state, expected = loaded.state_dict(), model.state_dict()
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert state[name].dtype == value.dtype
        assert torch.equal(state[name], value), name


def test_a_loaded_model_computes_the_same_bits(model: ConditionalINN, path: Path):
    loaded, _ = load_checkpoint(str(path))
    photo, features = photo_and_features(model)
    target = torch.zeros(1, 2, 8, 12)
    with torch.no_grad():
        expected = model.log_prob(target, model.prepare(photo, features))
        assert torch.equal(loaded.log_prob(target, loaded.prepare(photo, features)), expected)


def test_the_file_tells_what_it_is(model: ConditionalINN, path: Path):
    loaded, info = load_checkpoint(path)
    assert info.config == loaded.config == model.config
    assert info.path == path
    assert info.backbone_hash == "backbone"
    assert info.provenance == PROVENANCE
    assert info.parameters == sum(value.numel() for value in model.state_dict().values())
    assert info.content_hash == hash_of_tensors(model.state_dict())
    assert info.backbone is None
    assert info.part == ""


def test_a_loaded_model_is_ready_for_use(path: Path):
    loaded, _ = load_checkpoint(path)
    assert not loaded.training
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_a_float64_model_is_stored_as_float32(tmp_path: Path):
    model = build().double()
    save_checkpoint(tmp_path / "model.safetensors", model, "", {})
    loaded, _ = load_checkpoint(tmp_path / "model.safetensors")
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, model.state_dict()[name].float())


def test_half_rounds_parameters_and_nothing_else(model: ConditionalINN, path: Path):
    whole = path.stat().st_size
    save_checkpoint(path, model, "backbone", PROVENANCE, half=True)
    loaded, info = load_checkpoint(path)
    parameters = {name for name, _ in model.named_parameters()}
    for name, value in model.state_dict().items():
        got, rounded = loaded.state_dict()[name], name in parameters
        assert got.dtype == value.dtype
        assert torch.equal(got, value.half().float() if rounded else value), name
    # Matrices that are mixed with stay orthogonal to float32.
    assert any(name.endswith("matrix") for name in set(model.state_dict()) - parameters)
    assert path.stat().st_size < whole
    assert info.parameters == sum(value.numel() for value in model.state_dict().values())


def test_half_again_changes_nothing(model: ConditionalINN, path: Path):
    save_checkpoint(path, model, "backbone", PROVENANCE, half=True)
    loaded, info = load_checkpoint(path)
    save_checkpoint(path, loaded, "backbone", PROVENANCE, half=True)
    assert load_checkpoint(path)[1].content_hash == info.content_hash


def test_saving_leaves_the_model_as_it_was(tmp_path: Path):
    model = build().double().train()
    save_checkpoint(tmp_path / "model.safetensors", model, "", {})
    assert model.training
    assert {p.dtype for p in model.parameters()} == {torch.float64}


# --- the content hash


def test_content_hash_does_not_depend_on_order_or_layout():
    a = torch.arange(6.0).view(2, 3)
    state = {"a": a, "b": torch.tensor(True)}
    column_major = a.T.contiguous().T
    assert hash_of_tensors({"b": torch.tensor(True), "a": column_major}) == hash_of_tensors(state)


def test_content_hash_changes_with_value_name_type_and_shape():
    a = torch.zeros(2, 3)
    almost = a.clone()
    almost[1, 2] = 1e-30
    variants = [
        {"a": a},
        {"a": almost},
        {"b": a},
        {"a": a.view(3, 2)},
        {"a": a.view(torch.int32)},
        {"a": a, "b": a},
        {"a": torch.tensor(0.0)},
        {},
    ]
    assert len({hash_of_tensors(state) for state in variants}) == len(variants)


# --- atomic writing


def test_a_save_that_fails_leaves_the_older_file_alone(
    model: ConditionalINN, path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = path.read_bytes()

    def disk_full(state, filename, metadata):
        Path(filename).write_bytes(b"half a mod")
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint, "save_file", disk_full)
    with pytest.raises(CheckpointError, match="no space left") as caught:
        save_checkpoint(path, model, "backbone", {})
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_save_replaces_the_older_file_and_leaves_nothing_else(model: ConditionalINN, path: Path):
    save_checkpoint(path, model, "other backbone", {})
    assert load_checkpoint(path)[1].backbone_hash == "other backbone"
    assert list(path.parent.iterdir()) == [path]
