"""Hints on the command line, in processes as a user starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = [sys.executable, "-c", "from colorflow.cli.main import main; main()"]


def colorflow(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def photo(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    path = tmp_path / "in" / "cat.jpg"
    path.parent.mkdir()
    Image.fromarray(grey_cat).save(path)
    return path


def test_a_photo_is_coloured_by_hints_and_one_variant_made_again_muted(
    photo, tmp_path, tiny_checkpoint
):
    hints = tmp_path / "hints.json"
    hints.write_text('{"cat.jpg": [{"x": 75, "y": 50, "hex": "#A53"}]}')
    out = tmp_path / "out"
    model = "--model", tiny_checkpoint, "--device", "cpu"
    run = colorflow("colorize", photo.parent, "--hints", hints, "-o", out, "--samples", 2, *model)
    assert run.returncode == 0, run.stderr
    line = json.loads((out / "colorflow-report.jsonl").read_text().splitlines()[1])
    assert [len(told["residuals"]) for told in line["variants"]] == [1, 1]
    again = colorflow("recolor", out / "cat_v2.jpg", "-o", tmp_path / "again", *model)
    assert again.returncode == 0, again.stderr
    (made,) = (tmp_path / "again").glob("*.jpg")
    assert made.read_bytes() == (out / "cat_v2.jpg").read_bytes()


@pytest.mark.parametrize(
    ("content", "expected", "code"),
    [
        ('{"dog.jpg": []}', "no photo of this job is named dog.jpg", 2),
        ('[{"x": 150, "y": 50, "hex": "#a53"}]', "hint 1, #aa5533 at (150, 50), lies outside", 3),
    ],
)
def test_wrong_hints_are_one_line_and_an_exit_code(
    photo, tmp_path, tiny_checkpoint, content, expected, code
):
    hints = tmp_path / "hints.json"
    hints.write_text(content)
    run = colorflow(
        "colorize", photo, "--hints", hints, "-o", tmp_path / "out", "--samples", 1, "--quiet",
        "--model", tiny_checkpoint,
    )  # fmt: skip
    assert run.returncode == code
    assert "Traceback" not in run.stderr
    assert sum(expected in line for line in run.stderr.splitlines()) == 1
    assert not list((tmp_path / "out").glob("*.jpg"))
