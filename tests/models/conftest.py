"""A model none of whose tensors is as built, and a file of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import PROVENANCE, build

from colorflow.models.checkpoint import save_checkpoint
from colorflow.models.cinn import ConditionalINN


@pytest.fixture(scope="session")
def model() -> ConditionalINN:
    return build().eval()


@pytest.fixture
def path(model: ConditionalINN, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model, "backbone", PROVENANCE)
    return path
