"""Models and files to test checkpoints with."""

from __future__ import annotations

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
from colorflow.models.checkpoint import load_checkpoint, metadata_hash
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.resources import hash_of_tensors

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


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


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


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError, match=re.escape(str(path))) as caught:
        load_checkpoint(path)
    return str(caught.value)


def rewrite_tensors(path: Path, change: Callable[[dict[str, Tensor]], None]):
    """Change the tensors and the hash with them, as a buggy writer would."""
    state, metadata = load_file(path), metadata_of(path)
    change(state)
    metadata |= {"content_sha256": hash_of_tensors(state)}
    save_file(state, path, metadata=metadata | {"metadata_sha256": metadata_hash(metadata)})
