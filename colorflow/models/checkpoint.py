"""Checkpoints: one safetensors file with the weights and everything needed to use them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from colorflow.errors import CheckpointError, ConfigError
from colorflow.files import written_whole
from colorflow.models.cinn import ConditionalINN
from colorflow.models.config import ModelConfig
from colorflow.networks.backbones import INSIDE_PREFIX, Backbone, build_backbone
from colorflow.resources import hash_of_tensors

FORMAT = "colorflow-model"
VERSION = 1
INSIDE = "inside"
# What a checkpoint may hold alone: names of tensors begin so.
PARTS = {"regressor": ("pyramid.", "head.")}


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says about itself.

    Args:
        path: of the file.
        config: of the model.
        content_hash: SHA-256 over names, types, shapes and values of all tensors.
        backbone_hash: of the backbone weights it was trained with; ``"inside"`` where the file
            holds them itself.
        provenance: free facts: data, duration, figures, licence.
        parameters: number of values in the file.
        backbone: that the file holds, where it was trained with the model.
        part: what the file holds alone, ``"regressor"``; empty for a whole model.
    """

    path: Path
    config: ModelConfig
    content_hash: str
    backbone_hash: str
    provenance: dict[str, Any]
    parameters: int
    backbone: Backbone | None = None
    part: str = ""


def metadata_hash(metadata: Mapping[str, str]) -> str:
    """Hash everything a checkpoint says of itself but this hash.

    Args:
        metadata: of the file.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    plain = {name: value for name, value in metadata.items() if name != "metadata_sha256"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def save_checkpoint(
    path: str | Path,
    model: ConditionalINN,
    backbone_hash: str,
    provenance: Mapping[str, Any],
    backbone: Backbone | None = None,
    part: str = "",
    half: bool = False,
) -> None:
    """Write a checkpoint; a file of that name is replaced only once the new one is whole.

    Args:
        path: of the file.
        model: any device and floating type; parameters are stored as float32, or as float16 where
            ``half``; fixed matrices and statistics always as float32.
        backbone_hash: of the backbone weights it was trained with.
        provenance: facts for people: data, duration, figures, licence.
        backbone: where it was trained with the model and must travel with it; stored as float16.
        part: ``"regressor"`` to write only pyramid and head, which predict deterministically.
        half: store parameters as float16: half the size, for a model that is not trained on.

    Raises:
        CheckpointError: the disk is full or may not be written to.
        ConfigError: there is no such part, or the backbone is not the model's.
    """
    if part and part not in PARTS:
        raise ConfigError(f"part: expected one of {', '.join(PARTS)}, got {part}")
    state = {}
    if backbone is not None:
        if backbone.taps != model.config.taps:
            raise ConfigError(
                f"backbone: expected the model's taps {model.config.taps}, got {backbone.taps}"
            )
        backbone_hash = INSIDE
        for name, value in backbone.state_dict().items():
            kind = torch.float32 if name in ("mean", "std") else torch.float16
            state[INSIDE_PREFIX + name] = value.detach().to("cpu", kind).contiguous()
    parameters = {name for name, _ in model.named_parameters()}
    for name, value in model.state_dict().items():
        if part and not name.startswith(PARTS[part]):
            continue
        value = value.detach().cpu()
        if value.is_floating_point():
            # A mixing matrix that is rounded to float16 is not orthogonal any more.
            value = value.to(torch.float16 if half and name in parameters else torch.float32)
        state[name] = value.contiguous()
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(model.config.to_dict()),
        "content_sha256": hash_of_tensors(state),
        "backbone_sha256": backbone_hash,
        "provenance": json.dumps(dict(provenance)),
    }
    if part:
        metadata["part"] = part
    metadata["metadata_sha256"] = metadata_hash(metadata)
    try:
        with written_whole(path) as temporary:
            save_file(state, temporary, metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: could not write the model ({error}); a file of that name is as it was. Make "
            "room, or choose another place"
        ) from error


def load_checkpoint(path: str | Path) -> tuple[ConditionalINN, CheckpointInfo]:
    """Read a checkpoint and build its model.

    Args:
        path: of the file.

    Returns:
        The model (float32, on the CPU, in evaluation mode) and what the file says of itself.

    Raises:
        CheckpointError: the file is missing, truncated, altered, or not a colorflow model.
    """
    path = Path(path)
    metadata, state = _read(path)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: expected a colorflow model, the file holds other tensors; "
            "choose a file written by colorflow"
        )
    if metadata.get("version") != str(VERSION):
        raise CheckpointError(
            f"{path}: expected version {VERSION} of the format, got {metadata.get('version')}; "
            "update colorflow"
        )
    found = hash_of_tensors(state)
    for field, value in (
        ("content_sha256", found),
        ("metadata_sha256", metadata_hash(metadata)),
    ):
        if value != metadata.get(field):
            raise CheckpointError(
                f"{path}: expected {field} {str(metadata.get(field))[:12]}…, found {value[:12]}…; "
                "the file was altered or damaged, get it again"
            )
    try:
        config = ModelConfig.from_dict(json.loads(metadata["config"]))
        model = ConditionalINN(config)
        provenance = json.loads(metadata["provenance"])
        backbone = metadata["backbone_sha256"]
    except (KeyError, ValueError, ConfigError) as error:
        raise CheckpointError(f"{path}: cannot use the metadata of the file ({error})") from error
    inside = {
        n.removeprefix(INSIDE_PREFIX): v for n, v in state.items() if n.startswith(INSIDE_PREFIX)
    }
    network = None
    if backbone == INSIDE:
        network = build_backbone(config.taps)
        _load(network, {name: value.float() for name, value in inside.items()}, path)
        network.eval().requires_grad_(False)
    part = metadata.get("part", "")
    own = {n: v for n, v in state.items() if not n.startswith(INSIDE_PREFIX)}
    if part in PARTS:
        # The rest stays as it was built; who asks for a whole model looks at info.part.
        rest = {n: v for n, v in model.state_dict().items() if not n.startswith(PARTS[part])}
        own = {**rest, **own}
    _load(model, own, path)
    parameters = sum(value.numel() for value in state.values())
    info = CheckpointInfo(path, config, found, backbone, provenance, parameters, network, part)
    return model.eval(), info


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a checkpoint, found no such file; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path}: expected a whole safetensors file, could not read it ({error}); "
            "it is truncated or something else, get it again"
        ) from error


def _load(model: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    expected = model.state_dict()
    for name, value in expected.items():
        if name not in state:
            raise CheckpointError(f"{path}: tensor '{name}' is missing; the file is incomplete")
        if state[name].shape != value.shape:
            raise CheckpointError(
                f"{path}: tensor '{name}' should be {list(value.shape)}, found "
                f"{list(state[name].shape)}; the file does not fit its own config"
            )
    surplus = sorted(set(state) - set(expected))
    if surplus:
        raise CheckpointError(f"{path}: unknown tensor '{surplus[0]}'; made by a newer colorflow?")
    model.load_state_dict(state, strict=True)
