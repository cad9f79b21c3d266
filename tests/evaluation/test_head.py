"""The deterministic regressor: its units and size, alone in a file or inside a model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from colorflow.colorize import Colorizer
from colorflow.errors import CheckpointError
from colorflow.evaluation.examples import square
from colorflow.evaluation.head import load_head, own_head
from colorflow.images.read import read_photo
from colorflow.models.checkpoint import save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.config import ModelConfig
from colorflow.models.presets import preset
from colorflow.networks.backbones import backbone_hash


def save(path: Path, config: ModelConfig, shift: tuple[float, float] = (0.0, 0.0)) -> Path:
    """A regressor, alone in a file, that predicts one colour everywhere, in units of the model."""
    model = ConditionalINN(config)
    if model.head is not None:
        with torch.no_grad():
            model.head.bias[:2] = torch.tensor(shift)
    part = "regressor" if model.head is not None else ""
    save_checkpoint(path, model, backbone_hash("photo"), {}, part=part)
    return path


def test_a_prediction_is_in_lab_units_at_the_size_of_the_model(tmp_path, cat):
    config = preset("tiny").replace(side=64, target_scale=30.0)
    head = load_head(save(tmp_path / "regress.safetensors", config, (0.5, -1.0)), "cpu")
    chroma = head.predict(square(read_photo(cat)))
    assert chroma.shape == (2, 32, 32)
    assert torch.allclose(chroma[0], torch.tensor(15.0))
    assert torch.allclose(chroma[1], torch.tensor(-30.0))


def test_a_regressor_alone_predicts_as_it_did_inside_its_model(tmp_path, tiny, cat):
    path = tmp_path / "regress.safetensors"
    save_checkpoint(path, tiny.model, tiny.info.backbone_hash, {}, part="regressor")
    photo = square(read_photo(cat))
    inside = own_head(tiny).predict(photo)
    assert inside.std() > 1  # it says something
    assert torch.allclose(load_head(path, "cpu").predict(photo), inside, atol=1e-4)
    assert torch.allclose(load_head(tiny.info.path, "cpu").predict(photo), inside, atol=1e-4)


def test_only_the_lightness_of_a_photo_is_looked_at(tiny, cat):
    head = own_head(tiny)
    photo = square(read_photo(cat))
    # The neutral grey of the same lightness, as far as eight bits can say it.
    grey = tiny.domain.finish(photo, torch.zeros(2, 16, 16))
    again = square(read_photo(grey))
    assert (head.predict(again) - head.predict(photo)).abs().max() < 1


def test_a_model_without_an_affine_start_has_no_head(tmp_path):
    config = preset("tiny").replace(affine_start=False, taps=("conv3_3",))
    path = save(tmp_path / "model.safetensors", config)
    with pytest.raises(CheckpointError, match=r"model\.safetensors.*affine start"):
        load_head(path, "cpu")
    assert own_head(Colorizer.from_pretrained(path, device="cpu")) is None
