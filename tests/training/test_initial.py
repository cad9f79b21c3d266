"""Runs that begin with the weights of another model."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from colorflow.errors import CheckpointError, ConfigError
from colorflow.loading import model_path
from colorflow.models.checkpoint import load_checkpoint, save_checkpoint
from colorflow.models.cinn import ConditionalINN
from colorflow.models.presets import preset
from colorflow.networks.backbones import backbone_hash, build_backbone
from colorflow.training.fitting import TrainingStoppedError
from colorflow.training.initial import Initial, look_at, take_weights
from colorflow.training.plan import RunPlan, read_plan
from colorflow.training.run import proceed, start
from training.runs import Make, nowhere

# A step so small that weights stay where they begin.
STILL = ("regress.steps=0", "flow.steps=2", "flow.learning_rate=1e-12", "report_steps=1")


def beginning_with(checkpoint: Path, plan: RunPlan) -> RunPlan:
    return dataclasses.replace(plan, initial=look_at(str(checkpoint))[0])


def test_a_run_begins_with_the_weights_of_the_model(
    tiny_checkpoint: Path, plan: Make, tmp_path: Path
):
    lines: list[str] = []
    made = beginning_with(tiny_checkpoint, plan(tmp_path / "run", *STILL))
    result = load_file(start(made, lines.append))
    begun = load_file(tiny_checkpoint)
    assert [n for n in begun if not torch.allclose(begun[n], result[n], atol=1e-6)] == []
    assert any("beginning with the weights of" in line for line in lines)
    _, info = load_checkpoint(made.out / "model.safetensors")
    assert info.provenance["initial"] == {
        "name": tiny_checkpoint.name,
        "content_sha256": look_at(str(tiny_checkpoint))[0].content_hash,
    }


def test_a_run_that_goes_on_needs_that_model_no_more(
    tiny_checkpoint: Path, plan: Make, tmp_path: Path
):
    mine = tmp_path / "mine.safetensors"
    shutil.copy(tiny_checkpoint, mine)
    quick = ("regress.steps=2", "flow.steps=2", "report_steps=1")
    undisturbed = start(beginning_with(mine, plan(tmp_path / "whole", *quick)), nowhere)
    stopped = beginning_with(mine, plan(tmp_path / "halves", *quick))

    def stop(figures: dict[str, float]) -> None:
        raise TrainingStoppedError("here")

    with pytest.raises(TrainingStoppedError):
        start(stopped, nowhere, lambda figures: stop(figures) if figures["step"] == 2 else None)
    mine.unlink()
    model = proceed(read_plan(stopped.out), nowhere)
    whole, halves = load_file(undisturbed), load_file(model)
    assert [name for name in whole if not torch.equal(whole[name], halves[name])] == []


def test_another_architecture_is_refused_before_photos_are_looked_at(
    tiny_checkpoint: Path, plan: Make, tmp_path: Path
):
    lines: list[str] = []
    made = beginning_with(tiny_checkpoint, plan(tmp_path / "run", "model.stages.0.hidden=12"))
    with pytest.raises(ConfigError, match=r"--init .*is \[16.*expects \[12.*model\.…"):
        start(made, lines.append)
    assert lines == []
    assert not made.out.exists()


def test_another_backbone_is_refused(tiny_checkpoint: Path, plan: Make, tmp_path: Path):
    model, _ = load_checkpoint(tiny_checkpoint)
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, model, "0" * 64, {})
    with pytest.raises(ConfigError, match=r"leave model\.backbone as it is"):
        start(beginning_with(other, plan(tmp_path / "run")), nowhere)


def test_a_model_that_was_replaced_meanwhile_is_refused(
    tiny_checkpoint: Path, plan: Make, tmp_path: Path
):
    made = dataclasses.replace(
        plan(tmp_path / "run"), initial=Initial(str(tiny_checkpoint), "f" * 64)
    )
    with pytest.raises(CheckpointError, match="replaced after the run had begun"):
        start(made, nowhere)


def test_a_regressor_alone_is_no_beginning(tiny_checkpoint: Path, tmp_path: Path):
    model, info = load_checkpoint(tiny_checkpoint)
    head = tmp_path / "head.safetensors"
    save_checkpoint(head, model, info.backbone_hash, {}, part="regressor")
    with pytest.raises(CheckpointError, match="expected a whole model, got the regressor alone"):
        look_at(str(head))


def test_the_bundled_colorizer_gives_its_weights_on_the_backbone_it_holds():
    initial, info = look_at("photo")
    model = ConditionalINN(info.config)
    take_weights(model, initial, backbone_hash(info.config.backbone))
    expected = load_checkpoint(info.path)[0].state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    with pytest.raises(ConfigError, match=r"leave model\.backbone as it is"):
        take_weights(model, initial, backbone_hash("lite2"))


@pytest.mark.parametrize("source", ["photo", "gone.safetensors"])
def test_a_backbone_of_its_own_that_no_source_has_is_no_beginning(source: str, tmp_path: Path):
    model = ConditionalINN(preset("tiny").replace(backbone=source))
    path = tmp_path / "joint.safetensors"
    save_checkpoint(path, model, "", {}, build_backbone(model.config.taps))
    with pytest.raises(CheckpointError, match=r"trained with its own .joint phase.*flow\.safet"):
        look_at(str(path))


def test_bundled_models_go_by_their_name():
    initial, info = look_at("night")
    assert initial.name == "night"
    assert info.path == model_path("night")
