"""The translate command: photos in, photos of the same scene out, by the rules of all jobs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorflow.batch.report import NAME, read_report
from colorflow.cli.main import main
from colorflow.images.read import read_photo
from colorflow.images.write import read_history


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., SimpleNamespace]:
    """Run the command in this process; give its exit code, output and messages."""

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["colorflow", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as error:
            code = int(error.code or 0)
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return call


@pytest.fixture
def days(tmp_path: Path, cat: Image.Image) -> Path:
    (tmp_path / "in/sub").mkdir(parents=True)
    cat.save(tmp_path / "in/a.jpg", quality=95)
    cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "in/sub/b.png")
    return tmp_path / "in"


def tree(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != NAME]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_folder_is_translated_and_a_second_run_finds_it_done(
    run, days, tiny_translator_checkpoint, tiny_translator, tmp_path
):
    out = tmp_path / "out"
    command = ["translate", days, "-o", out, "--model", tiny_translator_checkpoint]
    command += ["--samples", 2, "--device", "cpu"]
    told = run(*command)
    assert told.code == 0
    assert "2 translated, 4 files" in told.err
    assert set(tree(out)) == {"a_v1.jpg", "a_v2.jpg", "sub/b_v1.png", "sub/b_v2.png"}
    variant = tiny_translator.sample(days / "sub/b.png", n=2)[1]
    assert np.array_equal(Image.open(out / "sub/b_v2.png"), variant.image)
    again = run(*command, "--json")
    told = [json.loads(line) for line in again.out.splitlines()]
    assert {line["status"] for line in told if "status" in line} == {"skipped"}
    # Colour photos are what it is for: no note that their colours were not used.
    assert not any(line["coloured"] for line in read_report(out / NAME))
    changed = run(*command, "--strength", 0.5)
    assert changed.code == 3
    assert "strength" in changed.out + changed.err


def test_a_result_says_how_it_was_made_and_is_made_again(
    run, days, tiny_translator_checkpoint, tmp_path
):
    out = tmp_path / "out"
    model = ["--model", tiny_translator_checkpoint, "--device", "cpu"]
    assert run("translate", days, "-o", out, "--strength", 0.8, "--samples", 2, *model).code == 0
    history = read_history(out / "a_v2.jpg")
    assert history["strength"] == 0.8
    assert "saturation" not in history
    found = run("recolor", out / "a_v2.jpg", "-o", tmp_path / "again", *model)
    assert found.code == 0
    assert "1 translated, 1 files in" in found.err
    (again,) = (tmp_path / "again").glob("a_v2*.jpg")
    assert again.read_bytes() == (out / "a_v2.jpg").read_bytes()


def test_a_result_of_a_bundled_model_names_it_itself(run, days, tmp_path):
    out = tmp_path / "out"
    assert run("translate", days / "a.jpg", "-o", out, "--samples", 1, "--device", "cpu").code == 0
    result = out / "a_v1.jpg"
    again = run("recolor", result, "-o", tmp_path / "again", "--device", "cpu")
    assert again.code == 0
    assert "model night@" in again.err
    (made,) = (tmp_path / "again").glob("a_v1*.jpg")
    assert made.read_bytes() == result.read_bytes()
    assert run("recolor", result, "--strength", 0.5, "-o", tmp_path / "calm").code == 0
    (calm,) = (tmp_path / "calm").glob("*.jpg")
    assert read_history(calm)["strength"] == 0.5


def test_without_its_photo_a_result_cannot_be_made_again(
    run, days, tiny_translator_checkpoint, tmp_path
):
    out = tmp_path / "out"
    model = ["--model", tiny_translator_checkpoint, "--device", "cpu"]
    assert run("translate", days / "a.jpg", "-o", out, "--samples", 1, *model).code == 0
    (days / "a.jpg").unlink()
    found = run("recolor", out / "a_v1.jpg", "-o", tmp_path / "again", *model)
    assert found.code == 3
    assert "name it with --source" in found.out + found.err


def test_one_picked_result_is_named_for_what_it_is(run, days, tiny_translator_checkpoint, tmp_path):
    out = tmp_path / "out"
    command = ["translate", days / "a.jpg", "-o", out, "--pick", "medoid", "--contact-sheet"]
    assert run(*command, "--model", tiny_translator_checkpoint, "--device", "cpu").code == 0
    assert set(tree(out)) == {"a_translated.jpg", "contact_sheet.jpg"}
    # The sheet shows the photo in its colours.
    sheet = read_photo(out / "contact_sheet.jpg")
    assert sheet.is_coloured()


def test_a_strength_that_is_too_large_is_wrong_usage(
    run, days, tiny_translator_checkpoint, tmp_path
):
    model = "--model", tiny_translator_checkpoint, "--device", "cpu"
    told = run("translate", days, "-o", tmp_path / "out", "--strength", 2.1, *model)
    assert told.code == 2
    assert told.err.splitlines()[-1].startswith("colorflow: strength: expected 0 to 1.5, got 2.1")
    assert not list((tmp_path / "out").glob("*.jpg"))


def test_the_model_of_another_task_is_refused_in_one_line(run, days, tiny_checkpoint, tmp_path):
    found = run("translate", days, "-o", tmp_path / "out", "--model", tiny_checkpoint)
    assert found.code == 2
    assert "expected one for translation, this one is for colorization" in found.err
    assert found.err.count("\n") == 1


QUICK_PAIRS = (
    *("--preset", "translate-tiny", "--device", "cpu", "--set", "flow.steps=4"),
    *("--set", "batch=4", "--set", "report_steps=2"),
)


def save_pair(cat: Image.Image, shift: int, folder: Path, name: str, suffix: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    day = cat.crop((shift, 0, shift + 80, 80))
    day.save(folder / f"{name}_day.{suffix}")
    day.point(lambda value: value // 4).save(folder / f"{name}_night.{suffix}")


def test_pairs_train_a_translator_that_translates_and_is_measured(run, cat, tmp_path):
    pairs = tmp_path / "pairs"
    for site in "abc":
        for number in range(3):
            save_pair(cat, 7 * number + 20 * "abc".index(site), pairs, f"{site}_{number}")
    out = tmp_path / "run"
    command = ["train", "translate", "--data", pairs, "--out", out, "--cache", tmp_path / "cache"]
    trained = run(*command, *QUICK_PAIRS)
    assert trained.code == 0, trained.err
    assert f"{pairs}: 9 pairs\n{pairs}: 3 sites by name\n" in trained.err
    assert "3 pairs of the site" in trained.err
    model = ["--model", out / "model.safetensors", "--device", "cpu"]
    assert run("translate", pairs / "a_0_day.png", "-o", tmp_path / "night", *model).code == 0
    measured = run("evaluate", "--data", pairs, "--train", pairs, "--n", 2, "--json", *model)
    figures = json.loads(measured.out)
    assert set(figures["sites"]) == {"a", "b", "c"}
    assert figures["sites"]["a"]["pairs"] == 3
    assert "mean partner" in figures["methods"]
    sited = run("evaluate", "--data", pairs, "--n", 1, "--json", "--site", "_(.)$", *model)
    assert set(json.loads(sited.out)["sites"]) == {"0", "1", "2"}
    again = run("train", "translate", "--resume", out)
    assert again.code == 0
    wrong = run("train", "colorize", "--resume", out)
    assert wrong.code == 2
    assert "use colorflow train translate" in wrong.err


def test_pairs_named_by_a_camera_are_trained_on(run, cat, tmp_path):
    pairs, out = tmp_path / "pairs", tmp_path / "run"
    for number in range(5):
        save_pair(cat, 9 * number, pairs, f"IMG_{number:04}", "JPG")
    command = ["train", "translate", "--data", pairs, "--out", out, "--cache", tmp_path / "cache"]
    trained = run(*command, *QUICK_PAIRS)
    assert trained.code == 0, trained.err
    assert "1 site by name, only 'IMG', which does not tell scenes apart" in trained.err
    (warning,) = [line for line in trained.err.splitlines() if line.startswith("warning")]
    assert "will be too kind" in warning
    held = json.loads((out / "split.json").read_text())["held_back"]
    halves = [str(pairs / f"IMG_0002_{half}.JPG") for half in ("day", "night")]
    assert held == [halves]
    everything = run(*command[:-3], tmp_path / "all", "--val", "none", *command[-2:], *QUICK_PAIRS)
    assert everything.code == 0, everything.err
    assert "nothing is held back, all 5 pairs train" in everything.err
    assert json.loads((tmp_path / "all" / "split.json").read_text())["held_back"] == []


def test_a_resumed_run_has_the_sites_it_began_with(run, cat, tmp_path):
    pairs, out = tmp_path / "pairs", tmp_path / "run"
    for number in range(4):
        save_pair(cat, 9 * number, pairs, f"{'ab'[number % 2]}_{number}")
    command = ["train", "translate", "--data", pairs, "--out", out, "--cache", tmp_path / "cache"]
    assert run(*command, "--site", "^.", *QUICK_PAIRS).code == 0
    split = (out / "split.json").read_bytes()
    (out / "split.json").unlink()
    again = run("train", "translate", "--resume", out)
    assert again.code == 0
    assert f"{pairs}: 2 sites by --site" in again.err
    assert (out / "split.json").read_bytes() == split
    other = run("train", "translate", "--resume", out, "--site", "[0-9]")
    assert other.code == 2
    assert "expected the run's --site, ^., got [0-9]" in other.err


@pytest.mark.parametrize("pattern", ["(", "^IMG"])
def test_a_site_that_cannot_be_found_exits_2_in_one_line(run, cat, tmp_path, pattern):
    save_pair(cat, 0, tmp_path / "pairs", "DSC_1")
    command = ["train", "translate", "--data", tmp_path / "pairs", "--out", tmp_path / "run"]
    found = run(*command, "--site", pattern, *QUICK_PAIRS)
    assert found.code == 2
    assert found.err.count("\n") == 1
    assert f"--site {pattern}" in found.err
    assert not (tmp_path / "run" / "config.json").exists()


def test_photos_that_are_not_in_pairs_have_no_site(run, cat, tiny_checkpoint, tmp_path):
    cat.save(tmp_path / "a.png")
    command = ["evaluate", "--data", tmp_path, "--model", tiny_checkpoint, "--site", "a"]
    found = run(*command, "--device", "cpu")
    assert found.code == 2
    assert "--site: only pairs have sites" in found.err


def test_a_preset_of_another_task_is_refused(run, tmp_path):
    for task, other in (("translate", "tiny"), ("colorize", "translate-tiny")):
        found = run("train", task, "--data", tmp_path, "--out", tmp_path / "r", "--preset", other)
        assert found.code == 2
        assert "use colorflow train" in found.err
