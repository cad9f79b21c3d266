"""The description of a run: presets, what goes together, and its way through JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from colorflow.errors import ConfigError
from colorflow.models.presets import preset, preset_names
from colorflow.training.config import PHASES, PhaseConfig, TrainConfig, training_preset


@pytest.mark.parametrize("name", preset_names())
def test_a_config_comes_back_from_json(name: str):
    config = training_preset(name)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_trains_the_model_of_that_name(name: str):
    assert training_preset(name).model == preset(name)


def test_an_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(ConfigError) as caught:
        training_preset("huge")
    for word in ("huge", *preset_names()):
        assert word in str(caught.value)


@pytest.mark.parametrize("level", ["", "data", "regress"])
def test_plain_data_with_an_unknown_or_a_missing_field_is_refused(level: str):
    for change in ("add", "drop"):
        data = training_preset("tiny").to_dict()
        place = data[level] if level else data
        if change == "add":
            place["speed"] = 1
        elif level:
            data.pop(level)
        else:
            data.pop("model")
        with pytest.raises(ConfigError, match="speed" if change == "add" else level or "model"):
            TrainConfig.from_dict(data)


def test_a_phase_is_run_where_it_has_minutes_or_steps():
    assert PhaseConfig(minutes=0.1).active
    assert PhaseConfig(steps=1).active
    assert not PhaseConfig().active


def test_a_run_without_any_phase_is_refused():
    nothing = dict.fromkeys(PHASES, PhaseConfig())
    with pytest.raises(ConfigError, match="regress, flow, joint"):
        TrainConfig(preset("tiny"), **nothing)


def test_the_first_phase_needs_a_model_with_an_affine_start():
    config = training_preset("paper")
    assert not config.regress.active
    with pytest.raises(ConfigError, match="affine_start"):
        dataclasses.replace(config, regress=PhaseConfig(minutes=1))
