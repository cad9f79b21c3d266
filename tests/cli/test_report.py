"""What a job prints."""

import json
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
