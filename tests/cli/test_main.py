"""The command as a user runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = [sys.executable, "-c", "from colorflow.cli.main import main; main()"]


def colorflow(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.fixture
def photo(tmp_path: Path, grey_cat: np.ndarray) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(grey_cat).save(path)
    return path


def test_help_lists_commands_and_exit_codes_without_loading_torch():
    code = (
        "import sys; sys.argv = ['colorflow', '--help']\n"
        "from colorflow.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'kornia', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert run.stdout.strip().endswith("[]")
    for word in ("colorize", "transfer", "info", "doctor", "Exit codes"):
        assert word in run.stdout


@pytest.mark.parametrize("command", ["colorize", "transfer", "recolor", "info", "doctor"])
def test_every_command_explains_itself(command):
    run = colorflow(command, "--help")
    assert run.returncode == 0
    assert "Usage" in run.stdout


def test_colorize_then_info_tells_how(photo, tmp_path, tiny_checkpoint):
    out = tmp_path / "out"
    run = colorflow(
        "colorize", photo, "-o", out, "--samples", 2, "--seed", 4, "--format", "png",
        "--contact-sheet", "--device", "cpu", "--model", tiny_checkpoint,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""  # data only; progress goes to standard error
    assert "[1/1]" in run.stderr
    assert "1 coloured, 2 files" in run.stderr
    assert {p.name for p in out.iterdir()} == {
        "photo_v1.png", "photo_v2.png", "contact_sheet.jpg", "colorflow-report.jsonl",
    }  # fmt: skip
    facts = json.loads(colorflow("info", out / "photo_v2.png", "--json").stdout)
    assert facts["made_by"]["seed"] == 4
    assert facts["made_by"]["variant"] == 2
    assert facts["made_by"]["model"].startswith("tiny@")
    assert facts["coloured"]


def test_one_bad_file_among_good_ones_exits_3_and_names_it(photo, tmp_path, tiny_checkpoint):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    out = tmp_path / "out"
    run = colorflow(
        "colorize", photo, tmp_path / "bad.jpg", tmp_path / "gone.jpg", "-o", out,
        "--samples", 1, "--model", tiny_checkpoint,
    )  # fmt: skip
    assert run.returncode == 3
    failed = [line for line in run.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2
    assert any("bad.jpg" in line for line in failed)
    assert any("gone.jpg" in line for line in failed)
    assert "Traceback" not in run.stderr
    assert sorted(p.name for p in out.iterdir()) == ["colorflow-report.jsonl", "photo_v1.jpg"]


def test_a_folder_without_photos_exits_4(tmp_path):
    run = colorflow("colorize", tmp_path, "-o", tmp_path / "out")
    assert run.returncode == 4
    assert len(run.stderr.strip().splitlines()) == 1
    assert str(tmp_path) in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--samples", "0"],
        ["--saturation", "-1"],
        ["--saturation", "nan"],
        ["--saturation", "2.1"],
        ["--vivid", "2.1"],
        ["--vivid", "nan"],
        ["--detail", "3"],
        ["--draw", "nicest"],
        ["--format", "bmp"],
        ["--smaples", "2"],
        ["--pick", "nicest"],
        ["--changed", "--overwrite"],
        ["--skip-existing", "--changed"],
        ["--name", "{stem}{ext}"],
        ["--quality", "0"],
    ],
)
def test_wrong_usage_exits_2(photo, tmp_path, tiny_checkpoint, arguments):
    common = ["-o", tmp_path / "out", "--model", tiny_checkpoint]
    run = colorflow("colorize", photo, *common, *arguments)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.glob("out/*.jpg"))


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--saturation", 2.1, "saturation: expected 0 to 1.5, got 2.1"),
        ("--vivid", 2.1, "vivid: expected 0 to 2, got 2.1"),
    ],
)
def test_factors_that_are_too_large_are_refused_in_one_line(
    photo, tmp_path, tiny_checkpoint, option, value, expected
):
    model = "--model", tiny_checkpoint, "--device", "cpu"
    colorflow("colorize", photo, "-o", tmp_path / "out", "--samples", 1, *model)
    commands = [
        ("colorize", photo, "-o", tmp_path / "other", "--samples", 1),
        ("recolor", tmp_path / "out/photo_v1.jpg", "-o", tmp_path / "other"),
    ]
    for command in commands:
        run = colorflow(*command, option, value, *model)
        assert run.returncode == 2, run.stderr
        assert sum(expected in line for line in run.stderr.splitlines()) == 1
        assert not list(tmp_path.glob("other/*.jpg"))


def test_an_unwritable_output_exits_1_with_one_line(photo, tmp_path):
    run = colorflow("colorize", photo, "-o", photo / "out")
    assert run.returncode == 1
    assert len(run.stderr.strip().splitlines()) == 1


def test_an_altered_checkpoint_exits_1_and_debug_shows_more(photo, tmp_path, tiny_checkpoint):
    data = bytearray(tiny_checkpoint.read_bytes())
    data[-5] ^= 255
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(data)
    run = colorflow("colorize", photo, "-o", tmp_path / "o", "--model", broken)
    assert run.returncode == 1
    assert len(run.stderr.strip().splitlines()) == 1
    assert "broken.safetensors" in run.stderr
    debug = colorflow("colorize", photo, "-o", tmp_path / "o", "--model", broken, "--debug")
    assert "Traceback" in debug.stderr


def test_colour_photos_are_mentioned_once(cat, tmp_path, tiny_checkpoint):
    for name in "abc":
        cat.save(tmp_path / f"{name}.png")
    run = colorflow(
        "colorize", tmp_path, "-o", tmp_path / "out", "--samples", 1, "--model", tiny_checkpoint
    )
    assert run.returncode == 0
    assert run.stderr.count("had colours already") == 1


def test_transfer(photo, cat, tmp_path, tiny_checkpoint):
    cat.save(tmp_path / "reference.png")
    run = colorflow(
        "transfer", tmp_path / "reference.png", photo, "-o", tmp_path / "out",
        "--model", tiny_checkpoint,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out" / "photo_transfer.jpg").exists()


def test_info_describes_models_and_refuses_other_files(tmp_path, tiny_checkpoint):
    facts = json.loads(colorflow("info", tiny_checkpoint, "--json").stdout)
    assert facts["kind"] == "model"
    assert facts["config"]["name"] == "tiny"
    assert "tiny" in colorflow("info", tiny_checkpoint).stdout
    (tmp_path / "x.txt").write_text("x")
    run = colorflow("info", tmp_path / "x.txt")
    assert run.returncode == 1
    assert "x.txt" in run.stderr


def test_doctor_finds_the_bundled_model_healthy():
    run = colorflow("doctor", "--json", "--device", "cpu")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["healthy"]
    assert len(report["round_trips"]) == 6


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_130_leaves_whole_files_and_the_job_goes_on(
    grey_cat, tmp_path, tiny_checkpoint, sent
):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(200):
        Image.fromarray(np.roll(grey_cat, number, 1)).save(folder / f"{number:03}.png")
    out = tmp_path / "out"
    # A shell ignores interrupts for what it runs in the background; children inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", heed + COMMAND[-1]]
    process = subprocess.Popen(
        [*command, "colorize", folder, "-o", out, "--samples", "1", "--model", tiny_checkpoint],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (out.is_dir() and list(out.glob("*_v1.png"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert (out / "colorflow-report.jsonl").exists()
    files = [path for path in out.iterdir() if path.suffix != ".jsonl"]
    assert 0 < len(files) < 200
    for path in files:
        with Image.open(path) as image:
            image.load()  # whole, and nothing temporary among them
    assert "the same command goes on" in stderr
    again = colorflow("colorize", folder, "-o", out, "--samples", 1, "--model", tiny_checkpoint)
    assert again.returncode == 0
    assert f"{len(files)} skipped" in again.stderr
    assert len(list(out.glob("*_v1.png"))) == 200


def test_json_goes_to_standard_output_and_everything_else_does_not(
    photo, tmp_path, tiny_checkpoint
):
    (tmp_path / "bad.jpg").touch()
    run = colorflow(
        "colorize", photo, tmp_path / "bad.jpg", "-o", tmp_path / "out", "--json",
        "--model", tiny_checkpoint,
    )  # fmt: skip
    *lines, last = map(json.loads, run.stdout.splitlines())
    assert {Path(line["input"]).name: line["status"] for line in lines} == {
        "photo.jpg": "ok", "bad.jpg": "failed",
    }  # fmt: skip
    assert last == {"summary": {"failed": 1, "ok": 1}, "interrupted": False}


def test_a_dry_run_tells_and_changes_nothing(photo, tmp_path, tiny_checkpoint):
    out = tmp_path / "out"
    run = colorflow("colorize", photo, "-o", out, "--dry-run", "--model", tiny_checkpoint)
    assert run.returncode == 0
    assert "to do" in run.stderr
    assert not out.exists()


def test_a_list_on_standard_input_names_the_photos(photo, tmp_path, tiny_checkpoint):
    run = subprocess.run(
        [*COMMAND, "colorize", "-", "-o", str(tmp_path / "out"), "--model", str(tiny_checkpoint)],
        input=f"{photo}\n\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out/photo_v4.jpg").exists()
    nothing = subprocess.run(
        [*COMMAND, "colorize", "-"], input="", capture_output=True, text=True, check=False
    )
    assert nothing.returncode == 2


def test_patterns_the_shell_did_not_expand_are_expanded(photo, tmp_path, tiny_checkpoint):
    (tmp_path / "photo[1].jpg").write_bytes(photo.read_bytes())
    out = tmp_path / "out"
    run = colorflow(
        "colorize", f"{tmp_path}/p*o.jpg", tmp_path / "photo[1].jpg", "-o", out, "--samples", 1,
        "--model", tiny_checkpoint,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert sorted(p.name for p in out.glob("*.jpg")) == ["photo[1]_v1.jpg", "photo_v1.jpg"]


def test_names_that_are_no_text_do_not_stop_a_job(photo, tmp_path, tiny_checkpoint):
    name = os.fsencode(tmp_path) + b"/in/caf\xe9.jpg"
    (tmp_path / "in").mkdir()
    Path(os.fsdecode(name)).write_bytes(photo.read_bytes())
    out = tmp_path / "out"
    run = colorflow("colorize", tmp_path / "in", "-o", out, "--json", "--model", tiny_checkpoint)
    assert run.returncode == 0, run.stderr
    assert os.path.exists(os.fsencode(out) + b"/caf\xe9_v1.jpg")


def test_recolor_finds_the_photo_and_gives_the_same_bytes(photo, tmp_path, tiny_checkpoint):
    out = tmp_path / "out"
    colorflow("colorize", photo, "-o", out, "--samples", 3, "--model", tiny_checkpoint)
    path = out / "photo_v3.jpg"
    run = colorflow("recolor", path, "-o", tmp_path / "again", "--model", tiny_checkpoint)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "again/photo_v3_recolor.jpg").read_bytes() == path.read_bytes()
    photo.unlink()
    lost = colorflow(
        "recolor", path, photo.parent / "gone.jpg", "--saturation", 0.5, "--model", tiny_checkpoint
    )
    assert lost.returncode == 3
    assert "--source" in lost.stderr
    assert "gone.jpg" in lost.stderr
    assert (out / "photo_v3_recolor.jpg").exists()
