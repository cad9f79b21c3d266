"""What a job prints."""

import json
import subprocess
import sys
from pathlib import Path

from colorflow.batch.results import Result
from colorflow.cli.report import Reporter


def test_standard_output_holds_data_alone_whatever_libraries_print(capsys):
    reporter = Reporter(1, "cpu", "model", as_json=True)
    with reporter.progress():
        print("a library says hello")
        reporter.take(Result(Path("a.jpg")))
    assert reporter.summary("out", None) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert json.loads(first)["input"] == "a.jpg"
    assert json.loads(last)["summary"] == {"ok": 1}


def test_what_is_passed_over_is_no_part_of_the_count(capsys):
    reporter = Reporter(2, "cpu", "model")
    reporter.take(Result(Path("a.dng"), "passed over", reason="camera raw (.dng)"))
    reporter.take(Result(Path("gone.jpg"), "failed", reason="gone.jpg: nothing"))
    reporter.take(Result(Path("a.jpg"), seconds=1.25))
    assert reporter.summary("out", None) == 3
    told = capsys.readouterr().err
    assert "[2/2] ok a.jpg (1.2 s)" in told
    assert "a.dng" not in told


def test_names_cannot_reach_the_terminal_or_split_lines(capsys):
    reporter = Reporter(1, "cpu", "model")
    reporter.take(Result(Path("a\n\x1b[31mb\u202e.jpg"), notes=["dark"]))
    told = capsys.readouterr().err
    assert r"ok a\n\x1b[31mb\u202e.jpg" in told
    assert len(told.splitlines()) == 3


def test_standard_error_of_libraries_is_dropped_while_a_job_runs():
    """Libraries in C write to the descriptor; so do the shell's children."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from colorflow.batch.results import Result; from colorflow.cli.report import Reporter\n"
        "reporter = Reporter(1, 'cpu', 'model')\n"
        "with reporter.progress():\n"
        "    os.write(2, b'TIFFReadDirectory: bad\\n'); print('warning', file=sys.stderr)\n"
        "    reporter.take(Result(Path('a.jpg')))\n"
        "os.write(2, b'after\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second, last = done.stderr.splitlines()
    assert first.startswith("model model on cpu")
    assert second.startswith("[1/1] ok a.jpg")
    assert last == "after"
