"""Model configs: plain data and back, and every wrong field refused by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from colorflow.errors import ConfigError
from colorflow.models.cinn import ConditionalINN
from colorflow.models.config import ModelConfig, StageConfig, TailConfig
from colorflow.models.presets import preset, preset_names


def tiny_data(**changes: Any) -> dict[str, Any]:
    """The preset as it comes out of a JSON file, with some fields changed."""
    return json.loads(json.dumps(preset("tiny").to_dict())) | changes


@pytest.mark.parametrize("name", preset_names())
def test_presets_survive_json(name: str):
    config = preset(name)
    again = ModelConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    # Lists in place of tuples would be equal to nothing and could not be hashed.
    assert hash(again) == hash(config)


def test_changed_fields_survive_json():
    config = preset("paper").replace(side=128, slope=0.25, mixing_seed=7, taps=("conv5_1",))
    assert config.tail is not None
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_temperatures_per_level_survive_json():
    config = preset("tiny").replace(temperature=(0.5, 1))
    again = ModelConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.temperature == (0.5, 1)
    assert hash(again) == hash(config)


@pytest.mark.parametrize("temperature", [(1.0,), (1.0, 1.0, 1.0), ()])
def test_another_number_of_temperatures_than_levels_is_refused(temperature: tuple[float, ...]):
    with pytest.raises(ConfigError, match="temperature: expected"):
        preset("tiny").replace(temperature=temperature)


SHAPES_OF_MODELS = [
    *(preset(name) for name in preset_names()),
    preset("tiny").replace(tail=TailConfig(couplings=1, hidden=4, keep=8)),
    preset("tiny").replace(tail=TailConfig(couplings=1, hidden=4, keep=64)),  # all there are
    preset("tiny").replace(stages=(StageConfig(couplings=1, hidden=4, keep=8),)),
    preset("tiny").replace(stages=(StageConfig(couplings=1, hidden=4),)),
]


@pytest.mark.parametrize("config", SHAPES_OF_MODELS, ids=lambda config: config.name)
def test_levels_are_those_of_the_models_latents(config: ModelConfig):
    size = config.side // config.stride
    assert config.levels == len(ConditionalINN(config).latent_shapes(size, size))


def test_reading_does_not_change_the_given_data():
    data = tiny_data()
    ModelConfig.from_dict(data)
    assert data == tiny_data()


def test_left_out_fields_take_their_defaults():
    data = tiny_data()
    del data["temperature"]
    assert ModelConfig.from_dict(data) == preset("tiny").replace(
        temperature=ModelConfig.temperature
    )


@pytest.mark.parametrize("field", ["colour", "Side", ""])
def test_unknown_fields_are_refused(field: str):
    with pytest.raises(ConfigError, match=f"unknown field '{field}'"):
        ModelConfig.from_dict(tiny_data(**{field: 1}))


@pytest.mark.parametrize("field", ["name", "stages"])
def test_missing_fields_are_refused(field: str):
    data = tiny_data()
    del data[field]
    with pytest.raises(ConfigError, match=field):
        ModelConfig.from_dict(data)


STAGE = {"couplings": 2, "hidden": 16}
TAIL = {"couplings": 2, "hidden": 16, "keep": 8}


def test_unknown_and_missing_fields_of_a_stage_are_refused():
    with pytest.raises(ConfigError, match="StageConfig: unknown field 'depth'"):
        ModelConfig.from_dict(tiny_data(stages=[STAGE | {"depth": 1}]))
    with pytest.raises(ConfigError, match=r"StageConfig.*hidden"):
        ModelConfig.from_dict(tiny_data(stages=[{"couplings": 2}]))


WRONG_TYPES = [
    ("name", 3),
    ("name", None),
    ("side", "32"),
    ("side", 32.0),
    ("side", True),
    ("stride", None),
    ("dropout", "0.1"),
    ("temperature", True),
    ("temperature", "0.5"),
    ("temperature", None),
    ("temperature", ["0.5", 1.0]),
    ("temperature", [True, 1.0]),
    ("affine_start", 1),
    ("affine_start", "yes"),
    ("mixing_seed", False),
    ("clamp_limit", [1.0]),
    ("tail", 5),
    ("tail", TAIL | {"hidden": 1.5}),
    ("tail", TAIL | {"couplings": True}),
    ("stages", [STAGE | {"couplings": "2"}]),
    ("stages", [STAGE | {"couplings": True}]),
    ("stages", [STAGE | {"downsample": 1}]),
    ("stages", [5]),
    ("stages", 5),
    ("stages", "conv"),
    ("taps", "conv3_3"),
    ("taps", 3),
    ("taps", [3]),
    ("kernels", 3),
    ("kernels", ["a", 1, 3]),
    ("kernels", [3.0, 1, 3]),
]
# What a message may call a nested field.
NAMED = {"tail": "(?i)tail", "stages": "(?i)stage", "taps": "(?i)tap"}


@pytest.mark.parametrize(("field", "value"), WRONG_TYPES, ids=repr)
def test_wrong_types_are_refused_by_name(field: str, value: Any):
    with pytest.raises(ConfigError, match=NAMED.get(field, field)):
        ModelConfig.from_dict(tiny_data(**{field: value}))


@pytest.mark.parametrize(
    ("item", "name"),
    [("couplings", "StageConfig.couplings"), ("hidden", "StageConfig.hidden")],
)
def test_wrong_types_within_a_stage_are_refused_by_name(item: str, name: str):
    with pytest.raises(ConfigError, match=name):
        ModelConfig.from_dict(tiny_data(stages=[STAGE | {item: 2.5}]))


BAD_VALUES = [
    ("side", 0),
    ("side", -32),
    ("side", 36),  # not a multiple of the coarsest stride
    ("stride", 0),
    ("target_scale", 0.0),
    ("target_scale", float("nan")),
    ("pyramid_width", 0),
    ("clamp_limit", -1.0),
    ("clamp_limit", float("inf")),
    ("temperature", 0.0),
    ("temperature", float("inf")),
    ("temperature", [1.0, -0.5]),
    ("temperature", [1.0, float("nan")]),
    ("temperature", [0.0, 0.0]),
    ("latent_scale", [1.0]),
    ("latent_scale", [0.0, 1.0]),
    ("latent_scale", [1.0, float("nan")]),
    ("first_scale", 1.5),
    ("share_shrinkage", -0.1),
    ("coarse_metric", [[1.0], [1.0, 2.0]]),
    ("dropout", 1.0),
    ("dropout", -0.1),
    ("dropout", float("nan")),
    ("kernels", [3, 2, 3]),
    ("kernels", [3, 3]),
    ("kernels", [3, -1, 3]),
    ("clamp", "sigmoid"),
    ("taps", ["conv3_9"]),
    ("taps", []),
    ("encoder", -1),
    ("encoder", 2.5),
    ("backbone", "none"),  # has no taps
    ("taps", ["conv1_2"]),  # finer than the finest condition map
    ("stages", []),
    ("stages", [STAGE | {"couplings": -1}]),
    ("stages", [STAGE | {"hidden": 0}]),
    ("stages", [STAGE | {"keep": -1}]),
    ("stages", [STAGE | {"keep": 4, "downsample": False}]),
    ("tail", TAIL | {"couplings": 0}),
    ("tail", TAIL | {"hidden": 0}),
    ("tail", TAIL | {"keep": 0}),
]


def test_without_a_backbone_an_encoder_is_needed():
    alone = {"backbone": "none", "taps": []}
    config = ModelConfig.from_dict(tiny_data(**alone, encoder=8))
    assert ModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="encoder=64"):
        ModelConfig.from_dict(tiny_data(**alone))


@pytest.mark.parametrize(("field", "value"), BAD_VALUES, ids=repr)
def test_bad_values_are_refused_by_name(field: str, value: Any):
    with pytest.raises(ConfigError, match=NAMED.get(field, field)):
        ModelConfig.from_dict(tiny_data(**{field: value}))


@pytest.mark.parametrize("data", [None, 5, [1], ["name"], "config"])
def test_data_that_is_no_mapping_is_refused(data: Any):
    with pytest.raises(ConfigError):
        ModelConfig.from_dict(data)


def test_replace_gives_a_validated_copy():
    config = preset("tiny")
    changed = config.replace(side=64, stages=(StageConfig(couplings=1, hidden=4),))
    assert (changed.side, changed.stages[0].hidden, changed.taps) == (64, 4, config.taps)
    assert config == preset("tiny")
    with pytest.raises(ConfigError, match="dropout"):
        config.replace(dropout=2.0)
    with pytest.raises(ConfigError, match="unknown field 'sides'"):
        config.replace(sides=64)


def test_replace_adds_and_removes_a_tail():
    tail = TailConfig(couplings=1, hidden=4, keep=8)
    config = preset("tiny").replace(tail=tail)
    assert config.tail == tail
    assert config.replace(tail=None) == preset("tiny")


@pytest.mark.parametrize(
    ("name", "stages", "coarsest", "condition"),
    [
        ("paper", (4, 8, 16, 32), 64, (4, 8, 16, 32, 64)),
        ("photo", (8, 16, 32, 64), 64, (8, 16, 32, 64)),
        ("tiny", (4, 8), 8, (2, 4, 8)),
    ],
)
def test_strides_of_the_levels(
    name: str, stages: tuple[int, ...], coarsest: int, condition: tuple[int, ...]
):
    config = preset(name)
    assert config.stage_strides == stages
    assert config.coarsest_stride == coarsest
    assert config.condition_strides == condition
