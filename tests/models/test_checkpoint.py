"""Checkpoints: exact to the bit, and every damage noticed and named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from colorflow.errors import CheckpointError
from colorflow.models import checkpoint
from colorflow.models.checkpoint import (
    content_hash,
    load_checkpoint,
    metadata_hash,
    save_checkpoint,
)
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import Backbone, build_backbone

PROVENANCE = {"photos": 12, "licence": "CC0", "figures": {"bits": 1.25}, "note": "Grün → Blau"}


def build(**changes: Any) -> ConditionalINN:
    """A model none of whose tensors, buffers included, has the value it is built with."""
    changes = {"mixing_seed": 5, "temperature": (0.25, 0.5)} | changes
    model = ConditionalINN(preset("tiny").replace(**changes))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def model() -> ConditionalINN:
    return build().eval()


@pytest.fixture
def path(model: ConditionalINN, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model, "backbone", PROVENANCE)
    return path


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def test_every_tensor_comes_back_to_the_bit(model: ConditionalINN, path: Path):
    loaded, _ = load_checkpoint(path)
    state, expected = loaded.state_dict(), model.state_dict()
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert state[name].dtype == value.dtype
        assert torch.equal(state[name], value), name


def photo_and_features(model: ConditionalINN) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(2)
    photo = torch.rand(1, 1, 16, 24, generator=generator)
    features = {
        tap.name: torch.rand(
            1, tap.channels, 16 // tap.stride, 24 // tap.stride, generator=generator
        )
        for tap in model.pyramid.taps
    }
    return photo, features


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
    assert info.content_hash == content_hash(model.state_dict())
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


def test_saving_leaves_the_model_as_it_was(tmp_path: Path):
    model = build().double().train()
    save_checkpoint(tmp_path / "model.safetensors", model, "", {})
    assert model.training
    assert {p.dtype for p in model.parameters()} == {torch.float64}


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


def test_a_missing_tensor_of_a_regressor_is_named(regressor: Path):
    rewrite_tensors(regressor, lambda state: state.pop("head.bias"))
    assert "'head.bias' is missing" in refusal(regressor)


def test_a_regressor_does_not_pass_for_a_whole_model(regressor: Path):
    state, metadata = load_file(regressor), metadata_of(regressor)
    del metadata["part"]
    save_file(state, regressor, metadata=metadata | {"metadata_sha256": metadata_hash(metadata)})
    assert "is missing; the file is incomplete" in refusal(regressor)


# --- the content hash


def test_content_hash_does_not_depend_on_order_or_layout():
    a = torch.arange(6.0).view(2, 3)
    state = {"a": a, "b": torch.tensor(True)}
    column_major = a.T.contiguous().T
    assert content_hash({"b": torch.tensor(True), "a": column_major}) == content_hash(state)


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
    assert len({content_hash(state) for state in variants}) == len(variants)


# --- wrong files


def missing_file(path: Path):
    path.unlink()


def folder(path: Path):
    path.unlink()
    path.mkdir()


def empty_file(path: Path):
    path.write_bytes(b"")


def text_file(path: Path):
    path.write_text("I am no model.\nNot at all.\n")


def truncated_in_the_tensors(path: Path):
    path.write_bytes(path.read_bytes()[:-1])


def truncated_in_the_header(path: Path):
    path.write_bytes(path.read_bytes()[:100])


def altered_byte(path: Path):
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def rewrite(path: Path, **changes: str | None):
    """Write the file again with some metadata changed, or left out where None."""
    state, metadata = load_file(path), metadata_of(path) | changes
    save_file(state, path, metadata={k: v for k, v in metadata.items() if v is not None})


def altered_hash(path: Path):
    rewrite(path, content_sha256="0" * 64)


def without_hash(path: Path):
    rewrite(path, content_sha256=None)


def wrong_format(path: Path):
    rewrite(path, format="colorflow-latents")


def without_metadata(path: Path):
    save_file(load_file(path), path)


def newer_version(path: Path):
    rewrite(path, version="2")


def without_config(path: Path):
    rewrite(path, config=None)


def config_that_is_no_json(path: Path):
    rewrite(path, config="{'name': tiny}")


def config_that_is_a_list(path: Path):
    rewrite(path, config="[1, 2]")


def change_config(path: Path, **changes):
    config = json.loads(metadata_of(path)["config"]) | changes
    rewrite(path, config=json.dumps(config))


def config_with_an_unknown_field(path: Path):
    change_config(path, colour="blue")


def config_with_a_bad_value(path: Path):
    change_config(path, dropout=2)


def config_of_another_width(path: Path):
    change_config(path, pyramid_width=8)


def config_that_fits_but_computes_otherwise(path: Path):
    # All tensors fit, but every log-scale would be doubled.
    change_config(path, clamp_limit=2.0)


def without_provenance(path: Path):
    rewrite(path, provenance=None)


def without_backbone(path: Path):
    rewrite(path, backbone_sha256=None)


SPOILS = [
    missing_file,
    folder,
    empty_file,
    text_file,
    truncated_in_the_tensors,
    truncated_in_the_header,
    altered_byte,
    altered_hash,
    without_hash,
    wrong_format,
    without_metadata,
    newer_version,
    without_config,
    config_that_is_no_json,
    config_that_is_a_list,
    config_with_an_unknown_field,
    config_with_a_bad_value,
    config_of_another_width,
    config_that_fits_but_computes_otherwise,
    without_provenance,
    without_backbone,
]


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError, match=re.escape(str(path))) as caught:
        load_checkpoint(path)
    return str(caught.value)


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_wrong_file_is_refused_by_name_in_one_line(path: Path, spoil: Callable[[Path], None]):
    spoil(path)
    assert "\n" not in refusal(path)


def rewrite_tensors(path: Path, change: Callable[[dict[str, Tensor]], None]):
    """Change the tensors and the hash with them, as a buggy writer would."""
    state, metadata = load_file(path), metadata_of(path)
    change(state)
    metadata |= {"content_sha256": content_hash(state)}
    save_file(state, path, metadata=metadata | {"metadata_sha256": metadata_hash(metadata)})


def test_a_missing_tensor_is_named(path: Path):
    rewrite_tensors(path, lambda state: state.pop("head.bias"))
    assert "'head.bias' is missing" in refusal(path)


def test_a_surplus_tensor_is_named(path: Path):
    rewrite_tensors(path, lambda state: state.update(extra=torch.zeros(1)))
    assert "unknown tensor 'extra'" in refusal(path)


def test_a_tensor_of_wrong_shape_is_named_with_both_shapes(path: Path):
    rewrite_tensors(path, lambda state: state.update({"head.bias": torch.zeros(7)}))
    assert "'head.bias' should be [4], found [7]" in refusal(path)


def test_the_message_says_what_is_wrong(path: Path):
    newer_version(path)
    assert "expected version 1 of the format, got 2" in refusal(path)
    wrong_format(path)
    assert "expected a colorflow model" in refusal(path)


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
