"""Hints in jobs: part of what makes a result, and noted with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.batch.config import BatchConfig, settings_hash
from colorflow.batch.discover import Job, discover
from colorflow.batch.painters import SamplePainter
from colorflow.batch.places import full_name
from colorflow.batch.ray_worker import Order, _colour, pack_jobs
from colorflow.batch.recolor import RecipePainter, read_recipe
from colorflow.batch.results import Result
from colorflow.batch.run import run_jobs
from colorflow.hints import Hint, hints_to_json
from colorflow.images.write import read_history

HINTS = (Hint(75, 50, "#aa5533"), Hint(20, 80, "#335577"))


@pytest.fixture
def source(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(("a.jpg", "b.png", "c.jpg")):
        Image.fromarray(np.roll(grey_cat, number, axis=1)).save(folder / name)
    return folder


def config_of(source: Path, hints: tuple[Hint, ...] = HINTS, **settings) -> BatchConfig:
    return BatchConfig(**{"samples": 2, **settings}, hints={full_name(source / "b.png"): hints})


def colour(colorizer, source: Path, out: Path, config: BatchConfig) -> dict[str, Result]:
    painter = SamplePainter(colorizer, config)
    results = run_jobs(painter, discover([source], out).jobs, config)
    return {result.source.name: result for result in results}


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_only_the_photo_that_has_hints_is_changed_and_its_results_say_so(tiny, source, tmp_path):
    colour(tiny, source, tmp_path / "plain", BatchConfig(samples=2))
    results = colour(tiny, source, tmp_path / "hinted", config_of(source))
    plain, hinted = tree(tmp_path / "plain"), tree(tmp_path / "hinted")
    changed = {name for name in plain if plain[name] != hinted[name]}
    assert changed == {"b_v1.png", "b_v2.png"}
    for index, told in enumerate(results["b.png"].details["variants"]):
        assert len(told["residuals"]) == 2
        assert max(told["residuals"]) < 5
        history = read_history(results["b.png"].outputs[index])
        assert history["hints"] == hints_to_json(HINTS)
        assert history["residuals"] == told["residuals"]
    assert results["b.png"].notes == []
    assert "residuals" not in results["a.jpg"].details["variants"][0]
    expected = tiny.sample(source / "b.png", n=2, hints=HINTS)[1].image
    with Image.open(tmp_path / "hinted" / "b_v2.png") as image:
        assert image.tobytes() == expected.tobytes()


def test_other_hints_are_other_settings(tiny, source, tmp_path):
    out = tmp_path / "out"
    colour(tiny, source, out, config_of(source))
    again = colour(tiny, source, out, config_of(source))
    assert {result.status for result in again.values()} == {"skipped"}
    for other in (HINTS[:1], ()):
        found = colour(tiny, source, out, config_of(source, other))
        assert {name: found[name].status for name in found} == {
            "a.jpg": "skipped", "b.png": "stale", "c.jpg": "skipped",
        }  # fmt: skip
        assert "other hints" in str(found["b.png"].reason)
    changed = colour(tiny, source, out, config_of(source, HINTS[:1], rerun="changed"))
    assert changed["b.png"].status == "ok"
    assert read_history(out / "b_v1.png")["hints"] == hints_to_json(HINTS[:1])


@pytest.mark.parametrize("settings", [{"samples": 3}, {"samples": 3, "pick": "medoid"}])
def test_a_result_is_made_again_to_the_same_bytes(tiny, source, tmp_path, settings):
    found = colour(tiny, source, tmp_path / "out", config_of(source, **settings))
    path = found["b.png"].outputs[-1]
    recipe = read_recipe(path)
    assert recipe.hints == HINTS
    painter = RecipePainter(tiny, recipe, None)
    jobs = [Job(source / "b.png", tmp_path / "again" / "b", named=True)]
    (result,) = run_jobs(painter, jobs, painter.config)
    assert result.outputs[0].read_bytes() == path.read_bytes()


def test_a_hint_outside_fails_its_photo_alone(tiny, source, tmp_path):
    outside = (HINTS[0], Hint(10, 100, "#fff"))
    found = colour(tiny, source, tmp_path / "out", config_of(source, outside))
    assert [found[name].status for name in ("a.jpg", "b.png", "c.jpg")] == ["ok", "failed", "ok"]
    reason = str(found["b.png"].reason)
    assert reason.startswith(f"{source / 'b.png'}: hint 2, #ffffff at (10, 100), lies outside")
    assert "150 x 100" in reason


def test_a_hint_that_is_missed_by_far_is_noted(tiny, source, tmp_path):
    contradiction = (Hint(75, 50, "#cc3333"), Hint(75, 50, "#33aa33"))
    found = colour(tiny, source, tmp_path / "out", config_of(source, contradiction))
    notes = found["b.png"].notes
    assert [note.split(" was")[0] for note in notes] == [
        "hint 1, #cc3333 at (75, 50),", "hint 2, #33aa33 at (75, 50),",
    ]  # fmt: skip


def test_hints_travel_to_the_workers_of_a_cluster(tiny, source, tmp_path):
    config = config_of(source)
    painter = SamplePainter(tiny, config)
    order = Order(config, "cpu", "photo", "", "", {}, "", settings_hash(painter.settings), "a1", "")
    outputs = [tmp_path / "out" / f"b_v{k}.png" for k in (1, 2)]
    job = Job(source / "b.png", tmp_path / "out" / "b")
    (answer,) = _colour(painter, order, json.loads(pack_jobs([(0, job, outputs)])))
    assert answer["status"] == "ok"
    colour(tiny, source, tmp_path / "local", config)
    assert outputs[0].read_bytes() == (tmp_path / "local" / "b_v1.png").read_bytes()
