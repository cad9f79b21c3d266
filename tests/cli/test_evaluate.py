"""``colorflow evaluate``: what it prints and writes, and how it refuses what it cannot measure."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.cli import evaluate
from colorflow.cli.main import main
from colorflow.evaluation.measured import FLOW, GREY, HEAD, MEAN, TRUTH
from colorflow.models.checkpoint import save_checkpoint
from colorflow.resources import bundled

COMMAND = [sys.executable, "-c", "from colorflow.cli.main import main; main()", "evaluate"]


@dataclass
class Run:
    """What came of a command line."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process, without the classifier, whose packages may be missing."""
    monkeypatch.setattr(evaluate, "load_classifier", lambda device: None)

    def start(*arguments: object) -> Run:
        line = ["colorflow", "evaluate", *map(str, arguments), "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", line)
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return Run(int(end.value.code or 0), printed.out, printed.err)

    return start


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in ("cat", "coffee", "sunset"):
        with Image.open(bundled("examples", f"{name}.jpg")) as picture:
            small = picture.convert("RGB").resize((48, 36))
        small.save(folder / f"{name}.png")
        if name == "coffee":  # the first by name is left out
            small.convert("L").save(folder / "a grey one.png")
    return folder


def refuse(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1


def test_a_model_is_measured_in_a_process_of_its_own(photos, tiny_checkpoint, tmp_path):
    out = tmp_path / "new" / "folder"
    arguments = ["--data", photos, "--model", tiny_checkpoint, "--n", 2, "--limit", 2, "-o", out]
    process = subprocess.run(
        [*COMMAND, *map(str, arguments), "--json", "--device", "cpu"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    # Nothing but JSON on standard output, and no NaN or infinity in it.
    summary = json.loads(process.stdout, parse_constant=refuse)
    assert list(summary["methods"]) == [GREY, MEAN, HEAD, FLOW, TRUTH]
    assert next(iter(summary["headline"])) == "first"
    assert summary["headline"]["distance"]["value"] > 0
    assert sum(b["cases"] for b in summary["shares"]) == 4
    assert summary["calibrated"] == summary["photos"] == 2
    assert summary["protocol"]["n"] == 2
    assert len(summary["left_out"]) == 1
    assert "a grey one.png" in summary["left_out"][0]
    assert "2/2 photos" in process.stderr
    assert "note: no --head" in process.stderr
    assert {path.name for path in out.iterdir()} == {
        "evaluation.json", "evaluation.md", "reliability.png",
    }  # fmt: skip
    assert json.loads((out / "evaluation.json").read_text()) == summary
    table = (out / "evaluation.md").read_text()
    assert "| | grey | mean colour | deterministic head | cINN | truth |" in table
    assert f"{summary['methods'][FLOW]['rmse_best_image']['value']:.2f} ±" in table
    with Image.open(out / "reliability.png") as plot:
        assert plot.format == "PNG"
        assert np.ptp(np.asarray(plot.convert("L"))) > 200


def test_the_table_is_printed_and_options_count(run, photos, tiny_checkpoint, tmp_path):
    common = ["--data", photos, "--model", tiny_checkpoint, "--n", 2, "--limit", 1]
    plain = run(*common, "-o", tmp_path)
    assert plain.code == 0, plain.err
    assert (tmp_path / "evaluation.md").read_text() == plain.out
    assert "1 photos of" in plain.out
    assert "n = 2, temperature 0.85, seed 0" in plain.out
    assert run(*common).out == plain.out
    other = run(*common, "--temperature", 0, "--seed", 4)
    assert "temperature 0, seed 4" in other.out
    spread = next(line for line in other.out.splitlines() if line.startswith("| variance"))
    assert spread.split("|")[5].strip().startswith("0.00")


def test_how_variants_are_drawn_and_finished_is_an_option(run, photos, tiny_checkpoint):
    common = ["--data", photos, "--model", tiny_checkpoint, "--n", 2, "--json"]
    usual = json.loads(run(*common, "--jobs", 1).out)
    assert usual == json.loads(run(*common, "--jobs", 2).out)
    assert usual["protocol"]["draw"] == "representative"
    assert "rmse_full_best" not in usual["methods"][FLOW]
    options = ["--draw", "independent", "--calibration", 0, "--full-size"]
    other = json.loads(run(*common, *options).out)
    assert other["protocol"]["draw"] == "independent"
    assert other["shares"] == other["reliability"] == []
    assert other["coverage"] == {}
    assert other["methods"][FLOW]["rmse_full_best"]["value"] > 0
    assert other["methods"][FLOW]["bits_per_dim"] == usual["methods"][FLOW]["bits_per_dim"]


def test_the_regressor_of_the_run_is_compared_with(run, photos, tiny, tmp_path):
    model, regressor = tmp_path / "model.safetensors", tmp_path / "regress.safetensors"
    save_checkpoint(model, tiny.model, tiny.info.backbone_hash, {})
    common = ["--data", photos, "--model", model, "--n", 1, "--limit", 1, "--json"]

    def head_error(outcome: Run) -> float:
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)["methods"][HEAD]["rmse_one"]["value"]

    own = run(*common)
    assert "note: no --head" in own.err
    # The same weights in a file of their own, beside the model or where --head says.
    save_checkpoint(regressor, tiny.model, tiny.info.backbone_hash, {}, part="regressor")
    beside = run(*common)
    regressor.rename(tmp_path / "elsewhere.safetensors")
    named = run(*common, "--head", tmp_path / "elsewhere.safetensors")
    for outcome in (beside, named):
        assert "note" not in outcome.err
        assert head_error(outcome) == pytest.approx(head_error(own), rel=1e-4)


def test_nothing_to_measure_exits_4(run, photos, tiny_checkpoint, tmp_path):
    empty, grey = tmp_path / "empty", tmp_path / "grey"
    for folder in (empty, grey):
        folder.mkdir()
    (grey / "photo.png").write_bytes((photos / "a grey one.png").read_bytes())
    for folder in (empty, grey, tmp_path / "gone"):
        outcome = run("--data", folder, "--model", tiny_checkpoint, "-o", tmp_path / "out")
        assert outcome.code == 4
        assert str(folder) in outcome.err
        assert outcome.out == ""
    assert not list((tmp_path / "out").glob("*"))
    outcome = run("--data", empty, "--model", tiny_checkpoint)
    assert one_line(outcome.err)


def test_models_that_cannot_be_used_exit_1_with_one_line(run, photos, tiny, tmp_path):
    gone, regressor = tmp_path / "gone.safetensors", tmp_path / "regressor.safetensors"
    save_checkpoint(regressor, tiny.model, tiny.info.backbone_hash, {}, part="regressor")
    for arguments, named in (
        (["--model", gone], gone),
        (["--model", regressor], regressor),
        (["--model", tiny.info.path, "--head", gone], gone),
    ):
        outcome = run("--data", photos, *arguments)
        assert outcome.code == 1
        assert one_line(outcome.err)
        assert str(named) in outcome.err
        assert outcome.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--n", 0],
        ["--limit", -1],
        ["--calibration", -1],
        ["--draw", "best"],
        ["--temperature", -1],
        ["--temperature", "nan"],
    ],
)
def test_wrong_usage_exits_2(run, photos, tiny_checkpoint, arguments):
    outcome = run("--data", photos, "--model", tiny_checkpoint, *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
