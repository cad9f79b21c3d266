"""Folders as people have them, through the command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorflow.batch.ownership import owned
from colorflow.batch.report import NAME

COMMAND = [sys.executable, "-c", "from colorflow.cli.main import main; main()"]


@pytest.fixture
def colorflow(tiny_checkpoint, tmp_path):
    def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        line = [*COMMAND, "colorize", *map(str, arguments), "--model", str(tiny_checkpoint)]
        line += ["--device", "cpu", "--samples", "1"]
        done = subprocess.run(line, input=stdin, capture_output=True, cwd=tmp_path, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(line, done.returncode, out, err)

    return run


@pytest.fixture
def folder(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    """All that may lie in a folder of photos."""
    picture = Image.fromarray(grey_cat)
    for number, name in enumerate(("cat.jpg", "bat.jfif", "hopper.bmp", "hopper.gif")):
        path = tmp_path / name
        picture.crop((number, 0, 90, 60)).save(path, "JPEG" if name.endswith("jfif") else None)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "raw.dng").write_bytes(b"II*\0")
    damaged = tmp_path / "damaged.tif"
    picture.save(damaged, compression="tiff_lzw")
    data = bytearray(damaged.read_bytes())
    data[200:4000] = b"\xff" * 3800
    damaged.write_bytes(data)
    os.symlink("nowhere.jpg", tmp_path / "gone.jpg")
    return tmp_path


def test_every_file_is_in_the_report_and_no_library_speaks(colorflow, folder):
    found = colorflow(".", "-o", "out")
    assert found.returncode == 3
    lines = (folder / "out" / NAME).read_text().splitlines()[1:]
    report = {Path(line["input"]).name: line for line in map(json.loads, lines)}
    assert {name: line["status"] for name, line in report.items()} == {
        "cat.jpg": "ok",
        "bat.jfif": "ok",
        "hopper.bmp": "ok",
        "hopper.gif": "ok",
        "empty.jpg": "failed",
        "damaged.tif": "failed",
        "gone.jpg": "failed",
        "raw.dng": "passed over",
    }
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "bat_v1.jfif", "cat_v1.jpg", NAME, "hopper_bmp_v1.png", "hopper_gif_v1.png",
    ]  # fmt: skip
    told = found.stderr.splitlines()
    assert "passed over, as no photos: 1 x camera raw (.dng)" in told
    assert any("hopper.bmp becomes hopper_bmp_v1.png" in line for line in told)
    start = ("model ", "note: ", "failed: ", "[", "passed over", "4 coloured", "reasons are in")
    assert all(line.startswith(start) for line in told), found.stderr


def test_a_folder_that_another_job_owns_is_left_alone(colorflow, folder):
    (folder / "out").mkdir()
    with owned(folder / "out"):
        found = colorflow("cat.jpg", "-o", "out")
    assert found.returncode == 1
    assert f"process {os.getpid()}" in found.stderr
    assert list((folder / "out").iterdir()) == []
    assert colorflow("cat.jpg", "-o", "out").returncode == 0


def test_the_report_goes_to_standard_output(colorflow, folder):
    found = colorflow("cat.jpg", "-o", "out", "--report", "-")
    assert found.returncode == 0
    head, line = map(json.loads, found.stdout.splitlines())
    assert (head["report"], line["status"]) == (1, "ok")
    assert [path.name for path in (folder / "out").iterdir()] == ["cat_v1.jpg"]
    both = colorflow("cat.jpg", "-o", "out", "--report", "-", "--json")
    assert both.returncode == 2
    assert "--report -, --json" in both.stderr


def test_lists_of_find_print0(colorflow, folder):
    found = colorflow("-", "-0", "-o", "out", stdin=b"cat.jpg\0bat.jfif\0")
    assert found.returncode == 0
    assert "2 coloured" in found.stderr


def test_the_limit_of_size_can_be_set(colorflow, folder):
    found = colorflow("cat.jpg", "-o", "out", "--max-pixels", "0.005")
    assert found.returncode == 3
    assert "expected at most 5,000 pixels" in found.stderr
    assert "--max-pixels" in found.stderr
    assert colorflow("cat.jpg", "-o", "out", "--max-pixels", "0.006").returncode == 0


def test_a_contact_sheet_of_somebody_else_is_left_alone(colorflow, folder):
    (folder / "out").mkdir()
    (folder / "out/contact_sheet.jpg").write_bytes(b"mine")
    found = colorflow("cat.jpg", "-o", "out", "--contact-sheet")
    assert found.returncode == 2
    assert "contact_sheet.jpg: is there and was not made by colorflow" in found.stderr
    assert (folder / "out/contact_sheet.jpg").read_bytes() == b"mine"


def test_results_and_contact_sheet_beside_the_photos_can_be_made_again(colorflow, folder):
    for name in ("empty.jpg", "damaged.tif", "gone.jpg"):
        (folder / name).unlink()
    for _ in range(2):
        found = colorflow(".", "-o", ".", "--contact-sheet")
        assert found.returncode == 0, found.stderr
    assert len([*folder.glob("*_v1*")]) == 4
    assert len([*folder.glob("contact_sheet*")]) == 1


@pytest.mark.parametrize(
    "options",
    [["-o", ""], ["--report", ""], ["--max-pixels", "inf"], ["--name", ""], ["--name", "{ext}"]],
)
def test_values_that_make_no_sense_are_refused_in_one_line(colorflow, folder, options):
    found = colorflow("cat.jpg", *options)
    assert found.returncode == 2, found.stderr
    assert len(found.stderr.splitlines()) == 1
