"""The plan of a run: written once, read again, and compared."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from colorflow.errors import ConfigError
from colorflow.training.config import training_preset
from colorflow.training.overrides import override
from colorflow.training.plan import RunPlan, differences, read_plan, write_plan

Make = Callable[..., RunPlan]


@pytest.mark.parametrize("val", [None, Path("held")])
def test_a_plan_comes_back_from_its_folder(
    val: Path | None, plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    out = Path("run")
    written = dataclasses.replace(plan(out, "seed=4", val=val), data=Path("photos"), devices=2)
    write_plan(written)
    # Folders are kept absolute: a run can be resumed from anywhere.
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = read_plan(tmp_path / "run")
    assert found == dataclasses.replace(
        written,
        data=tmp_path / "photos",
        val=val and tmp_path / val,
        out=tmp_path / "run",
    )


def test_how_photos_are_split_comes_back(tmp_path: Path):
    config = training_preset("translate-tiny")
    here = tmp_path / "run"
    written = RunPlan(config, tmp_path, None, here, tmp_path, hold_back=False, site="^[a-z]+")
    write_plan(written)
    assert read_plan(here) == written


def test_a_plan_of_an_older_version_holds_back_and_guesses_sites(plan: Make, tmp_path: Path):
    write_plan(plan(tmp_path))
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    for name in ("hold_back", "site"):
        del data[name]
    path.write_text(json.dumps(data))
    found = read_plan(tmp_path)
    assert (found.hold_back, found.site) == (True, None)


def test_sites_are_of_pairs_and_found_by_a_regular_expression(plan: Make, tmp_path: Path):
    with pytest.raises(ConfigError, match="--site: only pairs have sites"):
        dataclasses.replace(plan(tmp_path), site="a")
    with pytest.raises(ConfigError, match=r"--site \(: expected a regular expression"):
        RunPlan(training_preset("translate-tiny"), tmp_path, None, tmp_path, tmp_path, site="(")


def test_a_folder_that_holds_a_run_is_refused_and_both_ways_out_named(plan: Make, tmp_path: Path):
    write_plan(plan(tmp_path))
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(ConfigError) as caught:
        write_plan(plan(tmp_path, "seed=1"))
    assert f"--resume {tmp_path}" in str(caught.value)
    assert "--out" in str(caught.value)
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path):
    with pytest.raises(ConfigError, match="expected a run to resume"):
        read_plan(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["text", "list", "missing", "config"])
def test_a_damaged_plan_is_named(damage: str, plan: Make, tmp_path: Path):
    write_plan(plan(tmp_path))
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    if damage == "missing":
        del data["devices"]
    elif damage == "config":
        data["config"]["speed"] = 3
    path.write_text({"text": "{", "list": "[]"}.get(damage) or json.dumps(data))
    with pytest.raises(ConfigError, match="speed" if damage == "config" else str(path)):
        read_plan(tmp_path)


@pytest.mark.parametrize(("devices", "nodes"), [(3, 1), (1, 3), (0, 1), (8, 2), (-1, -1)])
def test_the_batch_is_shared_out_evenly(devices: int, nodes: int, plan: Make, tmp_path: Path):
    fitting = dataclasses.replace(plan(tmp_path, "batch=8"), devices=4, nodes=2)
    with pytest.raises(ConfigError, match="batch: expected a multiple"):
        dataclasses.replace(fitting, devices=devices, nodes=nodes)


def test_differences_name_the_setting_and_both_values():
    old = training_preset("tiny")
    new = override(old, ["seed=3", "model.stages.1.hidden=24", 'model.taps.1="conv4_3"'])
    assert differences(old, old) == []
    assert sorted(differences(old, new)) == [
        "model.stages.1.hidden: 16 in the run, 24 asked for",
        "model.taps.1: conv3_3 in the run, conv4_3 asked for",
        "seed: 0 in the run, 3 asked for",
    ]
    tail = override(old, ['model.tail={"couplings": 1, "hidden": 8, "keep": 4}'])
    assert "model.tail.hidden: None in the run, 8 asked for" in differences(old, tail)
