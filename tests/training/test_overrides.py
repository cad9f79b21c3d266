"""Settings of the command line: they reach any field, and say what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from colorflow.errors import ConfigError
from colorflow.models.config import TailConfig
from colorflow.training.config import TrainConfig, training_preset
from colorflow.training.overrides import override

TINY = training_preset("tiny")


@pytest.mark.parametrize(
    ("setting", "read", "value"),
    [
        ("seed=5", lambda c: c.seed, 5),
        (" seed = 5 ", lambda c: c.seed, 5),
        ("batch=16.0", lambda c: c.batch, 16),
        ("clip=2", lambda c: c.clip, 2.0),
        ("weight_decay=1e-3", lambda c: c.weight_decay, 1e-3),
        ("precision=bf16", lambda c: c.precision, "bf16"),
        ("precision=32", lambda c: c.precision, "32"),
        ("data.cache=false", lambda c: c.data.cache, False),
        ("data.cache=False", lambda c: c.data.cache, False),
        ("regress.minutes=3", lambda c: c.regress.minutes, 3.0),
        ("model.clamp_limit=2", lambda c: c.model.clamp_limit, 2.0),
        ("model.stages.0.hidden=96", lambda c: c.model.stages[0].hidden, 96),
        ("model.taps.1=conv4_3", lambda c: c.model.taps, ("conv2_2", "conv4_3")),
        ('model.taps=["conv3_3", "conv4_3"]', lambda c: c.model.taps, ("conv3_3", "conv4_3")),
        ("model.tail=null", lambda c: c.model.tail, None),
        (
            'model.tail={"couplings": 1, "hidden": 8, "keep": 4}',
            lambda c: c.model.tail,
            TailConfig(1, 8, 4),
        ),
    ],
)
def test_a_setting_reaches_its_field_in_the_fields_type(
    setting: str, read: Callable[[TrainConfig], Any], value: Any
):
    found = read(override(TINY, [setting]))
    assert found == value
    assert type(found) is type(value)


def test_the_other_fields_and_the_config_given_stay_as_they_are():
    before = TINY.to_dict()
    changed = override(TINY, ["model.stages.1.couplings=3", "flow.steps=7"]).to_dict()
    assert TINY.to_dict() == before
    assert changed.pop("flow") == {**before.pop("flow"), "steps": 7}
    assert changed["model"].pop("stages")[1]["couplings"] == 3
    before["model"].pop("stages")
    assert changed == before


def test_no_setting_changes_nothing():
    assert override(TINY, []) == TINY


def test_of_two_settings_of_one_key_the_last_counts():
    assert override(TINY, ["seed=1", "seed=2"]).seed == 2


def test_settings_that_only_fit_together_are_accepted_in_any_order():
    together = ["model.affine_start=false", "regress.steps=0", 'model.taps=["conv3_3"]']
    for settings in permutations(together):
        assert not override(TINY, settings).model.affine_start
    with pytest.raises(ConfigError, match="affine"):
        override(TINY, [together[0], together[2]])


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("model.stages.0.hiden", "model.stages.0.hidden"),
        ("regres.minutes", "regress.minutes"),
        ("Batch", "batch"),
        ("data.crops", "data.crop"),
        ("model.stages.2.hidden", "model.stages."),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key: str, nearest: str):
    with pytest.raises(ConfigError) as caught:
        override(TINY, [f"{key}=1"])
    assert key in str(caught.value)
    assert f"nearest: {nearest}" in str(caught.value)


@pytest.mark.parametrize("setting", ["model={}", "regress={}"])
def test_a_whole_level_is_no_setting(setting: str):
    with pytest.raises(ConfigError, match="no such setting"):
        override(TINY, [setting])


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(ConfigError, match="--set seed: expected key=value"):
        override(TINY, ["seed"])


@pytest.mark.parametrize(
    "setting",
    [
        "data.cache=1",
        "batch=true",
        "seed=1.5",
        "seed=yes",
        "seed=null",
        "clip=fast",
        "model.taps=conv3_3",
        "model.stages=3",
        "model.stages.0.hidden=[16]",
    ],
)
def test_a_value_of_another_type_is_refused_and_the_key_named(setting: str):
    key = setting.partition("=")[0]
    with pytest.raises(ConfigError, match=key.split(".")[-1]):
        override(TINY, [setting])


@pytest.mark.parametrize(
    "setting",
    [
        "data.crop=0",
        "data.views=0",
        "batch=0",
        "ema=1",
        "clip=NaN",
        "worst=Infinity",
        "precision=16",
        "flow.steps=-1",
        "flow.learning_rate=0",
        "model.side=33",
        "model.clamp=hard",
    ],
)
def test_a_value_out_of_range_is_refused_and_the_field_named(setting: str):
    with pytest.raises(ConfigError, match=setting.partition("=")[0].split(".")[-1]):
        override(TINY, [setting])


def test_a_temperature_per_level_can_be_set():
    changed = override(TINY, ["model.temperature=[0.5, 1]"])
    assert changed.model.temperature == (0.5, 1)
    with pytest.raises(ConfigError, match="temperature"):
        override(TINY, ["model.temperature=[0.5, 1, 1]"])


def test_a_tail_can_be_added_and_removed():
    tail = '{"couplings": 1, "hidden": 8, "keep": 8}'
    assert override(TINY, [f"model.tail={tail}"]).model.tail is not None
    paper = training_preset("paper")
    assert override(paper, ["model.tail=null"]).model.tail is None
